"""The clips that a system mistook most surely, with what they looked and sounded like and what each modality said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.posteriors import read_table
from pipeline.reporting.overview.pictures import Pictures
from pipeline.reporting.overview.places import Places
from pipeline.reporting.overview.reports import Report
from pipeline.reporting.overview.sounds import Sounds
from pipeline.reporting.overview.worst import posteriors_of, worst_confusions
from pipeline.reporting.system.modalities import KINDS

_WIDTH, _LEFT, _RIGHT, _ROW, _BAR = 380, 78, 44, 25, 6
"""Of the drawing of posteriors, in its own units."""


def gallery(report: Report, places: Places) -> dict[str, Any]:
    """Return the values of the template for one report.

    Args:
        report: whose headline is looked at, and beside it the models of sound and of the picture that it rests on
        places: where its features lie, and what says where its clips do; what is absent is said on the page
    """
    shown = report.setup["parts"]
    table = read_table(report.folder / "predictions.csv")
    rows = {group: table[table["model"] == name] for group, name in shown.items()}
    features = places.features / report.corpus
    with Pictures(features, Sounds(places.params, report.corpus, features / "manifest.csv")) as pictures:
        confusions = [
            {
                "title": f"{each.truth} taken for {each.decided}",
                "count": each.count,
                "of": each.of,
                "clips": [_clip(clip_id, each.truth, rows, report, pictures) for clip_id in each.clips],
            }
            for each in worst_confusions(rows["fused"])
        ]
    kinds = {KINDS[group]: f"{KINDS[group]}: {name}" for group, name in shown.items()}
    return {"headline": shown["fused"], "confusions": confusions, "kinds": kinds}


def _clip(
    clip_id: str, truth: str, rows: Mapping[str, pd.DataFrame], report: Report, pictures: Pictures
) -> dict[str, Any]:
    classes = report.setup["classes"]
    said = {KINDS[group]: posteriors_of(frame, clip_id, classes) for group, frame in rows.items()}
    own = rows["fused"][rows["fused"]["clip_id"] == clip_id].iloc[0]
    return {
        "clip_id": clip_id,
        "speaker": own["speaker"],
        "faces": pictures.faces(clip_id),
        "spectrum": pictures.spectrum(clip_id),
        "bars": posterior_bars(said, classes, truth),
        "explain": f"python -m pipeline explain {report.corpus} {clip_id}",
    }


def posterior_bars(said: Mapping[str, np.ndarray | None], classes: Sequence[str], truth: str) -> dict[str, Any]:
    """Return the drawing of what each modality says of a clip: a row per emotion with a bar per modality.

    Args:
        said: kind -> posteriors (C,); None where it did not judge the clip
        classes: the emotions
        truth: the clip's own
    """
    known = {kind: posteriors for kind, posteriors in said.items() if posteriors is not None}
    width = _WIDTH - _LEFT - _RIGHT
    lines = []
    for number, name in enumerate(classes):
        top = 6 + number * _ROW
        bars = [
            {
                "kind": kind,
                "y": top + place * (_BAR + 1),
                "width": round(width * float(values[number]), 1),
                "text": f"{kind}, {name}: {values[number]:.2f}",
            }
            for place, (kind, values) in enumerate(known.items())
        ]
        highest = float(known["fusion"][number]) if "fusion" in known else 0.0
        lines.append(
            {
                "name": name,
                "y": top,
                "middle": top + 14,
                "bars": bars,
                "truth": name == truth,
                "figure": f"{highest:.2f}",
            }
        )
    words = "; ".join(
        f"{kind} {', '.join(f'{n} {p:.2f}' for n, p in zip(classes, values, strict=True))}"
        for kind, values in known.items()
    )
    silent = [kind for kind, values in said.items() if values is None]
    return {
        "width": _WIDTH,
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "height": 6 + _ROW * len(classes),
        "bar": _BAR,
        "lines": lines,
        "described": f"Posteriors; the truth is {truth}. {words}"
        + (f". Not judged by {', '.join(silent)}" if silent else ""),
        "silent": silent,
    }
