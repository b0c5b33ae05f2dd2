"""pretrain: train the network behind one feature on its source task."""

from pipeline.core.stage import Context, run
from pipeline.jobs.pretrain import pretrain
from pipeline.pretraining import PretrainParams

READS = ("pretrain.{feature}",)


def main(context: Context) -> str:
    args = context.args
    return pretrain(
        args.feature, context.model(f"pretrain.{args.feature}", PretrainParams), args.root, args.out, context.runtime
    )


if __name__ == "__main__":
    run(main, READS, ("feature",), ("root", "out"))
