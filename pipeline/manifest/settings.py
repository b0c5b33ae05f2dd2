"""`corpora` in params.yaml: which folder, read by which adapter, under which protocol; or several of them as one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pipeline.core import plugins
from pipeline.core.errors import CorpusError, SettingsError, did_you_mean
from pipeline.core.settings import Settings, parse, section
from pipeline.manifest.corpus_json import Source
from pipeline.protocols.settings import ProtocolParams

_PART = Annotated[str, Field(pattern=r"^[a-z0-9]+$")]
"""Without _, which joins the name of a part to those of its clips and speakers."""


class PartParams(Settings):
    """`corpora.<name>.parts.<part>`: one of several corpora that are read as one."""

    adapter: str = Field("", description="file in pipeline/corpora; the part's own name if not given")
    folder: str = Field(min_length=1, pattern=r"^[^/\\]", description="the part's folder below the root")
    labelled_by: str = Field("", description="as in a corpus")
    labels: Mapping[str, str] = Field({}, description="as in a corpus")
    join_speakers: bool = Field(False, description="as in a corpus")


class CorpusParams(Settings):
    """`corpora.<name>`."""

    adapter: str = Field("", description="file in pipeline/corpora; the corpus's own name if not given")
    root: str = Field(min_length=1, description="the corpus's folder, relative to the project or absolute")
    labelled_by: str = Field("", description="labels to use: one of the adapter's LABELLINGS (default: its first)")
    labels: Mapping[str, str] = Field({}, description="corpus label -> our emotion or left_out, besides the adapter's")
    join_speakers: bool = Field(
        False,
        description="speakers whose names differ in letter case, form of Unicode, unseen characters, marks between "
        "words, letters that look alike, or as 3, 03 and 3.0 or s1 and s01 do, are one; without it such a corpus is "
        "refused",
    )
    follow_links: bool = Field(False, description="read what links in it lead to outside of its folder")
    parts: Mapping[_PART, PartParams] = Field(
        {}, description="several corpora below the root, read as one: name -> which"
    )
    protocol: ProtocolParams | None = Field(None, description="who is tested when; the adapter's own if not given")

    @field_validator("parts")
    @classmethod
    def _says_it_once(cls, parts: Mapping[str, PartParams], info: ValidationInfo) -> Mapping[str, PartParams]:
        given = [name for name in ("adapter", "labelled_by", "labels", "join_speakers") if info.data.get(name)]
        if parts and given:
            raise PydanticCustomError("parts", f"with parts, {given[0]} is a setting of each of them; move it there")
        return parts


def load_adapter(name: str, params: CorpusParams | PartParams, place: str = "") -> ModuleType:
    """Return the adapter of a corpus, or of a part, whose key of params.yaml is `place`; SettingsError if none."""
    return plugins.load("corpora", params.adapter or name, f"{place or f'corpora.{name}'}.adapter")


def adapters(name: str, params: CorpusParams) -> dict[str, ModuleType]:
    """Return the name of a corpus -> its adapter, or part -> adapter where there are parts; SettingsError if none."""
    if not params.parts:
        return {name: load_adapter(name, params)}
    return {part: load_adapter(part, own, f"corpora.{name}.parts.{part}") for part, own in params.parts.items()}


def protocol_of(name: str, params: CorpusParams) -> ProtocolParams:
    """Return the protocol of params.yaml, or the one that the adapter was published with; SettingsError if neither."""
    if params.protocol is not None:
        return params.protocol
    missing = f"params.yaml: corpora.{name}.protocol: this setting is missing"
    if params.parts:
        first, *others = params.parts
        raise SettingsError(
            f"{missing}; set it, such as {{name: cross_corpus, train_on: [{first}], test_on: [{', '.join(others)}]}}"
        )
    adapter = load_adapter(name, params)
    if not hasattr(adapter, "PROTOCOL"):
        raise SettingsError(
            f"{missing}, and the adapter '{params.adapter or name}' brings none; set it, such as {{name: loso}}"
        )
    return parse(ProtocolParams, adapter.PROTOCOL, f"{adapter.__name__}.PROTOCOL")


def source_of(name: str, params: CorpusParams) -> Source:
    """Return where a corpus comes from; of one with parts, what each of them says; SettingsError if unknown."""
    found = adapters(name, params)
    if not params.parts:
        return Source(name, params.adapter or name, found[name].LICENCE, found[name].CITATION)
    names = ", ".join(own.adapter or part for part, own in params.parts.items())
    licences, citations = (
        "; ".join(f"{part}: {getattr(adapter, word)}" for part, adapter in found.items())
        for word in ("LICENCE", "CITATION")
    )
    return Source(name, names, licences, citations)


def check_corpora(params: Mapping[str, Any]) -> str:
    """Check `corpora` of params.yaml, and the sources of `degrade`, before anything runs: DVC's own error names no
    setting. Return one line for the user.

    SettingsError for a mistake in a corpus's settings, or a corpus to degrade that there is not; CorpusError for a
    folder that is neither there nor made by `generate` or `degrade`.
    """
    corpora = section(params, "corpora")
    degraded = params.get("degrade") or {}
    for name, blocks in (("corpora", corpora), ("degrade", degraded)):
        if not isinstance(blocks, Mapping):
            raise SettingsError(f"params.yaml: {name}: expected a block of settings (got {blocks!r})")
    for name, block in degraded.items():
        source = block.get("corpus") if isinstance(block, Mapping) else None
        if source not in corpora:
            remedy = f"mend it, or remove degrade.{name} (`degrade: {{}}` if nothing is left)"
            hint = did_you_mean(str(source), corpora)
            raise SettingsError(f"params.yaml: degrade.{name}.corpus: no corpus '{source}'{hint}; {remedy}")
    generated = {*(f"data/{name}" for name in params.get("generate") or {}), *(f"data/degraded/{n}" for n in degraded)}
    for name, block in corpora.items():
        corpus = parse(CorpusParams, block, f"params.yaml: corpora.{name}")
        adapters(name, corpus)
        protocol_of(name, corpus)
        if corpus.root.rstrip("/") not in generated and not Path(corpus.root).is_dir():
            raise CorpusError(
                f"params.yaml: corpora.{name}.root: no such folder '{corpus.root}'; mend it, or remove the corpus"
            )
    return f"corpora: {', '.join(corpora)}"
