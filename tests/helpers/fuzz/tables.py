"""Tables that people and programs write, edited cell by cell: manifests, tables of corpora, folds, phones, settings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from helpers.project import ROOT
from pipeline.core.clip import Clip, read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import read_params
from pipeline.features.selection.ranking import read_rankings
from pipeline.manifest.build import labelled_clips, read_corpus
from pipeline.manifest.settings import CorpusParams, check_corpora
from pipeline.pretraining.sources._shared.alignments import Ctm
from pipeline.protocols.fold_files import folds_of_files
from pipeline.protocols.splits import read_splits
from pipeline.systems.check import check_systems

Rng = np.random.Generator
Rows = Mapping[str, Any]
"""Key of a row -> what was read of it."""


@dataclass(frozen=True)
class Table:
    """A kind of table.

    Attributes:
        path: its place in the folder
        rows: cells, the first row the heading where it has one
        heading: rows of the heading, 0 or 1
        delimiter: between cells; "" where a row is one cell
        key: column (or columns) that tell the row
        read: folder -> what was read of each row, by its key
        others: further files, path -> bytes
    """

    path: str
    rows: tuple[tuple[str, ...], ...]
    key: tuple[int, ...]
    read: Callable[[Path], Rows]
    heading: int = 1
    delimiter: str = ","
    others: Mapping[str, bytes] = ()  # type: ignore[assignment]

    def key_of(self, row: int) -> str:
        return "|".join(self.rows[row][at] for at in self.key)

    def text(self, rows: list[list[str]]) -> str:
        if self.delimiter != ",":
            return "".join(f"{self.delimiter.join(row)}\n" for row in rows)
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows(rows)
        return file.getvalue()


@dataclass(frozen=True)
class Edited:
    """A table after one edit.

    Attributes:
        rule: what kind of table, and the edit
        table: as it was
        data: its bytes now
        touched: rows that may be read in another way, or not at all
    """

    rule: str
    table: Table
    data: bytes
    touched: frozenset[int]


def _clip_rows(clips: list[Clip]) -> Rows:
    fields = ("path", "speaker", "emotion", "split", "gender", "start", "end", "source")
    return {clip.clip_id: tuple(getattr(clip, field) for field in fields) for clip in clips}


def _read_corpus(adapter: str, folder: Path) -> Rows:
    clips, entries = read_corpus("fuzz", CorpusParams(adapter=adapter, root=str(folder)), 1)
    assert sorted(entry.clip_id for entry in entries) == [clip.clip_id for clip in clips]
    return _clip_rows(clips)


def _manifest() -> Table:
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


def _semicolons() -> Table:
    return Table(**{**vars(_manifest()), "delimiter": ";"})


def _meld() -> Table:
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


def _cremad_genders() -> Table:
    rows = (
        ("ActorID", "Age", "Sex", "Race"),
        *((f"{1001 + n}", "30", ("Male", "Female")[n % 2], "x") for n in range(3)),
    )
    others = {f"VideoFlash/{name}.flv": name.encode() for name in _NAMES}

    def read(folder: Path) -> Rows:
        return {value[1]: value[4] for value in _read_corpus("cremad", folder).values()}

    return Table("VideoDemographics.csv", rows, (0,), read, others=others)


def _cremad_votes() -> Table:
    rows = (
        ("", "FileName", "VoiceVote", "VoiceLevel"),
        *((f"{n}", name, "ASH"[n % 3], "50") for n, name in enumerate(_NAMES)),
    )
    others = {f"VideoFlash/{name}.flv": name.encode() for name in _NAMES}

    def read(folder: Path) -> Rows:
        params = CorpusParams(adapter="cremad", root=str(folder), labelled_by="voice")
        return {clip.clip_id: (label, clip.emotion) for label, clip in labelled_clips("fuzz", params)}

    return Table("processedResults/summaryTable.csv", rows, (1,), read, others=others)


def _phones() -> Table:
    rows = [(f"utt{u}", "1", f"{p / 10:.2f}", "0.10", "AEH SIL"[p % 3]) for u in range(4) for p in range(5)]

    def read(folder: Path) -> Rows:
        from pipeline.core.errors import ClipError

        ctm, found = Ctm(folder / "phones.ctm"), {}
        for name in ctm.names():
            try:
                found[name] = ctm.spans(name)
            except ClipError as error:
                found[name] = str(error)
        return found

    return Table("phones.ctm", tuple(rows), (0,), read, heading=0, delimiter=" ")


def _emobox() -> Table:
    clips = [Clip(f"c{n}", f"wav/c{n}.wav", f"s{n}", ("anger", "sad")[n % 2]) for n in range(12)]

    def lines(some: range) -> list[str]:
        return [json.dumps({"key": f"x{n}", "wav": f"downloads/emodb/wav/c{n}.wav", "emo": "x"}) for n in some]

    def read(folder: Path) -> Rows:
        (fold,) = folds_of_files(clips, "emobox_emodb_speaker_dependent", folder, 0.2, 0)
        return {
            line: fold.get(f"c{n}") == "test" or fold.get(f"c{n}")
            for n, line in zip(range(8, 12), lines(range(8, 12)), strict=True)
        }

    others = {"fold_1/emodb_train_fold_1.jsonl": "\n".join(lines(range(8))).encode()}
    rows = tuple((line,) for line in lines(range(8, 12)))
    return Table("fold_1/emodb_test_fold_1.jsonl", rows, (0,), read, heading=0, delimiter="\0", others=others)


def _splits() -> Table:
    rows = [("fold", "clip_id", "part")]
    rows += [(f"fold-0{f}", f"clip_{n}", ("train", "val", "test")[(n + f) % 3]) for f in range(3) for n in range(6)]

    def read(folder: Path) -> Rows:
        folds = read_splits(folder / "splits.csv")
        return {f"{fold}|{clip}": part for fold, parts in folds.items() for clip, part in parts.items()}

    return Table("splits.csv", tuple(rows), (0, 1), read)


def _own_manifest() -> Table:
    head = ("clip_id", "path", "speaker", "emotion", "split", "gender", "start", "end", "source", "corpus", "digest")
    rows = [
        head,
        *(
            (f"c{n}", f"c{n}.wav", "anna", "sad", "", "", "0.5" if n % 2 else "", "", "", "", "ab" * 32)
            for n in range(6)
        ),
    ]
    return Table("manifest.csv", tuple(rows), (0,), lambda folder: _clip_rows(read_manifest(folder / "manifest.csv")))


def _ledger() -> Table:
    rows = [("clip_id", "stage", "status", "reason", "detail"), ("c0", "prepare", "ok", "", "")]
    rows += [(f"c{n}", "track_faces", "failed", "no_face", "in none of 16 frames") for n in range(1, 6)]
    return Table(
        "x.ledger.csv", tuple(rows), (0,),
        lambda folder: {entry.clip_id: vars(entry) for entry in read_ledger(folder / "x.ledger.csv")},
    )  # fmt: skip


def _ranking() -> Table:
    rows = [("fold", "rows", "available", "column", "first_half", "second_half")]
    rows += [(f"fold-0{n // 4}", "100", "200", f"{n % 4}", f"0.{n + 1}", f"0.{n + 2}") for n in range(12)]

    def read(folder: Path) -> Rows:
        found = read_rankings(folder / "ranking.csv")
        return {f"{fold}|{c}": tuple(column) for fold, each in found.items() for c, column in enumerate(each.halves.T)}

    return Table("ranking.csv", tuple(rows), (0, 3), read)


def _params() -> Table:
    """params.yaml by lines: the key and the value are the cells."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    rows = [tuple(line.split(": ", 1)) for line in text.splitlines()]

    def read(folder: Path) -> Rows:
        content = read_params(folder / "params.yaml")
        check_corpora(content)
        check_systems(content)
        return {}

    return Table("params.yaml", tuple(rows), (0,), read, heading=0, delimiter=": ")


