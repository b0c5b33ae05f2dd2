"""stacking: a product of the posteriors of all models with learned weights; Ting and Witten 1999, section 2.

"Issues in stacked generalization": multinomial logistic regression on the posteriors of models of any kind, here on
their logarithms, so that equal weights are the rule `product`. From this product the weights are let go as far as
people justify whom neither the models nor the weights have met: a ridge pulls all of them towards their common mean,
and its strength is chosen by holding out one speaker after the other. The product is among the candidates, and of those
within one standard error of the best the one nearest to it is taken (Breiman et al. 1984, section 3.4.3). Where a
single speaker is judged, nobody is left to judge by, and it is the product. Weights are not negative unless set `free`:
a model cannot speak against itself (Breiman 1996, "Stacked regressions").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from scipy.special import softmax

from pipeline.core.settings import Settings
from pipeline.evaluation.calibration import LEAST
from pipeline.fusion.rules import decided
from pipeline.fusion.weights.log_pool import PRODUCT, LogPool
from pipeline.protocols.held_out import held_out_parts

OUT_OF_FOLD = True
"""Training clips teach it as well, where the models judge them without having met their speakers."""
_DIGITS = 6


class Params(Settings):
    """What is learned, and how far from the product."""

    weights: Literal["nonnegative", "free"] = Field(
        "nonnegative",
        description="nonnegative: one weight of at least 0 per model; free: a multinomial logistic regression on all "
        "log posteriors, with a weight of any sign for every model and pair of emotions",
    )
    ridge: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0, 10.0, 100.0),
        min_length=1,
        description="candidates for the strength of the pull towards equal weights, against the log loss summed over "
        "clips; the plain product is always among them",
    )


def fit(
    params: Params, scores: np.ndarray, labels: np.ndarray, speakers: Sequence[str] | np.ndarray = ()
) -> dict[str, Any]:
    """Return the weights, the ridge that was chosen, None = the product, and the loss of each candidate.

    {"ridge": chosen, "weights": (M,), or if free (M, C, C), weight of the log posterior of the second emotion for the
    first, "bias": (C,), zeros unless free, "held_out": candidate -> mean log loss of held-out clips, nats, empty where
    nobody could be held out}. Clips that no model judged teach nothing; without `speakers` clips are held out.
    """
    judged = ~np.isnan(scores).any(axis=2).all(axis=0)
    free, (models, _, classes) = params.weights == "free", scores.shape
    inputs, ones = _inputs(_logs(scores[:, judged]), free)
    pool = LogPool(inputs, labels[judged].astype(np.int64), ones, not free)
    losses = _held_out(pool, params.ridge, np.array(speakers, str)[judged] if len(speakers) else np.array([], str))
    chosen = nearest(losses)
    learned = pool.learned(chosen).round(_DIGITS)
    return {
        "ridge": None if chosen == PRODUCT else chosen,
        "weights": (learned[:-classes].reshape(models, classes, classes) if free else learned).tolist(),
        "bias": learned[-classes:].tolist() if free else [0.0] * classes,
        "held_out": {_word(ridge): round(float(each.mean()), _DIGITS) for ridge, each in losses.items()},
    }


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:
    """Return the weighted products as rows that sum to 1, (N, C), for scores (M, N, C).

    A model that could not judge a clip adds nothing; where those that could weigh nothing, it is their plain product.

    >>> video, audio = [[0.6, 0.2, 0.2]], [[0.2, 0.6, 0.2]]
    >>> fuse(np.array([video, audio]), {"weights": [1.0, 2.0], "bias": [0.0] * 3}).round(3).tolist()
    [[0.231, 0.692, 0.077]]
    """
    weights, bias, known = np.array(state["weights"]), np.array(state["bias"]), ~np.isnan(scores).any(axis=2)
    logs, result = _logs(scores), np.full(scores.shape[1:], np.nan)
    for clip in np.flatnonzero(known.any(axis=0)):
        models = known[:, clip]
        own, said = weights[models], logs[models, clip]
        if not own.any():
            sums = said.sum(axis=0)
        else:
            sums = own @ said if own.ndim == 1 else np.einsum("mcd,md->c", own, said) + bias
        result[clip] = decided(softmax(sums), scores[models, clip])
    return result


def nearest(losses: Mapping[float, np.ndarray]) -> float:
    """Return the candidate nearest to the product whose mean loss is within one standard error of the least.

    `losses`: candidate, the nearest first -> mean loss of each held-out part, (P,); the error is that of the mean of
    the differences, part by part.

    >>> nearest({PRODUCT: np.array([0.5, 0.6]), 10.0: np.array([0.4, 0.7]), 1.0: np.array([0.3, 0.6])})
    inf
    >>> nearest({PRODUCT: np.array([0.5, 0.6]), 10.0: np.array([0.3, 0.4]), 1.0: np.array([0.2, 0.5])})
    10.0
    """
    means = {ridge: round(float(each.mean()), _DIGITS) for ridge, each in losses.items()}
    for ridge, each in losses.items():
        worse = each - losses[min(means, key=means.__getitem__)]
        if worse.mean() <= worse.std(ddof=1) / np.sqrt(len(worse)) + 10**-_DIGITS:
            return ridge
    return PRODUCT


def _word(ridge: float) -> str:
    return "product" if ridge == PRODUCT else f"{ridge:g}"


def _logs(scores: np.ndarray) -> np.ndarray:
    """Return log posteriors (M, N, C) less their mean over emotions; 0, as of equal posteriors, where one is NaN."""
    known = np.where(np.isnan(scores).any(axis=2, keepdims=True), 1.0, scores)
    logs = np.log(np.maximum(known, LEAST))
    return np.asarray(logs - logs.mean(axis=2, keepdims=True))


def _inputs(logs: np.ndarray, free: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, C, K), by which K weights make sums, and which of the weights are 1 in the product, (K,)."""
    models, clips, classes = logs.shape
    if not free:
        return logs.transpose(1, 2, 0), np.ones(models)
    inputs = np.zeros((clips, classes, models, classes, classes))
    for emotion in range(classes):
        inputs[:, emotion, :, emotion] = logs.transpose(1, 0, 2)
    bias = np.broadcast_to(np.eye(classes), (clips, classes, classes))
    ones = np.concatenate([np.tile(np.eye(classes).ravel(), models), np.zeros(classes)])
    return np.concatenate([inputs.reshape(clips, classes, -1), bias], axis=2), ones


def _held_out(pool: LogPool, ridges: Sequence[float], speakers: np.ndarray) -> dict[float, np.ndarray]:
    """Return candidate, the product first, then by falling ridge -> mean log loss of each part that was held out, (P,);
    nothing where there is one speaker, or one part.
    """
    parts = held_out_parts(speakers, pool.labels, least=2, most=5)
    numbers = np.unique(parts)
    if len(set(speakers)) == 1 or len(numbers) < 2:
        return {}
    return {
        ridge: np.array([pool.some(parts == n).losses(pool.some(parts != n).learned(ridge)).mean() for n in numbers])
        for ridge in [PRODUCT, *sorted(set(ridges), reverse=True)]
    }
