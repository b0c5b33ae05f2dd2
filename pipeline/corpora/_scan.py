"""What adapters share: words for emotions, finding media files, naming clips after them, and refusing what is odd."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path, PurePath

from pipeline.core.clip import EMOTIONS, EXTRA_EMOTIONS, Clip
from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.links import files_below
from pipeline.media.placeholder import check_media

ANOTHER_FORM = "another form"
"""Label of a file of which a fuller version is used: the audio of a video, or a copy."""
UNLABELLED, NOT_ANNOTATED = "unlabelled", "not annotated"
"""Labels of a clip whose label is kept back, and of a file that the corpus's table lacks."""

WORDS = {name: name for name in EMOTIONS + EXTRA_EMOTIONS} | {
    **{"angry": "anger", "disgusted": "disgust", "fearful": "fear", "surprised": "surprise"},
    **{"happiness": "happy", "joy": "happy", "sadness": "sad"},
}
"""What emotions are called in corpora -> what they are called here."""


def words(names: str) -> dict[str, str]:
    """Return label -> emotion of labels that are `WORDS`, with spaces between them.

    >>> words("Angry joy")
    {'Angry': 'anger', 'joy': 'happy'}
    """
    return {name: WORDS[name.lower()] for name in names.split()}


def visible(root: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return files below `root` with one of the suffixes (any letter case), sorted; hidden and macOS files left out.

    CorpusError for a linked folder outside of the corpus, unless its settings let links be followed.
    """
    return [path for path in files_below(root) if path.suffix.lower() in suffixes]


def media_files(root: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return what is `visible`; CorpusError where there is no such folder, or nothing in it."""
    wanted = sorted({suffix.lower() for suffix in suffixes})
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder; set the corpus's root in params.yaml")
    if not (found := visible(root, wanted)):
        raise CorpusError(f"{root}: no {' or '.join(wanted)} files below it; is the root one level off?")
    return found


def named(root: Path, files: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield (clip id, file): the stem, or the path below `root` where two files share a stem."""
    stems = Counter(path.stem for path in files)
    for path in files:
        unique = stems[path.stem] == 1
        yield (path.stem if unique else path.relative_to(root).with_suffix("").as_posix().replace("/", "__")), path


def joined(parts: Iterable[str]) -> str:
    """Return a clip id: the parts with `_` between them, and `-` for what an id may not have and for spaces."""
    return "_".join(re.sub(r"[^\w.+-]+", "-", part) for part in parts)


def fullest(files: Iterable[Path], performance: Callable[[Path], Hashable], rank: Callable[[Path], int]) -> set[Path]:
    """Return one file of every performance: of the lowest rank, and of these the first; one that is only a pointer, a
    page, empty or the like where there is no other.
    """
    found: dict[Hashable, list[Path]] = {}
    for path in sorted(files, key=rank):
        found.setdefault(performance(path), []).append(path)
    return {
        next(filter(_is_media, several[:-1]), several[-1] if _is_media(several[-1]) else several[0])
        for several in found.values()
    }


def _is_media(path: Path) -> bool:
    try:
        check_media(path)
    except ClipError:
        return False
    return True


def lone_clip(side: str, path: PurePath, label: str) -> Clip:
    """Return a clip of an official side, "" for none, of which nobody knows who speaks: each is its own speaker."""
    clip_id = joined(filter(None, [side, path.stem]))
    return Clip(clip_id, path.as_posix(), clip_id, label, side)


def matched(path: Path, pattern: re.Pattern[str], form: str) -> re.Match[str]:
    """Return the match of a file's stem; CorpusError where it has not the form."""
    match = pattern.fullmatch(path.stem)
    if match is None:
        raise CorpusError(f"{path}: not {form}; move it out of the corpus folder")
    return match


def only(path: Path, found: Iterable[str], what: str, remedy: str) -> str:
    """Return the one name that the folders above a file give; CorpusError where there is none or another."""
    names = set(found)
    if len(names) != 1:
        raise CorpusError(f"{path}: {what.format(len(names))}; {remedy}")
    return names.pop()


def above(root: Path, path: Path, pattern: re.Pattern[str], what: str, remedy: str) -> tuple[str, tuple[str, ...]]:
    """Return the `only` name that the pattern's group finds in the folders above a file, and those inside the last."""
    folders = path.relative_to(root).parts[:-1]
    found = {depth: match[1].lower() for depth, name in enumerate(folders) if (match := pattern.fullmatch(name))}
    name = only(path, found.values(), f"below the folders of {{}} {what}", remedy)
    return name, folders[max(found) + 1 :]


def by_name(root: Path, files: Iterable[tuple[str, Path]]) -> dict[str, PurePath]:
    """Return name -> file, relative to `root`; CorpusError where two have one name."""
    found: dict[str, PurePath] = {}
    for name, path in files:
        if name in found:
            raise CorpusError(f"{path}: clip {name} is also {found[name].as_posix()}; keep one of them")
        found[name] = path.relative_to(root)
    return found


def one_table(root: Path, found: Sequence[Path], absent: str) -> Path:
    """Return the one table; CorpusError where there is none, which `absent` explains, or a second one."""
    if not found:
        raise CorpusError(f"{root}: {absent}")
    if len(found) > 1:
        raise CorpusError(
            f"{found[1]}: a second table beside {found[0].relative_to(root).as_posix()}; keep one of them"
        )
    return found[0]