KINDS = {
    "manifest_csv": _manifest, "semicolons": _semicolons, "meld": _meld, "cremad genders": _cremad_genders,
    "cremad votes": _cremad_votes, "phones.ctm": _phones, "emobox": _emobox, "splits": _splits,
    "manifest": _own_manifest, "ledger": _ledger, "ranking": _ranking, "params.yaml": _params,
}  # fmt: skip
WEIGHTS = (5, 2, 2, 1, 2, 2, 1, 1, 1, 1, 1, 5)


@cache
def kind(name: str) -> Table:
    """Return a kind of table."""
    return KINDS[name]()


ODD = (
    "", " ", '"', 'say "no', '"open', "a,b", "a;b", "a\tb", "a\nb", "a\r\nb", "a\rb", "\0", "﻿x", "\u00a0", "\u200b",
    "nan", "NaN", "inf", "-1", "1e999", "1,5", "1.5", "007", "0", "٣", "½", "=1+1", "../x", "../../etc/passwd",
    "/etc/passwd", "C:\\clips\\x.wav", "a\\b", "~", "CON", "x" * 300, "x" * 140_000, "😀", "A\u030a", "\u202etxt",
    "None", "null", "true", "[]", "{}", "[1, 2]", "{a: 1}", "!!python/object:os.system", "*x", "&x y", "- x", "#", "'",
    "${x}", "$(x)", "x; touch y; true", "%s", "\ud800", "\x1b[31m", "1" * 5000, "0x10", "1_000", "1e-400", "-0.0",
)  # fmt: skip


