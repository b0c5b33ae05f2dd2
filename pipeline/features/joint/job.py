"""Joint features of sound and face by a fusion network learned in every fold, Zhang et al. 2017, section III.B.2.

Windows of both are paired by their time. A pair counts as observed where both of its windows are; a clip without any is
left to late fusion, which needs one modality only.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from pipeline.core import plugins
from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import ClipError
from pipeline.core.ledger import Entry, lost
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import save_weights
from pipeline.engine.clip_cache import cache_key
from pipeline.features.fold_run import labelled
from pipeline.features.joint.networks import Segments
from pipeline.protocols.leakage import check_learned
from pipeline.protocols.refit import level_of, noted, refit_of
from pipeline.protocols.splits import Fold
from pipeline.training.held_out_windows import kept_and_held_out, on_windows
from pipeline.training.per_fold import FEATURES, KEEP, REFIT_FEATURES, Keep, is_kept


class JointParams(Settings):
    """`fuse_features.<name>`."""

    network: str = Field(min_length=1, description="plugin in pipeline/features/joint/networks")
    settings: Mapping[str, Any] = Field({}, description="the plugin's own settings")
    keep: Keep = Field("first", description=KEEP)
    refit: bool = Field(
        False, description="as that of segments_*; needed where one of the two features was fine-tuned anew"
    )


def paired(audio: ClipFeatures, video: ClipFeatures) -> ClipFeatures:
    """Return windows that both have, values side by side, (S, Da + Dv); NaN where one of the two was not observed."""
    heard, seen = (np.round(part.times * 1000).astype(np.int64) for part in (audio, video))
    _, one, other = np.intersect1d(heard, seen, assume_unique=True, return_indices=True)
    mask = audio.mask[one] & video.mask[other]
    if not mask.any():
        of_sound, of_faces = audio.mask.sum(), video.mask.sum()
        raise ClipError("no_input", f"no window with both: {of_sound} of sound, {of_faces} of faces")
    values = np.concatenate([audio.values[one], video.values[other]], axis=1).astype(np.float32)
    values[~mask] = np.nan
    return ClipFeatures(values, audio.times[one], mask)


@dataclass(frozen=True)
class Sources:
    """Two feature files of segments, of sound and of faces, learned per fold or not."""

    audio: Path
    video: Path

    def read(self, name: str, fold: Fold, clip_ids: Sequence[str]) -> dict[str, ClipFeatures]:
        """Return clip id -> pairs of windows in one fold, for the clips that both files have and that have any."""
        with FeatureFile(self.audio) as audio, FeatureFile(self.video) as video:
            heard, seen = (_part(file, name, fold, clip_ids) for file in (audio, video))
        found = {}
        for clip_id in sorted(heard.keys() & seen.keys()):
            with suppress(ClipError):  # `pair_entries` says so in the ledger
                found[clip_id] = paired(heard[clip_id], seen[clip_id])
        return found


def _part(file: FeatureFile, name: str, fold: Fold, clip_ids: Sequence[str]) -> dict[str, ClipFeatures]:
    level = level_of(name, file.folds)
    found = {}
    for clip_id in sorted(set(file.clip_ids(level)) & set(clip_ids)):
        if level:
            then = noted(file.part(clip_id, level), name, level)
            check_learned(f"{file.path}: {level}/{clip_id}", then, fold.get(clip_id, ""))
        found[clip_id] = file.read(clip_id, level)
    return found


@dataclass(frozen=True)
class JointJob:
    """One fusion network, learned in every fold; see `pipeline.training.per_fold.FoldJob`.

    `meta` gets its dimension when the first fold is learned; `settings` of the plugin `network` are canonical JSON, and
    `digest` is of the contents of both sources.
    """

    meta: FeatureMeta
    network: str
    settings: str
    sources: Sources
    digest: str
    keep: Keep
    clips: Sequence[Clip]
    device: str
    refit: bool = False

    def key(self, name: str, fold: Fold) -> str:
        return cache_key(
            code=self.meta.version,
            network=self.network,
            settings=self.settings,
            data=self.digest,
            fold=labelled(fold, self.clips),
            run={"name": name, "device": self.device, "kept": is_kept(self.keep, name), "refit": self.refit},
        )

    def learn(self, name: str, fold: Fold, folder: Path) -> list[dict[str, Any]]:
        classes, plugin = class_names(self.clips), plugins.load("fusion_networks", self.network)
        found = self._read(name, fold)
        train, val = self._segments(found, fold, "train", classes), self._segments(found, fold, "val", classes)
        if on_windows(fold):
            kept, held_out = kept_and_held_out(len(train))
            train, val = _some(train, kept, "train"), _some(train, held_out, "val")
        params = plugin.Params.model_validate_json(self.settings)
        joint, history = plugin.fit(params, train, val, len(classes), self.device)
        self._write(folder / FEATURES, joint, found)
        if self.refit:
            again = refit_of(name, fold)
            found = self._read(*again)
            both, nothing = (self._segments(found, again[1], part, classes) for part in ("train", "val"))
            joint, _ = plugin.fit(plugin.chosen(params, history), both, nothing, len(classes), self.device)
            self._write(folder / REFIT_FEATURES, joint, found)
        if is_kept(self.keep, name):
            config = {"network": self.network, "settings": self.settings, "classes": classes}
            save_weights(folder, joint.state(), config, self.meta.origin)
        return [dict(row) for row in history]

    def _read(self, name: str, fold: Fold) -> dict[str, ClipFeatures]:
        return self.sources.read(name, fold, [clip.clip_id for clip in self.clips])

    def _write(self, path: Path, joint: Any, found: Mapping[str, ClipFeatures]) -> None:
        meta = replace(self.meta, dimension=joint.dimension)
        write_features(path, meta, ((clip_id, joined(joint, found[clip_id])) for clip_id in sorted(found)))

    def _segments(self, found: Mapping[str, ClipFeatures], fold: Fold, part: str, classes: Sequence[str]) -> Segments:
        width = next((clip.values.shape[1] for clip in found.values()), 0)
        rows, labels = [np.zeros((0, width), np.float32)], [np.zeros(0, np.int64)]
        for clip in self.clips:
            if fold.get(clip.clip_id) == part and clip.clip_id in found:
                pairs = found[clip.clip_id]
                rows.append(pairs.values[pairs.mask])
                labels.append(np.full(len(rows[-1]), classes.index(clip.emotion)))
        return Segments(np.concatenate(rows), np.concatenate(labels), part)


def _some(segments: Segments, rows: np.ndarray, part: str) -> Segments:
    return Segments(segments.inputs[rows], segments.labels[rows], part)


def joined(joint: Any, clip: ClipFeatures) -> ClipFeatures:
    """Return the joint feature of a clip's pairs, NaN where a pair was not observed."""
    values = np.full((len(clip.mask), joint.dimension), np.nan, np.float32)
    values[clip.mask] = joint(clip.values[clip.mask])
    return ClipFeatures(values, clip.times, clip.mask)


