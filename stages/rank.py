"""rank: how much every column of a feature tells a random forest about the emotion, fold by fold."""

from pipeline.core.clip import read_manifest
from pipeline.core.stage import Context, run
from pipeline.protocols import read_splits
from pipeline.ranking import RankParams, rank_folds, write_rankings

READS = ("rank.{feature}",)


def main(context: Context) -> str:
    args = context.args
    params = context.model(f"rank.{args.feature}", RankParams)
    clips, folds = read_manifest(args.manifest), read_splits(args.splits)
    rankings = rank_folds(args.source, clips, folds, params, context.runtime.workers)
    write_rankings(args.out, rankings)
    first = next(iter(rankings.values()))
    return f"rank {args.feature}: {len(folds)} folds, 2 x {first.rows} of {first.available} training frames in the first"


if __name__ == "__main__":
    run(main, READS, ("feature",), ("source", "manifest", "splits", "out"))
