"""Job: make one clip worse, and write it without any further loss.

A worse clip holds its own span: frames as every stage sees them, upright, and audio as every stage hears it, channels
averaged, at the file's own rate. What a clip lacks, its worse one lacks too. Files are written while they are read, so
that memory does not grow with a clip's length.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError
from pipeline.core.files import atomic_path
from pipeline.core.ledger import Entry, noted
from pipeline.degradation.effects import DegradeParams, blurred, generator, kept_frames, mean_power, with_noise
from pipeline.degradation.writer import FrameStream, write_lossless
from pipeline.engine.parallel import surviving_map
from pipeline.media.audio_blocks import Audio
from pipeline.media.decode import opened, read_audio_blocks, read_video_frames
from pipeline.media.remark import degraded_by
from pipeline.media.streams import chosen

_RATES_HZ = range(1000, 400_000)
_USUAL = 16_000, Fraction(25)  # sampling rate and frame rate of a file that tells none


@dataclass(frozen=True)
class Worse:
    """How one clip of the corpus at `root` is made worse; `folder` gets `<clip_id>.mkv`, or `.wav` where there is no
    video. Travels to worker processes.
    """

    root: Path
    folder: Path
    settings: DegradeParams
    stage: str

    def __call__(self, clip: Clip) -> tuple[Entry, str]:
        """Return what happened, and the name of the file; "" where the clip cannot be read."""
        damage: list[str] = []
        try:
            name = self._write(clip, damage)
        except ClipError as error:
            return Entry(clip.clip_id, self.stage, "failed", error.reason, error.detail), ""
        return noted(clip.clip_id, self.stage, degraded_by(damage)), name

    def _write(self, clip: Clip, damage: list[str]) -> str:
        path = clip.file(self.root)
        rate_hz, frame_rate = _rates(path)
        audio = frames = None
        with _bearing("no_audio"):
            audio = self._audio(path, rate_hz, clip, damage)
        with _bearing("no_video"):
            seen = self._frames(path, clip, damage)
            frames = chain([next(seen)], seen)  # a clip without video is found out before anything is written
        if audio is None and frames is None:
            raise ClipError("no_input", "neither audio nor video")
        name = clip.clip_id + (".wav" if frames is None else ".mkv")
        with atomic_path(self.folder / name) as temporary:
            write_lossless(temporary, frames, audio, rate_hz, frame_rate)
        return name

    def _audio(self, path: Path, rate_hz: int, clip: Clip, damage: list[str]) -> Iterator[np.ndarray]:
        audio = Audio(partial(_audible, path, rate_hz, clip, damage))
        if self.settings.snr_db is None:
            return audio.blocks()
        rng = generator(self.settings.seed, "sound", clip.clip_id)  # the word is part of the seed
        return with_noise(audio.blocks(), mean_power(audio.blocks()), self.settings.snr_db, rng)

    def _frames(self, path: Path, clip: Clip, damage: list[str]) -> FrameStream:
        read, blur = partial(read_video_frames, path, clip.start, clip.end), self.settings.blur_px
        kept = None
        if self.settings.drop_frames is not None:
            rng = generator(self.settings.seed, "frames", clip.clip_id)
            kept = kept_frames(sum(1 for _ in read()), self.settings.drop_frames, rng)
        for number, (time, frame) in enumerate(read(damage)):
            if kept is None or kept[number]:
                yield time, frame.rgb() if blur is None else blurred(frame.rgb(), blur)


@contextmanager
def _bearing(reason: str) -> Iterator[None]:
    """Let pass that a clip has this fault."""
    try:
        yield
    except ClipError as error:
        if error.reason != reason:
            raise


def _rates(path: Path) -> tuple[int, Fraction]:
    """Return the sampling rate, Hz, and the frame rate, 1/s, that the file tells of the streams that are read."""
    told: dict[str, Any] = {}
    with opened(path) as container:
        for kind in ("audio", "video"):
            with _bearing(f"no_{kind}"):
                told[kind] = chosen(container, kind, partial(opened, path))[0]
        rate_hz = told["audio"].codec_context.rate if "audio" in told else _USUAL[0]
        frame_rate = told["video"].average_rate if "video" in told else None
    if rate_hz not in _RATES_HZ:
        raise ClipError("decode_error", f"audio at {rate_hz} Hz")
    return rate_hz, frame_rate or _USUAL[1]


def _audible(path: Path, rate_hz: int, clip: Clip, damage: list[str]) -> Iterator[np.ndarray]:
    """Yield the audio of a clip; digital silence, which is reported at the end, is no fault here."""
    with _bearing("silent"):
        yield from read_audio_blocks(path, rate_hz, clip.start, clip.end, damage)


def worse_clips(work: Worse, clips: Sequence[Clip], workers: int) -> list[tuple[Entry, str]]:
    """Return what `work` returns for every clip; one over which a process dies has failed."""

    def died(clip: Clip) -> tuple[Entry, str]:
        return Entry(clip.clip_id, work.stage, "failed", "crashed", "the process that worked on it died"), ""

    return list(surviving_map(work, clips, workers, work.stage, died))
