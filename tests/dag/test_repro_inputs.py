"""The DAG, run by the real DVC: test clips, lost modalities, broken clips and wrong settings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from helpers.media import tone, write_media
from helpers.project import Project
from helpers.small_run import SYSTEMS
from pipeline.media.decode import read_audio

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("repro-inputs")]

LEARNED = (
    "rank",
    "select",
    "segments_audio",
    "segments_video",
    "fuse_features",
    "train@",
    "end_to_end",
    "transfer",
    "fuse@",
)
"""Beginnings of the names of stages that learn from labels, and of `select`, which passes on what `rank` learned."""


def learned_in(project: Project, fold: str) -> dict[str, bytes | str]:
    """What was learned in one fold, by name: weights to the byte, rows of every table, and what fusion learned."""
    found: dict[str, bytes | str] = {}
    for path in sorted((project.root / "models/demo").rglob("*")):
        name = str(path.relative_to(project.root))
        if path.is_file() and fold in (path.stem, path.parent.name):
            found[name] = path.read_bytes()
        elif path.name in ("history.csv", "posteriors.csv", "validation.csv"):
            rows = pd.read_csv(path, dtype=str, keep_default_na=False)
            found[name] = rows[(rows["fold"] == fold) & ((rows["part"] == "val") if "part" in rows else True)].to_csv(
                index=False
            )
        elif path.name == "learned.json":
            found[name] = json.dumps({fusion: states[fold] for fusion, states in json.loads(path.read_text()).items()})
    for path in sorted((project.root / "features/demo").glob("*.importances.csv")):
        rows = pd.read_csv(path, dtype=str)
        found[path.name] = rows[rows["fold"] == fold].to_csv(index=False)
    return found


def test_no_test_clip_and_no_test_label_reaches_a_weight_or_a_prediction(first, done):
    """In one fold every second test clip is taken out and the others get shuffled emotions: all that is learned
    there
    stays to the byte, and so does every posterior of the clips that are left. The other folds are left out."""
    fused = {system: done.root / f"models/demo/{system}/fusion/predictions.csv" for system in SYSTEMS}
    before, weights = {system: pd.read_csv(path) for system, path in fused.items()}, learned_in(done, "fold-00")
    splits = pd.read_csv(done.root / "features/demo/splits.csv")
    splits = splits[splits["fold"] == "fold-00"]
    tested = splits[splits["part"] == "test"]["clip_id"]
    left = tested[1::2]
    splits[~splits["clip_id"].isin(tested) | splits["clip_id"].isin(left)].to_csv(
        done.root / "features/demo/splits.csv", index=False
    )
    path = done.root / "features/demo/manifest.csv"
    manifest = pd.read_csv(path)
    rows = manifest["clip_id"].isin(left)
    manifest.loc[rows, "emotion"] = np.roll(manifest.loc[rows, "emotion"].to_numpy(), 1)
    manifest.to_csv(path, index=False)
    learned = [stage for stage in first.ran if stage.startswith(LEARNED)]
    done.forget([stage for stage in first.ran if stage not in learned])
    assert done.repro("--single-item", "--no-commit", *learned) == learned
    again = learned_in(done, "fold-00")
    assert again.keys() == {name for name in weights if name in again}
    assert sum(isinstance(content, bytes) for content in again.values()) > 10
    assert [name for name in weights if again.get(name) != weights[name]] == []
    for system in SYSTEMS:
        old, new = before[system], pd.read_csv(fused[system])
        old = old[(old["fold"] == "fold-00") & old["clip_id"].isin(left)].reset_index(drop=True)
        columns = ["model", "clip_id", *[name for name in old if name.startswith("p_")]]
        pd.testing.assert_frame_equal(old[columns], new[columns])
        assert (old["emotion"].to_numpy() != new["emotion"].to_numpy()).all()


def remux(source: Path, target: Path, kind: str) -> None:
    """Keep the sound or the picture of a file."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = getattr(old.streams, kind)[0]
        copied = new.add_stream_from_template(stream)
        for packet in old.demux(stream):
            if packet.dts is not None:
                packet.stream = copied
                new.mux(packet)


