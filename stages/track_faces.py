"""track_faces: follow the subject's face through every clip."""

from pathlib import Path

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.engine.run import run
from pipeline.faces.tracking.job import TrackJob
from pipeline.runner.stage import Context, stage


@stage(
    reads="track_faces crop_faces", names="corpus", paths="manifest upstream out ledger", optional="weights landmarks"
)
def main(context: Context) -> str:
    args, cache = context.args, Path(context.runtime.clip_cache)
    job = TrackJob.of(context.section, context.root(), args.out, (args.weights, args.landmarks), cache)
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    return run(job, clips, upstream, job.meta(), args.out, args.ledger, context.runtime)
