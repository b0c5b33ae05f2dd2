"""Whether a network learned: what its training came to, beside what the shares of the classes alone give.

Naming every class by its share among the training labels has their entropy as loss: ln C for C equal classes. A network
whose losses stay near that, in training and on validation, has learned nothing of its input; no figure of its test
clips tells it from a broken one, so every training says it, and so does the first line of a report. The training loss
is a mean over a round, with dropout: of a first round that is kept it may be near although the network has learned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

NEAR = 0.9
"""A training loss of more than this share of the entropy of the labels is near it: at ln 7 = 1.946, above 1.751."""
Learned = Mapping[str, Any]
"""Network, trainings (folds), steps, and means over the folds of first_loss, loss, prior_loss, val_loss,
val_prior_loss, val_accuracy, val_prior_accuracy, as far as they are known; `unlearned`: where it did not learn, and
unlearned_loss the mean training loss there."""
_MEANS = ("steps", "loss", "prior_loss", "val_loss", "val_prior_loss", "val_accuracy", "val_prior_accuracy")


def prior(labels: Any, judged: Any, weights: Any = None, part: str = "val") -> dict[str, float]:
    """Return what naming classes by their share in training gives: the loss in training, and loss and accuracy on what
    is judged; the accuracy is that of the largest class.

    Args:
        labels: (N,) class indices of training
        judged: (M,) those of validation; a class that training lacks does not count in the loss
        weights: (C,) of the classes in the training loss; None = all alike
        part: name of what is judged, in the keys

    >>> prior([0, 0, 1, 1], [0, 0, 0, 1])
    {'prior_loss': 0.693147, 'val_prior_loss': 0.693147, 'val_prior_accuracy': 0.75}
    """
    found, tested = np.asarray(labels, np.int64), np.asarray(judged, np.int64)
    if not len(found):
        return {}
    counts = np.bincount(found, minlength=int(max([0, *found, *tested])) + 1).astype(float)
    plain = counts / counts.sum()
    shares = plain if weights is None else counts * np.asarray(weights, float)[: len(counts)]
    shares = shares / shares.sum()
    known = tested[counts[tested] > 0] if len(tested) else tested
    figures = {"prior_loss": -sum(share * math.log(share) for share in shares if share > 0)}
    if len(known):
        figures[f"{part}_prior_loss"] = float(-np.log(plain[known]).mean())
        figures[f"{part}_prior_accuracy"] = float((tested == plain.argmax()).mean())
    return {name: round(float(value), 6) for name, value in figures.items()}


def learned(network: str, history: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what one network's history tells of all its trainings, one row per fold or one in all; nothing where
    nothing is trained step by step.

    `history`: loss and prior_loss per epoch or iteration; steps, `kept` (the round whose weights are), and held_out_ or
    val_ figures as far as there are any. Of a network that is pre-trained layer by layer, the phase `tune` counts.
    """
    if not {"loss", "prior_loss"} <= set(history.columns):
        return []
    tuned = history[history["phase"] == "tune"] if "phase" in history else history
    tuned = tuned[tuned["prior_loss"].notna()].rename(columns=lambda name: name.replace("held_out_", "val_"))
    folds = tuned["fold"] if "fold" in tuned else pd.Series("", tuned.index)
    ends, unlearned, losses = [], [], []
    for fold, rows in tuned.groupby(folds):
        end = _kept(rows)
        ends.append({"first_loss": rows["loss"].iloc[0], **{name: end[name] for name in _MEANS if name in end}})
        if not any(_below(end, part) for part in ("", "val_")):
            unlearned.append(str(fold) or "training")
            losses.append(float(end["loss"]))
    if not ends:
        return []
    means = pd.DataFrame(ends).astype(float).mean().dropna()
    figures = {name: round(float(value), 6) for name, value in means.items()}
    numbers = [loss for loss in losses if math.isfinite(loss)]  # a file of JSON has no other
    told = {"unlearned_loss": round(float(np.mean(numbers)), 6)} if numbers else {}
    return [{"network": network, "trainings": len(ends), **figures, **told, "unlearned": unlearned}]


def _below(end: pd.Series, part: str) -> bool:
    """Return whether a round's loss lies well below that of the shares; one that is no number is below nothing."""
    return bool(end.get(f"{part}loss", math.nan) <= NEAR * end.get(f"{part}prior_loss", math.nan))


def _kept(rows: pd.DataFrame) -> pd.Series:
    """Return the round whose weights are kept; of several candidates that of the best on validation."""
    kept = rows[rows["kept"] == 1] if "kept" in rows else rows[:0]
    if len(kept) > 1 and kept["val_loss"].notna().any():
        return kept.loc[kept["val_loss"].idxmin()]
    return (kept if len(kept) else rows).iloc[-1]


def said(row: Learned) -> str:
    """Return in words that a network did not learn, and by which figures; "" where it did."""
    if not row["unlearned"]:
        return ""
    where = f" in {', '.join(row['unlearned'])}" if row["trainings"] > 1 else ""
    return (
        f"{row['network']} did not learn{where}: after {row.get('steps', math.nan):.0f} steps its training loss is "
        f"{row.get('unlearned_loss', math.nan):.3f}, where the shares of the classes alone give {row['prior_loss']:.3f}"
    )
