"""align_faces: take the most confident face of sixteen frames of every clip, its landmarks at fixed places."""

from pipeline.core import plugins
from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import parse
from pipeline.engine.run import run as run_engine
from pipeline.faces.alignment.align import AlignParams
from pipeline.faces.alignment.job import AlignJob
from pipeline.runner.stage import Context, run

READS = ("align_faces",)


def main(context: Context) -> str:
    args = context.args
    block = dict(context.section("align_faces"))
    own = block.pop("detector_settings", {})
    params = parse(AlignParams, block, "params.yaml: align_faces")
    detector = plugins.load("detectors", params.detector, "align_faces.detector")
    settings = parse(detector.Params, own, "params.yaml: align_faces.detector_settings")
    job = AlignJob(context.root(), params, settings.model_dump(), args.weights)
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    return run_engine(job, clips, upstream, job.meta(), args.out, args.ledger, context.runtime)


if __name__ == "__main__":
    run(main, READS, ("corpus",), ("manifest", "upstream", "out", "ledger"), optional=("weights",))