def _bad_clips_in_the_second_system(project: Project) -> None:
    """A clip with one modality is judged by late fusion all the same."""
    fused = project.root / "models/mine/zhang2017/fusion"
    ledger = pd.read_csv(fused / "ledger.csv", keep_default_na=False).set_index(["clip_id", "stage"])

    def entry(clip: str, stage: str) -> tuple[str, str]:
        return tuple(ledger.loc[(f"s01_{clip}_1", stage), ["status", "reason"]])

    assert entry("anger", "extract:anet") == ("absent", "no_audio")
    assert entry("anger", "extract:vnet") == ("ok", "")
    assert entry("fear", "extract:vnet") == ("failed", "no_face")
    for rule in ("product", "vote", "score_level"):
        assert entry("anger", f"fuse:{rule}-anet+vnet-linear_svm") == ("degraded", "no_audio")
        assert entry("happy", f"fuse:{rule}-anet+vnet-linear_svm") == ("failed", "missing_file")
    counts = pd.read_csv(fused / "predictions.csv")["model"].value_counts()
    judged = {name: counts[f"{name}-linear_svm"] for name in ("anet", "vnet", "product-anet+vnet")}
    assert judged == {"anet": 18, "vnet": 17, "product-anet+vnet": 19}


def _bad_clips_in_the_third_system(project: Project) -> None:
    """A sub-system that could not judge a clip is left out of its weighted sum."""
    fused = project.root / "models/mine/ouyang2017/fusion"
    ledger = pd.read_csv(fused / "ledger.csv", keep_default_na=False).set_index(["clip_id", "stage"])

    def entry(clip: str, stage: str) -> tuple[str, str]:
        return tuple(ledger.loc[(f"s01_{clip}_1", stage), ["status", "reason"]])

    assert entry("anger", "extract:egemaps") == entry("anger", "train:egemaps-transfer") == ("absent", "no_audio")
    assert entry("anger", "align_faces") == entry("anger", "train:vggface-end_to_end") == ("ok", "")
    assert entry("disgust", "align_faces") == ("absent", "no_video")
    assert (
        entry("fear", "align_faces")
        == entry("fear", "extract:vggface")
        == entry("fear", "train:vggface-end_to_end")
        == ("failed", "no_face")
    )
    assert entry("surprise", "align_faces") == ("degraded", "too_short")
    assert entry("surprise", "train:vggface-end_to_end") == ("ok", "")
    assert entry("sad", "extract:egemaps") == ("failed", "no_voice")
    for clip, reason in (("anger", "no_audio"), ("disgust", "no_video"), ("fear", "no_face"), ("sad", "no_voice")):
        assert entry(clip, "fuse:combined-audio_visual-weighted") == ("degraded", reason)
    assert entry("happy", "fuse:combined-audio_visual-weighted") == ("failed", "missing_file")
    counts = pd.read_csv(fused / "predictions.csv")["model"].value_counts()
    judged = {
        name: counts[name] for name in ("egemaps-transfer", "vggface-end_to_end", "combined-audio_visual-weighted")
    }
    assert judged == {"egemaps-transfer": 17, "vggface-end_to_end": 17, "combined-audio_visual-weighted": 19}


@pytest.mark.long
@pytest.mark.parametrize(
    ("kept", "other", "systems"),
    [
        ("audio", "video", ("huang2017",)),
        ("audio", "video", ("zhang2017", "ouyang2017")),
        ("video", "audio", ("zhang2017",)),
        ("video", "audio", ("huang2017", "ouyang2017")),
    ],
)
def test_a_corpus_of_one_modality_runs_through_all_stages(first, done, kept, other, systems):
    """Sound alone, or pictures alone: nothing has failed, models of the other modality judge nothing, and fusion goes
    by what is there.
    """
    demo, corpus = done.root / "data/demo", done.root / "data/one"
    shutil.copytree(demo, corpus)
    for path in corpus.rglob("*.mp4"):
        remux(demo / path.relative_to(corpus), path, kept)
    pd.read_csv(demo / "manifest.csv").iloc[:, :4].to_csv(corpus / "manifest.csv", index=False)
    done.set(
        {
            "corpora": {
                "one": {"adapter": "manifest_csv", "root": "data/one", "protocol": {"name": "loso", "validation": 0.4}}
            }
        }
    )
    done.set(
        {"degrade": {"one_worse": {"corpus": "one", "snr_db": 10, "blur_px": 1}}, "runtime.max_failed_fraction": 0}
    )
    done.forget([stage for stage in first.ran if "@demo" in stage])
    targets = [f"{stage}@one-{system}" for system in systems for stage in ("report", "robustness")]
    done.repro_two(*targets, "degrade@one_worse")
    audio = {"huang2017": "a60-svm", "zhang2017": "anet-linear_svm", "ouyang2017": "egemaps-transfer"}
    video = {"huang2017": "v1024-lstm", "zhang2017": "vnet-linear_svm", "ouyang2017": "vggface-end_to_end"}
    fused = {
        "huang2017": "logistic_regression-a60+v1024-lstm",
        "zhang2017": "product-anet+vnet-linear_svm",
        "ouyang2017": "combined-audio_visual-weighted",
    }
    there, absent = (audio, video) if kept == "audio" else (video, audio)
    for system in systems:
        folder = done.root / "reports/one" / system
        scores = json.loads((folder / "scores.json").read_text())
        assert (scores[there[system]]["n"], scores[absent[system]]["n"], scores[fused[system]]["n"]) == (21, 0, 21), (
            system
        )
        assert scores[absent[system]]["accuracy"] is None
        ledger = pd.read_csv(folder / "ledger.csv", keep_default_na=False)
        assert "failed" not in set(ledger["status"])
        assert set(ledger.loc[ledger["stage"] == f"train:{absent[system]}", "reason"]) == {f"no_{other}"}
        assert set(ledger.loc[ledger["stage"] == f"fuse:{fused[system]}", "status"]) == {"degraded"}
    assert len(list((done.root / "data/degraded/one_worse/worse").iterdir())) == 21


