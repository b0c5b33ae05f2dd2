"""Every block of params.yaml with the typed model of its stage, and all mistakes of the file at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from pipeline.classification.end_to_end.network import EndToEndParams
from pipeline.core import plugins
from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.settings import Runtime, Settings, parse
from pipeline.degradation.effects import DegradeParams
from pipeline.evaluation.metrics import ReportParams
from pipeline.faces.alignment.align import AlignParams
from pipeline.faces.tracking.settings import TrackParams
from pipeline.features.aligned.job import ClipFeatureParams
from pipeline.features.joint.job import JointParams
from pipeline.features.segments.job import SegmentParams
from pipeline.features.selection.ranking import RankParams
from pipeline.features.selection.selection import SelectParams
from pipeline.fusion.missing_modality import RobustnessParams
from pipeline.manifest.settings import CorpusParams, adapters, protocol_of
from pipeline.pretraining.settings import PretrainParams
from pipeline.synthetic.settings import DemoSettings, SourceSettings
from pipeline.systems.params import SystemParams
from pipeline.weights.published import FetchParams


class _Kind(Settings):
    kind: str = Field(min_length=1, description="how to cut, a plugin in pipeline/faces/cropping/kinds")


@dataclass(frozen=True)
class Block:
    """Settings that one model describes.

    Attributes:
        place: dotted key, such as `pretrain.a60.settings`
        model: the typed model
        data: what params.yaml has there
    """

    place: str
    model: type[BaseModel]
    data: Any


Blocks = Iterator[Block]


def _plain(model: type[BaseModel]) -> Callable[[str, Any, str], Blocks]:
    def found(_: str, data: Any, place: str) -> Blocks:
        yield Block(place, model, data)

    return found


def _holding(model: type[BaseModel], kind: str, key: str) -> Callable[[str, Any, str], Blocks]:
    """Settings that name a plugin under `key`, and hold its own under `settings`."""

    def found(name: str, data: Any, place: str) -> Blocks:
        yield Block(place, model, data)
        plugin = (data or {}).get(key) if key else name
        if isinstance(plugin, str):
            own = plugins.load(kind, plugin, f"{place}.{key}" if key else place)
            yield Block(f"{place}.settings", own.Params, data.get("settings"))

    return found


def _being(kind: str, key: str = "") -> Callable[[str, Any, str], Blocks]:
    """Settings of the plugin that has their name, or that they name under `key`."""

    def found(name: str, data: Any, place: str) -> Blocks:
        own = dict(data or {})
        plugin = str(own.pop(key, "")) if key else name
        if key:
            yield Block(place, _Kind, {key: plugin})
        yield Block(place, plugins.load(kind, plugin, f"{place}.{key}" if key else place).Params, own)

    return found


def _detecting(model: type[BaseModel]) -> Callable[[str, Any, str], Blocks]:
    def found(_: str, data: Any, place: str) -> Blocks:
        block = dict(data or {})
        own = block.pop("detector_settings", {})
        yield Block(place, model, block)
        name = str(block.get("detector") or model.model_fields["detector"].default)
        plugin = plugins.load("detectors", name, f"{place}.detector")
        yield Block(f"{place}.detector_settings", plugin.Params, own)

    return found


def _generated(name: str, data: Any, place: str) -> Blocks:
    yield Block(place, SourceSettings if name == "sources" else DemoSettings, data)


NAMED: dict[str, Callable[[str, Any, str], Blocks]] = {
    "corpora": _plain(CorpusParams),
    "systems": _plain(SystemParams),
    "generate": _generated,
    "degrade": _plain(DegradeParams),
    "crop_faces": _being("crops", "kind"),
    "pretrain": _holding(PretrainParams, "sources", "source"),
    "fetch_weights": _plain(FetchParams),
    "extract": _being("extractors"),
    "extract_speech": _being("extractors"),
    "extract_face": _being("extractors"),
    "segments_audio": _holding(SegmentParams, "segment_networks", "network"),
    "segments_video": _holding(SegmentParams, "segment_networks", "network"),
    "clip_features": _holding(ClipFeatureParams, "clip_networks", "network"),
    "end_to_end": _holding(EndToEndParams, "clip_networks", ""),
    "fuse_features": _holding(JointParams, "fusion_networks", "network"),
    "rank": _plain(RankParams),
    "select": _plain(SelectParams),
    "train": _being("classifiers"),
    "fuse": _being("fusion"),
}
"""Sections that hold one block per name."""
WHOLE: dict[str, Callable[[str, Any, str], Blocks]] = {
    "track_faces": _detecting(TrackParams),
    "align_faces": _detecting(AlignParams),
    "report": _plain(ReportParams),
    "robustness": _plain(RobustnessParams),
    "runtime": _plain(Runtime),
}
"""Sections that are one block."""


def parts(params: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield (section, name, data) of everything that can be checked alone; the name is empty in a section of one block.

    Raises:
        SettingsError: a section that does not exist, or one that is no mapping
    """
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
    """Yield the blocks of one part, each with its model.

    Raises:
        SettingsError: it names a plugin that does not exist, or is no mapping
    """
    place = f"{section}.{name}" if name else section
    if not isinstance(data or {}, Mapping):
        raise SettingsError(f"{place}: expected a block of settings (got {data!r})")
    yield from (NAMED.get(section) or WHOLE[section])(name, data, place)


def problems(params: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with params.yaml: place of each block -> its mistakes, on one line; empty if all is well.

    Raises:
        SettingsError: as `parts`
    """
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


def check(params: Mapping[str, Any], file: str = "params.yaml") -> None:
    """Check every section as its stage does.

    Raises:
        SettingsError: all mistakes, each with its place
    """
    try:
        found = list(problems(params).values())
    except SettingsError as error:
        found = [str(error)]
    if found:
        raise SettingsError(f"{file}: {'; '.join(found)}")
