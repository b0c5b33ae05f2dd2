"""select: keep the columns of a feature that the random forest found most useful, fold by fold."""

from pipeline.core.ledger import Entry, read_ledger, write_ledger
from pipeline.core.posteriors import write_table
from pipeline.core.store import FeatureFile
from pipeline.core.store_writer import write_selection
from pipeline.features.selection.ranking import read_rankings
from pipeline.features.selection.selection import SelectParams, agreements, kept_columns, selected_meta
from pipeline.protocols.leakage import part_keys
from pipeline.protocols.splits import read_splits
from pipeline.protocols.trainable_folds import not_learned
from pipeline.runner.stage import Context, stage


@stage(reads="select.{name}", names="name", paths="source ranking splits upstream out ledger columns agreement")
def main(context: Context) -> str:
    args = context.args
    params = context.model(f"select.{args.name}", SelectParams)
    rankings = read_rankings(args.ranking)
    with FeatureFile(args.source) as file:
        source, present = file.meta, set(file.clip_ids())
    meta = selected_meta(args.name, source, params.k)
    parts = part_keys(read_splits(args.splits), present)
    columns = {fold: ranking.best(params.k) for fold, ranking in rankings.items()}
    write_selection(args.out, meta, args.source, columns, parts)
    write_table(args.columns, kept_columns(rankings, params.k))
    write_table(args.agreement, found := agreements(rankings, params.k))
    entries = [Entry(clip_id, f"select:{args.name}") for clip_id in present]
    write_ledger(args.ledger, [*read_ledger(args.upstream), *(entries if rankings else not_learned(entries))])
    if not rankings:
        return f"select {args.name}: nothing to select, since no fold has clips with {source.feature} to learn from"
    return (
        f"select {args.name}: {params.k} of {source.dimension}; halves of the forest agree on "
        f"{found['agreement'].mean():.0%}"
    )
