"""gender: tables, who is held out, what bad input costs, and rows that outlive a run that is stopped."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from helpers.sources import CASES, write_genders, write_sound
from pipeline.core.errors import CorpusError
from pipeline.core.ledger import Entry
from pipeline.networks.tanh_dnn import TanhDNN
from pipeline.pretraining.sources import gender
from pipeline.pretraining.sources._shared.utterances import Utterance, find_with_gender
from pipeline.training.task import Run, Trained


def params(**changes) -> gender.Params:
    return gender.Params(**{**CASES["gender"][1], **changes})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_genders(tmp_path_factory.mktemp("genders") / "corpus", takes=1)


@pytest.fixture
def copy(corpus, tmp_path):
    return shutil.copytree(corpus, tmp_path / "copy")


def ledger(trained: Trained) -> dict[str, Entry]:
    return {entry.clip_id: entry for entry in trained.ledger}


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path.parent


def test_speakers_csv(tmp_path):
    root = table(
        tmp_path / "speakers.csv",
        "utterance,path,speaker,gender,age",
        "u2,b.wav,s2,F,9",
        "u1,a.wav,s1, male ,8",
        "u3,c.wav,s3,,",
    )
    assert find_with_gender(root) == [
        Utterance("u1", "a.wav", "s1", "male"), Utterance("u2", "b.wav", "s2", "female"),
        Utterance("u3", "c.wav", "s3"),
    ]  # fmt: skip


SPEAKERS_TXT = """;
; Some pieces of information about the readers of the corpus, separated by pipes (|).
;
;ID  |SEX| SUBSET           |MINUTES| NAME
14   | F | train-clean-360  | 25.03 | Kristin LeMoine
60   | M | train-clean-100  | 20.18 | | CJ | Adams |
  84 |F| dev-clean|8.02|
174  | M | dev-clean        | 8.04  | Pet\u00ebr ; Eastman