def make(rng: Rng) -> Edited:
    """Return a kind of table after one edit, both drawn."""
    weights = np.array(WEIGHTS) / sum(WEIGHTS)
    name = str(rng.choice(list(KINDS), p=weights))
    table = kind(name)
    edit = EDITS[str(rng.choice(list(EDITS), p=np.array(SHARES) / sum(SHARES)))]
    data, touched, words = edit(rng, table)
    return Edited(f"{name}: {words}", table, data, touched)


Edit = tuple[bytes, frozenset[int], str]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _place(rng: Rng, table: Table, heading: bool = True) -> tuple[list[list[str]], int, int]:
    rows = [list(row) for row in table.rows]
    row = int(rng.integers(0 if heading else table.heading, len(rows)))
    return rows, row, int(rng.integers(0, len(rows[row])))


def _around(table: Table, *rows: int) -> frozenset[int]:
    """Return what an edit of some rows touches: them, and all of them that have a key in common with them."""
    keys = {table.key_of(row) for row in rows if row >= table.heading and len(table.rows[row]) > max(table.key)}
    every = range(len(table.rows))
    if any(row < table.heading for row in rows):
        return frozenset(every)
    return frozenset(rows) | {
        row for row in every if len(table.rows[row]) > max(table.key) and table.key_of(row) in keys
    }


def _cell(rng: Rng, table: Table) -> Edit:
    """Another value, written as a program would write it."""
    rows, row, column = _place(rng, table)
    odd = ODD[int(rng.integers(0, len(ODD)))]
    rows[row][column] = odd
    return _bytes(table.text(rows)), _around(table, row), f"cell {row},{column} {odd[:20]!r}"


def _raw_cell(rng: Rng, table: Table) -> Edit:
    """Another value, typed in without quotes: it may open a quote, or make another cell or row."""
    rows, row, column = _place(rng, table)
    odd = ODD[int(rng.integers(0, len(ODD)))]
    rows[row][column] = "\ue000"
    text = table.text(rows).replace("\ue000", odd)
    return _bytes(text), _around(table, row), f"raw cell {row},{column} {odd[:20]!r}"


