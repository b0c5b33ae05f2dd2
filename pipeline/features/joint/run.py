"""The work of `fuse_features`: a joint feature of sound and face, learned per fold, its ledger and its history."""

from collections.abc import Mapping, Sequence

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.files import canonical_json, file_digest, write_json
from pipeline.core.ledger import Entry, lost_by_id
from pipeline.core.settings import Runtime, parse
from pipeline.core.store import FeatureFile, FeatureMeta
from pipeline.engine.code_digest import code_digest
from pipeline.engine.parallel import workers_for
from pipeline.features.fold_run import FoldPaths, recorded
from pipeline.features.joint.job import JointJob, JointParams, Sources, pair_entries
from pipeline.protocols.refit import is_refit
from pipeline.protocols.splits import Fold
from pipeline.training.per_fold import check_keep, learn_folds


def fuse_features(
    name: str,
    params: JointParams,
    sources: Sources,
    clips: Sequence[Clip],
    upstream: Sequence[Entry],
    folds: Mapping[str, Fold],
    paths: FoldPaths,
    runtime: Runtime,
) -> str:
    """Learn and write one joint feature; return one line. SettingsError for two features of different windows."""
    place = f"fuse_features.{name}"
    plugin = plugins.load("fusion_networks", params.network, f"{place}.network")
    settings = parse(plugin.Params, params.settings, f"params.yaml: {place}.settings").model_dump(mode="json")
    check_keep(params.keep, folds, place)
    meta = _meta(name, params.network, settings, sources)
    for source in (sources.audio, sources.video):
        with FeatureFile(source) as file:
            if is_refit(file.folds) and not params.refit:
                was = f"{file.meta.feature} was fine-tuned anew with validation clips (refit)"
                raise SettingsError(f"params.yaml: {place}: {was}; set refit: true for it, too")
    entries = pair_entries(name, sources, clips, lost_by_id(upstream))
    learned, found = recorded(f"fuse_features:{name}", entries, upstream, folds, paths.ledger, runtime)
    digest, given = file_digest(sources.audio) + file_digest(sources.video), canonical_json(settings)
    more = params.keep, clips, runtime.device, params.refit
    job = JointJob(meta, params.network, given, sources, digest, *more)
    workers = 1 if runtime.device == "cuda" else workers_for(runtime.workers, sources.audio, sources.video)
    write_json(paths.kept / "about.json", {"feature": name, "network": params.network, "origin": meta.origin})
    line = learn_folds(job, learned, meta, paths.out, paths.kept, paths.scratch, workers)
    return f"fuse_features:{name}: {found}; {line}"


def _meta(name: str, network: str, settings: Mapping[str, object], sources: Sources) -> FeatureMeta:
    with FeatureFile(sources.audio) as heard, FeatureFile(sources.video) as seen:
        audio, video = heard.meta, seen.meta
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
        params={"settings": dict(settings), **{one.feature: canonical_json(one.params) for one in (audio, video)}},
        weights=f"{audio.weights} {video.weights}",  # it rests on two networks
        learned=(*audio.learned, *video.learned),
        origin=f"{audio.feature}: {audio.origin}; {video.feature}: {video.origin}",
    )
