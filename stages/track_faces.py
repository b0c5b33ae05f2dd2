"""track_faces: follow the subject's face through every clip."""

from pathlib import Path
from typing import Any

from pipeline.core import plugins
from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import parse
from pipeline.engine.run import run as run_engine
from pipeline.faces.cropping.job import CropJob, crop_params
from pipeline.faces.tracking.job import TrackJob
from pipeline.faces.tracking.settings import TrackParams
from pipeline.runner.stage import Context, run

READS = ("track_faces", "crop_faces")


def main(context: Context) -> str:
    args = context.args
    block = dict(context.section("track_faces"))
    own = block.pop("detector_settings", {})
    params = parse(TrackParams, block, "params.yaml: track_faces")
    detector = plugins.load("detectors", params.detector, "track_faces.detector")
    settings = parse(detector.Params, own, "params.yaml: track_faces.detector_settings")
    crops = tuple(_crop_job(context, name, block) for name, block in context.section("crop_faces").items())
    cache = Path(context.runtime.clip_cache)
    found = (params.model_dump(), settings.model_dump(), args.weights, args.landmarks)
    job = TrackJob(context.root(), *found, crops, cache)
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    return run_engine(job, clips, upstream, job.meta(), args.out, args.ledger, context.runtime)


def _crop_job(context: Context, name: str, block: Any) -> CropJob:
    """Return the job that `crop_faces` has for a block of its settings."""
    return CropJob(name, context.root(), context.args.out, *crop_params(block, f"crop_faces.{name}"))


if __name__ == "__main__":
    run(main, READS, ("corpus",), ("manifest", "upstream", "out", "ledger"), optional=("weights", "landmarks"))
