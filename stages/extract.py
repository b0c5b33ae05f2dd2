"""extract: compute one feature of every clip, from its sound, from another feature or from its tracked face."""

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.engine.run import run as run_engine
from pipeline.features.extract_job import ExtractJob
from pipeline.protocols.splits import check_disjoint_source
from pipeline.runner.stage import Context, run

READS = ("{section}.{feature}",)


def main(context: Context) -> str:
    args = context.args
    key = f"{args.section}.{args.feature}"
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    job = ExtractJob.of(args.feature, context.section(key), key, args.source or context.root(), args.weights)
    check_disjoint_source(job.source_speakers(), (clip.speaker for clip in clips), args.feature)
    return run_engine(job, clips, upstream, job.meta(), args.out, args.ledger, context.runtime)


if __name__ == "__main__":
    run(main, READS, ("corpus", "section", "feature"), ("manifest", "upstream", "out", "ledger"), ("source", "weights"))
