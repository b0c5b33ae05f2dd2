"""cheavd: CHEAVD, Li et al. 2017, as given out for MEC 2016 and 2017: Chinese movies and TV, 8 classes. Official.

Layout: `train/`, `val/` and `test/`, in any folders above, with videos such as `001.avi` in any folders inside, and a
table for each side, `train_label.txt`, `val_label.txt` and `test_label.txt`, a line per clip: its name and its class
(`001 angry`), without a heading. Videos may also lie in folders of their classes (`train/angry/001.avi`).

The classes of Huang et al. 2017 are used: angry, disgust, happy, neutral, sad, surprise, and fear, which the challenges
lack. Anxious and worried are left out, and test videos without a class, which are `unlabelled` (`corpus.json` lists
them). So the protocol tests on the validation clips, and takes its own validation clips from train; with all labels at
hand, `protocol: {name: official}` keeps the three sides.

Who speaks is not published with a clip. So each clip is a speaker of its own: the official split can be kept, though
nothing here can show that it has nobody on two sides, and `loso`, `logso` and `holdout` are NOT speaker-independent.

Read in public code that loads the corpus: the sides' folders, the tables' names, the spelling of six classes. On the
pages of the challenges: eight classes, three sides, the licence. In Huang et al. 2017, Table 1: angry 462, disgust 310,
fear 56, happy 440, sad 460, surprise 190, neutral 300, split 7:1:2; fear shows that these are not the challenges'
clips, whose counts no source at hand has. Not verified: names and kinds of videos, a table's lines, folders of classes,
and whether test labels were given out after all (the public code reads a table of them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import joined, media_files

_CLASSES = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprise": "surprise",
    "anxious": LEFT_OUT,
    "worried": LEFT_OUT,
}
_SPELLINGS = {"anger": "angry", "happiness": "happy", "sadness": "sad"} | {name: name for name in _CLASSES}
_UNLABELLED = "unlabelled"
LABELS = {**_CLASSES, _UNLABELLED: LEFT_OUT}
LICENCE = "for non-commercial, scientific use, from ChineseLDC (www.chineseldc.org)"
CITATION = (
    "Y. Li, J. Tao, L. Chao, W. Bao, Y. Liu: CHEAVD: a Chinese natural emotional audio-visual database. Journal of "
    "Ambient Intelligence and Humanized Computing 8(6), 2017; Y. Li, J. Tao, B. Schuller, S. Shan, D. Jiang, J. Jia: "
    "MEC 2016: the multimodal emotion recognition challenge of CCPR 2016. CCPR 2016; MEC 2017. ACII Asia 2018"
)
PROTOCOL = {"name": "official", "tested": "val"}
_SIDE = r"(?:.*[ _-])?(?P<side>train|val|test)(?:ing|id|idation)?"
_FOLDER = re.compile(rf"{_SIDE}(?:[ _-].*)?", re.IGNORECASE)
_TABLE = re.compile(rf"{_SIDE}[ _-]?labels?\.(?:txt|csv)", re.IGNORECASE)
_LINE = re.compile(
    r"(?:.*[/\\])?(?P<clip>.+?)(?:\.(?:avi|mp4|mkv|mov|wmv|wav))?[\s,;]+(?P<label>[^\s,;]+)", re.IGNORECASE
)
_LAYOUT = "train/001.avi, val/... and test/... below the root"


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root` and those of the tables; `emotion` is the corpus's own class.

    Raises:
        CorpusError: no videos, a video below no side or two, twice, with two classes or, but for test, none; two tables
            of a side, or a line that names no clip, an unknown class or a clip again
    """
    tables = _tables(root)
    labels = {side: _labels(table) for side, table in tables.items()}
    for (side, name), path in _videos(root).items():
        label = _label(root / path, side, labels.get(side, {}).pop(name, ""), _class_folder(root, path))
        yield _clip(side, path, label)
    for side, absent in labels.items():
        folder = tables[side].parent.relative_to(root)
        yield from (_clip(side, folder / f"{name}.avi", label) for name, label in absent.items())


def _clip(side: str, path: PurePath, label: str) -> Clip:
    clip_id = joined([side, path.stem])
    return Clip(clip_id, path.as_posix(), clip_id, label, side)


def _videos(root: Path) -> dict[tuple[str, str], PurePath]:
    """Return (side, name in small letters) -> video, relative to `root`."""
    videos: dict[tuple[str, str], PurePath] = {}
    for path in media_files(root, [".avi", ".mp4", ".mkv", ".mov", ".wmv"]):
        inside = path.relative_to(root)
        sides = {match["side"].lower() for folder in inside.parts[:-1] if (match := _FOLDER.fullmatch(folder))}
        if len(sides) != 1:
            raise CorpusError(f"{path}: below the folders of {len(sides)} sides; expected {_LAYOUT}")
        key = (sides.pop(), path.stem.lower())
        if key in videos:
            raise CorpusError(f"{path}: clip '{path.stem}' is also {videos[key]}; keep one of them")
        videos[key] = inside
    return videos


def _class_folder(root: Path, path: PurePath) -> str:
    """Return the class whose folder a video lies in, "" if in none."""
    found = {_SPELLINGS[folder.lower()] for folder in path.parts[:-1] if folder.lower() in _SPELLINGS}
    if len(found) > 1:
        raise CorpusError(f"{root / path}: in the folders of {' and '.join(sorted(found))}; keep it in one of them")
    return found.pop() if found else ""


def _label(path: Path, side: str, given: str, folder: str) -> str:
    """Return a video's class by its table and its folder."""
    if given and folder and given != folder:
        raise CorpusError(f"{path}: '{given}' in {side}_label.txt, and in the folder of '{folder}'; mend one of them")
    if not (given or folder) and side != "test":
        raise CorpusError(f"{path}: no class; add the line '{path.stem} CLASS' to {side}_label.txt, or move it out")
    return given or folder or _UNLABELLED


def _tables(root: Path) -> dict[str, Path]:
    """Return side -> its table of labels, where there is one."""
    tables: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        if (match := _TABLE.fullmatch(path.name)) and not any(p.startswith(".") for p in path.relative_to(root).parts):
            first = tables.setdefault(match["side"].lower(), path)
            if first != path:
                raise CorpusError(f"{path}: a second table beside {first.relative_to(root)}; keep one of them")
    return tables


def _labels(table: Path) -> dict[str, str]:
    """Return clip name, in small letters, -> class; a name may be written with folders and suffix."""
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CorpusError(f"{table}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error
    labels: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{table}:{number}"
        if (match := _LINE.fullmatch(line.strip())) is None:
            raise CorpusError(f"{where}: '{line.strip()}' is not a clip and its class (001 angry); mend it")
        name, label = match["clip"].lower(), _SPELLINGS.get(match["label"].lower())
        if label is None:
            hint = did_you_mean(match["label"].lower(), _CLASSES)
            raise CorpusError(f"{where}: unknown class '{match['label']}'{hint}; mend it or remove the line")
        if name in labels:
            raise CorpusError(f"{where}: clip '{name}' stands there twice; remove one of the lines")
        labels[name] = label
    return labels
