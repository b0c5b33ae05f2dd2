"""From a corpus folder to a manifest: labels mapped, what is not used set aside, ids checked, files hashed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath

from pipeline.core.clip import EMOTIONS, EXTRA_EMOTIONS, Clip, check_clip_id, check_unique
from pipeline.core.errors import CorpusError, SettingsError, did_you_mean
from pipeline.core.file_names import written
from pipeline.core.files import file_digest
from pipeline.core.ledger import Entry
from pipeline.core.links import REMEDY, leads_out, reading
from pipeline.corpora import LEFT_OUT
from pipeline.engine.parallel import worker_count
from pipeline.manifest.settings import CorpusParams, PartParams, load_adapter
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
        _check(clip, str(root))
    check_unique((clip for _, clip in everything), str(root))
    files = sorted({(_base(clip, params), clip.file(root)) for clip in clips})
    with ThreadPoolExecutor(worker_count(workers)) as pool:  # hashing releases the GIL: threads are enough
        looked = pool.map(lambda pair: _hashed(pair[0], pair[1], params.follow_links), files)
        found = progress(looked, len(files), "hashing", "file")
        hashed = dict(zip((file for _, file in files), found, strict=True))
    clips = sorted((replace(c, digest=hashed[c.file(root)][0]) for c in clips), key=lambda clip: clip.clip_id)
    return clips, [_entry(clip, hashed[clip.file(root)][1]) for clip in clips]


def _base(clip: Clip, params: CorpusParams) -> Path:
    """Return the folder that a clip's file has to lie in: of a joined corpus that of its part."""
    return Path(params.root, params.parts[clip.corpus].folder if params.parts else "")


def _entry(clip: Clip, reason: str) -> Entry:
    told = f"{clip.path}: {REMEDY}" if reason == "outside_link" else clip.path
    return Entry(clip.clip_id, "prepare", "failed", reason, told) if reason else Entry(clip.clip_id, "prepare")


def _check(clip: Clip, root: str) -> None:
    check_clip_id(clip.clip_id, root)
    inside = PurePosixPath(clip.path)
    if inside.is_absolute() or ".." in inside.parts:
        raise CorpusError(
            f"{root}: clip '{clip.clip_id}' has the path '{clip.path}', which leaves the corpus folder; mend its table"
        )
    if not (clip.path + clip.speaker).isprintable():
        raise CorpusError(
            f"{root}: clip '{clip.clip_id}' has a line break or control character in its path or speaker; remove it"
        )


def _hashed(root: Path, file: Path, follow: bool) -> tuple[str, str]:
    """Return the digest of a file, or why it has none; what links lead to outside is read where they are followed."""
    try:
        if not file.is_file():
            return "", "missing_file"
        return ("", "outside_link") if not follow and leads_out(root, file) else (file_digest(file), "")
    except OSError:  # no permission, a network folder that is gone, a bad sector
        return "", "unreadable"


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
    emotions = (*EMOTIONS, *EXTRA_EMOTIONS, LEFT_OUT)
    for label, emotion in params.labels.items():
        if emotion not in emotions:
            hint = did_you_mean(emotion, emotions)
            raise SettingsError(f"{place}.labels.{label}: unknown emotion '{emotion}'{hint}")
    known = getattr(adapter, "LABELLINGS", ())
    if params.labelled_by and params.labelled_by not in known:
        hint = did_you_mean(params.labelled_by, known) if known else "; this adapter has but one: remove the setting"
        raise SettingsError(f"{place}.labelled_by: unknown labelling '{params.labelled_by}'{hint}")
    labels = {**adapter.LABELS, **params.labels}
    chosen = {"labelled_by": params.labelled_by} if params.labelled_by else {}
    for clip in adapter.clips(root, **chosen):
        if clip.emotion not in labels:
            raise CorpusError(
                f"{clip.path}: clip '{clip.clip_id}' has the unknown emotion '{clip.emotion}'"
                f"{did_you_mean(clip.emotion, labels)}; mend it, or map it in {place}.labels"
            )
        path, speaker = written(clip.path), written(clip.speaker)
        yield (
            clip.emotion,
            replace(clip, clip_id=_usable(clip), path=path, speaker=speaker, emotion=labels[clip.emotion]),
        )


def _usable(clip: Clip) -> str:
    """Return a clip's id, with bytes of its file's name that are no UTF-8 as `-xe9`."""
    return re.sub(r"[\udc80-\udcff]", lambda found: f"-x{ord(found[0]) & 0xFF:02x}", clip.clip_id)
