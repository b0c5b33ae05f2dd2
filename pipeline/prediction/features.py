"""The features of new clips: by the stages' jobs into a scratch folder, then as one fold's models take them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, ClipError
from pipeline.core.files import canonical_json
from pipeline.core.joined_view import side_by_side
from pipeline.core.ledger import Entry, lost_by_id, read_ledger
from pipeline.core.settings import Runtime
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta, opened
from pipeline.core.weights_file import FILE
from pipeline.engine import run as engine
from pipeline.features.join import join_entries
from pipeline.features.joint.job import joined, paired
from pipeline.features.selection.ranking import Ranking, read_rankings
from pipeline.features.selection.selection import SelectParams
from pipeline.prediction.clips import Found
from pipeline.prediction.jobs import PER_CLIP, Maker
from pipeline.prediction.steps import Step, Steps

SELECT, JOINT, SEGMENTS, JOIN = "select", "fuse_features", "segments", "join"


@dataclass
class Features:
    """Features of new clips."""

    steps: Steps
    params: Mapping[str, Any]  # all of params.yaml
    project: Path
    found: Found
    scratch: Path  # folder for feature files
    runtime: Runtime  # workers and clip cache
    say: Callable[[str], None]  # takes a line about every stage
    entries: dict[str, list[Entry]] = field(default_factory=dict, init=False)
    _ranked: dict[str, dict[str, Ranking]] = field(default_factory=dict, init=False)
    _networks: dict[str, tuple[str, Any]] = field(default_factory=dict, init=False)

    @cached_property
    def maker(self) -> Maker:
        """Makes the stages' jobs."""
        return Maker(self.params, self.project, self.found.root, self.path, Path(self.runtime.clip_cache))

    def path(self, out: str, fold: str = "") -> Path:
        """Return where a feature of the new clips lies that dvc.lock has at `out`."""
        return self.scratch / f"{fold}{'.' * bool(fold)}{Path(out).name}"

    def is_tuned(self, step: Step) -> bool:
        """Return whether a feature comes from a network that is fine-tuned in every fold."""
        if step.stage != SEGMENTS:
            return False
        return self.maker.section(f"{step.args['section']}.{step.feature}").get("tune") is not None

    def folds(self, out: str, folds: Sequence[str]) -> dict[str, str]:
        """Return fold -> why a feature cannot be had in it; "" where it can."""
        missing = dict.fromkeys(folds, "")
        for step in self.steps.needed([out]):
            for fold in folds:
                missing[fold] = missing[fold] or self._lacks(step, fold)
        return missing

    def _lacks(self, step: Step, fold: str) -> str:
        rerun = f"run `dvc repro {step.name}`"
        if step.stage == SELECT:
            return "" if fold in self._rankings(step) else f"{step.args['ranking']} has no {fold}; {rerun}"
        learned = step.stage == JOINT or self.is_tuned(step)
        if not learned or (self._kept(step, fold) / FILE).is_file():
            return ""
        key = f"{step.args.get('section', step.stage)}.{step.feature}.keep"
        return f"the weights of {step.feature} in {fold} were not kept; set {key}: all in params.yaml and {rerun}"

    def _kept(self, step: Step, fold: str) -> Path:
        return self.project / step.args["kept"] / fold

    def _rankings(self, step: Step) -> dict[str, Ranking]:
        name = step.args["ranking"]
        if name not in self._ranked:
            self._ranked[name] = read_rankings(self.project / name)
        return self._ranked[name]

    def extract(self, outs: Sequence[str], folds: Sequence[str]) -> None:
        """Compute what features at these paths of dvc.lock need, in every fold whose fine-tuned networks differ.

        Raises:
            ArtifactError: the corpus's features were made by other code, settings or weights
        """
        for step in self.steps.needed(outs):
            # each entry once
            before = dict.fromkeys(entry for source in step.sources for entry in self.entries[source])
            upstream = list(before) or list(self.found.entries)
            if self.is_tuned(step):
                source = self.path(step.args["source"])
                for fold in folds:
                    job = self.maker.segment_job(step, source, self._kept(step, fold))
                    self._run(step, job, upstream, fold)
            elif step.stage in PER_CLIP:
                self._run(step, self.maker.job(step), upstream)
            elif step.stage == JOIN:
                ledgers = [self.entries[source] for source in step.sources]
                self.entries[step.out] = [*upstream, *join_entries(f"join:{step.feature}", ledgers)]
            else:  # made of another feature when it is read
                lost = {key: e for source in step.sources for key, e in lost_by_id(self.entries[source]).items()}
                here = [entry.after(f"{step.stage}:{step.feature}") for entry in lost.values()]
                self.entries[step.out] = [*upstream, *here]

    def _run(self, step: Step, job: Any, upstream: Sequence[Entry], fold: str = "") -> None:
        meta, out = job.meta(), self.path(step.out, fold)
        if not fold:
            self._check(step, meta)
        ledger = out.with_suffix(".ledger.csv")
        # some bad clips never stop a prediction
        runtime = self.runtime.model_copy(update={"max_failed_fraction": 1.0})
        line = engine.run(job, self.found.clips, upstream, meta, out, ledger, runtime)
        self.say(f"{line}{f' ({fold})' * bool(fold)}")
        self.entries[step.out] = read_ledger(ledger)

    def _check(self, step: Step, meta: FeatureMeta) -> None:
        """Refuse features that differ from those that the models were trained on; where those lie here."""
        if not (known := self.project / step.out).is_file():
            return
        with FeatureFile(known) as file:
            now, then = vars(meta), vars(file.meta)
        different = [name for name in now if canonical_json(now[name]) != canonical_json(then[name])]
        if different:
            raise ArtifactError(
                f"{step.out}: the models were trained on a {step.feature} of other {', '.join(different)} "
                "than it has now; run `dvc repro`, or put params.yaml back"
            )

    def read(self, out: str, clip: Clip, fold: str, names: Sequence[str] = ()) -> ClipFeatures | None:
        """Return a feature of one clip with the further arrays `names`, as the models of a fold take it, by the fold's
        column selection, fine-tuned or fusion network; None where there is none.
        """
        step = self.steps.of(out)
        if step is not None and step.stage == SELECT:
            return self._selected(step, clip, fold)
        if step is not None and step.stage == JOINT:
            return self._joint(step, clip, fold)
        if step is not None and step.stage == JOIN:
            return self._side_by_side(step, clip, fold)
        tuned = step is not None and self.is_tuned(step)
        file = opened(self.path(out, fold if tuned else ""))
        return file.read(clip.clip_id, names=names) if file.holds(clip.clip_id) else None

    def meta(self, out: str) -> FeatureMeta | None:
        """Return the attributes of a feature; None where it differs from fold to fold."""
        return opened(self.path(out)).meta if self.path(out).is_file() else None

    def _selected(self, step: Step, clip: Clip, fold: str) -> ClipFeatures | None:
        found = self.read(step.args["source"], clip, fold)
        if found is None:
            return None
        columns = self._rankings(step)[fold].best(self.maker.parsed(f"select.{step.feature}", SelectParams).k)
        return dataclasses.replace(found, values=found.values[:, columns])

    def _side_by_side(self, step: Step, clip: Clip, fold: str) -> ClipFeatures | None:
        with FeatureFile(self.project / step.out) as file:
            names, widths = [name for name, _ in file.meta.layers], file.meta.widths
        folder = PurePosixPath(step.out).parent
        parts = [self.read(f"{folder / name}.h5", clip, fold) for name in names]
        return side_by_side(parts, widths) if any(part is not None for part in parts) else None

    def _joint(self, step: Step, clip: Clip, fold: str) -> ClipFeatures | None:
        audio, video = (self.read(step.args[name], clip, fold) for name in ("audio", "video"))
        if audio is None or video is None:
            return None
        try:
            pairs = paired(audio, video)
        except ClipError:  # no window with both
            return None
        if self._networks.get(step.out, ("",))[0] != fold:  # that of one fold at a time is held
            self._networks[step.out] = fold, self.maker.fusion_network(step, fold, pairs.values.shape[1])
        return joined(self._networks[step.out][1], pairs)