def pair_entries(name: str, sources: Sources, clips: Sequence[Clip], upstream: Mapping[str, Entry]) -> list[Entry]:
    """Return one ledger entry per clip: ok, degraded where sound and picture differ in length, or lost."""
    stage, entries = f"fuse_features:{name}", []
    with FeatureFile(sources.audio) as audio, FeatureFile(sources.video) as video:
        levels = [min(file.folds, default="") for file in (audio, video)]  # pairs are the same in all of them
        for clip in clips:
            if (cause := upstream.get(clip.clip_id)) is not None:
                entries.append(cause.after(stage))
                continue
            two = [file.read(clip.clip_id, level) for file, level in zip((audio, video), levels, strict=True)]
            entries.append(_entry(clip.clip_id, stage, *two))
    return entries


def _entry(clip_id: str, stage: str, audio: ClipFeatures, video: ClipFeatures) -> Entry:
    try:
        pairs = paired(audio, video)
    except ClipError as error:
        return lost(clip_id, stage, error.reason, error.detail)
    longer = max(len(audio.mask), len(video.mask))
    if longer - len(pairs.mask) > 1:
        detail = f"{len(audio.mask)} windows of sound, {len(video.mask)} of pictures; {len(pairs.mask)} are paired"
        return Entry(clip_id, stage, "degraded", "unequal_length", detail)
    return Entry(clip_id, stage)
