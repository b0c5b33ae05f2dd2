"""Selection at the paper's size: 130,000 rows of pool5 within 4 GiB, and what sampling the rows costs.

    python -m benchmarks.selection memory                                     about 4 minutes, 3 GB of disk
    python -m benchmarks.selection agreement FEATURE.h5 MANIFEST.csv SPLITS.csv
    python -m benchmarks.selection choice pool5.importances.csv [..]

`memory` generates 520 clips of 250 rows x 9216 columns (float16, sparse as behind a ReLU), forbids this process more
than 4 GiB of data (RLIMIT_DATA), ranks with a forest of 100 trees on 2 x 8000 rows, keeps 1024 columns, and prints
the peak. `agreement` grows forests with fewer rows and fewer trees and prints how many of the best 1024 columns each
has in common with 2000 trees on all rows of the first fold, and the time as a share of that forest's. `choice` prints
how forests chose among the columns of pool5, a row for each ranking: means over the folds.
"""

from __future__ import annotations

import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.core.clip import Clip, read_manifest
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features, write_selection
from pipeline.features.selection.ranking import Ranking, RankParams, rank_folds, read_rankings
from pipeline.protocols.splits import read_splits

CLIPS, ROWS, COLUMNS, MAPS, K = 520, 250, 9216, 256, 1024
EMOTIONS = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
LIMIT = 4 << 30


def _clips() -> list[Clip]:
    return [Clip(f"c{i:03d}", f"c{i:03d}.mp4", f"s{i % 10}", EMOTIONS[i % len(EMOTIONS)]) for i in range(CLIPS)]


def _features(clips: list[Clip]) -> Iterator[tuple[str, ClipFeatures]]:
    rng = np.random.default_rng(2017)
    tells = rng.standard_normal((len(EMOTIONS), COLUMNS)) * (rng.random(COLUMNS) < 0.1)
    for clip in clips:
        raw = rng.standard_normal((ROWS, COLUMNS), np.float32) + 0.5 * tells[EMOTIONS.index(clip.emotion)] - 0.8
        values = np.maximum(raw, 0).astype(np.float16)
        yield clip.clip_id, ClipFeatures(values, np.arange(ROWS) / 25, np.ones(ROWS, bool))


def memory() -> None:
    """Print the peak memory of ranking and selecting."""
    clips = _clips()
    fold = {c.clip_id: "test" if c.speaker == "s9" else "train" for c in clips}
    params = RankParams(trees=100, max_rows=8000, min_leaf=3, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "pool5.h5", Path(folder) / "v1024.h5"
        write_features(source, FeatureMeta("pool5", COLUMNS, "float16"), _features(clips))
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
        rankings = rank_folds(source, clips, {"fold-00": fold}, params, workers=1)
        columns = {name: ranking.best(K) for name, ranking in rankings.items()}
        parts = {f"{name}/{clip_id}": part for name in columns for clip_id, part in fold.items()}
        write_selection(out, FeatureMeta("v1024", K, "float16"), source, columns, parts)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
        found = rankings["fold-00"]
        print(
            f"rows in all                     {CLIPS * ROWS:,} x {COLUMNS} float16 "
            f"({CLIPS * ROWS * COLUMNS * 2 / 1e9:.1f} GB)"
        )
        print(f"rows that each half forest saw  {found.rows:,} of {found.available:,}")
        print(f"peak resident memory            {peak:.2f} GiB (limit on data: {LIMIT >> 30} GiB)")
        print(f"halves of the forest agree on   {found.agreement(K):.1%} of {K} columns (by chance {K / COLUMNS:.1%})")


def agreement(feature: Path, manifest: Path, splits: Path) -> None:
    """Print what fewer rows and what fewer trees cost, on the first fold."""
    clips, folds = read_manifest(manifest), read_splits(splits)
    first = dict([next(iter(folds.items()))])

    def ranked(trees: int, max_rows: int, seed: int) -> tuple[Ranking, float]:
        begin = time.monotonic()
        params = RankParams(trees=trees, max_rows=max_rows, min_leaf=3, seed=seed)
        return next(iter(rank_folds(feature, clips, first, params, 1).values())), time.monotonic() - begin

    reference, taken = ranked(2000, 10**9, 1000)
    print(f"{reference.available:,} training frames; reference: 2000 trees on all of them, whose halves agree on")
    print(f"{reference.agreement(K):.1%} of the best {K} columns; by chance {K / COLUMNS:.1%}\n")
    print("| trees | rows per half | in common with the reference | halves agree | time |\n|---|---|---|---|---|")
    for trees, rows in (
        (100, 10**9),
        (100, 2000),
        (100, 1000),
        (100, 500),
        (500, 2000),
        (500, 1000),
        (500, 500),
        (2000, 500),
    ):
        if rows == 10**9 or rows < reference.available:
            few, seconds = ranked(trees, rows, 0)
            common = len(np.intersect1d(few.best(K), reference.best(K))) / K
            shown = "all" if rows == 10**9 else f"{rows:,}"
            print(f"| {trees} | {shown} | {common:.1%} | {few.agreement(K):.1%} | {seconds / taken:.3f} |")


def _from_maps(chosen: np.ndarray) -> tuple[int, int]:
    """Return from how many of pool5's maps of 6x6 columns come, and how many maps have half of them."""
    counts = np.sort(np.bincount(chosen // (COLUMNS // MAPS), minlength=MAPS))[::-1]
    return int((counts > 0).sum()), int(np.searchsorted(counts.cumsum(), len(chosen) / 2)) + 1


def choice(rankings: list[Path]) -> None:
    """Print a row for each ranking: the columns that matter at all, the importance that the best have, what folds have
    in common, and from how many of pool5's 256 maps of 6x6 the best columns come; first what chance gives.
    """
    head = (
        "ranking",
        "columns with importance",
        "importance of the best",
        "folds share",
        "halves share",
        "maps",
        "half",
    )
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    maps, half = _from_maps(np.random.default_rng(0).permutation(COLUMNS)[:K])
    print(f"| by chance | - | - | {K / COLUMNS:.1%} | {K / COLUMNS:.1%} | {maps} | {half} |")
    for path in rankings:
        found = list(read_rankings(path).values())
        best = [one.best(K) for one in found]
        told = np.mean([(one.importances > 0).sum() for one in found])
        share = np.mean([one.importances[chosen].sum() for one, chosen in zip(found, best, strict=True)])
        common = np.mean([len(np.intersect1d(*pair)) / K for pair in itertools.combinations(best, 2)])
        halves = np.mean([one.agreement(K) for one in found])
        maps, half = np.mean([_from_maps(chosen) for chosen in best], axis=0).round().astype(int)
        print(f"| {path} | {told:.0f} | {share:.1%} | {common:.1%} | {halves:.1%} | {maps} | {half} |")


if __name__ == "__main__":
    if sys.argv[1:] == ["memory"]:
        memory()
    elif sys.argv[1:2] == ["agreement"] and len(sys.argv) == 5:
        agreement(*map(Path, sys.argv[2:]))
    elif sys.argv[1:2] == ["choice"] and len(sys.argv) > 2:
        choice(list(map(Path, sys.argv[2:])))
    else:
        sys.exit(__doc__)
