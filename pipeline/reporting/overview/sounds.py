"""The log mel spectrogram of a clip from its own file, where no stage has made one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.audio.spectral import AUDIO_HZ, LogMelParams, log_mel
from pipeline.core.clip import Clip, read_manifest
from pipeline.core.errors import ClipError, PipelineError
from pipeline.core.settings import read_params
from pipeline.media.decode import read_audio

LONGEST_S = 60.0
"""As much of a clip is drawn, s."""
_MELS = LogMelParams(bands=64, window_ms=25, hop_ms=10, low_hz=20, high_hz=8000)


class Sounds:
    """Audio of the clips of one corpus.

    Args:
        params: the settings, which say where the corpus lies
        corpus: its name there
        manifest: of the corpus
    """

    def __init__(self, params: Path, corpus: str, manifest: Path) -> None:
        self._root = _root(params, corpus)
        self._clips: Mapping[str, Clip] = (
            {clip.clip_id: clip for clip in read_manifest(manifest)} if manifest.is_file() else {}
        )

    def mels(self, clip_id: str) -> np.ndarray | None:
        """Return (T, 64), 100 rows a second; None where the corpus or the clip is not here.

        Raises:
            ClipError: its audio cannot be read, or it has none
        """
        clip = self._clips.get(clip_id)
        if self._root is None or clip is None or not (self._root / clip.path).is_file():
            return None
        begin = clip.start or 0.0
        end = begin + LONGEST_S if clip.end is None else min(clip.end, begin + LONGEST_S)
        rows, _ = log_mel(read_audio(self._root / clip.path, AUDIO_HZ, clip.start, end), _MELS)
        if not len(rows):
            raise ClipError("too_short", "less than a window of audio")
        return rows


def _root(params: Path, corpus: str) -> Path | None:
    """Return the corpus's folder, None where the settings do not say."""
    try:
        block = (read_params(params).get("corpora") or {}).get(corpus)
    except PipelineError:
        return None
    root = block.get("root") if isinstance(block, Mapping) else None
    return params.parent / str(root) if root else None
