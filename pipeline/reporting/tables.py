"""The tables of Huang et al. 2017 in the paper's own rows and columns, ours beside the paper's figure.

The paper's figures are for CHEAVD with networks trained on 500 h of speech and 110,000 faces: another corpus, other
weights. They stand beside ours for orientation, not for comparison.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pipeline.evaluation import Score

TABLE_2 = {"lld147": 0.31, "a60": 0.40, "a1024": 0.36, "v1024": 0.45, "v2048": 0.46}
"""Feature -> accuracy of the LSTM in the paper's Table 2 (`lld147`: "handcrafted audio features (147)")."""

TABLE_3 = {
    ("a60", "v1024"): (0.48, 0.49),
    ("a60", "v2048"): (0.49, 0.49),
    ("a1024", "v1024"): (0.47, 0.47),
    ("a1024", "v2048"): (0.47, 0.48),
}
"""(audio, video) -> (logistic regression, ensemble) in the paper's Table 3."""

_RULES = {"LR": "logistic_regression", "Ensemble": "confidence"}


def table_2(scores: Mapping[str, Score], classifier: str = "lstm") -> pd.DataFrame:
    """Return Table 2, recognition accuracies for audio and video modalities."""
    rows = []
    for feature, paper in TABLE_2.items():
        name = f"{feature}-{classifier}"
        found = scores.get(name)
        rows.append(
            {
                "Features": feature,
                "Accuracy": f"{found.accuracy:.2f}" if found else f"not run: add {feature} to the system's features in params.yaml",
                "95 % interval": f"{found.low:.2f} to {found.high:.2f}" if found else "",
                "UAR": f"{found.uar:.2f}" if found else "",
                "Coverage": f"{found.coverage:.2f}" if found else "",
                "Paper (CHEAVD)": f"{paper:.2f}",
            }
        )
    return pd.DataFrame(rows)


def table_3(scores: Mapping[str, Score], classifier: str = "lstm") -> pd.DataFrame:
    """Return Table 3, accuracies of multimodal decision-level fusion: audio features in rows, video features in columns."""
    rows: dict[str, dict[str, str]] = {}
    for (audio, video), paper in TABLE_3.items():
        row = rows.setdefault(audio, {"Accuracy": audio})
        for (label, rule), figure in zip(_RULES.items(), paper, strict=True):
            row[f"{video} {label}"] = _fused(scores, rule, audio, video, classifier) + f" (paper {figure:.2f})"
    return pd.DataFrame(rows.values())


def _fused(scores: Mapping[str, Score], rule: str, audio: str, video: str, classifier: str) -> str:
    """Return an accuracy, or what to add to the system so that there is one."""
    found = scores.get(f"{rule}-{audio}+{video}-{classifier}")
    if found:
        return f"{found.accuracy:.2f}"
    lacking = [feature for feature in (audio, video) if f"{feature}-{classifier}" not in scores] or [rule]
    return f"not run: add {' and '.join(lacking)}"


def paper_tables(system: str, scores: Mapping[str, Score]) -> dict[str, tuple[str, pd.DataFrame]]:
    """Return file stem -> (caption, table) for a system; nothing for one without a paper."""
    if system != "huang2017":
        return {}
    return {
        "table_2": ("Table 2. Recognition accuracy for audio and video modalities (LSTM)", table_2(scores)),
        "table_3": ("Table 3. Multimodal decision-level fusion (LSTM)", table_3(scores)),
    }


def score_table(scores: Mapping[str, Score]) -> pd.DataFrame:
    """Return all models and fusions, one row each, unimodal models first, in the order they were run."""
    return pd.DataFrame(
        {
            "Model": name,
            "Accuracy": f"{s.accuracy:.3f}",
            "95 % interval": f"{s.low:.3f} to {s.high:.3f}",
            "UAR": f"{s.uar:.3f}",
            "micro-F1": f"{s.micro_f1:.3f}",
            "Clips": s.n,
            "Coverage": f"{s.coverage:.0%}",
        }
        for name, s in scores.items()
    )
