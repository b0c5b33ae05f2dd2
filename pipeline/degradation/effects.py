"""Degradations as other microphones and cameras cause them: noise, blur, lost frames; their settings.

Each takes and gives one piece at a time, and depends on the seed, the clip's id and its media alone.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Self

import cv2
import numpy as np
from pydantic import Field, model_validator

from pipeline.core.settings import Settings


class DegradeParams(Settings):
    """`degrade.<name>`: any of three ways, at least one."""

    corpus: str = Field(min_length=1, description="name under `corpora`")
    snr_db: float | None = Field(
        None,
        ge=-60,
        le=100,
        description="white Gaussian noise: ratio of the clip's mean power to the noise's, dB; left out = none",
    )
    blur_px: float | None = Field(
        None, gt=0, le=100, description="Gaussian blur: standard deviation, px of the original frame; left out = none"
    )
    drop_frames: float | None = Field(
        None, gt=0, lt=1, description="share of the video frames that are lost; left out = none"
    )
    seed: int = Field(0, ge=0, description="of the noise, and of which frames are lost")

    @model_validator(mode="after")
    def _one_way_at_least(self) -> Self:
        if self.snr_db is None and self.blur_px is None and self.drop_frames is None:
            raise ValueError("set one of snr_db, blur_px and drop_frames at least")
        return self


def generator(seed: int, way: str, clip_id: str) -> np.random.Generator:
    """Return the random numbers of one degradation of one clip, whatever other clips and degradations there are."""
    digest = hashlib.sha256(f"{seed}|{way}|{clip_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def mean_power(blocks: Iterable[np.ndarray]) -> float:
    """Return the mean of the squared samples of all blocks, (n,) each; 0 where there are none."""
    total, count = 0.0, 0
    for block in blocks:
        total += float(np.square(block, dtype=np.float64).sum())
        count += len(block)
    return total / count if count else 0.0


def with_noise(
    blocks: Iterable[np.ndarray], power: float, snr_db: float, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield audio, samples (n,) in [-1, 1] of a mean power, with white Gaussian noise at a ratio of both powers, dB.

    (n,) float64; where noise leads beyond +-1, the writer has to clip it. Silence, of no power, stays silence.
    """
    deviation = np.sqrt(power / 10 ** (snr_db / 10))
    for block in blocks:
        yield block + deviation * rng.standard_normal(len(block))


def blurred(rgb: np.ndarray, deviation_px: float) -> np.ndarray:
    """Return (H, W, 3) uint8 after a Gaussian of this deviation, mirrored at the edges; exact on every processor."""
    return cv2.GaussianBlur(rgb, (0, 0), deviation_px)


def kept_frames(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return which frames of a clip are not lost, (count,) bool, when a share of them is, rounded to whole frames:
    always the first one, so that the clip still begins where it did.
    """
    kept = np.ones(count, bool)
    lost = min(round(share * count), count - 1)
    kept[1 + rng.permutation(count - 1)[:lost]] = False
    return kept
