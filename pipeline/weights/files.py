"""Weights of networks: written by the source tasks of this pipeline, loaded only when their digest is known.

A network's folder holds `weights.pt` (a plain state dict with its configuration, no code), its digest in
`weights.pt.sha256`, `metrics.json` and `history.csv`. Loading never unpickles objects (`weights_only=True`).
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from pipeline.core.errors import WeightsError
from pipeline.core.files import atomic_path, canonical_json, file_digest

FILE = "weights.pt"
DIGEST = "weights.pt.sha256"
Network = TypeVar("Network", bound=torch.nn.Module)


@dataclass(frozen=True)
class Weights:
    """A loaded file.

    Attributes:
        state: name -> tensor
        config: what the network and its input were built with
        sha256: of the file
        origin: where the weights come from, in words
    """

    state: dict[str, torch.Tensor]
    config: dict[str, Any]
    sha256: str
    origin: str


def save_weights(folder: Path, state: Mapping[str, torch.Tensor], config: Mapping[str, Any], origin: str) -> None:
    """Write `weights.pt`, and its digest beside it; equal values give equal bytes."""
    buffer = io.BytesIO()  # saved to a path, torch would write the file's own name into it
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    torch.save({"state": plain, "config": canonical_json(config), "origin": origin}, buffer)
    with atomic_path(folder / FILE) as temporary:
        temporary.write_bytes(buffer.getvalue())
    with atomic_path(folder / DIGEST) as temporary:  # in the format of sha256sum
        temporary.write_text(f"{file_digest(folder / FILE)}  {FILE}\n", encoding="ascii")


def load_weights(folder: Path) -> Weights:
    """Read `weights.pt`.

    Raises:
        WeightsError: absent, damaged, or a pickle with more than tensors in it
    """
    path = folder / FILE
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights; run `dvc repro pretrain@{folder.name}`")
    digest = file_digest(path)
    # torch does not check tensors: a flipped bit would load as another weight
    if not (folder / DIGEST).is_file() or (folder / DIGEST).read_text(encoding="ascii", errors="replace").split()[:1] != [digest]:
        raise WeightsError(f"{path}: refused, {DIGEST} beside it does not hold; delete the folder and rerun pretrain")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return Weights(content["state"], json.loads(content["config"]), digest, content["origin"])
    except (RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        reason = str(error).split("\n")[0][:120]
        raise WeightsError(f"{path}: refused, not a sound weights file ({reason}); delete it and rerun pretrain") from error


def load_state(module: Network, weights: Weights, where: Path) -> Network:
    """Put weights into a module in evaluation mode.

    Raises:
        WeightsError: a name or a shape does not fit
    """
    try:
        module.load_state_dict(weights.state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        raise WeightsError(f"{where}: these weights are for another network ({reason})") from error
    return module.eval()
