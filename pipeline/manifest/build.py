"""From a corpus folder to a manifest: labels mapped, what is not used set aside, ids checked, files hashed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import NamedTuple

from pipeline.core.clip import EMOTIONS, EXTRA_EMOTIONS, Clip, check_clip_id, check_unique
from pipeline.core.errors import CorpusError, SettingsError, did_you_mean
from pipeline.core.files import file_digest
from pipeline.core.ledger import Entry
from pipeline.corpora import LEFT_OUT
from pipeline.engine.parallel import worker_count
from pipeline.manifest.settings import CorpusParams, load_adapter
from pipeline.runner.progress import progress


def read_corpus(name: str, params: CorpusParams, workers: int) -> tuple[list[Clip], list[Entry]]:
    """Return the clips that are used, with digests, sorted by id, and their ledger entries.

    A file that is absent or cannot be read costs its clip: `failed`, `missing_file` or `unreadable`, digest "".

    Raises:
        SettingsError: an unknown adapter or emotion in the settings
        CorpusError: no such folder, an unknown label, or a duplicate id
    """
    root = Path(params.root)
    everything = list(labelled_clips(name, params))
    clips = [clip for _, clip in everything if clip.emotion != LEFT_OUT]
    if not clips:
        raise CorpusError(
            f"{root}: the corpus has no clips"
            + (f" beside {len(everything)} that its labels leave out" if everything else "")
            + f"; check corpora.{name}.root in params.yaml"
        )
    for _, clip in everything:
        check_clip_id(clip.clip_id, str(root))
        inside = PurePosixPath(clip.path)
        if inside.is_absolute() or ".." in inside.parts:
            raise CorpusError(
                f"{root}: clip '{clip.clip_id}' has the path '{clip.path}', which leaves the corpus folder; "
                "mend its table"
            )
        if not (clip.path + clip.speaker).isprintable():
            raise CorpusError(
                f"{root}: clip '{clip.clip_id}' has a line break or control character in its path or speaker; remove it"
            )
    check_unique((clip for _, clip in everything), str(root))
    clips.sort(key=lambda clip: clip.clip_id)
    files = sorted({clip.path for clip in clips})
    with ThreadPoolExecutor(worker_count(workers)) as pool:  # hashing releases the GIL: threads are enough
        hashed = dict(
            zip(
                files,
                progress(pool.map(_hashed, map(root.joinpath, files)), len(files), "hashing", "file"),
                strict=True,
            )
        )
    clips = [dataclasses.replace(clip, digest=hashed[clip.path].digest) for clip in clips]
    return clips, [_entry(clip, hashed[clip.path].reason) for clip in clips]


def left_out(name: str, params: CorpusParams) -> dict[str, list[str]]:
    """Return the corpus's label -> ids of the clips that are not used because of it, both sorted.

    Raises:
        SettingsError, CorpusError: as `read_corpus`
    """
    found: dict[str, list[str]] = {}
    for label, clip in labelled_clips(name, params):
        if clip.emotion == LEFT_OUT:
            found.setdefault(label, []).append(clip.clip_id)
    return {label: sorted(found[label]) for label in sorted(found)}


def labelled_clips(name: str, params: CorpusParams) -> Iterator[tuple[str, Clip]]:
    """Yield (the corpus's own label, clip with our emotion or `LEFT_OUT`).

    Raises:
        SettingsError: an unknown adapter, labelling or emotion in the settings
        CorpusError: no such folder, or an unknown label
    """
    yield from _labelled(name, params, f"corpora.{name}")


def _labelled(name: str, params: CorpusParams, place: str) -> Iterator[tuple[str, Clip]]:
    root = Path(params.root)
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder; set {place}.root in params.yaml")
    for part, settings in params.parts.items():
        folder = root / settings.folder
        if not folder.is_dir():
            raise CorpusError(f"{folder}: no such folder; set {place}.parts.{part}.folder in params.yaml")
        for label, clip in _labelled(part, settings.as_corpus(folder), f"{place}.parts.{part}"):
            yield label, _of_part(clip, part, settings.folder)
    if not params.parts:
        yield from _mapped(load_adapter(name, params, place), params, f"params.yaml: {place}")


def _of_part(clip: Clip, part: str, folder: str) -> Clip:
    """Return a clip of a joined corpus: with names that no other part has, since `01` may speak in both."""
    return dataclasses.replace(
        clip,
        clip_id=f"{part}_{clip.clip_id}",
        path=str(PurePosixPath(folder, clip.path)),
        speaker=f"{part}_{clip.speaker}",
        source=f"{part}_{clip.source}" if clip.source else "",
        corpus=part,
    )


def _mapped(adapter: ModuleType, params: CorpusParams, place: str) -> Iterator[tuple[str, Clip]]:
    labels = {**adapter.LABELS, **_checked(params.labels, place)}
    for clip in adapter.clips(Path(params.root), **_labelling(adapter, params.labelled_by, place)):
        if clip.emotion not in labels:
            raise CorpusError(
                f"{clip.path}: clip '{clip.clip_id}' has the unknown emotion '{clip.emotion}'"
                f"{did_you_mean(clip.emotion, labels)}; mend it, or map it in {place}.labels"
            )
        yield clip.emotion, dataclasses.replace(clip, emotion=labels[clip.emotion])


def _labelling(adapter: ModuleType, labelled_by: str, place: str) -> dict[str, str]:
    known = getattr(adapter, "LABELLINGS", ())
    if labelled_by and labelled_by not in known:
        hint = did_you_mean(labelled_by, known) if known else "; this adapter has but one: remove the setting"
        raise SettingsError(f"{place}.labelled_by: unknown labelling '{labelled_by}'{hint}")
    return {"labelled_by": labelled_by} if labelled_by else {}


def _checked(labels: Mapping[str, str], place: str) -> Mapping[str, str]:
    known = (*EMOTIONS, *EXTRA_EMOTIONS, LEFT_OUT)
    for label, emotion in labels.items():
        if emotion not in known:
            raise SettingsError(f"{place}.labels.{label}: unknown emotion '{emotion}'{did_you_mean(emotion, known)}")
    return labels


class _Hashed(NamedTuple):
    digest: str
    reason: str = ""


def _hashed(file: Path) -> _Hashed:
    try:
        return _Hashed(file_digest(file)) if file.is_file() else _Hashed("", "missing_file")
    except OSError:  # no permission, a network folder that is gone, a bad sector
        return _Hashed("", "unreadable")


def _entry(clip: Clip, reason: str) -> Entry:
    return Entry(clip.clip_id, "prepare", "failed", reason, clip.path) if reason else Entry(clip.clip_id, "prepare")
