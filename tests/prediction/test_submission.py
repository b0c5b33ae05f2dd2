"""The classes of a submission to EmotiW."""

from __future__ import annotations

import pytest

from pipeline.core.clip import EMOTIONS
from pipeline.core.errors import SettingsError
from pipeline.prediction.submission import NAMES, check_classes


def test_every_emotion_has_the_name_that_the_organisers_ask_for():
    assert sorted(NAMES.values()) == ["Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise"]
    assert set(NAMES) == set(EMOTIONS)
    assert NAMES["anger"] == "Angry"
    check_classes(EMOTIONS)


def test_models_of_other_classes_are_refused():
    with pytest.raises(SettingsError, match="also tell calm, contempt, which EmotiW has not"):
        check_classes(["anger", "calm", "contempt"])
