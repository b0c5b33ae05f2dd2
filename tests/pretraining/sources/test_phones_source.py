"""phones: labels of frames, context in batches, who is held out, and what bad input costs."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pydantic import ValidationError

from helpers.sources import CASES, write_voices
from pipeline.audio.spectral import AUDIO_HZ, MfccParams, context, mfcc39, normalise, normalise_utterance
from pipeline.core.errors import CorpusError
from pipeline.media.decode import read_audio
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.pretraining.sources import phones
from pipeline.pretraining.sources._shared.alignments import Ctm, reader
from pipeline.pretraining.sources._shared.labels import LABELLED
from pipeline.pretraining.sources._shared.utterances import held_out
from pipeline.pretraining.sources._shared.voices import FrameTable, Voice, at_speed, frame_labels, in_context
from pipeline.training.task import Run


def params(**changes) -> phones.Params:
    return phones.Params(**{**CASES["phones"][1], **changes})


@pytest.mark.parametrize(
    ("time", "label"),
    [(-0.01, -1), (0.0, 0), (0.1999, 0), (0.2, 1), (0.2999, 1), (0.3, -1), (0.45, -1), (0.5, 0), (0.7, -1)],
)
def test_spans_are_half_open_and_gaps_have_no_label(time, label):
    spans = np.array([(0.0, 0.2, 0), (0.2, 0.3, 1), (0.5, 0.7, 0)], LABELLED)
    np.testing.assert_array_equal(frame_labels(spans, np.array([time])), [label])


def test_an_utterance_without_spans_has_no_labels():
    np.testing.assert_array_equal(frame_labels(np.zeros(0, LABELLED), np.arange(3) / 100), [-1, -1, -1])


@pytest.mark.parametrize("reach", [0, 1, 5, 12])
def test_context_in_batches_is_context_of_the_whole(reach):
    rng = np.random.default_rng(0)
    voices = [
        Voice(rng.normal(size=(length, 3)).astype(np.float32), rng.integers(-1, 4, length)) for length in (1, 4, 30, 2)
    ]
    with FrameTable(reach) as table:
        for number, voice in enumerate(voices):
            table.add(voice, "even" if number % 2 == 0 else "odd")
        frames, parts, nothing = table.frames(), [table.examples(part) for part in ("even", "odd")], table.examples("x")
    assert nothing is None
    assert len(frames) == sum(len(voice.frames) + 2 * reach for voice in voices)
    for number, examples in enumerate(parts):
        mine = voices[number::2]
        labels = np.concatenate([voice.labels for voice in mine])
        whole = np.concatenate([context(voice.frames, reach) for voice in mine])[labels >= 0]
        np.testing.assert_array_equal(examples.labels.numpy(), labels[labels >= 0])
        order = torch.from_numpy(rng.permutation(len(whole)))
        np.testing.assert_array_equal(in_context(frames, examples.inputs[order], reach).numpy(), whole[order.numpy()])


def anonymous_mb() -> float:
    return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) / 1024


def test_a_table_that_is_larger_than_memory_may_be(tmp_path):
    """Frames lie in a file: of 125 MB of them less than 10 come into the process's own memory."""
    voice = Voice(np.ones((8192, 39), np.float32), np.zeros(8192, np.int64))
    before = anonymous_mb()
    with FrameTable(5, tmp_path / "new") as table:
        for _ in range(100):
            table.add(voice, "train")
        frames, examples = table.frames(), table.examples("train")
        assert not list((tmp_path / "new").iterdir()), (
            "the files have no name: none is left by a process that is killed"
        )
    assert in_context(frames, examples.inputs[-3:], 5).sum() == 3 * 39 * 11
    assert anonymous_mb() - before < 10


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_voices(tmp_path_factory.mktemp("voices") / "corpus")


@pytest.fixture
def copy(corpus, tmp_path):
    return shutil.copytree(corpus, tmp_path / "copy")


class Read(Exception):
    """The ledger of a corpus, as it stands before the training."""


