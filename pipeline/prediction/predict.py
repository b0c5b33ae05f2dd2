"""`python -m pipeline predict` from its arguments to files: one call of everything in this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.clip import Clip, read_manifest
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Runtime, parse, read_params, section
from pipeline.fusion.missing_modality import read_learned
from pipeline.prediction.choice import Choice, choose, corpus_of, system_of
from pipeline.prediction.clips import find
from pipeline.prediction.course import SpanParams
from pipeline.prediction.features import Features
from pipeline.prediction.judging import judge, usable_folds
from pipeline.prediction.ledgers import entries_of
from pipeline.prediction.results import Prediction
from pipeline.prediction.scratch import working_folder
from pipeline.prediction.steps import Step, Steps
from pipeline.prediction.submission import check_classes, check_names
from pipeline.pretraining.settings import is_generated
from pipeline.protocols.splits import read_splits
from pipeline.reporting.system.notices import notices
from pipeline.runner.progress import progress

_GENERATED = (
    "The models behind these predictions were trained on a corpus that this project generated: "
    "what they say of these clips says nothing about people."
)


@dataclass(frozen=True)
class Wanted:
    """What is asked for; "" takes the default."""

    path: Path  # a media file, or a folder
    spans: SpanParams
    corpus: str = ""  # whose models; by default the only one of params.yaml
    system: str = ""  # by default reference, else huang2017, or the only one
    model: str = ""  # model or fusion; by default the one that was best on validation clips
    fold: str = ""  # this fold's system alone; by default the mean over all
    submission: bool = False  # whether a submission to EmotiW is to be made of it
    follow_links: bool = False  # whether links in the folder that lead out of it are read


def predict(wanted: Wanted, params_file: Path, say: Callable[[str], None]) -> Prediction:
    """Judge new clips by a trained system: that of the project in whose folder params.yaml and dvc.lock lie; `say`
    takes a line about every stage.

    Raises:
        SettingsError: no such corpus, system, model or fold; a submission by models of other classes than EmotiW's
        CorpusError: no such file, or no media in the folder; two clips of a submission have one name
        ArtifactError: the system has not been trained, its weights were not kept, or params.yaml has changed since
    """
    params, project = read_params(params_file), params_file.parent
    corpus, system = corpus_of(params, wanted.corpus), system_of(params, wanted.system)
    runtime = _runtime(params, params_file, project)
    steps = Steps.read(params_file.with_name("dvc.lock"))
    choice, fuse = choose(params, steps, project, corpus, system, wanted.model), steps.fusion(corpus, system)
    clips = find(wanted.path, wanted.follow_links)
    if wanted.submission:
        check_classes(choice.classes)
        check_names(clips.clips)
    with working_folder(Path(runtime.clip_cache)) as scratch:
        features = Features(steps, params, project, clips, scratch, runtime, say)
        folds, left = usable_folds(choice, features, wanted.fold)
        learned = read_learned(project / fuse.out / "learned.json", choice.fusions, folds) if choice.fusions else {}
        features.extract([model.source for model in choice.models.values()], folds)
        found = features.found
        outcome = judge(choice, learned, features, found.clips, folds, wanted.spans, _bar)
    entries = {entry for each in features.entries.values() for entry in each}
    ledger = sorted({*found.entries, *entries, *entries_of(choice, found.clips, outcome, features.entries)})
    remarks = _remarks(project, fuse, found.clips, folds)
    told = _notices(choice, project / section(params, f"corpora.{corpus}.root"))
    window_s = wanted.spans.window_s
    return Prediction(corpus, system, choice, folds, left, found, outcome, ledger, remarks, window_s, told)


def _bar(folds: Sequence[str]) -> Any:
    return progress(list(folds), len(folds), "judging", "fold")


def _runtime(params: Mapping[str, Any], file: Path, project: Path) -> Runtime:
    runtime = parse(Runtime, params.get("runtime"), f"{file}: runtime")
    if runtime.backend != "local":
        raise SettingsError(f"{file}: runtime.backend: {runtime.backend}, but predict runs here alone; set it to local")
    cache = str(project / runtime.clip_cache)
    return runtime.model_copy(update={"clip_cache": cache, "device": "cpu", "mixed_precision": False})


def _remarks(project: Path, fuse: Step, clips: Sequence[Clip], folds: Sequence[str]) -> dict[str, str]:
    """Return clip id -> that the models know it, for a clip of the corpus that they were trained on; as far as its
    tables lie here.
    """
    manifest, splits = (project / fuse.args[name] for name in ("manifest", "splits"))
    if not (manifest.is_file() and splits.is_file()):
        return {}
    known, parts = {clip.digest: clip.clip_id for clip in read_manifest(manifest) if clip.digest}, read_splits(splits)
    remarks = {}
    for clip in clips:
        if (own := known.get(clip.digest)) is not None:
            met = sum(parts[fold].get(own) in ("train", "val") for fold in folds)
            role = f"a training or validation clip in {met} of {len(folds)} folds" if met else "a test clip"
            remarks[clip.clip_id] = f"of the corpus: {role}"
    return remarks


def _notices(choice: Choice, root: Path) -> list[str]:
    about = [model.about for model in choice.models.values()]
    below = "; the table of weights below says how each was made"
    networks = [notice.replace(below, "") for notice in notices(about, generated=False)]
    return [_GENERATED] * is_generated(root) + networks
