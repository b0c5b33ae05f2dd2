"""Clips that no fold of a published protocol has stand in the ledger, and cost nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.ledger import Entry
from pipeline.protocols.outside import with_outside
from pipeline.protocols.settings import ProtocolParams

CLIPS = [Clip(f"c{who}", f"{who}.wav", who, "anger") for who in ("1", "5", "99")]
ENTRIES = [Entry(clip.clip_id, "prepare") for clip in CLIPS]


def test_an_unknown_speaker() -> None:
    found = with_outside(ENTRIES, CLIPS, ProtocolParams(name="ravdess_hicmae"))
    assert found[:2] == ENTRIES[:2]
    assert found[2] == Entry("c99", "prepare", "failed", "not_in_protocol", "ravdess_hicmae knows no speaker '99'")


def test_a_clip_that_was_lost_before_keeps_its_reason() -> None:
    entries = [*ENTRIES[:2], Entry("c99", "prepare", "failed", "missing_file", "99.wav")]
    assert with_outside(entries, CLIPS, ProtocolParams(name="ravdess_hicmae")) == entries


def test_another_corpus_is_an_error_and_no_list_of_lost_clips() -> None:
    with pytest.raises(SettingsError, match="knows CREMA-D's speakers"):
        with_outside(ENTRIES, CLIPS, ProtocolParams(name="cremad_hicmae"))


def test_a_file_without_a_list(tmp_path: Path) -> None:
    fold = tmp_path / "lists/fold_1"
    fold.mkdir(parents=True)
    for word, name in (("train", "1"), ("test", "5")):
        (fold / f"tess_{word}_fold_1.jsonl").write_text(f'{{"wav": "downloads/tess/{name}.wav"}}\n')
    params = ProtocolParams(name="emobox_tess_speaker_dependent", folds="lists")
    found = with_outside(ENTRIES, CLIPS, params, tmp_path)
    assert [entry.reason for entry in found] == ["", "", "not_in_protocol"]
    assert found[2].detail == "emobox_tess_speaker_dependent: no list has its file"


@pytest.mark.parametrize("name", ["loso", "kfold", "none"])
def test_other_protocols_take_every_clip(name: str) -> None:
    assert with_outside(ENTRIES, CLIPS, ProtocolParams(name=name)) == ENTRIES
