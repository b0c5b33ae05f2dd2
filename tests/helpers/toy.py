"""A trained system that was never trained: two models and a fusion, from tables and classifiers made here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from pipeline.classification.classifiers import svm
from pipeline.core.clip import Clip, write_manifest
from pipeline.core.posteriors import table, write_table
from pipeline.protocols.splits import write_splits
from pipeline.training.datasets import Dataset

CLASSES = ("anger", "happy", "sad")
FOLDS = ("fold-00", "fold-01")
RIGHT = {
    "heard-svm": 0.7,
    "seen-svm": 0.5,
    "average-heard+seen-svm": 0.6,
    "maximum-heard+seen-svm": 0.8,
    "confidence-heard+seen-svm": 0.8,
}
"""Model or fusion -> share of the validation clips that it tells right."""
PARAMS = {
    "corpora": {"toy": {"adapter": "manifest_csv", "root": "clips"}},
    "systems": {
        "small": {
            "features": {"heard": "audio", "seen": "video"}, "classifiers": ["svm"],
            "fusions": ["average", "maximum", "confidence"],
        }
    },
    "runtime": {"workers": 1},
}  # fmt: skip


def lock(features: Sequence[str]) -> dict[str, Any]:
    """Return dvc.lock as it is once a feature of each name was extracted, a model trained on it, and all fused."""
    words = {"fuse@toy-small": "fuse --corpus toy --system small --models m --out m/fusion"}
    words["fuse@toy-small"] += " --manifest f/manifest.csv --splits f/splits.csv"
    for name in features:
        out = f"f/toy/{name}.h5"
        words[f"extract@toy-{name}"] = f"extract --corpus toy --section extract --feature {name} --out {out}"
        words[f"train@toy-{name}-svm"] = f"train --feature {name} --classifier svm --source {out} --out m/{name}-svm"
    return {"schema": "2.0", "stages": {stage: {"cmd": f"python -m stages.{cmd}"} for stage, cmd in words.items()}}


def corpus() -> list[Clip]:
    """Return six clips per class, of two speakers."""
    return [Clip(f"c{i:02d}", f"c{i:02d}.wav", f"s{i % 2}", CLASSES[i % 3], digest=f"{i:064d}") for i in range(18)]


def rows(seed: int, labels: np.ndarray, shift: float, columns: int) -> Dataset:
    """Return clips whose class moves its own column."""
    rng = np.random.default_rng(seed)
    sequences = [
        rng.standard_normal((5, columns)).astype(np.float32) + shift * np.eye(columns, dtype=np.float32)[label]
        for label in labels
    ]
    return Dataset([f"c{i:02d}" for i in range(len(labels))], sequences, labels)


def write_project(folder: Path, features: dict[str, int] | None = None) -> Path:
    """Write a project with trained models.

    Args:
        folder: where to
        features: the feature of sound and that of the picture -> columns; heard and seen, 3 each, if not given

    Returns:
        params.yaml
    """
    (folder / "clips").mkdir(parents=True)
    features = features or {"heard": 3, "seen": 3}
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock(list(features))), encoding="utf-8")
    heard, seen = features
    system = {**PARAMS["systems"]["small"], "features": {heard: "audio", seen: "video"}}
    settings = yaml.safe_load((Path(__file__).resolve().parents[2] / "params.yaml").read_text(encoding="utf-8"))[
        "extract"
    ]
    params = {**PARAMS, "systems": {"small": system}, "extract": settings}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    clips, labels = corpus(), np.arange(18) % 3
    write_manifest(folder / "f/manifest.csv", clips)
    write_splits(
        folder / "f/splits.csv",
        [{clip.clip_id: ("train", "val", "test")[(i + n) % 3] for i, clip in enumerate(clips)} for n in range(2)],
    )
    for number, (feature, columns) in enumerate(features.items()):
        model = folder / "m" / f"{feature}-svm"
        for fold in FOLDS:
            classifier = svm.Classifier(svm.Params(c=(1.0,), balanced=True), 3)
            classifier.fit(rows(number, labels, 2.0, columns), rows(9, labels, 2.0, columns))
            classifier.save(model / fold)
        write_table(
            model / "posteriors.csv",
            pd.concat([validation(model.name, fold, tuple(RIGHT.values())[number]) for fold in FOLDS]),
        )
        about = {
            "feature": feature,
            "weights": "ab" * 32,
            "origin": "trained here",
            "params": {"c": [1.0], "balanced": True},
        }
        (model / "about.json").write_text(json.dumps(about), encoding="utf-8")
    fused = {
        f"{rule}-{heard}+{seen}-svm": RIGHT[f"{rule}-heard+seen-svm"] for rule in ("average", "maximum", "confidence")
    }
    tables = [validation(name, fold, right) for name, right in fused.items() for fold in FOLDS]
    write_table(folder / "m/fusion/validation.csv", pd.concat(tables))
    learned: dict[str, dict[str, dict]] = {name: {fold: {} for fold in FOLDS} for name in fused}
    (folder / "m/fusion/learned.json").write_text(json.dumps(learned), encoding="utf-8")
    return folder / "params.yaml"


def validation(name: str, fold: str, right: float) -> pd.DataFrame:
    """Return rows of validation clips, of which a share is right."""
    clips = corpus()[:10]
    told = [
        CLASSES.index(clip.emotion) if i < 10 * right else (CLASSES.index(clip.emotion) + 1) % 3
        for i, clip in enumerate(clips)
    ]
    return table(name, fold, "val", clips, np.eye(3)[told] * 0.7 + 0.1, CLASSES)
