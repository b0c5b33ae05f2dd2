"""select: keep the columns of a feature that the random forest found most useful, fold by fold."""

from pipeline.core.files import canonical_json
from pipeline.core.ledger import Entry, read_ledger, write_ledger
from pipeline.core.store import FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.posteriors import write_table
from pipeline.ranking import read_rankings
from pipeline.selection import SelectParams, agreements, kept_columns, selected
from stages._run import Context, run

READS = ("select.{name}",)


def main(context: Context) -> str:
    args = context.args
    params = context.model(f"select.{args.name}", SelectParams)
    rankings = read_rankings(args.ranking)
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
    write_features(args.out, meta, selected(args.source, rankings, params.k))
    write_table(args.columns, kept_columns(rankings, params.k))
    write_table(args.agreement, found := agreements(rankings, params.k))
    write_ledger(args.ledger, [*read_ledger(args.upstream), *(Entry(clip_id, f"select:{args.name}") for clip_id in present)])
    return f"select {args.name}: {params.k} of {source.dimension}; halves of the forest agree on {found['agreement'].mean():.0%}"


if __name__ == "__main__":
    run(main, READS, ("name",), ("source", "ranking", "upstream", "out", "ledger", "columns", "agreement"))
