"""train: train and test one classifier on one feature, fold by fold."""

from functools import partial
from pathlib import Path

from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.classification.sharing import key_of, trained_once
from pipeline.core import plugins
from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import parse
from pipeline.core.weights_file import FILE, PUBLISHED
from pipeline.protocols.splits import read_splits
from pipeline.runner.stage import Context, stage
from pipeline.systems.ids import ModelId
from pipeline.training.place import Place


@stage(
    reads="train.{classifier}",
    names="feature classifier",
    paths="source manifest splits upstream out",
    optional="weights",
)
def main(context: Context) -> str:
    args, workers = context.args, context.runtime.workers
    name = f"train.{args.classifier}"
    plugin = plugins.load("classifiers", args.classifier, name)
    params = parse(plugin.Params, context.section(name), f"params.yaml: {name}")
    recipe = FeatureRecipe.of(plugin, params, args.source, args.weights, name, Place.of(context.runtime))
    clips, folds, upstream = read_manifest(args.manifest), read_splits(args.splits), read_ledger(args.upstream)
    model, notes = ModelId(args.feature, args.classifier), Path(context.runtime.clip_cache).parent / "trained"
    inputs = [args.source, args.manifest, args.splits, args.upstream]
    if args.weights:  # the list of an encoder's files has their digests
        inputs.append(args.weights / (FILE if (args.weights / FILE).is_file() else PUBLISHED))
    key = key_of(inputs, params.model_dump(), __spec__.name, plugin.__name__)
    train = partial(cross_validate, model, recipe, clips, folds, upstream, args.out, workers)
    return trained_once(key, args.out, notes, train)
