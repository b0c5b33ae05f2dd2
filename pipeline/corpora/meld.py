"""meld: MELD, Poria et al. 2019: 13,708 utterances of the TV series Friends, 7 emotions. Official split.

Layout: `train_splits/dia0_utt0.mp4`, `dev_splits_complete/...`, `output_repeated_splits_test/...`, or any folders that
have `train`, `dev` or `test` as a word in their names; and anywhere below the root `train_sent_emo.csv`,
`dev_sent_emo.csv` and `test_sent_emo.csv`. A clip is a row of a table; dialogues are numbered on each side anew.

The official split is NOT speaker-independent: Joey, Ross, Monica and the others speak on all three sides. It is there
under a name that says so, `speaker_dependent_official`, and its reports say so too; as `official` it is refused. All
utterances of a dialogue stay on one side. No speaker-independent protocol fits: who speaks with whom ties the names
together, a name may stand for several people at once (`All`) or for another in each scene (`Man`, `Woman`), and a video
shows whoever is there, not only who speaks.

Faults of the release: dev lacks the video of dia110_utt7, which the ledger records; train's dia125_utt3 cannot be
decoded; some videos are cut wrongly. On the test side 132 videos were cut again, `final_videos_testdia93_utt9.mp4`;
where a clip has both, this second one is taken. A few videos have no row (dev: dia49_utt4, dia49_utt5, dia66_utt9,
dia66_utt10; test: dia93_utt5 and others); nobody says who speaks in them, and they are passed over, as its authors
advise. Cells with bytes of Windows-1252, or with such characters as U+0092 in their place, are mended. Names of
speakers that differ in letter case alone are taken for one: the tables were typed from transcripts.

In the authors' repository: columns, labels, video names, counts, what is missing, what to do with videos without rows.
In public code and issues: folders, places of the tables, the broken video, that the second videos hold what the rows
say (three programs take them; others drop them), U+0092. Not verified: how many speakers there are in all (260, 47 and
100 by side), whether their names have odd characters, raw bytes of Windows-1252, and what licence the videos have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.core.tables import each, read_rows
from pipeline.corpora._scan import by_name, matched, media_files, one_table, only, words

LABELS = words("anger disgust fear joy neutral sadness surprise")
LICENCE = "GPL-3.0, as its repository says; the videos are cut from a TV series"
CITATION = (
    "S. Poria, D. Hazarika, N. Majumder, G. Naik, E. Cambria, R. Mihalcea: MELD: A multimodal multi-party dataset for "
    "emotion recognition in conversations. ACL 2019"
)
PROTOCOL = {"name": "speaker_dependent_official"}
JOIN_SPEAKERS = True
_COUNTS = {"anger": 1607, "disgust": 361, "fear": 358, "joy": 2308, "neutral": 6436, "sadness": 1002, "surprise": 1636}
EXPECTED = {"clips": 13708, "split:train": 9989, "split:val": 1109, "split:test": 2610} | {
    f"label:{label}": count for label, count in _COUNTS.items()
}
_SPLITS = {"train": "train", "dev": "val", "test": "test"}
_FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
_COLUMNS = ("Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
_NAME = re.compile(r"(?P<again>final_videos_test)?dia(?P<dialogue>\d+)_utt(?P<utterance>\d+)", re.IGNORECASE)


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips of the tables; `emotion` is the corpus's own label."""
    paths, tables = media_files(root, [".mp4", ".avi"]), _tables(root)
    videos = _videos(root, paths)
    for side, table in tables.items():
        # as Latin-1, which keeps each byte, so that each cell can be decoded on its own
        rows = read_rows(table, _COLUMNS, ("Speaker",), "latin-1", _decoded)
        for name, label, speaker in each(rows, partial(_utterance, set())):
            clip_id, dialogue = f"{side}_{name}", f"{side}_{name.partition('_')[0]}"
            path = videos.get(clip_id, PurePath(_FOLDERS[side], f"{name}.mp4"))
            yield Clip(clip_id, path.as_posix(), speaker, label, _SPLITS[side], source=dialogue)


def _utterance(seen: set[str], where: str, row: Mapping[str, str]) -> tuple[str, str, str]:
    """Return name of the video, label and speaker of a row; `seen` has the names of the rows above."""
    name, label = _video_name(row, where), row["Emotion"].lower()
    if label not in LABELS:
        raise CorpusError(f"{where}: unknown label '{row['Emotion']}' (known: {', '.join(sorted(LABELS))}); mend it")
    if name in seen:
        raise CorpusError(f"{where}: {name} stands there twice; remove one of the rows")
    seen.add(name)
    return name, label, row["Speaker"]


def _videos(root: Path, paths: list[Path]) -> dict[str, PurePath]:
    """Return clip id -> video, relative to `root`: the second where a clip has two."""
    cuts: tuple[list[tuple[str, Path]], list[tuple[str, Path]]] = ([], [])
    for path in paths:
        match = matched(path, _NAME, "a MELD file name (dia0_utt0.mp4)")
        clip_id = f"{_side(root, path)}_dia{int(match['dialogue'])}_utt{int(match['utterance'])}"
        cuts[match["again"] is not None].append((clip_id, path))
    return by_name(root, cuts[0]) | by_name(root, cuts[1])


def _side(root: Path, path: Path) -> str:
    folders = path.relative_to(root).parts[:-1]
    found = {word for folder in folders for word in re.split(r"[\W_]+", folder.lower()) if word in _SPLITS}
    remedy = f"keep it below one of {', '.join(_FOLDERS.values())}, and the root above these"
    return only(path, found, "below the folders of {} sides", remedy)


def _tables(root: Path) -> dict[str, Path]:
    files, remedy = media_files(root, [".csv"]), "take it from MELD.Raw or its authors' repository, or mend the root"
    tables = {}
    for side in _SPLITS:
        found = [path for path in files if path.name.lower() == f"{side}_sent_emo.csv"]
        tables[side] = one_table(root, found, f"no {side}_sent_emo.csv below it; {remedy}")
    return tables


def _decoded(cell: str) -> str:
    """Return a cell read as Latin-1 as UTF-8, or as Windows-1252 where it is none; spaces single, none at the ends."""
    try:
        text = cell.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        text = cell
    # C1 controls are Windows-1252 that somebody took for Latin-1
    text = re.sub(r"[\x80-\x9f]", lambda match: match[0].encode("latin-1").decode("cp1252", "replace"), text)
    return " ".join(text.split())


def _video_name(row: Mapping[str, str], where: str) -> str:
    for key in ("Dialogue_ID", "Utterance_ID"):
        if not re.fullmatch(r"[0-9]{1,9}", row[key]):
            raise CorpusError(
                f"{where}: {key} '{row[key]}' is not a number of up to 9 digits; mend it or remove the row"
            )
    return f"dia{int(row['Dialogue_ID'])}_utt{int(row['Utterance_ID'])}"
