"""select: keep the columns of a feature that a random forest finds useful, fold by fold."""

from pipeline.core.clip import read_manifest
from pipeline.core.files import canonical_json
from pipeline.core.ledger import Entry, read_ledger, write_ledger
from pipeline.core.store import FeatureFile, FeatureMeta, write_features
from pipeline.protocols import read_splits
from pipeline.selection import SelectParams, rank_folds, selected, write_ranking
from stages._run import Context, run

READS = ("select.{name}",)


def main(context: Context) -> str:
    args = context.args
    params = context.model(f"select.{args.name}", SelectParams)
    clips, folds = read_manifest(args.manifest), read_splits(args.splits)
    rankings = rank_folds(args.source, clips, folds, params, context.runtime.workers)
    with FeatureFile(args.source) as file:
        source, present = file.meta, set(file.clip_ids())
    meta = FeatureMeta(
        feature=args.name,
        dimension=params.k,
        dtype=source.dtype,
        rate_hz=source.rate_hz,
        layer=f"{params.k} of {source.dimension} columns of {source.feature}, chosen per fold",
        version=source.version,
        params={"select": params.model_dump(), source.feature: canonical_json(source.params)},
        weights=source.weights,
        origin=source.origin,
    )
    write_features(args.out, meta, selected(args.source, rankings))
    write_ranking(args.ranking, rankings)
    upstream = read_ledger(args.upstream)
    write_ledger(args.ledger, [*upstream, *(Entry(clip_id, f"select:{args.name}") for clip_id in present)])
    return f"select {args.name}: {params.k} of {source.dimension} columns of {source.feature} in {len(folds)} folds"


if __name__ == "__main__":
    run(main, READS, ("name",), ("source", "manifest", "splits", "upstream", "out", "ranking", "ledger"))