def ledger(root, settings: phones.Params) -> dict:
    def stop(entries):
        raise Read(entries)

    with pytest.raises(Read) as caught:
        phones.train(root, settings, Run(on_ledger=stop))
    return {entry.clip_id: entry for entry in caught.value.args[0]}


def short(settings: phones.Params) -> phones.Params:
    return settings.model_copy(update={"loop": settings.loop.model_copy(update={"epochs": 1})})


@pytest.mark.parametrize("number", [4, 9])
def test_someone_has_to_be_left(corpus, number):
    with pytest.raises(CorpusError, match=f"4 speakers, of whom {number} are to be held out; lower held_out_speakers"):
        phones.train(corpus, params(held_out_speakers=number), Run())


def test_held_out_by_name(corpus):
    assert held_out(corpus, {"a", "b", "c"}, ["a"]) == {"a"}
    assert held_out(corpus, {"a", "b", "c"}, 2) == {"b", "c"}
    with pytest.raises(CorpusError, match=r"no speaker 'v9' to hold out .*; mend held_out_speakers"):
        phones.train(corpus, params(held_out_speakers=["v1", "v9"]), Run())
    with pytest.raises(CorpusError, match="2 speakers, of whom 2 are to be held out"):
        held_out(corpus, {"a", "b"}, ["b", "a"])


def test_examples_are_the_frames_inside_spans(corpus):
    trained = phones.train(corpus, short(params(held_out_speakers=["v0"])), Run())
    # 0.6 s hold 58 frames of 25 ms; each phone has 20 of them but the one at the end
    assert trained.metrics["held_out_frames"] == 2 * 58
    assert trained.metrics["frames"] == 6 * 58
    assert trained.config["network"]["inputs"] == 39 * 5
    assert trained.config["phones"] == ["aa", "ii", "uu"]


def test_metrics_are_against_the_most_frequent_phone_of_the_training_part():
    learn = phones.Examples(torch.arange(5), torch.tensor([0, 0, 0, 1, 2]))
    held = phones.Examples(torch.arange(4), torch.tensor([0, 1, 1, 1]))
    found = phones._metrics(0.75, 0.5, learn, held, 3)
    assert found == {
        "held_out_frame_accuracy": 0.75,
        "most_frequent_phone": 0.25,
        "times_most_frequent_phone": 3.0,
        "held_out_loss": 0.5,
        "held_out_loss_by_frequency": round((math.log(2) + 3 * math.log(4)) / 4, 4),
        "frames": 5,
        "held_out_frames": 4,
        "phones": 3,
    }
    never = phones._metrics(0.75, 0.5, learn, phones.Examples(torch.arange(1), torch.tensor([2])), 3)
    assert "times_most_frequent_phone" not in never
    json.dumps(never, allow_nan=False)


def test_loss_on_held_out_frames(corpus):
    trained = phones.train(corpus, params(), Run()).metrics
    untrained = phones.train(corpus, params(loop={**CASES["phones"][1]["loop"], "epochs": 0}), Run()).metrics
    assert trained["held_out_loss"] < 0.7 * trained["held_out_loss_by_frequency"] < untrained["held_out_loss"]
    assert trained["held_out_loss_by_frequency"] == pytest.approx(math.log(3), abs=0.01)


def test_phones_are_renamed_or_left_out(corpus):
    trained = phones.train(corpus, short(params(rename={"ii": "uu", "zz": "y"}, held_out_speakers=["v0"])), Run())
    assert trained.config["phones"] == ["aa", "uu"]
    assert trained.metrics["held_out_frames"] == 2 * 58
    trained = phones.train(corpus, short(params(rename={"ii": None}, held_out_speakers=["v0"])), Run())
    assert trained.config["phones"] == ["aa", "uu"]
    assert 2 * 36 <= trained.metrics["held_out_frames"] <= 2 * 40


