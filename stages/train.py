"""train: train and test one classifier on one feature, fold by fold."""

from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.core import plugins
from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import parse
from pipeline.protocols.splits import read_splits
from pipeline.runner.stage import Context, run

READS = ("train.{classifier}",)


def main(context: Context) -> str:
    args = context.args
    key = f"train.{args.classifier}"
    plugin = plugins.load("classifiers", args.classifier, key)
    params = parse(plugin.Params, context.section(key), f"params.yaml: {key}")
    recipe = FeatureRecipe.of(plugin, params, args.source, args.weights, key)
    clips, folds, upstream = read_manifest(args.manifest), read_splits(args.splits), read_ledger(args.upstream)
    return cross_validate(
        f"{args.feature}-{args.classifier}", recipe, clips, folds, upstream, args.out, context.runtime.workers
    )


if __name__ == "__main__":
    run(main, READS, ("feature", "classifier"), ("source", "manifest", "splits", "upstream", "out"), ("weights",))
