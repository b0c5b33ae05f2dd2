"""cremad: CREMA-D, Cao et al. 2014: 7,442 clips of 91 actors, 12 sentences, 6 emotions.

File names are `<actor>_<sentence>_<emotion>_<level>.flv`, usually in `VideoFlash/`, and `.wav` in `AudioWAV/`. A
performance is used once, as a video where there is one, else as audio; its other files, second copies too, are `another
form`. `VideoDemographics.csv` in the root tells who is a woman and who a man.

`labelled_by: intended` is the emotion that was asked of the actor, in the file name. `voice`, `face` and `both` are
what most of the raters heard, saw, or heard and saw, by `processedResults/summaryTable.csv` below the root; where two
emotions had as many votes (`A:D`) the clip is `no majority`, and `no vote` where the table lacks it. Both are left out.

Verified on 6 videos; the tables' names and columns are those of public code that reads them; the counts by emotion
follow from 91 actors, and are those that are commonly printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.core.tables import read_rows
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import ANOTHER_FORM, fullest, joined, matched, media_files

_INTENDED = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_SPLIT, _UNSEEN = "no majority", "no vote"
_LETTERS = {code[0]: emotion for code, emotion in _INTENDED.items()}
LABELS = {**_INTENDED, **_LETTERS, **dict.fromkeys((_SPLIT, _UNSEEN, ANOTHER_FORM), LEFT_OUT)}
LABELLINGS = ("intended", "voice", "face", "both")
LICENCE = "Open Database License 1.0"
CITATION = (
    "H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova, R. Verma: CREMA-D: Crowd-sourced emotional "
    "multimodal actors dataset. IEEE Transactions on Affective Computing 5(4), 2014"
)
EXPECTED = {"clips": 7442, "speakers": 91} | {f"label:{code}": 1087 if code == "NEU" else 1271 for code in _INTENDED}
_VOTES = {"voice": "VoiceVote", "face": "FaceVote", "both": "MultiModalVote"}
_NAME = re.compile(r"(?P<actor>\d{4})_[A-Z]{3}_(?P<emotion>[A-Z]{3})_[A-Z]{1,2}", re.IGNORECASE)


def clips(root: Path, labelled_by: str = "intended") -> Iterator[Clip]:
    """Yield the clips below `root`; `emotion` is the corpus's own code, the letter that most raters chose, or `another
    form`.
    """
    votes = _votes(root, _VOTES[labelled_by]) if labelled_by in _VOTES else None
    genders = _genders(root / "VideoDemographics.csv")
    files = media_files(root, [".flv", ".mp4", ".wav"])
    matches = {path: matched(path, _NAME, "a CREMA-D file name (1001_DFA_ANG_XX.flv)") for path in files}
    used = fullest(files, lambda path: path.stem.upper(), lambda path: path.suffix.lower() == ".wav")
    for path, match in matches.items():
        inside, actor = path.relative_to(root), match["actor"]
        label = match["emotion"].upper() if votes is None else votes.get(path.stem.upper(), _UNSEEN)
        clip_id, label = (path.stem, label) if path in used else (joined(inside.parts), ANOTHER_FORM)
        yield Clip(clip_id, inside.as_posix(), actor, label, gender=genders.get(actor, ""))


def _votes(root: Path, column: str) -> dict[str, str]:
    """Return file name, in capitals, -> letter of the emotion, or `no majority`."""
    table = root / "processedResults" / "summaryTable.csv"
    if not table.is_file():
        raise CorpusError(f"{table}: no such table of votes; get it from the corpus, or set labelled_by: intended")
    return {
        row["FileName"].upper(): _SPLIT if ":" in row[column] else row[column].upper()
        for _, row in read_rows(table, ("FileName", column))
    }


def _genders(table: Path) -> dict[str, str]:
    """Return actor -> female or male; empty where there is no table."""
    rows = read_rows(table, ("ActorID", "Sex")) if table.is_file() else ()
    return {row["ActorID"]: sex for _, row in rows if (sex := row["Sex"].lower()) in ("female", "male")}