def test_a_fixed_set_of_phones(corpus):
    trained = phones.train(corpus, short(params(phones=["zz", "uu", "ii", "aa"])), Run())
    assert trained.config["phones"] == ["zz", "uu", "ii", "aa"]
    assert trained.config["network"]["phones"] == trained.metrics["phones"] == 4
    words = r"utterance 'v0_\d' has the phone 'ii' at [\d.]+ s, .* `phones`; add it there, or map it in `rename`"
    with pytest.raises(CorpusError, match=words):
        phones.train(corpus, params(phones=["aa", "uu"]), Run())
    phones.train(corpus, short(params(phones=["aa", "uu"], rename={"ii": None})), Run())


def with_labels(copy, label) -> None:
    """Put `label(start, phone)` in the place of each phone, in spans of 10 ms."""
    lines = []
    for line in (copy / "phones.ctm").read_text().splitlines()[1:]:
        name, _, start, duration, phone = line.split()
        for step in range(round(float(duration) * 100)):
            lines.append(f"{name} 1 {float(start) + step / 100:.2f} 0.01 {label(step / 20, phone)}")
    (copy / "phones.ctm").write_text("\n".join(lines) + "\n")


def test_states_are_labels_like_phones(copy):
    """Tied states, as Kaldi's ali-to-pdf numbers them: three of each phone, one number per frame."""
    with_labels(copy, lambda part, phone: 100 * ["aa", "ii", "uu"].index(phone) + int(3 * part))
    trained = phones.train(copy, params(), Run())
    assert trained.config["phones"] == ["0", "1", "100", "101", "102", "2", "200", "201", "202"]
    assert trained.metrics["phones"] == trained.config["network"]["phones"] == 9
    assert trained.metrics["held_out_frame_accuracy"] > 2 * trained.metrics["most_frequent_phone"]


