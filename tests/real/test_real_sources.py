"""Source tasks on real recordings, where they are at hand; every test is skipped where they are not.

EMO-DB, hand-segmented, two speakers: a man, 03, and a woman, 09. A network that has heard one of them names the phones
of the other. Its epoch is chosen on three of the ten texts, kept from training; so were its settings, on these
utterances as they are and at speeds of 0.85 and 1.15, on each half by itself. Both halves chose the same ones.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.audio.spectral import AUDIO_HZ, MfccParams, context, mfcc39, normalise_utterance
from pipeline.media.decode import read_audio
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.pretraining.sources import phones
from pipeline.pretraining.sources._shared.alignments import Ctm
from pipeline.training.task import Run, Trained

EMODB = Path(__file__).resolve().parents[2] / "../shared/data/emodb"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not EMODB.is_dir(), reason="the real development data are not here")]

LOOP = {"epochs": 5, "patience": 5, "batch": 256, "learning_rate": 0.0005, "threads": 1, "seed": 0}
LARGE = {"context": 3, "hidden": 256, "speeds": [0.8, 0.9, 1.0, 1.1, 1.25], "loop": LOOP}
SMALL = {"context": 3, "hidden": 128, "speeds": [0.85, 1.0, 1.15], "loop": {**LOOP, "epochs": 3}}


def trained_on(speaker: str, settings: dict, **changes) -> Trained:
    """Train on one speaker, whose texts are told apart as if they were speakers."""
    fixed = {"mfcc": {}, "last": 60, "bottleneck": True, "held_out_speakers": 3}
    where = {"sounds": f"wav/{speaker}*.wav", "speaker": rf"wav/({speaker}.\d\d)"}
    params = phones.Params(**{**fixed, **where, **settings, **changes})
    trained = phones.train(EMODB, params, Run())
    assert {entry.status for entry in trained.ledger} == {"ok"}
    return trained


def times_the_most_frequent(trained: Trained, speaker: str, texts: str = "") -> float:
    """Return the frame accuracy on a speaker, divided by the share of the phone that he says most; of these texts, or
    of all.
    """
    network = SpeechDNN(**trained.config["network"]).eval()
    network.load_state_dict(dict(trained.state))
    ctm, right, heard = Ctm(EMODB / "phones.ctm"), 0, Counter()
    for name in ctm.names():
        if name.startswith(speaker) and name[2:5] in (texts or name):
            values, times = mfcc39(read_audio(EMODB / "wav" / f"{name}.wav", AUDIO_HZ), MfccParams())
            frames = torch.from_numpy(context(normalise_utterance(values), trained.config["context"]))
            with torch.inference_mode():
                said = np.array(trained.config["phones"])[network(frames).argmax(1).numpy()]
            for start, end, phone in ctm.spans(name):
                inside = (times >= start) & (times < end)
                heard[phone] += int(inside.sum())
                right += int((said[inside] == phone).sum())
    return right / heard.most_common(1)[0][1]


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "learn", "test"),
    [(SMALL, "03", "09"), (LARGE, "03", "09"), (LARGE, "09", "03")],
)
def test_phones_of_a_speaker_who_was_never_heard(settings, learn, test):
    trained = trained_on(learn, settings)
    found = times_the_most_frequent(trained, test)
    print(f"{learn} -> {test}: {found:.2f} times the most frequent phone; {trained.metrics}")
    assert found >= 2.5
