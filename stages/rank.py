"""rank: how much every column of a feature tells a random forest about the emotion, fold by fold."""

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.features.selection.ranking import RankParams, rank_folds, write_rankings
from pipeline.protocols.splits import read_splits
from pipeline.runner.stage import Context, stage


@stage(reads="rank.{feature}", names="feature", paths="source manifest splits upstream out")
def main(context: Context) -> str:
    args = context.args
    params = context.model(f"rank.{args.feature}", RankParams)
    clips, folds = read_manifest(args.manifest), read_splits(args.splits)
    rankings = rank_folds(args.source, clips, folds, read_ledger(args.upstream), params, context.runtime.workers)
    write_rankings(args.out, rankings)
    sizes = [
        f"2 x {ranking.rows} of {ranking.available} training frames in the first"
        for ranking in list(rankings.values())[:1]
    ]
    return ", ".join([f"rank {args.feature}: {len(rankings)} of {len(folds)} folds", *sizes])
