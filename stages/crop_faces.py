"""crop_faces: cut the tracked face out of every clip, at the size and in the way that one network asks for."""

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.engine.run import run as run_engine
from pipeline.faces.cropping.job import CropJob
from pipeline.runner.stage import Context, run

READS = ("crop_faces.{crop}",)


def main(context: Context) -> str:
    args = context.args
    job = CropJob.of(args.crop, context.section(f"crop_faces.{args.crop}"), context.root(), args.source)
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    return run_engine(job, clips, upstream, job.meta(), args.out, args.ledger, context.runtime)


if __name__ == "__main__":
    run(main, READS, ("corpus", "crop"), ("source", "manifest", "upstream", "out", "ledger"))
