"""afew: AFEW 7.0, the clips of EmotiW 2017, Dhall et al. 2012, 2017: 1809 clips of movies and TV, 7 classes. Official.

Layout: `Train_AFEW/Angry/000046280.avi` and `Val_AFEW/...`, also as `Train/` and `Val/`, in any folders above; the test
videos lie in `Test_vid_Distribute/`, without classes. The folders of aligned faces beside them hold no videos.

773 clips to train, 383 to validate (64, 40, 46, 63, 63, 61, 46 by class in the folders' order; Ouyang et al. 2017 write
373, though the rows of their Table 2 add up to 384), 653 to test. The labels of the test videos were never published:
these clips are `unlabelled` and left out (`corpus.json` lists them), unless `test_labels.csv` below the root names them
(columns `clip` and `emotion`, such as `000029320,Angry`), or they lie in folders of classes. So the protocol tests on
the validation clips, as most authors do (Ouyang et al. 2017, Tables 2 and 4), and takes its own validation clips from
Train; with labels at hand, `protocol: {name: official}` keeps all three sides.

Neither movie nor actor is published with a clip. So each clip is a speaker of its own: the official split can be kept,
though nothing here can show that it has nobody on two sides, and `loso`, `logso` and `holdout` are NOT
speaker-independent on this corpus.

Read in public code that loads the corpus: folders, names of nine digits, that Train and Val have no name twice within,
and both counts of Train and Val; in the paper: the count of Test. Not verified: whether a name of Train occurs in Val
(ids begin with the side, so it may), and the licence's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.core.tables import each, read_rows
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import UNLABELLED, above, lone_clip, media_files, words

_CLASSES = words("Angry Disgust Fear Happy Neutral Sad Surprise")
LABELS = {**_CLASSES, UNLABELLED: LEFT_OUT}
LICENCE = "for academic research, on request from its authors, after a signed agreement"
CITATION = (
    "A. Dhall, R. Goecke, S. Lucey, T. Gedeon: Collecting large, richly annotated facial-expression databases from "
    "movies. IEEE MultiMedia 19(3), 2012; A. Dhall, R. Goecke, S. Ghosh, J. Joshi, J. Hoey, T. Gedeon: From individual "
    "to group-level emotion recognition: EmotiW 5.0. ACM ICMI 2017"
)
PROTOCOL = {"name": "official", "tested": "val"}
EXPECTED = {"clips": 1809, "split:train": 773, "split:val": 383, "split:test": 653}
_SIDE = re.compile(r"(?P<side>train|val|test)(?:[ _-]afew|[ _-]vid[ _-]distribute)?", re.IGNORECASE)
_LAYOUT = "Train_AFEW/Angry/000046280.avi, Val_AFEW/... and Test_vid_Distribute/000029320.avi below the root"
_TABLE = "test_labels.csv"


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root` and those of the label table; `emotion` is the name of the class's folder."""
    videos = media_files(root, [".avi", ".mp4"])
    labels = _labels(root / _TABLE)
    for path in videos:
        side, label = _place(root, path)
        given = labels.pop(path.stem, "") if side == "test" else ""
        if label and given and label != given:
            raise CorpusError(f"{path}: '{given}' in {_TABLE}, and in the folder of '{label}'; mend one of them")
        yield lone_clip(side, path.relative_to(root), label or given or UNLABELLED)
    for name, label in sorted(labels.items()):
        yield lone_clip("test", PurePath("Test_vid_Distribute", f"{name}.avi"), label)


def _place(root: Path, path: Path) -> tuple[str, str]:
    """Return the side (train, val, test) and the class, "" for a test video in no class's folder."""
    side, inside = above(root, path, _SIDE, "sides", f"expected {_LAYOUT}")
    if not inside and side == "test":
        return side, ""
    label = inside[0].capitalize() if len(inside) == 1 else ""
    if label not in _CLASSES:
        raise CorpusError(
            f"{path}: not in a class's folder{did_you_mean('/'.join(inside), _CLASSES)}; expected {_LAYOUT}"
        )
    return side, label


def _labels(table: Path) -> dict[str, str]:
    """Return clip name -> class of the test videos; empty where there is no table."""
    labels: dict[str, str] = {}
    each(read_rows(table, ("clip", "emotion")) if table.is_file() else (), partial(_add_label, labels))
    return labels


def _add_label(labels: dict[str, str], where: str, row: Mapping[str, str]) -> None:
    name, label = row["clip"], row["emotion"].capitalize()
    if label not in _CLASSES:
        raise CorpusError(f"{where}: unknown class '{row['emotion']}'{did_you_mean(label, _CLASSES)}; mend it")
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise CorpusError(f"{where}: '{name}' is not a clip name (000029320); mend it or remove the row")
    if name in labels:
        raise CorpusError(f"{where}: clip '{name}' stands there twice; remove one of the rows")
    labels[name] = label
