"""The encoder whose last layers `fine_tuned` trains: Whisper's out of a package, or a sound encoder of a model hub."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipeline.core.errors import WeightsError
from pipeline.core.weights_file import CONFIG, Weights, load_published, load_state, load_weights
from pipeline.networks.encoder_top import EncoderTop
from pipeline.networks.hub_files import KINDS, config_of, described, kind_of
from pipeline.networks.hub_top import top_of
from pipeline.networks.whisper_encoder import WhisperEncoder

_SOUND = "hub_audio"


class Encoder(NamedTuple):
    """Digest of its weights as features made with it have it, how many layers it has, and what returns those behind so
    many.
    """

    sha256: str
    layers: int
    top: Callable[[int], EncoderTop]


def encoder_of(folder: Path | None) -> Encoder:
    """Return the encoder of a folder that `fetch_weights` has made; WeightsError where there is none of sound."""
    if folder is None:
        raise WeightsError("fine_tuned needs the encoder that `dvc repro fetch_weights` fetches")
    return _of_hub(folder) if (folder / CONFIG).is_file() else _of_package(folder)


def _of_package(folder: Path) -> Encoder:
    weights = load_weights(folder)
    if "positions" not in weights.config.get("network", {}):
        raise WeightsError(
            f"{folder}: these are not the weights of an audio encoder; set pretrained to that of whisper"
        )
    return Encoder(weights.sha256, weights.config["network"]["layers"], partial(_whisper_top, weights, folder))


def _whisper_top(weights: Weights, folder: Path, behind: int) -> EncoderTop:
    return load_state(WhisperEncoder(**weights.config["network"]), weights, folder).top(behind)


def _of_hub(folder: Path) -> Encoder:
    known = KINDS.get(str(described(folder, CONFIG).get("model_type")))
    if known and known.extractor != _SOUND:
        raise WeightsError(f"{folder}: an encoder for {known.extractor}; fine_tuned takes those of {_SOUND} alone")
    kind = kind_of(folder, _SOUND)
    depth = int(getattr(config_of(folder, kind), kind.depth))
    return Encoder(load_published(folder).sha256, depth, partial(top_of, folder))
