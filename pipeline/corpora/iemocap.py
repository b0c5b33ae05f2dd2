"""iemocap: IEMOCAP, Busso et al. 2008: 10,039 turns of 10 actors in 5 sessions of two, 151 dialogues. Audio only.

Layout: `Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav`, in any folders above, and for each dialogue a
table `Session1/dialog/EmoEvaluation/Ses01F_impro01.txt`. The first letter of a name tells who wears the markers, the
last who speaks: `Ses01F_impro01_M000` is spoken by the man of session 1, `Ses01M`. A table's rows begin with `[` and
hold what most evaluators chose; the lines below a row and the folders below `EmoEvaluation` hold what each one chose,
and are not read. The recordings of whole dialogues (`dialog/wav`) are passed over.

Not done: the videos (`dialog/avi/DivX`) show a whole dialogue and both actors in one frame. They would have to be cut
by the times of the table and by half of the frame; so the clips have audio only.

`exc` (excited), `fru` (frustrated), `oth` (other), `xxx` (no majority) and recordings that the tables lack are left
out; `corpus.json` lists them. The four classes of most papers, 5531 turns, are `labels: {exc: happy, dis: left_out,
fea: left_out, sur: left_out}`: to count excitement as happiness is common, but nothing that the corpus says, so it is
the user's word. Protocol, as in most papers: one session out, both of its actors at once. Both speak in each dialogue,
so that `loso` would learn from dialogues that it tests: it is refused.

In the README of the release: what names mean, and markers on one actor per dialogue. In public code and lists that load
the corpus: folders, the lines of a table, dialogues such as `Ses03M_impro05a` and `Ses05M_script01_1b`, the counts of
turns and labels (three lists agree). Not verified: the counts in the paper itself, that each recording has a row,
whether turns such as `MXX0`, which the transcriptions have, have recordings, and the licence's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.core.links import check_table
from pipeline.core.tables import each
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import NOT_ANNOTATED, by_name, matched, media_files, words

_USED = {emotion[:3]: emotion for emotion in words("anger disgust fear happy neutral sad surprise")}
_CODES = {**_USED, **dict.fromkeys(("exc", "fru", "oth", "xxx"), LEFT_OUT)}
LABELS = {**_CODES, NOT_ANNOTATED: LEFT_OUT}
LICENCE = "for research, on request from its authors, after a signed release form"
CITATION = (
    "C. Busso, M. Bulut, C.-C. Lee, A. Kazemzadeh, E. Mower, S. Kim, J. N. Chang, S. Lee, S. S. Narayanan: IEMOCAP: "
    "interactive emotional dyadic motion capture database. Language Resources and Evaluation 42(4), 2008"
)
PROTOCOL = {"name": "iemocap_sessions"}
_COUNTS = {
    **{"ang": 1103, "dis": 2, "fea": 40, "hap": 595, "neu": 1708, "sad": 1084, "sur": 107},
    **{"exc": 1041, "fru": 1849, "oth": 3, "xxx": 2507},
}
EXPECTED = {"clips": 10039, "speakers": 10} | {f"label:{code}": count for code, count in _COUNTS.items()}
_DIALOGUE = r"Ses(?P<session>0[1-5])(?P<marked>[FM])_(?P<scene>(?:impro|script)\d\d[a-z]?(?:_\d[a-z]?)?)"
_WHOLE = re.compile(_DIALOGUE, re.IGNORECASE)
_TURN = re.compile(_DIALOGUE + r"_(?P<speaker>[FM])(?P<turn>\d{3}|XX\d)", re.IGNORECASE)
_ROW = re.compile(r"\[\s*[\d.]+\s*-\s*[\d.]+\s*\]\s+(?P<name>\S+)\s+(?P<label>\S+)(?:\s+\[.*\])?")
_SUCH_AS = "a row such as '[6.2901 - 8.2357] Ses01F_impro01_F000 neu [2.5, 2.5, 2.5]'"
_GENDERS = {"F": "female", "M": "male"}


def clips(root: Path) -> Iterator[Clip]:
    """Yield the turns of the tables and the recordings that they lack; `emotion` is the corpus's own code."""
    recordings = _recordings(root)
    labels = _labels(_tables(root, recordings))
    for name in sorted(recordings.keys() | labels.keys()):
        dialogue, _, turn = name.rpartition("_")
        path = recordings.get(name, PurePath(f"Session{int(name[3:5])}", "sentences", "wav", dialogue, f"{name}.wav"))
        speaker, label = name[:5] + turn[0], labels.get(name, NOT_ANNOTATED)
        yield Clip(name, path.as_posix(), speaker, label, gender=_GENDERS[turn[0]], source=dialogue)


def _name(match: re.Match[str]) -> str:
    """Return the name of a turn as published, whatever its letter case."""
    marked, speaker, turn = (match[key].upper() for key in ("marked", "speaker", "turn"))
    return f"Ses{match['session']}{marked}_{match['scene'].lower()}_{speaker}{turn}"


def _recordings(root: Path) -> dict[str, PurePath]:
    """Return name of a turn -> recording, relative to `root`."""
    turns = [path for path in media_files(root, [".wav"]) if not _WHOLE.fullmatch(path.stem)]
    form = "an IEMOCAP file name (Ses01F_impro01_F000.wav)"
    recordings = by_name(root, ((_name(matched(path, _TURN, form)), path) for path in turns))
    if not recordings:
        raise CorpusError(
            f"{root}: all recordings below it are of whole dialogues; set the root above Session1 to Session5"
        )
    return recordings


def _tables(root: Path, recordings: Mapping[str, PurePath]) -> list[Path]:
    """Return the tables, at least one for each dialogue that has recordings."""
    texts = [path for path in media_files(root, [".txt"]) if path.parent.name.lower() == "emoevaluation"]
    found = [path for path in texts if _WHOLE.fullmatch(path.stem)]
    dialogues = {path.stem.lower() for path in found}
    for name, recording in sorted(recordings.items()):
        dialogue = name.rpartition("_")[0]
        if dialogue.lower() not in dialogues:
            raise CorpusError(
                f"{root}: no EmoEvaluation/{dialogue}.txt below it, which labels {recording.as_posix()}; "
                "restore it, or set the root above Session1 to Session5"
            )
    return found


def _labels(tables: list[Path]) -> dict[str, str]:
    """Return name of a turn -> label."""
    labels: dict[str, str] = {}
    for table in tables:
        check_table(table)
        # names and labels are ASCII; what evaluators wrote in their own words below them may be anything
        lines = enumerate(table.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1)
        rows = [(f"{table}:{number}", line.strip()) for number, line in lines if line.lstrip().startswith("[")]
        if not rows:
            raise CorpusError(f"{table}: without {_SUCH_AS}; restore the file")
        each(rows, partial(_add_label, labels))
    return labels


def _add_label(labels: dict[str, str], where: str, line: str) -> None:
    row = _ROW.fullmatch(line)
    turn = row and _TURN.fullmatch(row["name"])
    if row is None or turn is None:
        raise CorpusError(f"{where}: not {_SUCH_AS}; restore the file")
    name, label = _name(turn), row["label"].lower()
    if label not in _CODES:
        raise CorpusError(f"{where}: unknown label '{row['label']}' (known: {', '.join(_CODES)}); mend it")
    if labels.setdefault(name, label) != label:
        raise CorpusError(f"{where}: {name} is '{label}', but '{labels[name]}' in another row; remove one of them")
