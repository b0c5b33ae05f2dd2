"""The choice on validation clips: by UAR, clips not judged are wrong, of equals the one of fewer inputs."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.evaluation.choice import CHOSEN, choice_table, chosen, chosen_by_fold, chosen_rows, recalls

INPUTS = {"single": 1, "pair": 2, "other": 1}


def rows(fold: str = "fold-00", **said: str) -> pd.DataFrame:
    """Clips of anger, anger, anger, sad; a and s = decisions, - = not judged."""
    words = {"a": "anger", "s": "sad", "-": ""}
    found = [
        (name, fold, f"c{n}", "aaas"[n], words[letter])
        for name, letters in said.items()
        for n, letter in enumerate(letters)
    ]
    frame = pd.DataFrame(found, columns=["model", "fold", "clip_id", "emotion", "predicted"])
    return frame.assign(emotion=frame["emotion"].map(words))


def test_the_recall_of_each_emotion_counts_alike():
    found = rows(single="aaaa", pair="asss", other="assa")
    assert recalls(found, INPUTS) == {"single": 0.5, "pair": pytest.approx(2 / 3), "other": pytest.approx(1 / 6)}
    assert chosen(found, INPUTS) == "pair", "although accuracy prefers the largest class"


def test_a_clip_that_was_not_judged_is_wrong():
    assert recalls(rows(single="a--s", pair="aaas"), INPUTS)["single"] == pytest.approx((1 / 3 + 1) / 2)
    assert chosen(rows(single="a--s", pair="aaas"), INPUTS) == "pair"
    assert recalls(rows(single="a---", pair="a---"), INPUTS)["single"] == 1, "what nobody judged tells nothing"


def test_of_equals_the_one_of_fewer_inputs_then_the_first():
    assert chosen(rows(pair="aaas", other="aaas", single="asss"), INPUTS) == "other"
    assert chosen(rows(single="aaas", other="aaas"), INPUTS) == "single"
    assert chosen(rows().iloc[:0], INPUTS) == "single", "nothing speaks for any"


def test_each_fold_chooses_by_its_own_clips_and_its_rows_follow():
    found = pd.concat([rows("fold-00", single="aaas", pair="ssss"), rows("fold-01", single="ssss", pair="aaas")])
    choice = chosen_by_fold(found, INPUTS, ["fold-00", "fold-01"])
    assert choice == {"fold-00": "single", "fold-01": "pair"}
    mine = chosen_rows(found, choice)
    assert set(mine["model"]) == {CHOSEN}
    assert (mine["predicted"] == mine["emotion"]).all()
    assert len(mine) == 8
    table = choice_table(found, INPUTS, choice).set_index("fold")
    assert table.loc["fold-01"].to_dict() == {
        "clips": 4, "chosen": "pair", "models": 2, "uar": 1.0, "next": "single", "next_uar": 0.5,
    }  # fmt: skip


def test_what_nobody_judged_has_a_recall_of_zero():
    assert recalls(rows().iloc[:0], INPUTS) == {"single": 0, "pair": 0, "other": 0}


def test_recalls_that_differ_in_the_last_bits_alone_are_equal():
    """0.1 + 0.2 + 0.3 is more than 0.3 + 0.2 + 0.1 in floating point: of equals the one of fewer inputs is taken."""
    found = []
    for name, right in (("pair", (1, 2, 3)), ("single", (3, 2, 1))):
        for emotion, count in zip(("anger", "fear", "sad"), right, strict=True):
            other = "sad" if emotion != "sad" else "fear"
            found += [(name, "fold-00", f"{emotion}{n}", emotion, emotion if n < count else other) for n in range(10)]
    frame = pd.DataFrame(found, columns=["model", "fold", "clip_id", "emotion", "predicted"])
    assert sum((0.1, 0.2, 0.3)) > sum((0.3, 0.2, 0.1))
    assert chosen(frame, {"pair": 2, "single": 1}) == "single"


def test_the_table_counts_the_clips_that_its_own_models_judged():
    found = pd.concat([rows(single="aa--", pair="a---"), rows(stranger="aaas")])
    table = choice_table(found, INPUTS, {"fold-00": "single"})
    assert table.loc[0, "clips"] == 2
