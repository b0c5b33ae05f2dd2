"""How loud a clip is while each of its frames is shown."""

from pathlib import Path

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.media.decode import read_audio_blocks

_RATE_HZ = 8000


def loudness(path: Path, start: float | None, end: float | None, times: np.ndarray) -> np.ndarray | None:
    """Return the root mean square of the audio around each frame of a clip, (T,); None where there is no audio.

    A frame counts from half way to the one before to half way to the next; times are (T,) s from where the clip begins.
    """
    try:
        squares = [block.astype(np.float64) ** 2 for block in read_audio_blocks(path, _RATE_HZ, start, end)]
    except ClipError:  # its video may still be intact
        return None
    energy = np.cumsum(np.concatenate([[0.0], *squares]))
    middles = np.concatenate([times[:1], (times[1:] + times[:-1]) / 2, times[-1:]])
    edges = np.clip(np.rint(middles * _RATE_HZ), 0, len(energy) - 1).astype(int)
    return np.sqrt(np.diff(energy[edges]) / np.maximum(1, np.diff(edges)))
