"""crop_faces: cut the tracked face out of every clip, at the size and in the way that one network asks for."""

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.engine.run import run
from pipeline.faces.cropping.job import CropJob
from pipeline.runner.stage import Context, stage


@stage(reads="crop_faces.{crop}", names="corpus crop", paths="source manifest upstream out ledger")
def main(context: Context) -> str:
    args = context.args
    job = CropJob.of(args.crop, context.section(f"crop_faces.{args.crop}"), context.root(), args.source)
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    return run(job, clips, upstream, job.meta(), args.out, args.ledger, context.runtime)