def rewritten(source: Path, target: Path, frames: int, voice: bool = True) -> None:
    """The first frames of a clip, with its sound or with noise in which nobody speaks."""
    with av.open(str(source)) as file:
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)][:frames]
    length = 16000 * frames // 25
    sound = (
        read_audio(source, 16000)[:length]
        if voice
        else np.random.default_rng(0).normal(0, 0.003, length).astype(np.float32)
    )
    write_media(target, list(range(0, 40 * frames, 40)), sound, codecs=("libx264", "aac"), pictures=pictures)


@pytest.fixture
def hostile(done):
    """A manifest_csv corpus: the demo's clips, some of them broken, two of them with one file name."""
    corpus, demo = done.root / "data/mine", done.root / "data/demo"
    rows = pd.read_csv(demo / "manifest.csv").iloc[:, :4]
    shutil.copytree(demo, corpus)
    clips = [f"s01_{emotion}_1" for emotion in ("anger", "disgust", "fear", "happy", "neutral")]
    anger, disgust, fear, happy, neutral = (corpus / "s01" / f"{clip}.mp4" for clip in clips)
    remux(demo / "s01/s01_anger_1.mp4", anger, "video")
    remux(demo / "s01/s01_disgust_1.mp4", disgust, "audio")
    write_media(fear, list(range(0, 1000, 40)), tone(1.0), codecs=("libx264", "aac"))
    happy.unlink()
    rewritten(demo / "s01/s01_sad_1.mp4", corpus / "s01/s01_sad_1.mp4", 25, voice=False)
    rewritten(demo / "s01/s01_surprise_1.mp4", corpus / "s01/s01_surprise_1.mp4", 10)
    neutral.write_text("this is no video")
    for speaker in ("s02", "s03"):
        (corpus / speaker / "same.mp4").write_bytes((corpus / speaker / f"{speaker}_sad_1.mp4").read_bytes())
        rows.loc[rows["clip_id"] == f"{speaker}_sad_1", "path"] = f"{speaker}/same.mp4"
    rows.to_csv(corpus / "manifest.csv", index=False)
    protocol = {"name": "loso", "validation": 0.4}
    done.set({"corpora": {"mine": {"adapter": "manifest_csv", "root": "data/mine", "protocol": protocol}}})
    return done