@pytest.mark.parametrize("normalised", ["utterance", "corpus"])
def test_weights_hold_what_brings_a_sound_to_the_phones(corpus, normalised):
    """From the file to the phone by the weights' config alone: the held-out accuracy is the one that was told."""
    trained = phones.train(corpus, params(normalise=normalised, held_out_speakers=["v1"]), Run())
    known = {name: [mfcc39(read_audio(corpus / f"{name}.wav", AUDIO_HZ), MfccParams())] for name in voices_of(corpus)}
    network, normal = SpeechDNN(**trained.config["network"]).eval(), trained.config["normal"]
    network.load_state_dict(dict(trained.state))
    if normalised == "corpus":
        learned = np.concatenate([values for name, [(values, _)] in known.items() if not name.startswith("v1")])
        np.testing.assert_allclose(normal["mean"], learned.mean(0, np.float64), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(normal["deviation"], learned.std(0, np.float64), rtol=1e-4)
    right, ctm = [], Ctm(corpus / "phones.ctm")
    for name in ("v1_0", "v1_1"):
        [(values, times)] = known[name]
        scaled = normalise(values, *map(np.array, normal.values())) if normal else normalise_utterance(values)
        with torch.inference_mode():
            said = network(torch.from_numpy(context(scaled, 2))).argmax(1).numpy()
        for start, end, phone in ctm.spans(name):
            right += (said[(times >= start) & (times < end)] == trained.config["phones"].index(phone)).tolist()
    assert np.mean(right) == pytest.approx(trained.metrics["held_out_frame_accuracy"], abs=0.01)
    assert np.mean(right) > 0.8


def voices_of(corpus: Path) -> list[str]:
    return sorted(path.stem for path in corpus.glob("*.wav"))


def test_stress_and_place_are_cut_off(copy, corpus):
    with_labels(copy, lambda part, phone: f"{phone}{int(3 * part)}_{'BEIS'[int(4 * part)]}")
    one, other = (
        phones.train(corpus, short(params()), Run()),
        phones.train(copy, short(params(cut="[0-2]?_[BEIS]$")), Run()),
    )
    assert other.config["phones"] == ["aa", "ii", "uu"]
    assert one.metrics["frames"] == other.metrics["frames"]
    assert one.metrics["held_out_frame_accuracy"] == pytest.approx(other.metrics["held_out_frame_accuracy"], abs=0.05)


def test_a_sound_at_another_speed():
    tone = np.sin(2 * np.pi * 500 * np.arange(16000) / 16000).astype(np.float32)
    assert at_speed(tone, 1.0) is tone
    for speed in (0.8, 1.25):
        found = at_speed(tone, speed)
        assert len(found) == round(16000 / speed)
        assert np.abs(np.fft.rfft(found)).argmax() * 16000 / len(found) == pytest.approx(500 * speed, abs=1)


def test_only_training_voices_are_heard_at_several_speeds(corpus):
    one, other = (phones.train(corpus, short(params(speeds=speeds)), Run()) for speeds in ([1.0], [0.8, 1.0, 1.25]))
    assert one.metrics["held_out_frames"] == other.metrics["held_out_frames"]
    assert other.metrics["frames"] == pytest.approx((1 / 0.8 + 1 + 1 / 1.25) * one.metrics["frames"], rel=0.01)
    assert len(one.ledger) == len(other.ledger) == 8
    # a phone of the middle lasts longer, or shorter, in the same measure: its share of frames stays
    assert other.metrics["most_frequent_phone"] == pytest.approx(one.metrics["most_frequent_phone"], abs=0.02)


@pytest.mark.parametrize(
    ("alignment", "path", "cut"),
    [
        ("ctm", "ali/train.ctm", "[012]?(_[BEIS])?$"),
        ("textgrid", "alignments", "[012]$"),
        ("lab", "alignments", "^.*-|[+].*$"),
    ],
)
def test_librispeech_as_it_is_given_out(corpus, tmp_path, alignment, path, cut):
    root = write_librispeech(tmp_path / "LibriSpeech", corpus)
    settings = {"alignment": alignment, "alignment_path": path, "cut": cut}
    assert phones.speakers(root, params(**settings)) == {"84", "85", "86", "87"}
    one, other = phones.train(corpus, short(params()), Run()), phones.train(root, short(params(**settings)), Run())
    assert {entry.status for entry in other.ledger} == {"ok"}
    assert other.config["phones"] == one.config["phones"]
    assert one.metrics == other.metrics


def write_librispeech(root: Path, corpus: Path) -> Path:
    """The corpus of `write_voices` as LibriSpeech users have it: FLAC in <subset>/<speaker>/<chapter>, SPEAKERS.TXT,
    Kaldi's CTM with places in the word, TextGrids of the Montreal Forced Aligner with stress, and HTK's labels of
    triphones with scores.
    """
    (root / "ali").mkdir(parents=True)
    head = [";", "; Some pipe(|) separated metadata", ";ID  |SEX| SUBSET           |MINUTES| NAME"]
    rows = [f"{84 + i}   | {'FM'[i % 2]} | dev-clean        | 8.02  | Somebody" for i in range(4)]
    (root / "SPEAKERS.TXT").write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")
    found, lines = reader("ctm", corpus, None, "", phones._utterances(corpus, params())), []
    for utterance in phones._utterances(corpus, params()):
        speaker, take = 84 + int(utterance.speaker[1]), utterance.name[-1]
        place, name = f"dev-clean/{speaker}/7{take}", f"{speaker}-7{take}-0000"
        (root / place).mkdir(parents=True, exist_ok=True)
        (root / "alignments" / place).mkdir(parents=True, exist_ok=True)
        samples, _ = soundfile.read(corpus / utterance.path, dtype="int16")
        soundfile.write(root / place / f"{name}.flac", samples, 16000)
        spans = found(utterance)
        lines += [f"{name} 1 {start:.3f} {end - start:.3f} {phone}_B " for start, end, phone in spans]
        rows = [f'{start:.9f}\n{end:.9f}\n"{phone}1"' for start, end, phone in spans]
        tier = ['"IntervalTier"', f'"{speaker} - phones"', "0", "0.6", str(len(rows)), *rows]
        text = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "0.6", "<exists>", "1", *tier, ""]
        (root / "alignments" / place / f"{name}.TextGrid").write_text("\n".join(text))
        units = [(round(1e7 * start), round(1e7 * end), phone) for start, end, phone in spans]
        labels = [f"{start} {end} sil-{phone}+sil -71.5" for start, end, phone in units]
        (root / "alignments" / place / f"{name}.lab").write_text("\n".join(labels) + "\n")
    (root / "ali" / "train.ctm").write_text("\n".join(lines) + "\n")
    return root


