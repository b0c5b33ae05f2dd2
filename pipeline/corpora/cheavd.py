"""cheavd: CHEAVD, Li et al. 2017, whole or as given out for MEC 2016 and 2017: Chinese movies and TV. Official.

Layout: `train/`, `val/` and `test/`, in any folders above, with videos such as `001.avi` in any folders inside, and a
table for each side, `train_label.txt`, `val_label.txt` and `test_label.txt`, a line per clip: its name and its class
(`001 angry`), without a heading. Videos may also lie in folders of their classes (`train/angry/001.avi`). CHEAVD as a
whole, from which Huang et al. 2017 took their clips, has no sides: one table `label.txt`, or folders of classes
(`fear/001.avi`), and `protocol: {name: holdout}` draws 7:1:2.

The classes of Huang et al. 2017 are used: angry, disgust, happy, neutral, sad, surprise, and fear, which the challenges
lack. Anxious and worried are left out (`labels: {anxious: fear}` would take them in), and so are the further of the 26
states of the whole corpus, `another`, and test videos without a class, `unlabelled`: `corpus.json` lists them all. So
the protocol tests on the validation clips, and takes its own validation clips from train; with all labels at hand,
`protocol: {name: official}` keeps the three sides.

Who speaks is not published with a clip. So each clip is a speaker of its own: the official split can be kept, though
nothing here can show that it has nobody on two sides, and `loso`, `logso` and `holdout` are NOT speaker-independent.

Read in public code that loads the corpus: the sides' folders, the tables' names, the spelling of six classes. On the
pages of the challenges: eight classes, three sides, the licence. In Huang et al. 2017, Table 1: angry 462, disgust 310,
fear 56, happy 440, sad 460, surprise 190, neutral 300, split 7:1:2; fear shows that these are not the challenges'
clips, whose counts no source at hand has. In the abstract of Li et al. 2017: 26 states, among them the basic six. Not
verified: names and kinds of videos, a table's lines, folders of classes, how the whole corpus is laid out, and whether
test labels were given out after all (the public code reads a table of them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePath

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.core.tables import each, text_of
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import UNLABELLED, above, by_name, lone_clip, media_files, one_table, visible, words

_CLASSES = words("angry disgust fear happy neutral sad surprise") | {"anxious": LEFT_OUT, "worried": LEFT_OUT}
_SPELLINGS = {"anger": "angry", "happiness": "happy", "sadness": "sad", "fearful": "fear"} | {n: n for n in _CLASSES}
OTHER = "another"
LABELS = {**_CLASSES, OTHER: LEFT_OUT, UNLABELLED: LEFT_OUT}
LICENCE = "for non-commercial, scientific use, from ChineseLDC (www.chineseldc.org)"
CITATION = (
    "Y. Li, J. Tao, L. Chao, W. Bao, Y. Liu: CHEAVD: a Chinese natural emotional audio-visual database. Journal of "
    "Ambient Intelligence and Humanized Computing 8(6), 2017; Y. Li, J. Tao, B. Schuller, S. Shan, D. Jiang, J. Jia: "
    "MEC 2016: the multimodal emotion recognition challenge of CCPR 2016. CCPR 2016; MEC 2017. ACII Asia 2018"
)
PROTOCOL = {"name": "official", "tested": "val"}
_SIDE = r"(?:.*[ _-])?(?P<side>train|val|test)(?:ing|id|idation)?"
_FOLDER = re.compile(rf"{_SIDE}(?:[ _-].*)?", re.IGNORECASE)
_TABLE = re.compile(rf"(?:{_SIDE}[ _-]?)?labels?\.(?:txt|csv)", re.IGNORECASE)
_LINE = re.compile(
    r"(?:.*[/\\])?(?P<clip>.+?)(?:\.(?:avi|mp4|mkv|mov|wmv|wav))?[\s,;]+(?P<label>[^\s,;]+)", re.IGNORECASE
)
_LAYOUT = "train/001.avi, val/... and test/... below the root"


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root` and those of the tables; `emotion` is the corpus's own class."""
    tables, videos = _tables(root), media_files(root, [".avi", ".mp4", ".mkv", ".mov", ".wmv"])
    folders = {folder for path in videos for folder in path.relative_to(root).parts[:-1]}
    sided = any(tables) or any(map(_FOLDER.fullmatch, folders))
    tables = {side: table for side, table in tables.items() if bool(side) == sided}
    labels = {side: _labels(table, side) for side, table in tables.items()}
    sides = [above(root, path, _FOLDER, "sides", f"expected {_LAYOUT}")[0] if sided else "" for path in videos]
    keys = [f"{side}_{path.stem.lower()}" for side, path in zip(sides, videos, strict=True)]
    for key, path in by_name(root, zip(keys, videos, strict=True)).items():
        side, _, name = key.partition("_")
        by_folder = _class_folder(root, path)
        if not (sided or tables or by_folder) and len(path.parts) > 1:
            by_folder = OTHER
        yield lone_clip(side, path, _label(root / path, side, labels.get(side, {}).pop(name, ""), by_folder))
    for side, absent in labels.items():
        folder = tables[side].parent.relative_to(root)
        yield from (lone_clip(side, folder / f"{name}.avi", label) for name, label in absent.items())


