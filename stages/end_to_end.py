"""end_to_end: train a network on the aligned faces and what judges it, all weights at once, fold by fold."""

from pathlib import Path

from pipeline.classification.end_to_end.network import EndToEndParams
from pipeline.classification.end_to_end.run import EndToEndRecipe, train_end_to_end
from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.protocols.splits import read_splits
from pipeline.runner.stage import Context, run

READS = ("end_to_end.{network}",)


def main(context: Context) -> str:
    args = context.args
    params = context.model(f"end_to_end.{args.network}", EndToEndParams)
    scratch = Path(context.runtime.clip_cache).parent / "end_to_end" / f"{args.corpus}-{args.network}"
    recipe = EndToEndRecipe.of(args.network, params, args.source, args.weights, scratch, context.runtime)
    clips, folds, upstream = read_manifest(args.manifest), read_splits(args.splits), read_ledger(args.upstream)
    return train_end_to_end(recipe, clips, folds, upstream, args.out)


if __name__ == "__main__":
    run(main, READS, ("corpus", "network"), ("source", "manifest", "splits", "upstream", "weights", "out"))
