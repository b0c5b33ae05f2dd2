"""fetch_weights: take published weights from the registry, checked by hash, for one feature."""

from pathlib import Path

from pipeline.runner.stage import Context, stage
from pipeline.weights.lock import read_lock
from pipeline.weights.published import FetchParams, publish


@stage(reads="fetch_weights.{feature}", names="feature", paths="lock out")
def main(context: Context) -> str:
    args = context.args
    key = f"fetch_weights.{args.feature}"
    params = context.model(key, FetchParams)
    lock = read_lock(args.lock)
    entries = [lock.entry(name) for name in params.weights]
    cache = Path(context.runtime.weights_cache).expanduser()
    return f"fetch_weights {args.feature}: {publish(entries, cache, args.out, f'params.yaml: {key}.weights')}"
