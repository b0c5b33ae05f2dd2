"""clip_features: layers of a pre-trained network on the sixteen aligned faces of every clip, all in one pass."""

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.engine.run import run
from pipeline.features.aligned.job import ClipFeatureJob, ClipFeatureParams
from pipeline.protocols.splits import check_source
from pipeline.runner.stage import Context, stage
from pipeline.training.place import Place


@stage(reads="clip_features.{feature}", names="corpus feature", paths="source weights manifest upstream out ledger")
def main(context: Context) -> str:
    args = context.args
    params = context.model(f"clip_features.{args.feature}", ClipFeatureParams)
    place = Place.of(context.runtime)
    job = ClipFeatureJob.of(args.feature, params, args.weights, args.source, place)
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    check_source(job.model.loaded().config, clips, args.feature)
    return run(job, clips, upstream, job.meta(), args.out, args.ledger, place.alone(context.runtime))