def _class_folder(root: Path, path: PurePath) -> str:
    """Return the known class whose folder a video lies in, "" if in none."""
    found = {_SPELLINGS[folder.lower()] for folder in path.parts[:-1] if folder.lower() in _SPELLINGS}
    if len(found) > 1:
        raise CorpusError(f"{root / path}: in the folders of {' and '.join(sorted(found))}; keep it in one of them")
    return found.pop() if found else ""


def _label(path: Path, side: str, given: str, folder: str) -> str:
    """Return a video's class by its table and its folder."""
    table = f"{side}_label.txt".lstrip("_")
    if given and folder and given != folder:
        raise CorpusError(f"{path}: '{given}' in {table}, and in the folder of '{folder}'; mend one of them")
    if not (given or folder) and side != "test":
        where = "move it out" if side else f"expected {_LAYOUT}"
        raise CorpusError(f"{path}: no class; add the line '{path.stem} CLASS' to {table}, or {where}")
    return given or folder or UNLABELLED


def _tables(root: Path) -> dict[str, Path]:
    """Return side -> its table of labels, where there is one."""
    found: dict[str, list[Path]] = {}
    for path in visible(root, [".txt", ".csv"]):
        if match := _TABLE.fullmatch(path.name):
            found.setdefault((match["side"] or "").lower(), []).append(path)
    return {side: one_table(root, paths, "") for side, paths in found.items()}


def _labels(table: Path, side: str) -> dict[str, str]:
    """Return clip name, in small letters, -> class; a name may be written with folders and suffix. A table of the whole
    corpus may name its further states.
    """
    labels: dict[str, str] = {}
    lines = ((f"{table}:{number}", line.strip()) for number, line in enumerate(text_of(table).splitlines(), 1))
    each(((where, line) for where, line in lines if line), partial(_add_label, labels, side))
    return labels


def _add_label(labels: dict[str, str], side: str, where: str, line: str) -> None:
    if (match := _LINE.fullmatch(line)) is None:
        raise CorpusError(f"{where}: '{line}' is not a clip and its class (001 angry); mend it")
    name, label = match["clip"].lower(), _SPELLINGS.get(match["label"].lower())
    if label is None:
        hint = did_you_mean(match["label"].lower(), _CLASSES)
        if side or "did you mean" in hint:
            raise CorpusError(f"{where}: unknown class '{match['label']}'{hint}; mend it or remove the line")
        label = OTHER
    if name in labels:
        raise CorpusError(f"{where}: clip '{name}' stands there twice; remove one of the lines")
    labels[name] = label
