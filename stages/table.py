"""table: a feature that another tool wrote into a CSV file, one row per clip."""

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.engine.run import run
from pipeline.features.table import TableJob, TableParams
from pipeline.runner.stage import Context, stage


@stage(reads="extract_table.{feature}", names="corpus feature", paths="table manifest upstream out ledger")
def main(context: Context) -> str:
    args = context.args
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    job = TableJob(args.feature, context.model(f"extract_table.{args.feature}", TableParams), args.table)
    job.check(clips)
    return run(job, clips, upstream, job.meta(), args.out, args.ledger, context.runtime)
