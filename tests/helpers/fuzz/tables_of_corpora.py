"""Tables that corpora bring: manifests, MELD's, CREMA-D's."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from helpers.fuzz.table import Rows, Table
from pipeline.core.clip import Clip
from pipeline.manifest.build import labelled_clips, read_corpus
from pipeline.manifest.settings import CorpusParams


def clip_rows(clips: list[Clip]) -> Rows:
    fields = ("path", "speaker", "emotion", "split", "gender", "start", "end", "source")
    return {clip.clip_id: tuple(getattr(clip, field) for field in fields) for clip in clips}


def _read_corpus(adapter: str, folder: Path) -> Rows:
    clips, entries = read_corpus("fuzz", CorpusParams(adapter=adapter, root=str(folder)), 1)
    assert sorted(entry.clip_id for entry in entries) == [clip.clip_id for clip in clips]
    return clip_rows(clips)


def manifest_table() -> Table:
    head = ("clip_id", "path", "speaker", "emotion", "split", "gender", "start", "end", "source", "comment")
    rows = [head]
    for n in range(12):
        span = ("0.5", "1.25") if n % 3 == 0 else ("", "")
        gender = ("female", "male", "", "")[n % 4]  # a speaker has one
        rows.append(
            (f"clip_{n}", f"clip_{n}.wav", f"speaker{n % 4}", ("anger", "sad")[n % 2], "", gender, *span, "", "x")
        )
    others = {f"clip_{n}.wav": f"{n}".encode() for n in range(12)}
    return Table("manifest.csv", tuple(rows), (0,), partial(_read_corpus, "manifest_csv"), others=others)


def semicolons_table() -> Table:
    return Table(**{**vars(manifest_table()), "delimiter": ";"})


def meld_table() -> Table:
    head = ("Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID", "Season")
    said = ("Oh, my God!", 'He said "no".', "It's fine", "What?")
    rows = [
        (f"{n}", said[n % 4], ("Joey", "Ross")[n % 2], ("joy", "anger")[n % 2], "x", f"{n // 3}", f"{n % 3}", "8")
        for n in range(9)
    ]
    whole = (head, *rows)
    plain = Table("", whole, (0,), dict)
    sides = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
    others = {f"{side}_sent_emo.csv": plain.text([list(row) for row in whole]).encode() for side in ("dev", "test")}
    for folder in sides.values():
        others |= {f"{folder}/dia{n // 3}_utt{n % 3}.mp4": f"{folder}{n}".encode() for n in range(9)}

    def read(folder: Path) -> Rows:
        found = _read_corpus("meld", folder)
        train = {key.removeprefix("train_dia"): value for key, value in found.items() if key.startswith("train_dia")}
        return {key.replace("_utt", "|"): value for key, value in train.items()}

    return Table("train_sent_emo.csv", whole, (5, 6), read, others=others)


_NAMES = [f"{1001 + n // 3}_DFA_{('ANG', 'SAD', 'HAP')[n % 3]}_XX" for n in range(9)]


def cremad_genders_table() -> Table:
    rows = (
        ("ActorID", "Age", "Sex", "Race"),
        *((f"{1001 + n}", "30", ("Male", "Female")[n % 2], "x") for n in range(3)),
    )
    others = {f"VideoFlash/{name}.flv": name.encode() for name in _NAMES}

    def read(folder: Path) -> Rows:
        return {value[1]: value[4] for value in _read_corpus("cremad", folder).values()}

    return Table("VideoDemographics.csv", rows, (0,), read, others=others)


def cremad_votes_table() -> Table:
    rows = (
        ("", "FileName", "VoiceVote", "VoiceLevel"),
        *((f"{n}", name, "ASH"[n % 3], "50") for n, name in enumerate(_NAMES)),
    )
    others = {f"VideoFlash/{name}.flv": name.encode() for name in _NAMES}

    def read(folder: Path) -> Rows:
        params = CorpusParams(adapter="cremad", root=str(folder), labelled_by="voice")
        return {clip.clip_id: (label, clip.emotion) for label, clip in labelled_clips("fuzz", params)}

    return Table("processedResults/summaryTable.csv", rows, (1,), read, others=others)
