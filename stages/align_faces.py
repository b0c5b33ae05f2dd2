"""align_faces: take the most confident face of sixteen frames of every clip, its landmarks at fixed places."""

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.engine.run import run
from pipeline.faces.alignment.job import AlignJob
from pipeline.runner.stage import Context, stage


@stage(reads="align_faces", names="corpus", paths="manifest upstream out ledger", optional="weights")
def main(context: Context) -> str:
    args = context.args
    job = AlignJob.of(context.section("align_faces"), context.root(), args.weights)
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    return run(job, clips, upstream, job.meta(), args.out, args.ledger, context.runtime)
