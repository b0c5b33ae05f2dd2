"""segments: the feature of a pre-trained network on each window of every clip, as it is or fine-tuned per fold."""

from pathlib import Path

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.features.segments.finetune import Tuning
from pipeline.features.segments.job import Model, SegmentParams
from pipeline.features.segments.run import Paths, original, tuned
from pipeline.protocols.splits import check_source, read_splits
from pipeline.runner.stage import Context, stage


@stage(
    reads="{section}.{feature}",
    names="corpus section feature",
    paths="manifest splits upstream source weights out kept ledger",
)
def main(context: Context) -> str:
    args = context.args
    place = f"{args.section}.{args.feature}"
    params = context.model(place, SegmentParams)
    model = Model.of(params.network, params.settings, args.weights, place)
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    check_source(model.loaded().config, clips, args.feature)
    scratch = Path(context.runtime.clip_cache).parent / "folds" / f"{args.corpus}-{args.feature}"
    paths = Paths(args.out, args.kept, args.ledger, scratch, args.source)
    if params.tune is None:
        return original(args.feature, model, clips, upstream, paths, context.runtime)
    tuning = Tuning(params.tune, params.keep, params.refit)
    return tuned(args.feature, model, tuning, clips, upstream, read_splits(args.splits), paths, context.runtime)
