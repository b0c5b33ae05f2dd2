"""The work of `pretrain`: train a network on its source task, and put everything about it into one folder.

    weights.pt, weights.pt.sha256   the network (`pipeline.core.weights_file`)
    metrics.json                    held-out figures
    ledger.csv                      what happened to each piece of the source corpus
    history.csv, plots/metrics      figures per epoch, as a table and as DVCLive's plots

Two runs give the same bytes, also where one of them was killed and started again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from pipeline.core import plugins
from pipeline.core.errors import CorpusError
from pipeline.core.files import write_json
from pipeline.core.ledger import Entry, check_failures, summary, write_ledger
from pipeline.core.links import REMEDY, links_out
from pipeline.core.posteriors import write_table
from pipeline.core.settings import Runtime, parse
from pipeline.core.weights_file import save_weights
from pipeline.pretraining.settings import PretrainParams, origin
from pipeline.training import checkpoints
from pipeline.training.learning import learned, said
from pipeline.training.task import Run, Trained, check_device

_LIVE = ["loss", "held_out_loss", "held_out_accuracy"]
_COLUMNS = ["epoch", *_LIVE, "steps", "kept", "prior_loss", "held_out_prior_loss", "held_out_prior_accuracy"]
_OFFLINE = {"DVC_STUDIO_OFFLINE": "true", "DVC_NO_ANALYTICS": "true", "DVCLIVE_LOGLEVEL": "ERROR"}
_NOT_OURS = ("DVC_EXP_BASELINE_REV", "DVC_EXP_NAME", "DVCLIVE_RESUME", "DVCLIVE_TEST")


def pretrain(
    feature: str, params: PretrainParams, root: Path, out: Path, runtime: Runtime, detector: Path | None = None
) -> str:
    """Train the network behind one feature of params.yaml, write the folder `out`, and return the figures and what
    became of the source corpus as one line.

    The checkpoint lies beside the clip cache. `detector` is the folder of the face detector's networks.

    Raises:
        SettingsError: no such plugin, a setting of its is wrong, or the device is not there
        CorpusError: the source corpus is wrong as a whole
        TooManyFailures: too many pieces of it cannot be used; the ledger names them
    """
    key = f"pretrain.{feature}"
    source = plugins.load("sources", params.source, f"{key}.source")
    settings = parse(source.Params, params.settings, f"params.yaml: {key}.settings")
    if not params.follow_links and (link := next(links_out(root), None)):
        raise CorpusError(f"{link}: {REMEDY}")
    check_device(runtime.device)
    checkpoint = Path(runtime.clip_cache).parent / "checkpoints" / f"pretrain-{feature}.pt"

    def record(entries: list[Entry]) -> None:
        write_ledger(out / "ledger.csv", entries)
        check_failures(entries, runtime.max_failed_fraction, out / "ledger.csv")

    half, stage, cache = runtime.mixed_precision, f"pretrain:{feature}", Path(runtime.clip_cache)
    with live_plots(out) as on_epoch:
        every_s = 60 * runtime.checkpoint_minutes
        run = Run(runtime.device, half, checkpoint, on_epoch, runtime.workers, stage, record, every_s, cache, detector)
        trained: Trained = source.train(root, settings, run)
    config = {**trained.config, "speakers": sorted(source.speakers(root, settings)), "device": runtime.device}
    config["precision"] = "bfloat16" if half else "float32"
    history = pd.DataFrame(trained.history, columns=_COLUMNS)
    config["learned"] = learned(feature, history)
    save_weights(out, trained.state, config, origin(key, root, len(history)))
    write_table(out / "history.csv", history)
    write_json(out / "metrics.json", dict(trained.metrics))  # over what DVCLive left there while the training went on
    (out / "plots" / "metrics").mkdir(parents=True, exist_ok=True)  # dvc.yaml promises it, also after 0 epochs
    checkpoints.delete(checkpoint)
    figures = [f"{name} {value:g}" for name, value in trained.metrics.items()]
    line = f"pretrain {feature}: " + ", ".join([*figures, *filter(None, map(said, config["learned"]))])
    return line + (f"; {summary(trained.ledger)}" if trained.ledger else "")


@contextmanager
def live_plots(out: Path) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """Give what writes one row of a history into `out`/plots/metrics/<name>.tsv, by DVCLive.

    DVCLive reports to DVC Studio where a token is set, and joins experiments of its own: neither here, where DVC runs
    the stage and the training data may be confidential. It reads its settings from the environment only. What it
    signals to an editor lies in one file for all of a project's runs, which two stages at a time delete under each
    other: so its root is a folder of its own.
    """
    before = {name: os.environ.get(name) for name in (*_OFFLINE, *_NOT_OURS, "DVC_ROOT")}
    with TemporaryDirectory() as signals:
        _set_environment({**dict.fromkeys(_NOT_OURS), **_OFFLINE, "DVC_ROOT": signals})
        try:
            from dvclive.live import Live

            with Live(str(out), report=None, save_dvc_exp=False, dvcyaml=None, monitor_system=False) as live:
                yield partial(_log, live)
        finally:
            _set_environment(before)


def _log(live: Any, row: Mapping[str, float]) -> None:
    live.step = int(row["epoch"])
    for name in _LIVE:
        live.log_metric(name, row[name], timestamp=False)
    live.next_step()


def _set_environment(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
