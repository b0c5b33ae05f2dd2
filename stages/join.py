"""join: features side by side in one file that names them, two at a time."""

from pipeline.core.ledger import read_ledger, summary, write_ledger
from pipeline.features.join import JoinParams, join_entries, write_join
from pipeline.runner.stage import Context, stage


@stage(reads="join.{name}", names="name", paths="source more upstream upstream-more out ledger")
def main(context: Context) -> str:
    args = context.args
    params = context.model(f"join.{args.name}", JoinParams)
    meta = write_join(args.out, params, [args.source, args.more])
    entries = join_entries(
        f"join:{meta.feature}", ledgers := [read_ledger(args.upstream), read_ledger(args.upstream_more)]
    )
    gone = {entry.clip_id for entry in entries if entry.lost}
    before = [entry for ledger in ledgers for entry in ledger if entry.clip_id in gone or not entry.lost]
    write_ledger(args.ledger, [*before, *entries])
    return f"join:{meta.feature}: {summary(entries)}; {' + '.join(f'{n} {w[0]}' for n, w in meta.layers)} columns"
