"""Every block of params.yaml with the typed model of its stage, and all mistakes of the file at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.core import plugins
from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.settings import Runtime, Settings, parse
from pipeline.degradation.effects import DegradeParams
from pipeline.evaluation.metrics import ReportParams
from pipeline.faces.alignment.align import AlignParams
from pipeline.faces.tracking.settings import TrackParams
from pipeline.features.aligned.job import ClipFeatureParams
from pipeline.features.join import JoinParams
from pipeline.features.joint.job import JointParams
from pipeline.features.segments.job import SegmentParams
from pipeline.features.selection.ranking import RankParams
from pipeline.features.selection.selection import SelectParams
from pipeline.features.table import TableParams
from pipeline.fusion.missing_modality import RobustnessParams
from pipeline.manifest.settings import CorpusParams, adapters, protocol_of
from pipeline.pretraining.settings import PretrainParams
from pipeline.synthetic.settings import DemoSettings, SourceSettings
from pipeline.systems.params import SystemParams
from pipeline.weights.published import FetchParams


class _Kind(Settings):
    kind: str = Field(min_length=1, description="how to cut, a plugin in pipeline/faces/cropping/kinds")


class Block(NamedTuple):
    """Settings under a dotted key such as `pretrain.a60.settings`: their typed model, and what stands there."""

    place: str
    model: type[BaseModel]
    data: Any


Blocks = Iterator[Block]
Maker = Callable[[str, Any, str], Blocks]
"""Of a block's name, what stands there and its dotted key."""


def _plain(model: type[BaseModel], _: str, data: Any, place: str) -> Blocks:
    yield Block(place, model, data)


def _generated(name: str, data: Any, place: str) -> Blocks:
    yield Block(place, SourceSettings if name == "sources" else DemoSettings, data)


def _holding(model: type[BaseModel], kind: str, key: str, name: str, data: Any, place: str) -> Blocks:
    """Settings that name a plugin under `key`, and hold its own under `settings`."""
    yield Block(place, model, data)
    plugin = (data or {}).get(key) if key else name
    if isinstance(plugin, str):
        own = plugins.load(kind, plugin, f"{place}.{key}" if key else place)
        yield Block(f"{place}.settings", own.Params, data.get("settings"))


def _being(kind: str, key: str, name: str, data: Any, place: str) -> Blocks:
    """Settings of the plugin that has their name, or that they name under `key`."""
    own = dict(data or {})
    plugin = str(own.pop(key, "")) if key else name
    if key:
        yield Block(place, _Kind, {key: plugin})
    yield Block(place, plugins.load(kind, plugin, f"{place}.{key}" if key else place).Params, own)


def _extracting(name: str, data: Any, place: str) -> Blocks:
    """Settings of the extractor that has their name, or that they name."""
    extractor, own = plugins.chosen(name, data)
    setting = place if own is data else f"{place}.{plugins.KEY}"
    yield Block(place, plugins.load("extractors", extractor, setting).Params, own)


def _detecting(model: type[BaseModel], _: str, data: Any, place: str) -> Blocks:
    block = dict(data or {})
    own = block.pop("detector_settings", {})
    yield Block(place, model, block)
    name = str(block.get("detector") or model.model_fields["detector"].default)
    plugin = plugins.load("detectors", name, f"{place}.detector")
    yield Block(f"{place}.detector_settings", plugin.Params, own)


NAMED: dict[str, Maker] = {
    "corpora": partial(_plain, CorpusParams),
    "systems": partial(_plain, SystemParams),
    "generate": _generated,
    "degrade": partial(_plain, DegradeParams),
    "crop_faces": partial(_being, "crops", "kind"),
    "pretrain": partial(_holding, PretrainParams, "sources", "source"),
    "fetch_weights": partial(_plain, FetchParams),
    "extract": _extracting,
    "extract_sound": _extracting,
    "extract_speech": _extracting,
    "extract_face": _extracting,
    "extract_crops": _extracting,
    "extract_table": partial(_plain, TableParams),
    "segments_audio": partial(_holding, SegmentParams, "segment_networks", "network"),
    "segments_video": partial(_holding, SegmentParams, "segment_networks", "network"),
    "clip_features": partial(_holding, ClipFeatureParams, "clip_networks", "network"),
    "end_to_end": partial(_holding, EndToEndParams, "clip_networks", ""),
    "fuse_features": partial(_holding, JointParams, "fusion_networks", "network"),
    "join": partial(_plain, JoinParams),
    "rank": partial(_plain, RankParams),
    "select": partial(_plain, SelectParams),
    "train": partial(_being, "classifiers", ""),
    "fuse": partial(_being, "fusion", ""),
}
"""Sections that hold one block per name."""
WHOLE: dict[str, Maker] = {
    "track_faces": partial(_detecting, TrackParams),
    "align_faces": partial(_detecting, AlignParams),
    "report": partial(_plain, ReportParams),
    "robustness": partial(_plain, RobustnessParams),
    "runtime": partial(_plain, Runtime),
}
"""Sections that are one block."""


def parts(params: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield (section, name, data) of all that can be checked alone; the name is empty in a section of one block."""
    for section, data in params.items():
        if section not in NAMED and section not in WHOLE:
            raise SettingsError(f"{section}: no such section{did_you_mean(str(section), [*NAMED, *WHOLE])}")
        if section in WHOLE:
            yield section, "", data
            continue
        if not isinstance(data or {}, Mapping):
            raise SettingsError(f"{section}: expected blocks by name (got {data!r})")
        yield from ((section, str(name), block) for name, block in (data or {}).items())


def blocks(section: str, name: str, data: Any) -> Blocks:
    """Yield the blocks of one part, each with its model."""
    place = f"{section}.{name}" if name else section
    if not isinstance(data or {}, Mapping):
        raise SettingsError(f"{place}: expected a block of settings (got {data!r})")
    yield from (NAMED.get(section) or WHOLE[section])(name, data, place)


def _problems(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the place of each block -> its mistakes, on one line; empty if all is well."""
    found: dict[str, str] = {}
    for section, name, data in parts(params):
        place = f"{section}.{name}" if name else section
        try:
            for block in blocks(section, name, data):
                place = block.place
                model = parse(block.model, block.data, block.place)
                if isinstance(model, CorpusParams):
                    adapters(name, model)
                    protocol_of(name, model)
        except SettingsError as error:
            found[place] = str(error).removeprefix("params.yaml: ")
    return found


def check(params: Mapping[str, Any], file: str = "params.yaml", before: Mapping[str, Any] | None = None) -> None:
    """Check every section as its stage does; names that did not stand there `before` are told to be new."""
    try:
        found = _problems(params)
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from None
    lines = []
    for place, words in found.items():
        section, name, *_ = [*place.split("."), ""]
        others = [other for part, other, _ in parts(before or params) if part == section]
        new = section in NAMED and name not in others
        lines.append(words + (f", and {section} has no '{name}' yet{did_you_mean(name, others)}" if new else ""))
    if lines:
        raise SettingsError(f"{file}: {'; '.join(lines)}")
