"""`pipeline.protocols.trainable_folds`: a fold is left out for want of a modality, and for nothing else."""

from __future__ import annotations

import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.ledger import Entry
from pipeline.protocols.trainable_folds import check_absent, not_learned, trainable_folds

FOLDS = {
    "fold-00": {"a": "train", "b": "val", "c": "test"},
    "fold-01": {"a": "val", "b": "test", "c": "train"},
    "fold-02": {"a": "test", "b": "train", "c": "val"},
}


def test_all_folds_of_clips_that_have_the_feature():
    assert trainable_folds(FOLDS, {"a", "b", "c"}, (), "x") == FOLDS


def test_a_fold_is_left_out_whose_clips_lack_the_modality():
    assert list(trainable_folds(FOLDS, {"a", "b"}, {"c"}, "x")) == ["fold-00"]
    assert trainable_folds(FOLDS, {"a"}, {"b", "c"}, "x") == {}


def test_only_the_parts_that_are_asked_for_count():
    assert list(trainable_folds(FOLDS, {"a", "b"}, {"c"}, "x", ("train",))) == ["fold-00", "fold-02"]


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("a", "x: fold-00 has no clip to train on; see its ledger"),
        ("b", "x: fold-00 has no clip to validate on; see its ledger"),
    ],
)
def test_clips_that_are_lost_for_another_reason_are_an_error(gone, message):
    with pytest.raises(PipelineError) as caught:
        trainable_folds(FOLDS, {"a", "b", "c"} - {gone}, {"c"}, "x")
    assert str(caught.value) == message


def test_one_clip_that_lacks_the_modality_explains_an_empty_part():
    check_absent(["a", "b"], {"b"}, "told")
    with pytest.raises(PipelineError, match="told"):
        check_absent(["a", "b"], {"c"}, "told")


def test_a_stage_that_learns_in_no_fold_loses_what_it_was_given():
    bad = Entry("b", "extract:x", "failed", "no_face", "in none of 8 frames")
    found = not_learned([Entry("a", "extract:x"), bad])
    assert found == [
        Entry("a", "extract:x", "absent", "not_learned", "no fold has clips to train and to validate on"),
        bad,
    ]
