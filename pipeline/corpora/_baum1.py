"""What both parts of BAUM-1 share: names of clips, the table of labels, videos that the table lacks.

A clip's name is that of its speaker and a number (`S001_015`), and alone says who speaks. A label is known by its first
letters, since the tables hold misspellings (`Intrest`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.core.tables import each, read_rows
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import NOT_ANNOTATED, by_name, matched, media_files, one_table, visible, words

CITATION = (
    "S. Zhalehpour, O. Onder, Z. Akhtar, C. E. Erdem: BAUM-1: A spontaneous audio-visual face database of affective "
    "and mental states. IEEE Transactions on Affective Computing 8(3), 2017"
)
_NAME = re.compile(r"(?P<speaker>S\d{3})_\d{3}", re.IGNORECASE)


def labels_of(others: str) -> dict[str, str]:
    """Return the labels of a part: the six that are used, and others, with spaces between them."""
    return words("anger disgust fear happiness sadness surprise") | dict.fromkeys(
        (*others.split(), NOT_ANNOTATED), LEFT_OUT
    )


def part_clips(root: Path, part: str, labels: Iterable[str]) -> Iterator[Clip]:
    """Yield the clips of the table of part "a" or "s" and the videos that it lacks, these as `NOT_ANNOTATED`.

    Folders of the other part are passed over, since both are often kept side by side.
    """
    videos = _videos(root, part, "s" if part == "a" else "a")
    listed = set()
    rows = read_rows(_table(root, part), ("Clip Name", "Emotion"))
    for name, label in each(rows, partial(_annotation, _letters(labels))):
        listed.add(name)
        path = videos.get(name, Path(name[:4].lower(), f"{name}.mp4"))
        yield Clip(name, path.as_posix(), name[:4], label)
    for name in sorted(videos.keys() - listed):
        yield Clip(name, videos[name].as_posix(), name[:4], NOT_ANNOTATED)


def _videos(root: Path, part: str, other: str) -> dict[str, PurePath]:
    passed_over = re.compile(rf"baum-?1{other}", re.IGNORECASE)
    files = media_files(root, [".mp4", ".avi"])
    own = [path for path in files if not any(map(passed_over.search, path.relative_to(root).parts[:-1]))]
    form = "a BAUM-1 file name (S001_015.mp4)"
    videos = by_name(root, ((matched(path, _NAME, form)[0].upper(), path) for path in own))
    if not videos:
        raise CorpusError(
            f"{root}: all videos below it are those of BAUM-1{other}; set the root to the folder of BAUM-1{part}"
        )
    return videos


def _table(root: Path, part: str) -> Path:
    title = f"Annotations_BAUM1{part}"
    wanted = re.compile(rf"annotations?[ _-]?baum-?1{part}.*\.csv", re.IGNORECASE)
    found = [path for path in visible(root, [".csv"]) if wanted.fullmatch(path.name)]
    remedy = f"open {title}.xlsx and save its sheet there as CSV in UTF-8"
    return one_table(root, found, f"no {title}.csv below it; {remedy}")


def _letters(labels: Iterable[str]) -> dict[str, str]:
    """Return first letters -> label: three of them, or four where two labels share three."""
    known = [label for label in labels if label != NOT_ANNOTATED]
    shared = Counter(label[:3] for label in known)
    return {label[: 3 if shared[label[:3]] == 1 else 4]: label for label in known}


def _annotation(letters: Mapping[str, str], where: str, row: Mapping[str, str]) -> tuple[str, str]:
    """Return clip name and label of a row."""
    name, word = row["Clip Name"].upper(), row["Emotion"].lower()
    if not _NAME.fullmatch(name):
        raise CorpusError(
            f"{where}: '{row['Clip Name']}' is not a BAUM-1 clip name (S001_015); mend it or remove the row"
        )
    label = letters.get(word[:4]) or letters.get(word[:3])
    if label is None:
        raise CorpusError(
            f"{where}: unknown label '{row['Emotion']}' (known: {', '.join(sorted(letters.values()))}); mend it"
        )
    return name, label
