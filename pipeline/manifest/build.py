"""From a corpus folder to a manifest: labels mapped, what is not used set aside, ids checked, files hashed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath
from types import ModuleType

from pipeline.core.clip import EMOTIONS, EXTRA_EMOTIONS, Clip, check_clip_id, check_unique
from pipeline.core.errors import CorpusError, SettingsError, did_you_mean
from pipeline.core.file_names import written
from pipeline.core.ledger import Entry
from pipeline.core.links import reading
from pipeline.core.spelling import shown
from pipeline.core.tables import refuse
from pipeline.corpora import LEFT_OUT
from pipeline.engine.parallel import worker_count
from pipeline.manifest.files import CorpusFiles
from pipeline.manifest.people import Labelled, check_names, joined
from pipeline.manifest.settings import CorpusParams, PartParams, load_adapter
from pipeline.runner.progress import progress

_LineOf = Callable[[Clip], str]
"""Of a clip: the file and line that it stands in, for a message."""


def read_corpus(name: str, params: CorpusParams, workers: int) -> tuple[list[Clip], list[Entry]]:
    """Return the clips that are used, with digests, sorted by id, and their ledger entries.

    A file costs its clip alone where it is absent, cannot be read or holds no media, or has a path or is a link that
    leads out of the folder: `failed`, `missing_file`, `unreadable`, `not_media`, `bad_path` or `outside_link`, digest
    "", and of the last two no path.

    Raises:
        SettingsError: an unknown adapter or emotion in the settings
        CorpusError: no such folder, unknown labels, a duplicate id, or a speaker in two spellings
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
    check_unique((clip for _, clip in everything), str(root))
    files = sorted({clip.path for clip in clips})
    with ThreadPoolExecutor(worker_count(workers)) as pool:  # hashing releases the GIL: threads are enough
        corpus = CorpusFiles(root, params.follow_links, [part.folder for part in params.parts.values()])
        found = progress(pool.map(corpus.hashed, files), len(files), "hashing", "file")
        hashed = corpus.with_content(dict(zip(files, found, strict=True)))
    clips = sorted(clips, key=lambda clip: clip.clip_id)
    lost = {path: ("failed", *why) if why[0] else () for path, (_, *why) in hashed.items()}
    entries = [Entry(clip.clip_id, "prepare", *lost[clip.path]) for clip in clips]
    return [_with_digest(clip, *hashed[clip.path][:2]) for clip in clips], entries


def _with_digest(clip: Clip, digest: str, reason: str) -> Clip:
    """Return a clip with its digest; nothing that reads the manifest later may follow a path out of the folder."""
    return replace(clip, digest=digest, path="" if reason in ("bad_path", "outside_link") else clip.path)


def left_out(name: str, params: CorpusParams) -> dict[str, list[str]]:
    """Return the corpus's label -> ids of the clips that are not used because of it, both sorted."""
    unused = sorted((label, clip.clip_id) for label, clip in labelled_clips(name, params) if clip.emotion == LEFT_OUT)
    return {label: [clip_id for _, clip_id in pairs] for label, pairs in groupby(unused, key=itemgetter(0))}


def labelled_clips(name: str, params: CorpusParams) -> Iterator[tuple[str, Clip]]:
    """Yield (the corpus's own label, clip with our emotion or `LEFT_OUT`).

    Raises:
        SettingsError: an unknown adapter, labelling or emotion in the settings
        CorpusError: no such folder, or an unknown label
    """
    root, place = Path(params.root), f"corpora.{name}"
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder; set {place}.root in params.yaml")
    for part, settings in params.parts.items():
        folder = root / settings.folder
        if not folder.is_dir():
            raise CorpusError(f"{folder}: no such folder; set {place}.parts.{part}.folder in params.yaml")
        with reading(folder, params.follow_links):
            mapped = list(_mapped(part, settings, folder, f"{place}.parts.{part}"))
        yield from ((label, _of_part(clip, part, settings.folder)) for label, clip in mapped)
    if not params.parts:
        with reading(root, params.follow_links):
            mapped = list(_mapped(name, params, root, place))
        yield from mapped