def _fewer(rng: Rng, table: Table) -> Edit:
    rows, row, column = _place(rng, table)
    del rows[row][column]
    return _bytes(table.text(rows)), _around(table, row), f"without cell {row},{column}"


def _more(rng: Rng, table: Table) -> Edit:
    rows, row, column = _place(rng, table)
    rows[row].insert(column, "more")
    return _bytes(table.text(rows)), _around(table, row), f"one more cell {row},{column}"


def _swapped(rng: Rng, table: Table) -> Edit:
    rows, row, column = _place(rng, table)
    other = int(rng.integers(0, len(rows[row])))
    rows[row][column], rows[row][other] = rows[row][other], rows[row][column]
    return _bytes(table.text(rows)), _around(table, row), f"cells {row},{column} and {other} change places"


def _repeated(rng: Rng, table: Table) -> Edit:
    rows, row, _ = _place(rng, table)
    rows.insert(int(rng.integers(0, len(rows))), rows[row])
    return _bytes(table.text(rows)), _around(table, row), f"row {row} twice"


def _removed(rng: Rng, table: Table) -> Edit:
    rows, row, _ = _place(rng, table)
    del rows[row]
    return _bytes(table.text(rows)), _around(table, row), f"without row {row}"


def _copied(rng: Rng, table: Table) -> Edit:
    """A cell of one row in another row."""
    rows, row, column = _place(rng, table, heading=False)
    other = int(rng.integers(table.heading, len(rows)))
    if column < len(rows[other]):
        rows[row][column] = rows[other][column]
    return _bytes(table.text(rows)), _around(table, row, other), f"cell {row},{column} from row {other}"


def _flipped(rng: Rng, table: Table) -> Edit:
    data = bytearray(_bytes(table.text([list(row) for row in table.rows])))
    at = int(rng.integers(0, len(data)))
    data[at] ^= 1 << int(rng.integers(0, 8))
    row = data[:at].count(b"\n")
    return bytes(data), _around(table, row, min(row + 1, len(table.rows) - 1)), f"a bit of byte {at}"


def _cut(rng: Rng, table: Table) -> Edit:
    """The end is missing: a copy that stopped. Rows behind are gone, and nobody can know."""
    data = _bytes(table.text([list(row) for row in table.rows]))
    at = int(rng.integers(0, len(data)))
    return data[:at], _around(table, *range(data[:at].count(b"\n"), len(table.rows))), f"cut at byte {at}"


def _spelled(rng: Rng, table: Table) -> Edit:
    """The same table in another encoding, with other ends of lines, or with marks in front."""
    text = table.text([list(row) for row in table.rows])
    ways: list[tuple[str, bytes]] = [
        ("utf-16", text.encode("utf-16")), ("CRLF", _bytes(text.replace("\n", "\r\n"))),
        ("CR", _bytes(text.replace("\n", "\r"))), ("BOM", _bytes("\ufeff" + text)),
        ("two BOMs", _bytes("\ufeff\ufeff" + text)), ("sep=", _bytes("sep=,\n" + text)),
        ("blank lines", _bytes(text.replace("\n", "\n\n"))), ("no last line end", _bytes(text.rstrip("\n"))),
        ("NUL behind", _bytes(text) + b"\0\0"), ("^Z behind", _bytes(text) + b"\x1a"), ("twice", _bytes(text + text)),
    ]  # fmt: skip
    words, data = ways[int(rng.integers(0, len(ways)))]
    return data, frozenset(), words


EDITS: dict[str, Callable[[Rng, Table], Edit]] = {
    edit.__name__: edit
    for edit in (_cell, _raw_cell, _fewer, _more, _swapped, _repeated, _removed, _copied, _flipped, _cut, _spelled)
}
SHARES = (6, 6, 2, 2, 2, 1, 1, 2, 3, 1, 2)
