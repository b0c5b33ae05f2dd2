"""The work of `fuse_features`: a joint feature of sound and face, learned per fold, its ledger and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.files import canonical_json, file_digest, write_json
from pipeline.core.ledger import Entry, absent_ids, check_failures, lost_by_id, summary, write_ledger
from pipeline.core.settings import Runtime, parse
from pipeline.core.store import FeatureFile, FeatureMeta
from pipeline.engine.code_digest import code_digest
from pipeline.engine.parallel import workers_for
from pipeline.features.joint.job import JointJob, JointParams, Sources, pair_entries
from pipeline.protocols.splits import Fold
from pipeline.protocols.trainable_folds import not_learned, trainable_folds
from pipeline.training.per_fold import check_keep, learn_folds


@dataclass(frozen=True)
class JointPaths:
    """Where things are written.

    Attributes:
        out: feature file
        kept: folder for the history and the weights that are kept
        ledger: ledger
        scratch: folder for an unfinished run
    """

    out: Path
    kept: Path
    ledger: Path
    scratch: Path


def fuse_features(
    name: str,
    params: JointParams,
    sources: Sources,
    clips: Sequence[Clip],
    upstream: Sequence[Entry],
    folds: Mapping[str, Fold],
    paths: JointPaths,
    runtime: Runtime,
) -> str:
    """Learn and write one joint feature; return one line.

    Raises:
        SettingsError: a wrong setting, or two features of different windows
        LeakageError: a source was learned by other splits
        TooManyFailures: after the ledger is written
    """
    place = f"fuse_features.{name}"
    plugin = plugins.load("fusion_networks", params.network, f"{place}.network")
    settings = parse(plugin.Params, params.settings, f"params.yaml: {place}.settings")
    check_keep(params.keep, folds, place)
    meta = _meta(name, params.network, settings.model_dump(mode="json"), sources)
    entries = pair_entries(name, sources, clips, lost_by_id(upstream))
    present = {entry.clip_id for entry in entries if not entry.lost}
    learned = trainable_folds(folds, present, absent_ids(entries), f"fuse_features:{name}")
    entries = entries if learned else not_learned(entries)
    write_ledger(paths.ledger, [*dict.fromkeys(upstream), *entries])
    check_failures(entries, runtime.max_failed_fraction, paths.ledger)
    digest = file_digest(sources.audio) + file_digest(sources.video)
    text = canonical_json(settings.model_dump(mode="json"))
    job = JointJob(meta, params.network, text, sources, digest, params.keep, clips, runtime.device)
    workers = 1 if runtime.device == "cuda" else workers_for(runtime.workers, sources.audio, sources.video)
    write_json(paths.kept / "about.json", {"feature": name, "network": params.network, "origin": meta.origin})
    line = learn_folds(job, learned, meta, paths.out, paths.kept, paths.scratch, workers)
    return f"fuse_features:{name}: {summary(entries)}; {line}"


def _meta(name: str, network: str, settings: Mapping[str, object], sources: Sources) -> FeatureMeta:
    with FeatureFile(sources.audio) as one, FeatureFile(sources.video) as other:
        audio, video = one.meta, other.meta
    if audio.params.get("windows") != video.params.get("windows"):
        raise SettingsError(
            f"params.yaml: {audio.feature} and {video.feature} have different windows ({audio.params.get('windows')}, "
            f"{video.params.get('windows')}), so that none can be paired; make the two equal"
        )
    return FeatureMeta(
        feature=name,
        dimension=0,
        dtype="float32",
        rate_hz=audio.rate_hz,
        layer=f"{network} of {audio.feature} ({audio.dimension}) and {video.feature} ({video.dimension})",
        version=code_digest(plugins.module_name("fusion_networks", network), "pipeline.features.joint.job"),
        params={
            "settings": dict(settings),
            audio.feature: canonical_json(audio.params),
            video.feature: canonical_json(video.params),
        },
        weights=f"{audio.weights} {video.weights}",  # it rests on two networks
        origin=f"{audio.feature}: {audio.origin}; {video.feature}: {video.origin}",
    )
