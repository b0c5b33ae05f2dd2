"""baum1s: BAUM-1s, Zhalehpour et al. 2017: 1222 spontaneous clips of 31 Turkish subjects. LOGSO with five groups.

Layout: `BAUM1s_MP4 - All/s001/S001_015.mp4`, in any folders, and the table `Annotations_BAUM1s.xlsx`, saved as CSV by
the user, with the columns `Clip Name` and `Emotion`. Films below a folder of BAUM-1a, whose clips have the same names,
are passed over: it is another corpus.

The six basic emotions are used, 521 clips in Zhang et al. 2017. The clips of other labels (boredom, bothered,
concentrating, contempt, neutral, thinking, unsure) and those that the table lacks are left out; `corpus.json` lists them.

Read in public code that loads the corpus: folders, file names, the name and both columns of the table, the first three
letters of all 13 labels, and that one row (S015_007) has a numeric code that contradicts its label; the label counts
here. Not verified: the labels' full spelling (their first letters decide), the licence's words, and which subjects form
the five groups of the paper: `protocol.groups` takes lists of speakers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import media_files
from pipeline.corpora._tables import read_rows

LABELS = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprise",
    "boredom": LEFT_OUT,
    "bothered": LEFT_OUT,
    "concentrating": LEFT_OUT,
    "contempt": LEFT_OUT,
    "neutral": LEFT_OUT,
    "thinking": LEFT_OUT,
    "unsure": LEFT_OUT,
    "not annotated": LEFT_OUT,
}
LICENCE = "for research, on request from its authors"
CITATION = (
    "S. Zhalehpour, O. Onder, Z. Akhtar, C. E. Erdem: BAUM-1: A spontaneous audio-visual face database of affective and "
    "mental states. IEEE Transactions on Affective Computing 8(3), 2017"
)
PROTOCOL = {"name": "logso", "groups": 5}
_NAME = re.compile(r"(?P<speaker>S\d{3})_\d{3}", re.IGNORECASE)
_ACTED = re.compile(r"baum-?1a", re.IGNORECASE)
_LETTERS = {"conc": "concentrating", "cont": "contempt"} | {
    label[:3]: label for label in LABELS if label[:3] not in ("con", "not")
}


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips of the table and the films below `root` that it lacks; `emotion` is the corpus's own label.

    Raises:
        CorpusError: no films, no table or several, or a name or label that is not BAUM-1's; names file and line
    """
    films = _films(root)
    listed = set()
    for name, label in _annotations(_table(root)):
        listed.add(name)
        speaker = name[:4]
        path = films.get(name, Path(speaker.lower(), f"{name}.mp4"))
        yield Clip(name, path.as_posix(), speaker, label)
    for name in sorted(films.keys() - listed):
        yield Clip(name, films[name].as_posix(), name[:4], "not annotated")


def _films(root: Path) -> dict[str, Path]:
    """Return clip name -> film, relative to `root`."""
    films: dict[str, Path] = {}
    for path in media_files(root, [".mp4", ".avi"]):
        inside = path.relative_to(root)
        if any(_ACTED.search(folder) for folder in inside.parts[:-1]):
            continue
        name = path.stem.upper()
        if not _NAME.fullmatch(name):
            raise CorpusError(f"{path}: not a BAUM-1 file name (S001_015.mp4); move it out of the corpus folder")
        if name in films:
            raise CorpusError(f"{path}: clip {name} is also {films[name]}; keep one of them")
        films[name] = inside
    if not films:
        raise CorpusError(f"{root}: all films below it are those of BAUM-1a; set the root to the folder of BAUM-1s")
    return films


def _table(root: Path) -> Path:
    found = sorted(
        p for p in root.rglob("*") if re.fullmatch(r"annotations?[ _-]?baum-?1s.*\.csv", p.name, re.IGNORECASE)
    )
    if not found:
        raise CorpusError(
            f"{root}: no Annotations_BAUM1s.csv below it; open Annotations_BAUM1s.xlsx and save its sheet there as CSV in UTF-8"
        )
    if len(found) > 1:
        raise CorpusError(f"{found[1]}: a second table beside {found[0].relative_to(root)}; keep one of them")
    return found[0]


def _annotations(table: Path) -> Iterator[tuple[str, str]]:
    """Yield (clip name, label) of each row that is not empty."""
    for where, row in read_rows(table, ("Clip Name", "Emotion")):
        if not any(row.values()):
            continue
        name, word = row["Clip Name"].upper(), row["Emotion"].lower()
        if not _NAME.fullmatch(name):
            raise CorpusError(
                f"{where}: '{row['Clip Name']}' is not a BAUM-1 clip name (S001_015); mend it or remove the row"
            )
        label = _LETTERS.get(word[:4]) or _LETTERS.get(word[:3])
        if label is None:
            raise CorpusError(
                f"{where}: unknown label '{row['Emotion']}' (known: {', '.join(sorted(_LETTERS.values()))}); mend it"
            )
        yield name, label
