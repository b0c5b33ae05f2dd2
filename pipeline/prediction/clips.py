"""From a file or a folder to clips: what is media becomes a clip, everything else is named and left alone."""

from __future__ import annotations

import mimetypes
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.file_names import UNFINISHED, written
from pipeline.core.files import file_digest
from pipeline.core.ledger import Entry, lost
from pipeline.core.links import leads_out, walk
from pipeline.media.decode import read_audio_blocks, read_video_frames
from pipeline.media.placeholder import check_media

MEDIA = frozenset((
    ".3gp", ".aac", ".aif", ".aiff", ".avi", ".flac", ".flv", ".m4a", ".m4v", ".mkv", ".mov", ".mp3",
    ".mp4", ".mpeg", ".mpg", ".mts", ".ogg", ".ogv", ".opus", ".ts", ".wav", ".webm", ".wma", ".wmv",
))  # fmt: skip
"""Suffixes of files that are clips, whatever is in them: one that cannot be decoded is told in the ledger."""
STAGE = "prepare"
_LONGEST = 150
_PART = " (a download that is not finished)"
_LINK = " (a link that leads out of the folder; --follow-links reads it)"


@dataclass(frozen=True)
class Found:
    """What lies in a folder."""

    root: Path  # the folder; paths of clips are relative to it
    clips: Sequence[Clip]  # sorted by id, with digests, without speaker and emotion
    entries: Sequence[Entry]  # one per clip, as `prepare` would write them
    skipped: Sequence[str]  # paths of files that are no media, relative to the root


def find(path: Path, follow_links: bool = False) -> Found:
    """Return the clips of one file, or of a folder and all folders below it; hidden files are left out, and so is what
    links in the folder lead to outside of it, unless they are followed.

    Raises:
        CorpusError: there is no such file or folder, or no media in it
    """
    if not path.exists():
        raise CorpusError(f"{path}: no such file or folder; give a media file or a folder with some")
    root = path if path.is_dir() else path.parent
    files, left = _visible(path, follow_links) if path.is_dir() else ([path], [])
    parts = [file for file in files if file != path and file.suffix.lower() in UNFINISHED]
    media = [file for file in files if file not in parts and (file == path or _is_media(file))]
    others = set(files) - set(media)
    skipped = [written(file.relative_to(root).as_posix()) + _PART * (file in parts) for file in sorted(others)]
    skipped += [f"{written(link.relative_to(root).as_posix())}{_LINK}" for link in sorted(left)]
    if not media:
        raise CorpusError(f"{path}: no media in it that FFmpeg opens ({len(skipped)} other files); give another folder")
    clips, entries = [], []
    for clip_id, file in sorted(_named(root, media).items()):
        digest, reason, detail = _hashed(file)
        place = written(file.relative_to(root).as_posix())
        clips.append(Clip(clip_id, place, "", "", digest=digest))
        entries.append(lost(clip_id, STAGE, reason, f"{place}: {detail}") if reason else Entry(clip_id, STAGE))
    return Found(root, clips, entries, skipped)


def _visible(folder: Path, follow: bool) -> tuple[list[Path], list[Path]]:
    """Return the files below a folder, sorted, and the links out of it that are not followed."""
    left: list[Path] = []
    files = [path for path in walk(folder, follow, left.append) if path.is_file()]
    outside = [] if follow else [path for path in files if leads_out(folder, path)]
    return sorted(set(files) - set(outside)), left + outside


def _is_media(file: Path) -> bool:
    """Return whether a file of a folder is a clip: by its suffix, or because FFmpeg finds sound or moving pictures in
    it.
    """
    if file.suffix.lower() in MEDIA:
        return True
    kind = mimetypes.guess_type(file.name)[0] or ""
    if kind.startswith(("image/", "text/")):  # FFmpeg plays both
        return False
    return _has(read_video_frames(file), 2) or _has(read_audio_blocks(file, AUDIO_HZ), 1)


def _has(blocks: Iterable[object], at_least: int) -> bool:
    try:
        return sum(1 for _ in islice(blocks, at_least)) == at_least
    except ClipError:
        return False


def _named(root: Path, files: Sequence[Path]) -> dict[str, Path]:
    """Return clip id -> file: the stem; with the folders before it where several files share one; usable in any
    case.
    """
    short = [_usable(file.stem) for file in files]
    counts = Counter(short)
    named: dict[str, Path] = {}
    for name, file in zip(short, files, strict=True):
        if counts[name] > 1:
            name = _usable("_".join(file.relative_to(root).parts))
        unique, number = name, 2
        while unique in named:
            unique, number = f"{name}-{number}", number + 1
        named[unique] = file
    return named


def _usable(name: str) -> str:
    """Return a clip id; see `pipeline.core.clip.check_clip_id`."""
    clean = re.sub(r"[^\w.+-]+", "-", name)[:_LONGEST].strip("-")
    return f"clip-{clean}" if not re.match(r"[^\W_]", clean) or re.fullmatch(r"fold-\d+", clean) else clean


def _hashed(file: Path) -> tuple[str, str, str]:
    """Return a file's SHA-256, and why there is none: reason and words."""
    try:
        check_media(file)
        return file_digest(file), "", ""
    except ClipError as error:
        return "", error.reason, error.detail
    except OSError as error:  # a bad sector, a network folder that has gone since
        return "", "unreadable", error.strerror or type(error).__name__