def test_one_phone_is_no_task(corpus):
    with pytest.raises(CorpusError, match="1 phones in all alignments"):
        phones.train(corpus, params(rename={"ii": "aa", "uu": "aa"}), Run())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"speaker": "(("}, "not a regular expression"),
        ({"cut": "(("}, "not a regular expression"),
        ({"speeds": []}, "at least 1"),
        ({"speeds": [0.4]}, "greater than or equal to 0.5"),
        ({"alignment_path": "/aligned"}, "match pattern"),
        ({"speaker": "wav"}, "needs one group"),
        ({"speaker": "(a)(b)"}, "needs one group"),
        ({"phones": ["a", "b", "a"]}, "names a phone twice: a"),
        ({"phones": ["a"]}, "at least 2"),
        ({"alignment": "csv"}, "ctm"),
        ({"held_out_speakers": 0}, "greater than or equal to 1"),
        ({"held_out_speakers": []}, "at least 1"),
        ({"sounds": "/etc/*.wav"}, "match pattern"),
    ],
)
def test_settings_that_make_no_sense(changes, words):
    with pytest.raises(ValidationError, match=words):
        params(**changes)


def broken(copy, what: str) -> None:
    sound, table = copy / "v1_0.wav", copy / "phones.ctm"
    lines = table.read_text().splitlines()
    mine = [line for line in lines if line.startswith("v1_0 ")]
    others = "\n".join(line for line in lines if not line.startswith("v1_0 ")) + "\n"
    changes = {
        "no line": "",
        "negative": f"{mine[0]}\nv1_0 1 0.4 -0.2 aa\n",
        "overlap": f"{mine[0]}\nv1_0 1 0.1 0.2 aa\n",
        "no ctm": f"{mine[0]}\nv1_0 1 aa\n",
        "late": "\n".join([*mine, "v1_0 1 0.60 0.15 aa"]),
        "a little late": "\n".join([*mine, "v1_0 1 0.60 0.09 aa"]),
        "all late": "v1_0 1 0.70 0.15 aa",
    }
    if what in changes:
        table.write_text(others + changes[what] + "\n")
    elif what == "missing":
        sound.unlink()
    elif what == "no sound":
        sound.write_bytes(b"\0no sound at all")
    elif what == "silent":
        soundfile.write(sound, np.zeros(9600), 16000)
    elif what == "short":
        soundfile.write(sound, np.full(300, 0.1), 16000)


@pytest.mark.parametrize(
    ("what", "status", "reason", "detail"),
    [
        ("no line", "failed", "no_input", "phones.ctm does not name it"),
        ("negative", "failed", "bad_alignment", "'aa' from 0.4 to 0.2 s"),
        ("overlap", "failed", "bad_alignment", "ends at 0.2 s, after 'aa' begins at 0.1 s"),
        ("no ctm", "failed", "bad_alignment", "got 'v1_0 1 aa'"),
        ("late", "degraded", "bad_alignment", "ends 0.15 s after the sound"),
        ("a little late", "ok", "", ""),
        ("all late", "failed", "no_input", "no frame has a phone"),
        ("missing", "failed", "missing_file", "not there"),
        ("no sound", "failed", "decode_error", ""),
        ("silent", "failed", "silent", ""),
        ("short", "failed", "too_short", ""),
    ],
)
def test_bad_input_costs_its_utterance_and_is_named(copy, what, status, reason, detail):
    broken(copy, what)
    found = ledger(copy, params())
    entry = found.pop("v1_0")
    assert (entry.status, entry.reason) == (status, reason)
    assert detail in entry.detail
    assert str(copy) not in entry.detail
    assert len(found) == 7
    assert {other.status for other in found.values()} == {"ok"}


def test_labels_past_the_end_change_nothing(copy, corpus):
    broken(copy, "late")
    one, other = (phones.train(root, short(params()), Run()) for root in (corpus, copy))
    assert one.metrics == other.metrics
    assert all(torch.equal(other.state[name], tensor) for name, tensor in one.state.items())


