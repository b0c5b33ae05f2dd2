"""pretrain: train the network behind one feature on its source task."""

from pipeline.pretraining.run import pretrain
from pipeline.pretraining.settings import PretrainParams
from pipeline.runner.stage import Context, stage


@stage(reads="pretrain.{feature}", names="feature", paths="root out", optional="detector")
def main(context: Context) -> str:
    args = context.args
    params = context.model(f"pretrain.{args.feature}", PretrainParams)
    return pretrain(args.feature, params, args.root, args.out, context.runtime, args.detector)
