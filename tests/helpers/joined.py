"""A corpus of two small features of which each knows half of the emotions, and what tells them apart in a fold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.features.join import JoinParams, write_join
from pipeline.protocols.splits import Fold

EMOTIONS = ("anger", "happy", "sad")
PARAMS = JoinParams(audio=("voice",), video=("face",))
SPEAKERS = 6


def clips(speakers: int = SPEAKERS, takes: int = 2) -> list[Clip]:
    """Every speaker says every emotion so many times."""
    return [
        Clip(f"s{s}_{emotion}_{take}", "x.mp4", f"s{s}", emotion)
        for s in range(speakers)
        for emotion in EMOTIONS
        for take in range(takes)
    ]


def folds() -> dict[str, Fold]:
    """Test on speaker 0, then on 1; validate on 2 and 3."""
    of = [lambda s, n=n: "test" if s == f"s{n}" else "val" if s in ("s2", "s3") else "train" for n in (0, 1)]
    return {f"fold-{n:02d}": {clip.clip_id: part(clip.speaker) for clip in clips()} for n, part in enumerate(of)}


def voice(clip: Clip, number: int, shift: float = 6.0) -> ClipFeatures:
    """Frames at 50 Hz, the third of four columns higher where there is anger; the last frame was not observed."""
    rng = np.random.default_rng([1, number])
    values = rng.standard_normal((int(rng.integers(6, 12)), 4)).astype(np.float32)
    values[:, 2] += shift * (clip.emotion == "anger")
    mask = np.arange(len(values)) < len(values) - 1
    values[~mask] = np.nan
    return ClipFeatures(values, np.arange(len(values)) / 50, mask)


def face(clip: Clip, number: int, shift: float = 6.0) -> ClipFeatures:
    """One row in the middle, the second of three columns higher where the face is happy."""
    values = np.random.default_rng([2, number]).standard_normal((1, 3)).astype(np.float32)
    values[:, 1] += shift * (clip.emotion == "happy")
    return ClipFeatures(values, np.array([0.1]), np.ones(1, bool))


def write(
    folder: Path, of: Sequence[Clip] | None = None, deaf: Collection[str] = (), blind: Collection[str] = ()
) -> Path:
    """Write both features and their join; `deaf` clips have no voice, `blind` ones no face. Return the join."""
    of = clips() if of is None else of
    heard = [(c.clip_id, voice(c, n)) for n, c in enumerate(of) if c.clip_id not in deaf]
    seen = [(c.clip_id, face(c, n)) for n, c in enumerate(of) if c.clip_id not in blind]
    write_features(
        folder / "voice.h5", FeatureMeta("voice", 4, "float32", rate_hz=50), sorted(heard, key=lambda one: one[0])
    )
    write_features(folder / "face.h5", FeatureMeta("face", 3, "float32"), sorted(seen, key=lambda one: one[0]))
    write_join(folder / "early.h5", PARAMS, [folder / "voice.h5", folder / "face.h5"])
    return folder / "early.h5"
