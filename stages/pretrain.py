"""pretrain: train the network behind one feature on its source task."""

from pipeline.pretraining.run import pretrain
from pipeline.pretraining.settings import PretrainParams
from pipeline.runner.stage import Context, run

READS = ("pretrain.{feature}",)


def main(context: Context) -> str:
    args = context.args
    return pretrain(
        args.feature, context.model(f"pretrain.{args.feature}", PretrainParams), args.root, args.out, context.runtime
    )


if __name__ == "__main__":
    run(main, READS, ("feature",), ("root", "out"))
