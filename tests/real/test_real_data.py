"""Small pieces of real corpora, where they are at hand; every test is skipped where they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.spectral import AUDIO_HZ, mfcc39
from pipeline.cli.tools.corpus_check import check_corpus
from pipeline.core.settings import Runtime
from pipeline.engine.run import run
from pipeline.features.extract_job import ExtractJob, extractor_params
from pipeline.features.extractors.mfcc39 import Params as MfccParams
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams
from pipeline.media.decode import read_audio
from pipeline.pretraining.sources._shared.alignments import Ctm
from pipeline.pretraining.sources._shared.labels import LABELLED
from pipeline.pretraining.sources._shared.voices import frame_labels
from pipeline.protocols.assign import make_folds
from pipeline.protocols.settings import ProtocolParams

DATA = Path(__file__).resolve().parents[2] / "../shared/data"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real development data are not here"),
]


def corpus(adapter: str, name: str) -> CorpusParams:
    return CorpusParams(adapter=adapter, root=str(DATA / name), protocol=ProtocolParams(name="loso"))


def test_composite_has_a_fold_per_speaker():
    clips, entries = read_corpus("composite", corpus("manifest_csv", "composite"), workers=1)
    assert len(clips) == len(entries) == 143
    assert all(entry.status == "ok" for entry in entries)
    folds = make_folds(clips, ProtocolParams(name="loso"))
    assert [sum(part == "test" for part in fold.values()) for fold in folds] == [33, 30, 26, 54]


@pytest.mark.parametrize("feature", ["lld147", "mfcc39"])
def test_sound_features_of_real_voices(tmp_path, feature):
    clips, entries = read_corpus("composite", corpus("manifest_csv", "composite"), workers=1)
    few = clips[:6]
    job = ExtractJob(feature, extractor_params(feature, {}, "params.yaml: x"), DATA / "composite")
    runtime = Runtime(workers=1, clip_cache=str(tmp_path / "cache"))
    line = run(job, few, entries[:6], job.meta(), tmp_path / "x.h5", tmp_path / "x.csv", runtime)
    assert line.startswith(f"extract:{feature}: 6 ok")


def test_cremad_labels():
    clips, _ = read_corpus("cremad", corpus("cremad", "cremad"), workers=1)
    assert {clip.emotion for clip in clips} == {"anger", "disgust", "fear", "happy", "neutral", "sad"}
    assert {clip.speaker for clip in clips} == {"1001"}


def test_emodb_and_ravdess_are_read_as_they_lie():
    clips, entries = read_corpus("emodb", corpus("emodb", "emodb"), workers=1)
    assert len(clips) == 92
    assert {(clip.speaker, clip.gender) for clip in clips} == {("03", "male"), ("09", "female")}
    assert {clip.emotion for clip in clips} == {"anger", "boredom", "disgust", "fear", "happy", "neutral", "sad"}
    clips, entries = read_corpus("ravdess", corpus("ravdess", "ravdess"), workers=1)
    assert all(entry.status == "ok" for entry in entries)
    assert len(clips) == 15
    assert [Path(clip.path).suffix for clip in clips] == [".mp4"] + [".wav"] * 14
    assert left_out("ravdess", corpus("ravdess", "ravdess")) == {"another form": ["03-01-01-01-01-01-01"]}


def test_the_counts_of_a_part_are_told_as_missing():
    text, ok = check_corpus("cremad", corpus("cremad", "cremad"))
    assert not ok
    assert text.endswith("0 of 8 published counts are met")
    assert "7436 missing" in text


def test_hand_segmented_phones_lie_on_the_sound():
    """EMO-DB's hand segmentation: sibilants have more high frequencies, so a lower MFCC 1, than open vowels."""
    ctm = Ctm(DATA / "emodb/phones.ctm")
    alignment = {name: ctm.spans(name) for name in ctm.names()}
    values, labels = [], []
    for utterance in sorted(alignment)[:20]:
        frames, times = mfcc39(read_audio(DATA / "emodb/wav" / f"{utterance}.wav", AUDIO_HZ), MfccParams())
        values.append(frames[:, 1])
        spans = [(start, end, "as".index(phone)) for start, end, phone in alignment[utterance] if phone in ("a", "s")]
        labels.append(frame_labels(np.array(spans, LABELLED), times))
    slope, label = np.concatenate(values), np.concatenate(labels)
    assert np.median(slope[label == 1]) < np.median(slope[label == 0]) - 10
