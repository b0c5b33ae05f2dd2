"""Folders of weights: written by the stages of this pipeline, loaded only when their digests hold.

A network of torch: `weights.pt` (a plain state dict with its configuration, no code) and its digest in
`weights.pt.sha256`; a source task adds `metrics.json` and `history.csv`. Loading never unpickles objects
(`weights_only=True`). Published files that other libraries read: copies of them, named after their roles, and
`weights.json` with their digests.
"""

from __future__ import annotations

import io
import json
import pickle
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pipeline.core.errors import WeightsError
from pipeline.core.files import atomic_path, canonical_json, digest_of, file_digest, write_json

if TYPE_CHECKING:  # torch takes two seconds to import, and most of what reads this module needs only digests and names
    import torch

FILE = "weights.pt"
DIGEST = "weights.pt.sha256"
PUBLISHED = "weights.json"
CONFIG = "config.json"
"""Among published files: the architecture of an encoder of a hub, a network of torch, too."""
RANDOM = "RANDOM weights"
"""How the origin of weights begins that nothing was learned for, so that reports can tell them."""
Network = TypeVar("Network", bound="torch.nn.Module")


@dataclass(frozen=True)
class Weights:
    """A loaded file: name -> tensor, what the network and its input were built with, the file's SHA-256, and where the
    weights come from, in words.
    """

    state: dict[str, torch.Tensor]
    config: dict[str, Any]
    sha256: str
    origin: str

    @property
    def told(self) -> dict[str, Any]:
        """Return what a feature file of the network says of it: weights, origin, and `learned`, what its training came
        to; see `FeatureMeta`.
        """
        return {"weights": self.sha256, "origin": self.origin, "learned": tuple(self.config.get("learned", ()))}


def save_weights(folder: Path, state: Mapping[str, torch.Tensor], config: Mapping[str, Any], origin: str) -> None:
    """Write `weights.pt`, and its digest beside it; equal values give equal bytes."""
    import torch

    buffer = io.BytesIO()  # saved to a path, torch would write the file's own name into it
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    torch.save({"state": plain, "config": canonical_json(config), "origin": origin}, buffer)
    with atomic_path(folder / FILE) as temporary:
        temporary.write_bytes(buffer.getvalue())
    with atomic_path(folder / DIGEST) as temporary:  # in the format of sha256sum
        temporary.write_text(f"{file_digest(folder / FILE)}  {FILE}\n", encoding="ascii")


def load_weights(folder: Path) -> Weights:
    """Read `weights.pt`; `WeightsError` where it is absent, damaged, or a pickle with more than tensors in it."""
    import torch

    path = folder / FILE
    if not path.is_file():
        stages = f"`dvc repro pretrain@{folder.name}`, or fetch_weights@{folder.name}"
        raise WeightsError(f"{path}: no such weights; run {stages}")
    digest = file_digest(path)
    beside = folder / DIGEST
    # torch does not check tensors: a flipped bit would load as another weight
    if not beside.is_file() or beside.read_text(encoding="ascii", errors="replace").split()[:1] != [digest]:
        raise WeightsError(f"{path}: refused, {DIGEST} beside it does not hold; move the folder away, rerun its stage")
    try:
        # mapped, not read: memory holds what a network takes from it, and nothing twice
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return Weights(content["state"], json.loads(content["config"]), digest, content["origin"])
    except (RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        reason = str(error).split("\n")[0][:120]
        raise WeightsError(f"{path}: refused, no sound weights ({reason}); move it away, rerun its stage") from error


def load_state(module: Network, weights: Weights, where: Path) -> Network:
    """Put weights into a module in evaluation mode; `WeightsError` where a name or a shape does not fit."""
    try:
        module.load_state_dict(weights.state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        raise WeightsError(f"{where}: these weights are for another network ({reason})") from error
    return module.eval()


@dataclass(frozen=True)
class Published:
    """A loaded folder of published files: role -> path, each hashed just now; one SHA-256 over roles and digests; and
    where they come from, in words.
    """

    files: dict[str, Path]
    sha256: str
    origin: str
    config: ClassVar[Mapping[str, Any]] = {"speakers": []}
    """Nobody tells whom published encoders have heard."""

    @property
    def told(self) -> dict[str, Any]:
        """Return what is told of a network of them, as `Weights` has it; nothing was learned here."""
        return {"weights": self.sha256, "origin": self.origin, "learned": ()}


def save_published(folder: Path, files: Mapping[str, Path], names: Sequence[str], origin: str) -> None:
    """Copy published files (role -> path) into `folder` with `weights.json`; equal files give equal bytes.

    The role becomes a copy's name, its suffix stays; `names` are the entries of weights.lock that they come from.
    """
    listed = {}
    for role, source in sorted(files.items()):
        name = f"{role}{source.suffix}"
        with atomic_path(folder / name) as temporary:
            shutil.copyfile(source, temporary)
        listed[role] = {"file": name, "sha256": file_digest(folder / name)}
    content = {"files": listed, "names": list(names), "origin": origin}
    write_json(folder / PUBLISHED, {**content, "sha256": digest_of(content)})


def load_published(folder: Path) -> Published:
    """Read `weights.json` and hash every file that it names."""
    path = folder / PUBLISHED
    rerun = f"move {folder} away and run `dvc repro fetch_weights@{folder.name}`"
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights; run `dvc repro fetch_weights@{folder.name}`")
    try:
        content = json.loads(path.read_bytes())
        told = content.pop("sha256")
        files = {role: folder / Path(one["file"]).name for role, one in content["files"].items()}
        digests = {role: str(one["sha256"]) for role, one in content["files"].items()}
        origin = str(content["origin"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path}: refused, damaged; {rerun}") from error
    if told != digest_of(content):
        raise WeightsError(f"{path}: refused, its own sha256 does not hold; {rerun}")
    for role, file in files.items():
        if not file.is_file():
            raise WeightsError(f"{file}: missing; {rerun}")
        if file_digest(file) != digests[role]:
            raise WeightsError(f"{file}: refused, its digest in {PUBLISHED} does not hold; {rerun}")
    return Published(files, digest_of(digests), origin)


def load_any(folder: Path) -> Weights | Published:
    """Read what a folder of weights has: published files as they are, or else `weights.pt`."""
    files = (folder / PUBLISHED).is_file() and not (folder / FILE).is_file()
    return load_published(folder) if files else load_weights(folder)
