"""The work of the `segments` stages: features of segments by the original network, or by one that is tuned per fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.core.files import write_json
from pipeline.core.ledger import Entry, lost_by_id
from pipeline.core.settings import Runtime
from pipeline.core.store import FeatureFile
from pipeline.engine import run as engine
from pipeline.features.fold_run import FoldPaths, recorded
from pipeline.features.segments.finetune import TuneJob, Tuning, tuned_meta
from pipeline.features.segments.job import Model, SegmentJob, dimension
from pipeline.features.segments.window_store import build
from pipeline.protocols.splits import Fold
from pipeline.training.per_fold import check_keep, learn_folds
from pipeline.training.place import Place


@dataclass(frozen=True)
class Paths(FoldPaths):
    """Where things lie; `source` is the feature file that the windows are cut from."""

    source: Path


def original(
    feature: str, model: Model, clips: Sequence[Clip], upstream: Sequence[Entry], paths: Paths, runtime: Runtime
) -> str:
    """Write the feature of the original network, clip by clip through the clip cache; return one line."""
    place = Place.of(runtime)
    job = SegmentJob(feature, model, paths.source, place=place)
    meta = job.meta()
    _tell(feature, model, False, meta.origin, paths)
    return engine.run(job, clips, upstream, meta, paths.out, paths.ledger, place.alone(runtime))


def tuned(
    feature: str,
    model: Model,
    tuning: Tuning,
    clips: Sequence[Clip],
    upstream: Sequence[Entry],
    folds: Mapping[str, Fold],
    paths: Paths,
    runtime: Runtime,
) -> str:
    """Write the feature of the network fine-tuned in every fold; return one line."""
    place = Place.of(runtime)
    check_keep(tuning.keep, folds, feature)
    cut, stage = model.segments(), f"extract:{feature}"
    with FeatureFile(paths.source) as file:
        cut.check_source(file.meta)
    store, entries = build(paths.scratch / "windows.raw", paths.source, clips, cut, stage, lost_by_id(upstream))
    learned, found = recorded(stage, entries, upstream, folds, paths.ledger, runtime)
    meta = tuned_meta(feature, model, dimension(model), tuning)
    job = TuneJob(meta, model, tuning, store, clips, runtime, paths.scratch / "checkpoints")
    _tell(feature, model, True, meta.origin, paths)
    line = learn_folds(job, learned, meta, paths.out, paths.kept, paths.scratch, place.workers(runtime.workers))
    return f"{stage}: {found}; fine-tuned in {line}"


def _tell(feature: str, model: Model, tuned: bool, origin: str, paths: Paths) -> None:
    about = {"feature": feature, "network": model.name, "tuned": tuned, "origin": origin}
    write_json(paths.kept / "about.json", about)
