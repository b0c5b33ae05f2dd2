"""From a corpus folder to a manifest: labels mapped, ids checked, files hashed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.core import plugins
from pipeline.core.clip import EMOTIONS, EXTRA_EMOTIONS, Clip, check_clip_id, check_unique
from pipeline.core.errors import CorpusError, SettingsError, did_you_mean
from pipeline.core.files import file_digest
from pipeline.core.ledger import Entry
from pipeline.core.parallel import ordered_map
from pipeline.core.settings import Settings, parse, section
from pipeline.protocols import ProtocolParams


class CorpusParams(Settings):
    """`corpora.<name>`."""

    adapter: str = Field(min_length=1, description="file in pipeline/corpora")
    root: str = Field(min_length=1, description="the corpus's folder, relative to the project or absolute")
    labels: Mapping[str, str] = Field({}, description="corpus label -> our emotion, beside the adapter's own")
    protocol: ProtocolParams


def check_corpora(params: Mapping[str, Any]) -> str:
    """Check the `corpora` section before anything runs: DVC's own word for a missing folder names no setting.

    Args:
        params: all of params.yaml

    Returns:
        one line for the user

    Raises:
        SettingsError: a mistake in a corpus's settings
        CorpusError: a folder that is neither there nor made by `generate`
    """
    corpora = section(params, "corpora")
    generated = {f"data/{name}" for name in params.get("generate") or {}}
    for name, block in corpora.items():
        corpus = parse(CorpusParams, block, f"params.yaml: corpora.{name}")
        plugins.load("corpora", corpus.adapter, f"corpora.{name}.adapter")
        if corpus.root.rstrip("/") not in generated and not Path(corpus.root).is_dir():
            raise CorpusError(f"params.yaml: corpora.{name}.root: no such folder '{corpus.root}'; mend it, or remove the corpus")
    return f"corpora: {', '.join(corpora)}"


def read_corpus(name: str, params: CorpusParams, workers: int) -> tuple[list[Clip], list[Entry]]:
    """Return the clips with digests, sorted by id, and their ledger entries.

    A file that is absent costs its clip: `failed`, `missing_file`, digest "".

    Raises:
        SettingsError: an unknown adapter or emotion in the settings
        CorpusError: no such folder, an unknown label, or a duplicate id
    """
    place = f"params.yaml: corpora.{name}"
    adapter = plugins.load("corpora", params.adapter, f"corpora.{name}.adapter")
    root = Path(params.root)
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder; set corpora.{name}.root in params.yaml")
    labels = {**adapter.LABELS, **_checked(params.labels, place)}
    clips = [_labelled(clip, labels, place) for clip in adapter.clips(root)]
    if not clips:
        raise CorpusError(f"{root}: the corpus has no clips; check corpora.{name}.root in params.yaml")
    for clip in clips:
        check_clip_id(clip.clip_id, str(root))
        if not (clip.path + clip.speaker).isprintable():
            raise CorpusError(f"{root}: clip '{clip.clip_id}' has a line break or control character in its path or speaker; remove it")
    check_unique(clips, str(root))
    clips.sort(key=lambda clip: clip.clip_id)
    files = sorted({clip.path for clip in clips})
    hashed = ordered_map(_Hasher(root), files, workers, "hashing", "file")
    digests = dict(zip(files, hashed, strict=True))
    clips = [dataclasses.replace(clip, digest=digests[clip.path]) for clip in clips]
    return clips, [_entry(clip) for clip in clips]


def _checked(labels: Mapping[str, str], place: str) -> Mapping[str, str]:
    known = EMOTIONS + EXTRA_EMOTIONS
    for label, emotion in labels.items():
        if emotion not in known:
            raise SettingsError(f"{place}.labels.{label}: unknown emotion '{emotion}'{did_you_mean(emotion, known)}")
    return labels


def _labelled(clip: Clip, labels: Mapping[str, str], place: str) -> Clip:
    if clip.emotion not in labels:
        raise CorpusError(
            f"{clip.path}: clip '{clip.clip_id}' has the unknown emotion '{clip.emotion}'"
            f"{did_you_mean(clip.emotion, labels)}; mend it, or map it in {place}.labels"
        )
    return dataclasses.replace(clip, emotion=labels[clip.emotion])


@dataclasses.dataclass(frozen=True)
class _Hasher:
    root: Path

    def __call__(self, path: str) -> str:
        file = self.root / path
        return file_digest(file) if file.is_file() else ""


def _entry(clip: Clip) -> Entry:
    if clip.digest:
        return Entry(clip.clip_id, "prepare")
    return Entry(clip.clip_id, "prepare", "failed", "missing_file", clip.path)