"""


@pytest.fixture
def librispeech(tmp_path) -> Path:
    for name in ("train-clean-100/60/1/60-1-0000", "dev-clean/84/5/84-5-0001", "dev-clean/84/5/84-5-0000"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.flac").write_bytes(b"")
    (tmp_path / "dev-clean/84/5/84-5.trans.txt").write_text("84-5-0000 A TEXT\n")
    (tmp_path / "SPEAKERS.TXT").write_bytes(SPEAKERS_TXT.encode("latin-1"))
    return tmp_path


def test_speakers_txt_of_librispeech(librispeech):
    assert find_with_gender(librispeech) == [
        Utterance("60-1-0000", "train-clean-100/60/1/60-1-0000.flac", "60", "male"),
        Utterance("84-5-0000", "dev-clean/84/5/84-5-0000.flac", "84", "female"),
        Utterance("84-5-0001", "dev-clean/84/5/84-5-0001.flac", "84", "female"),
    ]
    assert gender.speakers(librispeech, params()) == {"60", "84"}


def test_a_speaker_that_speakers_txt_lacks_has_no_gender(librispeech):
    (librispeech / "dev-clean/99/1").mkdir(parents=True)
    (librispeech / "dev-clean/99/1/99-1-0000.wav").write_bytes(b"")
    assert find_with_gender(librispeech)[-1] == Utterance("99-1-0000", "dev-clean/99/1/99-1-0000.wav", "99", "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("61 | X | dev-clean | 8 | Somebody", r"SPEAKERS\.TXT:1: expected 'ID \| SEX .*', got '61 \| X"),
        ("61 M dev-clean", r"SPEAKERS\.TXT:1: expected"),
    ],
)
def test_a_line_that_speakers_txt_should_not_have(librispeech, line, words):
    (librispeech / "SPEAKERS.TXT").write_text(line + "\n" + SPEAKERS_TXT)
    with pytest.raises(CorpusError, match=words):
        find_with_gender(librispeech)


def test_speakers_txt_without_sounds(tmp_path):
    (tmp_path / "SPEAKERS.TXT").write_text(SPEAKERS_TXT)
    with pytest.raises(CorpusError, match=r"no sounds beside SPEAKERS\.TXT .*; unpack a subset there"):
        find_with_gender(tmp_path)


def test_genders_of_librispeech_are_learned_as_those_of_a_table(corpus, tmp_path):
    rows = []
    for number, name in enumerate(("f1", "f2", "m1", "m2")):
        folder = tmp_path / f"dev-clean/{number}/7"
        folder.mkdir(parents=True)
        shutil.copy(corpus / f"{name}_0.wav", folder / f"{number}-7-0000.wav")
        rows.append(f"{number} | {name[0].upper()} | dev-clean | 0.1 | {name}")
    (tmp_path / "SPEAKERS.TXT").write_text("; head\n" + "\n".join(rows) + "\n")
    one, other = gender.train(corpus, params(), Run()), gender.train(tmp_path, params(), Run())
    assert one.metrics == other.metrics
    assert one.history == other.history


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_manifest_with_spans(tmp_path, separator):
    lines = [
        "\ufeffclip_id,path,speaker,emotion,gender,start,end",
        "c1,a.flac,s1,sad,m,,",
        "c2,a.flac,s1,sad,male,1.5,2",
    ]
    root = table(tmp_path / "manifest.csv", *(line.replace(",", separator) for line in lines))
    assert find_with_gender(root) == [
        Utterance("c1", "a.flac", "s1", "male"),
        Utterance("c2", "a.flac", "s1", "male", 1.5, 2.0),
    ]


def test_speakers_csv_counts_before_the_manifest(corpus, copy):
    table(copy / "manifest.csv", "clip_id,path,speaker,gender", "x,x.wav,x,female")
    assert find_with_gender(copy) == find_with_gender(corpus)


@pytest.mark.parametrize(
    ("name", "lines", "words"),
    [
        ("other.csv", ["a"], r"neither speakers\.csv \(columns utterance, path, speaker, gender\) nor manifest\.csv"),
        ("speakers.csv", ["utterance,path,speaker", "u,p,s"], r"speakers\.csv:1: no column 'gender'"),
        (
            "manifest.csv",
            ["clip_id,path,speaker,gender", "c,,s,f"],
            r"manifest\.csv:2: 'path' is empty",
        ),
        (
            "manifest.csv",
            ["clip_id,path,speaker,gender,start", "c,p,s,f,soon"],
            r"manifest\.csv:2: start 'soon' is not a number",
        ),
        ("manifest.csv", ["clip_id,path,speaker,gender,end", "c,p,s,f,-1"], r"end '-1' is not a number of seconds"),
        (
            "speakers.csv",
            ["utterance,path,speaker,gender", "u,p,s,f", "u,q,s,f"],
            "p and q are both called 'u'; rename one",
        ),
    ],
)
def test_tables_that_are_wrong(tmp_path, name, lines, words):
    with pytest.raises(CorpusError, match=words) as caught:
        find_with_gender(table(tmp_path / name, *lines))
    assert "\n" not in str(caught.value)


def voices(*speakers: tuple[str, int]) -> gender._Voices:
    return gender._Voices(
        np.zeros((len(speakers), 2), np.float32), np.array([g for _, g in speakers]), [s for s, _ in speakers]
    )


@pytest.mark.parametrize(
    ("women", "men", "share", "expected"),
    [(20, 20, 0.15, (3, 3)), (2, 2, 0.15, (1, 1)), (1, 2, 0.15, (0, 1)), (8, 2, 0.5, (4, 1)), (7, 13, 0.15, (1, 2))],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_whole_speakers_of_either_gender_are_held_out(women, men, share, expected, seed):
    everyone = voices(*((f"f{i}", 0) for i in range(women)), *((f"m{i}", 1) for i in range(men)))
    out = gender._held_out(Path("x"), everyone, share, seed)
    assert (sum(name[0] == "f" for name in out), sum(name[0] == "m" for name in out)) == expected
    assert out == gender._held_out(Path("x"), everyone, share, seed)


def test_another_seed_holds_out_others():
    everyone = voices(*((f"f{i}", 0) for i in range(20)), *((f"m{i}", 1) for i in range(20)))
    assert len({tuple(sorted(gender._held_out(Path("x"), everyone, 0.15, seed))) for seed in range(4)}) > 1


@pytest.mark.parametrize(
    ("speakers", "words"),
    [
        ([], "no usable utterance of a female"),
        ([("f", 0)], "no usable utterance of a male"),
        ([("f", 0), ("m", 1)], "one speaker of either"),
    ],
)
def test_too_few_speakers(speakers, words):
    with pytest.raises(CorpusError, match=words):
        gender._held_out(Path("x"), voices(*speakers), 0.15, 0)


def test_a_speaker_of_two_genders(copy):
    with (copy / "speakers.csv").open("a", encoding="utf-8") as file:
        file.write("again,f1_0.wav,f1,male\n")
    with pytest.raises(CorpusError, match="speaker 'f1' is female here and male there; mend the table"):
        gender.train(copy, params(), Run())


def test_bad_input_costs_the_utterance(copy):
    noise = 0.1 * np.random.default_rng(0).standard_normal(8000)
    write_sound(copy / "noise.wav", np.clip(noise, -1, 1))
    write_sound(copy / "silence.wav", np.zeros(8000))
    write_sound(copy / "short.wav", noise[:1500])
    (copy / "damaged.wav").write_bytes(b"\0no sound")
    names = {
        "noise": "no_voice",
        "silence": "silent",
        "short": "too_short",
        "damaged": "decode_error",
        "gone": "missing_file",
    }
    with (copy / "speakers.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{name},{name}.wav,f1,female\n" for name in names)
        file.write("nobody,f1_0.wav,f3,\nother,f1_0.wav,f4,unknown\n")
    found = gender.train(copy, params(), Run(stage="pretrain:gender"))
    failed = {name: entry.reason for name, entry in ledger(found).items() if entry.status == "failed"}
    assert failed == {**names, "nobody": "no_input", "other": "no_input"}
    assert ledger(found)["other"].detail == "gender 'unknown' is neither female nor male"
    assert (found.metrics["rows"] + found.metrics["held_out_rows"], found.metrics["speakers"]) == (4, 2)


def test_the_state_normalises_by_the_training_rows_alone(corpus):
    trained = gender.train(corpus, params(), Run())
    everyone, _ = gender._read(corpus, params(), Run(), None)
    out = gender._held_out(corpus, everyone, 0.5, 0)
    rows = everyone.rows[[speaker not in out for speaker in everyone.speakers]]
    np.testing.assert_allclose(trained.state["mean"].numpy(), rows.mean(0), rtol=1e-5, atol=1e-6)
    network = TanhDNN(**trained.config["network"])
    network.load_state_dict(trained.state)
    with torch.inference_mode():
        right = network(torch.from_numpy(everyone.rows)).argmax(1).numpy() == everyone.genders
    held = [speaker in out for speaker in everyone.speakers]
    assert trained.metrics["held_out_gender_accuracy"] == right[held].mean()
    assert trained.config["genders"] == ["female", "male"]
    assert len(trained.config["columns"]) == 88


@pytest.mark.long
def test_windows_give_several_rows_and_workers_change_nothing(corpus):
    settings = params(egemaps={"window_s": 0.1})
    one, two = (gender.train(corpus, settings, Run(workers=workers)) for workers in (1, 2))
    assert one.metrics["rows"] + one.metrics["held_out_rows"] == 16
    assert one.history == two.history
    assert all(torch.equal(one.state[name], tensor) for name, tensor in two.state.items())


def test_rows_of_a_run_that_is_stopped_are_not_computed_again(copy, tmp_path, monkeypatch):
    def stop(_):
        raise InterruptedError

    whole = gender.train(copy, params(), Run())
    checkpoint = tmp_path / "checkpoints" / "pretrain-gender.pt"
    with pytest.raises(InterruptedError):
        gender.train(copy, params(), Run(checkpoint=checkpoint, on_ledger=stop))
    computed = []
    functionals = gender.functionals
    monkeypatch.setattr(gender, "functionals", lambda *arguments: computed.append(1) or functionals(*arguments))
    write_sound(copy / "m1_0.wav", 0.5 * another_buzz())
    again = gender.train(copy, params(), Run(checkpoint=checkpoint))
    assert len(computed) == 1, "only the file that has changed"
    assert again.history != whole.history
    assert not list(checkpoint.parent.iterdir()), "the rows go when the training has ended"
    gender.train(copy, params(), Run())
    assert len(computed) == 5, "without a checkpoint nothing is kept"


def another_buzz() -> np.ndarray:
    t = np.arange(6400) / 16000
    return sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 9)) / 4


def test_the_defaults_are_the_papers():
    found = gender.Params()
    assert (found.hidden, found.layers, found.held_out) == (256, 2, 0.15)
    assert (found.loop.learning_rate, found.loop.batch, found.loop.epochs) == (0.004, 64, 40)
    assert (found.egemaps.normalise, found.egemaps.window_s) == ("peak", None)
    with pytest.raises(ValidationError):
        gender.Params(held_out=0)
