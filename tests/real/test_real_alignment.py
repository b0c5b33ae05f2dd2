"""`python -m pipeline align` by pocketsphinx on real speech; skipped where either is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.errors import ClipError
from pipeline.media.decode import read_audio
from pipeline.pretraining.alignment import align_folder, by_pocketsphinx
from pipeline.pretraining.sources._shared.alignments import Ctm

pytest.importorskip("pocketsphinx")
RAVDESS = Path(__file__).resolve().parents[2] / "../shared/data/ravdess10"
SOUND = RAVDESS / "Actor_02" / "03-01-01-01-01-01-02.wav"
pytestmark = pytest.mark.skipif(not SOUND.is_file(), reason="the real development data are not here")
KIDS = ["SIL", "K", "IH", "D", "Z", "AA", "R", "T", "AO", "K", "IH", "NG", "B", "AY", "DH", "IY", "D", "AO", "R", "SIL"]


def test_phones_of_a_sentence(tmp_path):
    for name in ("first", "again"):
        (tmp_path / f"{name}.wav").symlink_to(SOUND)
        (tmp_path / f"{name}.txt").write_text("Kids are talking by the door.")
    (tmp_path / "between.wav").symlink_to(SOUND.with_name("03-01-05-02-02-02-02.wav"))
    (tmp_path / "between.txt").write_text("Dogs are sitting by the door.")
    assert "3 of 3 sounds" in align_folder(tmp_path, None, None, 1, by_pocketsphinx)
    ctm = Ctm(tmp_path / "phones.ctm")
    spans = ctm.spans("first")
    assert [phone for *_, phone in spans] == KIDS
    assert ctm.spans("again") == spans, "whatever was aligned before"
    samples = read_audio(SOUND, AUDIO_HZ)
    assert spans[0][0] == 0
    assert abs(spans[-1][1] - len(samples) / AUDIO_HZ) < 0.05
    loud = [np.square(samples[round(a * AUDIO_HZ) : round(b * AUDIO_HZ)]).mean() for a, b, _ in spans]
    assert max(loud[0], loud[-1]) < 0.05 * np.mean(loud[1:-1]), "silence is where there is none of his voice"


@pytest.mark.parametrize(
    ("seconds", "words", "said"),
    [
        (3.6, ["kids", "xyzzyq"], "'xyzzyq' is not in the dictionary"),
        (0.1, ["kids", "are", "talking"] * 4, "does not fit"),
    ],
)
def test_what_does_not_go_together_is_one_line(seconds, words, said):
    samples = read_audio(SOUND, AUDIO_HZ)[: round(seconds * AUDIO_HZ)]
    with pytest.raises(ClipError, match=said) as caught:
        by_pocketsphinx(samples, words)
    assert "\n" not in str(caught.value)
    assert by_pocketsphinx(read_audio(SOUND, AUDIO_HZ), ["kids", "are", "talking", "by", "the", "door"])
