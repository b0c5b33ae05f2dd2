"""A converted network against what the published one was seen to compute: a fixed sound, for a network of images its
samples as a picture, must give stored activations.

Names and shapes alone would let a wrong order of two equal matrices pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.audio.speaker_mel import SPAN, speaker_mel
from pipeline.audio.spectral import AUDIO_HZ
from pipeline.audio.whisper_mel import whisper_mel
from pipeline.core.errors import WeightsError
from pipeline.weights.convert import map_of, state_of
from pipeline.weights.entries import Entry
from pipeline.weights.layer_maps import LayerMap, layer_map

SECONDS = 2.0
VALUES = 8
"""How many of the activations are stored: the first and the last one, and others at equal distances."""
TOLERANCE = 1e-3
"""Times the largest stored magnitude: above the rounding of other libraries, 3e-5 here, below what any mistake does."""


def checked_state(entry: Entry, path: Path) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return what `state_of` does; WeightsError where its network does not give the entry's `activation`."""
    state, ignored = state_of(entry, path)
    if entry.activation is not None:
        found = np.array(activation(entry, state, map_of(entry, path)))
        stored = np.array(entry.activation)
        if not np.abs(found - stored).max() <= TOLERANCE * np.abs(stored).max():  # NaN fails, too
            values = ", ".join(f"{value:.4g}" for value in found[:3])
            raise WeightsError(
                f"{path}: refused, its network gives {values} ... for the fixed input, but weights.lock: "
                f"{entry.name}.activation is {', '.join(f'{value:.4g}' for value in stored[:3])} ...; get it again"
            )
    return state, ignored


def activation(entry: Entry, state: Mapping[str, torch.Tensor], found: LayerMap | None = None) -> list[float]:
    """Return `VALUES` of what a converted network of an entry makes of the fixed sound; see `TOLERANCE`. A graph's
    layer map is that of its file (`map_of`).
    """
    found = found or layer_map(entry)
    probe = PROBES.get(found.build.__name__) if found else None
    if found is None or probe is None:
        known = ", ".join(sorted(PROBES))
        raise WeightsError(f"weights.lock: {entry.name}.activation: only for networks {known}; leave it out")
    network: Any = found.build(**found.network)
    network.load_state_dict(state)
    with torch.inference_mode():
        values = probe(network.eval(), fixed_sound()).double().flatten()
    return values[np.linspace(0, len(values) - 1, VALUES).round().astype(int)].tolist()


def fixed_sound() -> np.ndarray:
    """Return sound that has energy in all bands: tones that rise from 100 Hz and from 1 kHz, (2 s,) float32."""
    time = np.arange(round(SECONDS * AUDIO_HZ)) / AUDIO_HZ
    low, high = (
        np.sin(2 * np.pi * (begin * time + slope * time**2 / 2)) for begin, slope in ((100, 400), (1000, 3000))
    )
    return (0.3 * low + 0.1 * high).astype(np.float32)


def _of_whisper(network: Any, samples: np.ndarray) -> torch.Tensor:
    found: torch.Tensor = network.features(torch.from_numpy(whisper_mel(samples)))
    return found


def _of_speaker(network: Any, samples: np.ndarray) -> torch.Tensor:
    found: torch.Tensor = network.raw(torch.from_numpy(speaker_mel(samples[:SPAN]))[None])
    return found


def _of_image(network: Any, samples: np.ndarray) -> torch.Tensor:
    """Return what the sound's samples make as a picture, each a level of red, green or blue, row by row."""
    picture = torch.from_numpy(np.resize(samples, (1, 3, 224, 224)))
    found: torch.Tensor = network.head(network.blocks(network.stem_norm(network.stem(3 * picture)).clamp(0, 6)))
    return found


def _of_graph(network: Any, samples: np.ndarray) -> torch.Tensor:
    """Return the running sum of what the sound makes as a picture, -0.4 and 0.4 black and white; the sum, since
    most of a descriptor behind a ReLU is 0.
    """
    height, width, _ = network.size
    levels = 127.5 + np.resize(samples, (1, height, width, 3)) * (127.5 / 0.4)
    found: torch.Tensor = network.features(torch.from_numpy(levels)).cumsum(1)
    return found


PROBES: dict[str, Callable[[Any, np.ndarray], torch.Tensor]] = {
    "WhisperEncoder": _of_whisper,
    "SpeakerLSTM": _of_speaker,
    "EfficientNetLite": _of_image,
    "TfjsGraph": _of_graph,
}
"""Class of a network -> what it makes of sound."""
