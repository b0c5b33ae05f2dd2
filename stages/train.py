"""train: train and test one classifier on one feature, fold by fold."""

from pipeline.core import plugins
from pipeline.core.clip import read_manifest
from pipeline.core.files import write_json
from pipeline.core.ledger import read_ledger, write_ledger
from pipeline.core.settings import parse
from pipeline.core.store import FeatureFile
from pipeline.experiment import cross_validate, ledger_entries
from pipeline.protocols import read_splits
from stages._run import Context, run

READS = ("train.{classifier}",)


def main(context: Context) -> str:
    args = context.args
    key = f"train.{args.classifier}"
    plugin = plugins.load("classifiers", args.classifier, key)
    params = parse(plugin.Params, context.section(key), f"params.yaml: {key}").model_dump()
    model = f"{args.feature}-{args.classifier}"
    clips, folds, upstream = read_manifest(args.manifest), read_splits(args.splits), read_ledger(args.upstream)
    workers = context.runtime.workers
    frame = cross_validate(model, args.classifier, params, args.source, clips, folds, args.out, workers)
    with FeatureFile(args.source) as file:
        meta = file.meta
    about = {"feature": meta.feature, "dimension": meta.dimension, "weights": meta.weights, "origin": meta.origin}
    write_json(args.out / "about.json", {"model": model, **about, "params": params})
    write_ledger(args.out / "ledger.csv", [*upstream, *ledger_entries(model, frame, folds, upstream)])
    test = frame[frame["part"] == "test"]
    return f"train {model}: accuracy {(test['emotion'] == test['predicted']).mean():.3f} on {len(test)} test clips"


if __name__ == "__main__":
    run(main, READS, ("feature", "classifier"), ("source", "manifest", "splits", "upstream", "out"))
