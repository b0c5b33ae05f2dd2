"""end_to_end: fine-tune a network on the aligned faces together with its LSTM, all weights at once, fold by fold."""

from functools import partial
from pathlib import Path

from pipeline.classification.end_to_end.run import EndToEndRecipe, train_end_to_end
from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.classification.sharing import key_of, trained_once
from pipeline.core import plugins
from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.core.weights_file import FILE
from pipeline.protocols.splits import read_splits
from pipeline.runner.stage import Context, stage


@stage(reads="end_to_end.{network}", names="corpus network", paths="source manifest splits upstream weights out")
def main(context: Context) -> str:
    args = context.args
    params = context.model(f"end_to_end.{args.network}", EndToEndParams)
    folder = Path(context.runtime.clip_cache).parent
    scratch = folder / "end_to_end" / f"{args.corpus}-{args.network}"
    recipe = EndToEndRecipe.of(args.network, params, args.source, args.weights, scratch, context.runtime)
    clips, folds, upstream = read_manifest(args.manifest), read_splits(args.splits), read_ledger(args.upstream)
    inputs = [args.source, args.manifest, args.splits, args.upstream, args.weights / FILE]
    key = key_of(inputs, params.model_dump(), __spec__.name, plugins.module_name("clip_networks", args.network))
    train = partial(train_end_to_end, recipe, clips, folds, upstream, args.out)
    return trained_once(key, args.out, folder / "trained", train)
