"""Posteriors of clips as a table: what `train` hands to `fuse`, and `fuse` to `report`.

Columns: model, fold, part, clip_id, speaker, emotion, predicted, p_<emotion>..., and from classifiers that have class
scores before any softmax s_<emotion>...
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError
from pipeline.core.files import atomic_path

SEEDS = "seeds.csv"
"""File of the posteriors of test clips by every seed of a model that has several, the first included; column `seed`."""
WITHOUT = "missing.csv"
"""File of the posteriors of test clips that lost a modality, by a model on features of both; column `missing`, sound or
picture."""
KEYS = ["model", "fold", "part", "clip_id", "speaker", "emotion", "predicted"]


def table(
    model: str,
    fold: str,
    part: str,
    clips: Sequence[Clip],
    posteriors: np.ndarray,
    classes: Sequence[str],
    scores: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return one row per clip; posteriors (N, C), rows that sum to 1; class scores (N, C) where there are any.

    >>> frame = table("x-svm", "fold-00", "test", [Clip("a", "a.wav", "anna", "sad")], np.array([[0.3, 0.7]]), ["anger",
    ...     "sad"])
    >>> print(frame[["model", "clip_id", "emotion", "predicted", "p_anger", "p_sad"]].to_csv(index=False), end="")
    model,clip_id,emotion,predicted,p_anger,p_sad
    x-svm,a,sad,sad,0.3,0.7
    """
    frame = pd.DataFrame(
        {
            "model": model,
            "fold": fold,
            "part": part,
            **{name: [getattr(clip, name) for clip in clips] for name in ("clip_id", "speaker", "emotion")},
            "predicted": [classes[i] for i in posteriors.argmax(1)] if len(clips) else [],
            **{f"p_{name}": column for name, column in zip(classes, posteriors.T, strict=True)},
        }
    )
    if scores is not None:
        frame[[f"s_{name}" for name in classes]] = scores
    return frame


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write any table as CSV with six decimals: enough for every use, and equal on machines that agree so far."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of posteriors; ids and names stay text."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no such table; run `dvc repro` for the stage that writes it")
    try:
        frame = pd.read_csv(path, dtype=dict.fromkeys(KEYS, str), keep_default_na=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: not a readable table ({error}); rerun its stage with `dvc repro -f`") from error
    if not set(KEYS) - {"part"} <= set(frame.columns):
        raise ArtifactError(f"{path}: not a table of posteriors of this version; rerun its stage with `dvc repro -f`")
    return frame


def probabilities(frame: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Return the p_ columns as (N, C)."""
    return frame[[f"p_{name}" for name in classes]].to_numpy(np.float64)


def class_scores(frame: pd.DataFrame, classes: Sequence[str]) -> np.ndarray | None:
    """Return the s_ columns as (N, C), -inf for a class that training lacked; None where the classifier has none."""
    names = [f"s_{name}" for name in classes]
    return frame[names].to_numpy(np.float64) if set(names) <= set(frame.columns) else None


def without_scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with posteriors alone."""
    return frame.drop(columns=[name for name in frame.columns if name.startswith("s_")])
