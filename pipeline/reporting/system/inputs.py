"""What a report is made from, read from the folders of models and fusions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.errors import ArtifactError
from pipeline.core.ledger import read_ledger
from pipeline.core.posteriors import read_table, without_scores
from pipeline.reporting.papers.paper import FeedbackRuns
from pipeline.reporting.system.training_curves import training_curve
from pipeline.systems.params import SystemParams


def read_json(path: Path, stage: str) -> dict[str, Any]:
    """Return what a stage wrote.

    Raises:
        ArtifactError: absent or damaged
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: no such file; run `dvc repro {stage}`") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: not readable ({error}); run `dvc repro -f {stage}`") from error


def read_about(models: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return `about.json` of the named models.

    Raises:
        ArtifactError: absent or damaged
    """
    return [read_json(models / name / "about.json", "train") for name in names]


def read_predictions(fusion: Path) -> pd.DataFrame:
    """Return one row per model or fusion and judged test clip.

    Raises:
        ArtifactError: absent, or of another version
    """
    return read_table(fusion / "predictions.csv")


def read_learned(fusion: Path) -> dict[str, Any]:
    """Return fusion -> fold -> what it learned.

    Raises:
        ArtifactError: absent or damaged
    """
    return read_json(fusion / "learned.json", "fuse")


def read_feedback(fusion: Path, settings: SystemParams) -> FeedbackRuns | None:
    """Return what the feedback loop learned; None for a system without one.

    Raises:
        ArtifactError: absent or damaged
    """
    if settings.feedback is None:
        return None
    path = fusion / "feedback.csv"
    try:
        steps = pd.read_csv(path, dtype={"fold": str, "changed": str}, keep_default_na=False)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: no such file; run `dvc repro fuse`") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: not readable ({error}); run `dvc repro -f fuse`") from error
    return FeedbackRuns(read_json(fusion / "feedback.json", "fuse"), steps)


def read_validation(models: Path, fusion: Path, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows of validation clips of all models and fusions, with posteriors alone.

    Args:
        models: folder of the models of one feature
        fusion: folder of the fusions
        names: of the models of one feature

    Raises:
        ArtifactError: a table is absent, or of another version
    """
    tables = [read_table(models / name / "posteriors.csv") for name in names]
    fused = read_table(fusion / "validation.csv")
    every = pd.concat([*map(without_scores, tables), fused[~fused["model"].isin(names)]], ignore_index=True)
    return every[every["part"] == "val"]


def read_curves(models: Path, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return model -> its training curve, of those that are trained step by step; see `training_curve`.

    Raises:
        ArtifactError: a history is absent
    """
    found = {}
    for name in names:
        path = models / name / "history.csv"
        if not path.is_file():
            raise ArtifactError(f"{path}: no such history; run `dvc repro` for the stage that trains {name}")
        if (curve := training_curve(pd.read_csv(path))) is not None:
            found[name] = curve
    return found


def read_results(models: Path, fusion: Path, settings: SystemParams) -> dict[str, Any]:
    """Return what the stages before a report have written, by the attributes of `SystemReport`.

    Args:
        models: folder of the system's models
        fusion: folder of its fusions
        settings: of the system
    """
    names = settings.models()
    return {
        "predictions": read_predictions(fusion),
        "validation": read_validation(models, fusion, names),
        "learned": read_learned(fusion),
        "ledger": read_ledger(fusion / "ledger.csv"),
        "about": read_about(models, names),
        "feedback": read_feedback(fusion, settings),
        "curves": read_curves(models, names),
    }
