"""The clips that a system mistook most confidently: faces, spectrogram, and what each modality said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.decimals import decimal
from pipeline.core.posteriors import probabilities, read_table
from pipeline.reporting.html.charts import name_width
from pipeline.reporting.overview.pictures import Pictures, Sounds
from pipeline.reporting.overview.reports import Places, Report
from pipeline.reporting.system.modalities import KINDS

_WIDTH, _FIGURE, _ROW, _BAR = 380, 44, 25, 6
"""Of the drawing of posteriors, in its own units: its width, room for figures, height of a row, of a bar."""

PAIRS, CLIPS = 3, 2
"""As many confusions are shown, and as many clips of each."""


def gallery(report: Report, places: Places) -> dict[str, Any]:
    """Return the values of the template for one report: its headline, and beside it the models of audio and of video
    that it depends on. Features that are absent are said on the page.
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
    return {
        "clip_id": clip_id,
        "speaker": rows["fused"].loc[rows["fused"]["clip_id"] == clip_id, "speaker"].iloc[0],
        "faces": pictures.faces(clip_id),
        "spectrum": pictures.spectrum(clip_id),
        "bars": posterior_bars(said, classes, truth),
        "explain": f"python -m pipeline explain {report.corpus} {clip_id}",
    }


def posterior_bars(said: Mapping[str, np.ndarray | None], classes: Sequence[str], truth: str) -> dict[str, Any]:
    """Return the drawing of what each modality says of a clip: a row per emotion with a bar per modality.

    `said`: kind -> posteriors (C,); None where it did not judge the clip.
    """
    left = 14 + max(map(name_width, classes))
    wide = _WIDTH - _FIGURE - left
    known = {kind: posteriors for kind, posteriors in said.items() if posteriors is not None}
    lines = []
    for number, name in enumerate(classes):
        top, own = 6 + number * _ROW, {kind: float(values[number]) for kind, values in known.items()}
        bars = [
            {
                "kind": kind,
                "y": top + place * (_BAR + 1),
                "width": round(wide * value, 1),
                "text": f"{kind}, {name}: {decimal(value, 2)}",
            }
            for place, (kind, value) in enumerate(own.items())
        ]
        figure = decimal(own.get(KINDS["fused"], 0.0), 2)
        lines.append({"name": name, "middle": top + 14, "bars": bars, "truth": name == truth, "figure": figure})
    words = "; ".join(
        f"{kind} {', '.join(f'{n} {decimal(p, 2)}' for n, p in zip(classes, values, strict=True))}"
        for kind, values in known.items()
    )
    silent = [kind for kind in said if kind not in known]
    lost = f". Not judged by {', '.join(silent)}" if silent else ""
    described = f"Posteriors; the truth is {truth}. {words}{lost}"
    places = {"width": _WIDTH, "left": round(left, 1), "right": _WIDTH - _FIGURE, "height": 6 + _ROW * len(classes)}
    return {**places, "bar": _BAR, "lines": lines, "described": described, "silent": silent}


@dataclass(frozen=True)
class Confused:
    """An emotion that was taken for another one."""

    truth: str
    decided: str
    count: int  # clips
    of: int  # clips of the emotion that were judged
    clips: Sequence[str]  # ids of those that were mistaken with the highest posterior


def worst_confusions(rows: pd.DataFrame) -> list[Confused]:
    """Return the most frequent confusions among a model's test clips, the most frequent first, equals by name; clips
    that were not judged do not count.
    """
    judged = rows[rows["predicted"] != ""]
    wrong = judged[judged["predicted"] != judged["emotion"]]
    pairs_of = wrong.groupby(["emotion", "predicted"])
    found = []
    for (truth, decided), mistaken in sorted(pairs_of, key=lambda pair: (-len(pair[1]), pair[0]))[:PAIRS]:
        first = mistaken.sort_values([f"p_{decided}", "clip_id"], ascending=[False, True])["clip_id"][:CLIPS]
        found.append(Confused(truth, decided, len(mistaken), int((judged["emotion"] == truth).sum()), first.tolist()))
    return found


def posteriors_of(rows: pd.DataFrame, clip_id: str, classes: Sequence[str]) -> np.ndarray | None:
    """Return what a model says of one clip, (C,); None where it did not judge it."""
    own = rows[(rows["clip_id"] == clip_id) & (rows["predicted"] != "")]
    return probabilities(own, classes)[0] if len(own) else None
