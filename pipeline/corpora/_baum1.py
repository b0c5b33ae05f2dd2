"""What both parts of BAUM-1 share: names of clips, the table of labels, videos that the table lacks.

A clip's name is that of its speaker and a number (`S001_015`), and alone says who speaks. A label is known by its first
letters, since the tables hold misspellings (`Intrest`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.corpora._scan import media_files
from pipeline.corpora._tables import read_rows

NOT_ANNOTATED = "not annotated"
"""Label of a video that the table lacks."""

SIX = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprise",
}
"""The labels that both parts use."""

CITATION = (
    "S. Zhalehpour, O. Onder, Z. Akhtar, C. E. Erdem: BAUM-1: A spontaneous audio-visual face database of affective "
    "and mental states. IEEE Transactions on Affective Computing 8(3), 2017"
)
_NAME = re.compile(r"(?P<speaker>S\d{3})_\d{3}", re.IGNORECASE)


def part_clips(root: Path, part: str, other: str, labels: Iterable[str]) -> Iterator[Clip]:
    """Yield the clips of the table and the videos below `root` that it lacks, these as `NOT_ANNOTATED`.

    Args:
        root: the corpus's folder
        part: "a" or "s", which is read
        other: "s" or "a", whose folders are passed over, since both are often kept side by side
        labels: the part's labels, told apart by three letters, or by four where three are not enough

    Raises:
        CorpusError: no videos, no table or several, or a name or label that is not BAUM-1's; names file and line
    """
    videos = _videos(root, part, other)
    listed = set()
    for name, label in _annotations(_table(root, part), _letters(labels)):
        listed.add(name)
        path = videos.get(name, Path(name[:4].lower(), f"{name}.mp4"))
        yield Clip(name, path.as_posix(), name[:4], label)
    for name in sorted(videos.keys() - listed):
        yield Clip(name, videos[name].as_posix(), name[:4], NOT_ANNOTATED)


def _videos(root: Path, part: str, other: str) -> dict[str, Path]:
    """Return clip name -> video, relative to `root`."""
    passed_over = re.compile(rf"baum-?1{other}", re.IGNORECASE)
    videos: dict[str, Path] = {}
    for path in media_files(root, [".mp4", ".avi"]):
        inside = path.relative_to(root)
        if any(passed_over.search(folder) for folder in inside.parts[:-1]):
            continue
        name = path.stem.upper()
        if not _NAME.fullmatch(name):
            raise CorpusError(f"{path}: not a BAUM-1 file name (S001_015.mp4); move it out of the corpus folder")
        if name in videos:
            raise CorpusError(f"{path}: clip {name} is also {videos[name]}; keep one of them")
        videos[name] = inside
    if not videos:
        raise CorpusError(
            f"{root}: all videos below it are those of BAUM-1{other}; set the root to the folder of BAUM-1{part}"
        )
    return videos


def _table(root: Path, part: str) -> Path:
    title = f"Annotations_BAUM1{part}"
    wanted = re.compile(rf"annotations?[ _-]?baum-?1{part}.*\.csv", re.IGNORECASE)
    found = sorted(path for path in root.rglob("*.[cC][sS][vV]") if wanted.fullmatch(path.name))
    if not found:
        raise CorpusError(
            f"{root}: no {title}.csv below it; open {title}.xlsx and save its sheet there as CSV in UTF-8"
        )
    if len(found) > 1:
        raise CorpusError(f"{found[1]}: a second table beside {found[0].relative_to(root)}; keep one of them")
    return found[0]


def _letters(labels: Iterable[str]) -> dict[str, str]:
    """Return first letters -> label: three of them, or four where two labels share three."""
    known = [label for label in labels if label != NOT_ANNOTATED]
    shared = Counter(label[:3] for label in known)
    return {label[: 3 if shared[label[:3]] == 1 else 4]: label for label in known}


def _annotations(table: Path, letters: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (clip name, label) of each row that is not empty."""
    for where, row in read_rows(table, ("Clip Name", "Emotion")):
        if not any(row.values()):
            continue
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
        yield name, label