@pytest.mark.long
def test_bad_clips_cost_themselves_only(hostile):
    fewer = {
        "huang2017.classifiers": ["svm"],
        "huang2017.fused": ["svm"],
        "zhang2017.features": {"anet": "audio", "vnet": "video"},
    }
    hostile.set({f"systems.{key}": value for key, value in fewer.items()})
    hostile.repro_two("report@mine-huang2017", "fuse@mine-zhang2017", "fuse@mine-ouyang2017")
    report = hostile.root / "reports/mine/huang2017"
    ledger = pd.read_csv(report / "ledger.csv", keep_default_na=False).set_index(["clip_id", "stage"])

    def entry(clip: str, stage: str) -> tuple[str, str]:
        return tuple(ledger.loc[(f"s01_{clip}_1", stage), ["status", "reason"]])

    assert entry("anger", "extract:a60") == ("absent", "no_audio")
    assert entry("anger", "track_faces") == ("ok", "")
    assert entry("disgust", "track_faces") == ("absent", "no_video")
    assert entry("disgust", "train:v1024-svm") == ("absent", "no_video")
    assert entry("disgust", "extract:a60") == ("ok", "")
    assert entry("fear", "track_faces") == ("failed", "no_face")
    assert entry("happy", "prepare") == entry("happy", "extract:pool5") == ("failed", "missing_file")
    assert entry("neutral", "prepare") == entry("neutral", "extract:mfcc39") == ("failed", "not_media")
    fused = "fuse:confidence-a60+v1024-svm"
    assert entry("anger", fused) == ("degraded", "no_audio")
    assert entry("fear", fused) == ("degraded", "no_face")
    assert entry("happy", fused) == ("failed", "missing_file")
    metrics = json.loads((report / "scores.json").read_text())
    assert (metrics["a60-svm"]["n"], metrics["v1024-svm"]["n"]) == (18, 17)
    assert metrics["confidence-a60+v1024-svm"]["n"] == 19
    assert metrics["confidence-a60+v1024-svm"]["coverage"] == pytest.approx(19 / 21, abs=1e-4)
    assert {clip for clip, _ in ledger.index} == set(
        pd.read_csv(hostile.root / "features/mine/manifest.csv")["clip_id"]
    )
    _bad_clips_in_the_second_system(hostile)
    _bad_clips_in_the_third_system(hostile)
    predictions = pd.read_csv(report / "predictions.csv")
    same = predictions[predictions["clip_id"].isin(["s02_sad_1", "s03_sad_1"])]
    assert same.groupby("model")["clip_id"].nunique().eq(2).all()


def test_a_missing_corpus_folder_is_named(done):
    """By `python -m pipeline check`, which `make repro` runs first, with the setting; by DVC, with the folder."""
    done.set({"corpora.demo.root": "data/demos"})
    check = done.run("python", "-m", "pipeline", "check")
    assert check.returncode == 1
    assert (
        check.stderr
        == "error: params.yaml: corpora.demo.root: no such folder 'data/demos'; mend it, or remove the corpus\n"
    )
    run = done.run("dvc", "repro", "prepare")
    assert run.returncode != 0
    assert "data/demos" in run.stderr.splitlines()[-1]


WRONG = {
    "select.v1024.k": (0, "params.yaml: select.v1024.k: Input should be greater than 0 (got 0)"),
    "train.lstm.dropuot": (0.1, "params.yaml: train.lstm.dropuot: no such setting (did you mean 'dropout'?)"),
    "track_faces.detector": (
        "dlib_hogg",
        "track_faces.detector: no detectors plugin 'dlib_hogg' (did you mean 'dlib_hog'?)",
    ),
    "corpora.demo.labels": ({"joy": "hapy"}, "unknown emotion 'hapy' (did you mean 'happy'?)"),
    "extract.mfcc39.hop_ms": (5, "extract.mfcc39 differs from pretrain.a60.mfcc in hop_ms"),
    "segments_video.vnet.settings.fc6": ("published", "set size to 112"),
}
"""Setting -> (a wrong value, what is said about it)."""


def test_wrong_settings_give_one_line_each(done):
    done.set({key: value for key, (value, _) in WRONG.items()})
    failing = (
        *("train@demo-huang2017-v1024-lstm", "select@demo-v1024", "extract_speech@demo-a60"),
        *("segments_video@demo-vnet", "track_faces@demo", "prepare@demo"),
    )
    run = done.run(
        "dvc", "repro", "--keep-going", "--single-item", "extract@demo-mfcc39", *failing
    )  # the first is right in itself
    assert run.returncode != 0
    printed = run.stdout + run.stderr
    assert "Traceback" not in printed
    for key, (_, message) in WRONG.items():
        assert sum(message in line for line in printed.splitlines()) == 1, (key, printed)


def test_a_wrong_setting_of_the_machine_gives_one_line(done):
    done.set({"runtime.max_failed_fraction": 2})
    run = done.run("dvc", "repro", "-f", "prepare")
    assert run.returncode != 0
    printed = run.stdout + run.stderr
    assert "Traceback" not in printed
    assert sum("runtime.max_failed_fraction" in line for line in printed.splitlines()) == 1
