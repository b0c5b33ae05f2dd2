"""pretrain: train the network behind one feature on its source task."""

import pandas as pd

from pipeline.core import plugins
from pipeline.core.files import write_json
from pipeline.core.settings import parse
from pipeline.posteriors import write_table
from pipeline.pretraining import PretrainParams, origin
from pipeline.weights.files import save_weights
from stages._run import Context, run

READS = ("pretrain.{feature}",)


def main(context: Context) -> str:
    args = context.args
    key = f"pretrain.{args.feature}"
    params = context.model(key, PretrainParams)
    source = plugins.load("sources", params.source, f"{key}.source")
    settings = parse(source.Params, params.settings, f"params.yaml: {key}.settings")
    trained = source.train(args.root, settings)
    save_weights(args.out, trained.state, {**trained.config, "speakers": sorted(source.speakers(args.root))}, origin(key, args.root))
    write_json(args.out / "metrics.json", dict(trained.metrics))
    write_table(args.out / "history.csv", pd.DataFrame(trained.history))
    return f"pretrain {args.feature}: " + ", ".join(f"{k} {v:g}" for k, v in trained.metrics.items())


if __name__ == "__main__":
    run(main, READS, ("feature",), ("root", "out"))