def test_frames_that_are_shorter_than_the_windows(copy):
    entry = ledger(copy, params(mfcc={"window_ms": 800}))["v0_0"]
    assert (entry.status, entry.reason) == ("failed", "too_short")


def test_nobody_left_to_hold_out(copy):
    for name in ("v3_0", "v3_1"):
        (copy / f"{name}.wav").unlink()
    with pytest.raises(CorpusError, match="no utterance to hold out is left"):
        phones.train(copy, params(), Run())


def test_nobody_left_at_all(copy):
    for path in copy.glob("*.wav"):
        path.unlink()
    with pytest.raises(CorpusError, match="no utterance to learn from is left"):
        phones.train(copy, params(), Run())


def as_timit(corpus, root, sphere: bool):
    """Write the corpus of `write_voices` as TIMIT has it."""
    found = reader("ctm", corpus, None, "", phones._utterances(corpus, params()))
    for utterance in phones._utterances(corpus, params()):
        folder = root / "TRAIN" / "DR1" / utterance.speaker.upper()
        folder.mkdir(parents=True, exist_ok=True)
        samples, _ = soundfile.read(corpus / utterance.path, dtype="int16")
        take = utterance.name[-1]
        options = {"format": "NIST"} if sphere else {"format": "WAV"}
        soundfile.write(folder / f"SX{take}.WAV", samples, 16000, subtype="PCM_16", **options)
        lines = [f"{round(start * 16000)} {round(end * 16000)} {phone}" for start, end, phone in found(utterance)]
        (folder / f"SX{take}.PHN").write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize("sphere", [True, False], ids=["nist", "riff"])
def test_timit_gives_what_the_ctm_gives(corpus, tmp_path, sphere):
    root = as_timit(corpus, tmp_path / "timit", sphere)
    assert (root / "TRAIN/DR1/V0/SX0.WAV").read_bytes()[:7] == (
        b"NIST_1A" if sphere else (root / "TRAIN/DR1/V0/SX0.WAV").read_bytes()[:7]
    )
    settings = short(params(alignment="phn", speaker=r"(\w+)/[^/]+$"))
    assert phones.speakers(root, settings) == {"V0", "V1", "V2", "V3"}
    one, other = phones.train(corpus, short(params()), Run()), phones.train(root, settings, Run())
    assert other.ledger[0].clip_id == "TRAIN/DR1/V0/SX0"
    assert one.metrics == other.metrics
    assert all(torch.equal(other.state[name], tensor) for name, tensor in one.state.items())


def test_textgrids_give_what_the_ctm_gives(corpus, copy):
    ctm = reader("ctm", corpus, None, "", phones._utterances(corpus, params()))
    for utterance in phones._utterances(corpus, params()):
        rows = [f'{start:.9f}\n{end:.9f}\n"{phone}"' for start, end, phone in ctm(utterance)]
        head = [
            'File type = "ooTextFile"',
            'Object class = "TextGrid"',
            "",
            "0",
            "0.6",
            "<exists>",
            "1",
            '"IntervalTier"',
            '"segments"',
            "0",
            "0.6",
        ]
        text = "\n".join([*head, str(len(rows)), *rows, ""])
        (copy / utterance.path).with_suffix(".TextGrid").write_text(text, encoding="utf-16")
    (copy / "phones.ctm").unlink()
    one = phones.train(corpus, short(params()), Run())
    other = phones.train(copy, short(params(alignment="textgrid", tier="segments")), Run())
    assert one.metrics == other.metrics
    assert all(torch.equal(other.state[name], tensor) for name, tensor in one.state.items())


def test_a_sound_whose_path_names_nobody(copy):
    (copy / "speakers.csv").unlink()
    shutil.copy(copy / "v0_0.wav", copy / "noise.wav")
    found = ledger(copy, params(speaker=r"(v\d)_"))
    assert (found["noise"].status, found["noise"].reason) == ("failed", "no_input")
    assert "`speaker` pattern" in found["noise"].detail
    assert len(found) == 9