def _of_part(clip: Clip, part: str, folder: str) -> Clip:
    """Return a clip of a joined corpus: with names that no other part has, since `01` may speak in both."""
    return replace(
        clip,
        clip_id=f"{part}_{clip.clip_id}",
        path=str(PurePosixPath(folder, clip.path)),
        speaker=f"{part}_{clip.speaker}",
        source=f"{part}_{clip.source}" if clip.source else "",
        corpus=part,
    )


def _mapped(name: str, params: CorpusParams | PartParams, root: Path, place: str) -> Iterator[tuple[str, Clip]]:
    adapter, place = load_adapter(name, params, place), f"params.yaml: {place}"
    labels, chosen = _labels(adapter, params, place), {"labelled_by": params.labelled_by} if params.labelled_by else {}
    found = [(clip.emotion, _written(clip, root)) for clip in adapter.clips(root, **chosen)]
    lines: dict[str, str] = {}

    def line_of(clip: Clip) -> str:
        if not lines and hasattr(adapter, "lines"):
            lines.update(adapter.lines(root))
        return lines.get(clip.clip_id, f"{root / clip.path}: clip '{clip.clip_id}'")

    if params.join_speakers or getattr(adapter, "JOIN_SPEAKERS", False):
        found = joined(found)
    _check_labels(found, labels, place, line_of)
    check_names(found, place, line_of)
    for label, clip in found:
        yield label, replace(clip, emotion=labels[label])


def _labels(adapter: ModuleType, params: CorpusParams | PartParams, place: str) -> dict[str, str]:
    """Return label -> our emotion or `LEFT_OUT`; SettingsError where a setting names what there is not."""
    emotions = (*EMOTIONS, *EXTRA_EMOTIONS, LEFT_OUT)
    for label, emotion in params.labels.items():
        if emotion not in emotions:
            hint = did_you_mean(emotion, emotions)
            raise SettingsError(f"{place}.labels.{label}: unknown emotion '{emotion}'{hint}")
    known = getattr(adapter, "LABELLINGS", ())
    if params.labelled_by and params.labelled_by not in known:
        hint = did_you_mean(params.labelled_by, known) if known else "; this adapter has but one: remove the setting"
        raise SettingsError(f"{place}.labelled_by: unknown labelling '{params.labelled_by}'{hint}")
    return {**adapter.LABELS, **params.labels}


def _written(clip: Clip, root: Path) -> Clip:
    r"""Return a clip as tables can hold it: bytes of a file's name that are no UTF-8 as `\xe9`, in its id as `-xe9`; a
    table may have them so already.
    """
    already = "\\x" in clip.path and not os.path.lexists(root / clip.path)
    path = clip.path if already else written(clip.path)
    return replace(clip, clip_id=written(clip.clip_id, "-x"), path=path, speaker=written(clip.speaker))


def _check_labels(clips: Iterable[Labelled], labels: Mapping[str, str], place: str, line_of: _LineOf) -> None:
    """Refuse, by one CorpusError, all labels that lead nowhere, each with the first of its clips."""
    unknown: dict[str, list[Clip]] = {}
    for label, clip in clips:
        if label not in labels:
            unknown.setdefault(label, []).append(clip)
    hints = {label: did_you_mean(label, labels) for label in unknown}
    near = {label: hint if "did you mean" in hint else "" for label, hint in hints.items()}
    known = "" if all(near.values()) else f" (known: {', '.join(sorted(labels))})"
    refuse(
        {
            f"unknown emotion {shown(label)}{near[label]}": [line_of(found[0])] * len(found)
            for label, found in unknown.items()
        },
        f"mend it, or map it in {place}.labels{known}; a number, yes, no and null stand there in quotes",
    )
