"""Training over ten folds against the same learning without a pipeline, 375 generated clips of 2 s.

    python -m benchmarks.training         some minutes, 0.4 GB of disk

The bare loops begin with all arrays in memory: scikit-learn with pooled rows and the same candidates, PyTorch with
frames averaged and scaled, for as many steps and looks at validation as the pipeline has taken. Seconds are those that
the process, which is one on one thread, has worked: other work on the same cores does not count.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.bench import params
from pipeline.classification.candidates import combinations
from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.core import plugins
from pipeline.core.clip import Clip, class_names
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.protocols.splits import Fold
from pipeline.training.datasets import Dataset
from pipeline.training.material import Material

CLIPS, FRAMES, FOLDS = 375, 200, 10
COLUMNS = {"a1024": 1024, "lld147": 147}
EMOTIONS = ("anger", "disgust", "fear", "happy", "sad", "surprise")
TELLS = 0.04
"""Deviation of the emotions' means, in deviations of a frame: enough to learn from, not enough to learn all."""


def clips() -> list[Clip]:
    """Return clips of 25 speakers."""
    return [Clip(f"c{i:03d}", f"c{i:03d}.mp4", f"s{i % 25:02d}", EMOTIONS[i // 25 % 6]) for i in range(CLIPS)]


def folds() -> dict[str, Fold]:
    """Return ten folds, a tenth of the clips to test on and another one to validate on."""
    parts = {0: "test", 1: "val"}
    numbered = [(number % FOLDS, clip.clip_id) for number, clip in enumerate(clips())]
    return {
        f"fold-{fold:02d}": {clip_id: parts.get((n - fold) % FOLDS, "train") for n, clip_id in numbered}
        for fold in range(FOLDS)
    }


def features(columns: int) -> Iterator[tuple[str, ClipFeatures]]:
    """Yield frames at 100 a second."""
    rng = np.random.default_rng(2017)
    tells = TELLS * rng.standard_normal((len(EMOTIONS), columns))
    for clip in clips():
        values = rng.standard_normal((FRAMES, columns)) + tells[EMOTIONS.index(clip.emotion)]
        yield clip.clip_id, ClipFeatures(values.astype(np.float32), np.arange(FRAMES) / 100, np.ones(FRAMES, bool))


def seconds(work: Callable[[], Any]) -> float:
    """Return how long this process works on something."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


class Run:
    """One classifier on one feature.

    Args:
        folder: of the feature file, and for what training writes
    """

    def __init__(self, folder: Path, feature: str, classifier: str) -> None:
        plugin = plugins.load("classifiers", classifier)
        self.params = plugin.Params.model_validate(params()["train"][classifier])
        self.recipe = FeatureRecipe.of(plugin, self.params, folder / f"{feature}.h5", None, "benchmark")
        self.out = folder / f"{feature}-{classifier}"

    def train(self, count: int = FOLDS) -> None:
        """Do the work of the stage `train` on the first folds."""
        chosen = dict(list(folds().items())[:count])
        cross_validate(self.out.name, self.recipe, clips(), chosen, [], self.out, 1)

    def parts(self, folder: Path) -> list[list[Dataset]]:
        """Return the train, val and test clips of every fold, in memory."""
        material: Material = self.recipe.material(clips(), class_names(clips()), folder)
        return [
            [material.of_fold(name, fold, part) for part in ("train", "val", "test")] for name, fold in folds().items()
        ]

    def epochs(self) -> list[int]:
        """Return how many epochs each fold has taken."""
        return [len(rows) for _, rows in pd.read_csv(self.out / "history.csv").groupby("fold")]


def bare_svm(run: Run, parts: list[list[Dataset]]) -> None:
    """Fit every candidate in every fold, judge each on validation, and the best on test clips."""
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    for train, val, test in parts:
        scaler = StandardScaler().fit(train.rows)
        rows, judged = scaler.transform(train.rows), scaler.transform(val.rows)
        weight = "balanced" if run.params.balanced else None
        models = [SVC(kernel="linear", C=c, class_weight=weight).fit(rows, train.labels) for c in run.params.c]
        best = max(models, key=lambda model: (model.predict(judged) == val.labels).mean())
        best.decision_function(scaler.transform(test.rows))


def bare_lstm(run: Run, parts: list[list[Dataset]], epochs: list[int]) -> None:
    """Take the same steps in every fold, look at validation clips behind each epoch, and at test clips in the end."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

    p = combinations(run.params)[0]
    for (train, val, test), count in zip(parts, epochs, strict=True):
        width = train.sequences[0].shape[1]
        hidden, lstm = (
            nn.Sequential(nn.Linear(width, p.hidden), nn.Tanh()),
            nn.LSTM(p.hidden, p.cells, batch_first=True),
        )
        head = nn.Sequential(nn.Dropout(p.dropout), nn.Linear(p.cells, len(EMOTIONS)))
        network = nn.ModuleList([hidden, lstm, head])
        optimiser = torch.optim.Adam(network.parameters(), lr=p.learning_rate)
        frames = np.concatenate(train.sequences)
        mean, deviation = torch.from_numpy(frames.mean(0)), torch.from_numpy(frames.std(0))
        scaled = [[(torch.tensor(one) - mean) / deviation for one in part.sequences] for part in (train, val, test)]
        labels = torch.from_numpy(train.labels)

        def logits(sequences, hidden=hidden, lstm=lstm, head=head):
            lengths = torch.tensor([len(one) for one in sequences])
            inputs = hidden(pad_sequence(sequences, batch_first=True))
            packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
            return head(pad_packed_sequence(lstm(packed)[0], batch_first=True)[0].sum(1) / lengths[:, None])

        def judge(sequences, network=network, logits=logits):
            network.eval()
            with torch.inference_mode():
                torch.cat([logits(sequences[i : i + p.batch]) for i in range(0, len(sequences), p.batch)])

        for _ in range(count):
            network.train()
            for rows in torch.randperm(len(train)).split(p.batch):
                optimiser.zero_grad()
                nn.functional.cross_entropy(logits([scaled[0][i] for i in rows]), labels[rows]).backward()
                nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                optimiser.step()
            judge(scaled[1])
        judge(scaled[2])


def main() -> None:
    """Print seconds and ratios."""
    print("| classifier | feature | ten folds, s | bare, s | ten folds / bare | ten folds / five of them |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for feature, classifier, bare in (("a1024", "svm", bare_svm), ("lld147", "lstm", bare_lstm)):
            meta = FeatureMeta(feature, COLUMNS[feature], "float32", rate_hz=100.0)
            write_features(folder / f"{feature}.h5", meta, features(COLUMNS[feature]))
            run = Run(folder, feature, classifier)
            run.train(1)  # imports and first calls of libraries count for neither
            five, ten = seconds(lambda: run.train(FOLDS // 2)), seconds(run.train)  # noqa: B023
            parts, further = run.parts(folder), [run.epochs()] if classifier == "lstm" else []
            alone = seconds(lambda: bare(run, parts, *further))  # noqa: B023
            print(
                f"| {classifier} | {feature} | {ten:.1f} | {alone:.1f} | {ten / alone:.2f} | {ten / five:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    sys.exit(main())
