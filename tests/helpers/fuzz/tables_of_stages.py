"""Tables that stages read: phones, folds, manifests and ledgers of our own, rankings, params.yaml by lines."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.fuzz.table import Rows, Table
from helpers.fuzz.tables_of_corpora import clip_rows
from helpers.project import ROOT
from pipeline.core.clip import Clip, read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import read_params
from pipeline.features.selection.ranking import read_rankings
from pipeline.manifest.settings import check_corpora
from pipeline.pretraining.sources._shared.alignments import Ctm
from pipeline.protocols.fold_files import folds_of_files
from pipeline.protocols.splits import read_splits
from pipeline.systems.check import check_systems


def phones_table() -> Table:
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


def emobox_table() -> Table:
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


def splits_table() -> Table:
    rows = [("fold", "clip_id", "part")]
    rows += [(f"fold-0{f}", f"clip_{n}", ("train", "val", "test")[(n + f) % 3]) for f in range(3) for n in range(6)]

    def read(folder: Path) -> Rows:
        folds = read_splits(folder / "splits.csv")
        return {f"{fold}|{clip}": part for fold, parts in folds.items() for clip, part in parts.items()}

    return Table("splits.csv", tuple(rows), (0, 1), read)


def own_manifest_table() -> Table:
    head = ("clip_id", "path", "speaker", "emotion", "split", "gender", "start", "end", "source", "corpus", "digest")
    rows = [
        head,
        *(
            (f"c{n}", f"c{n}.wav", "anna", "sad", "", "", "0.5" if n % 2 else "", "", "", "", "ab" * 32)
            for n in range(6)
        ),
    ]
    return Table("manifest.csv", tuple(rows), (0,), lambda folder: clip_rows(read_manifest(folder / "manifest.csv")))


def ledger_table() -> Table:
    rows = [("clip_id", "stage", "status", "reason", "detail"), ("c0", "prepare", "ok", "", "")]
    rows += [(f"c{n}", "track_faces", "failed", "no_face", "in none of 16 frames") for n in range(1, 6)]
    return Table(
        "x.ledger.csv", tuple(rows), (0,),
        lambda folder: {entry.clip_id: vars(entry) for entry in read_ledger(folder / "x.ledger.csv")},
    )  # fmt: skip


def ranking_table() -> Table:
    rows = [("fold", "rows", "available", "column", "first_half", "second_half")]
    rows += [(f"fold-0{n // 4}", "100", "200", f"{n % 4}", f"0.{n + 1}", f"0.{n + 2}") for n in range(12)]

    def read(folder: Path) -> Rows:
        found = read_rankings(folder / "ranking.csv")
        return {f"{fold}|{c}": tuple(column) for fold, each in found.items() for c, column in enumerate(each.halves.T)}

    return Table("ranking.csv", tuple(rows), (0, 3), read)


def params_table() -> Table:
    """params.yaml by lines: the key and the value are the cells."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    rows = [tuple(line.split(": ", 1)) for line in text.splitlines()]

    def read(folder: Path) -> Rows:
        content = read_params(folder / "params.yaml")
        check_corpora(content)
        check_systems(content)
        return {}

    return Table("params.yaml", tuple(rows), (0,), read, heading=0, delimiter=": ")
