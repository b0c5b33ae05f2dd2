"""The DAG itself, run by the real DVC on a small generated corpus."""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path

import av
import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from helpers.media import tone, write_media
from helpers.project import SMALL, Project, ran
from pipeline.media.decode import read_audio

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("repro")]

SYSTEMS = ("huang2017", "zhang2017", "ouyang2017")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A project after its first run, with one worker and two stages at a time."""
    project = Project(tmp_path_factory.mktemp("repro") / "project")
    project.set({**SMALL, "runtime.workers": 1})
    project.ran = project.repro_two()
    return project


def copy_of(project: Project, root: Path) -> Project:
    """The same project with its artifacts and DVC's cache, in another folder."""
    shutil.copytree(project.root, root, symlinks=True)
    twin = copy.copy(project)
    twin.root = root
    return twin


@pytest.fixture
def done(first, tmp_path):
    return copy_of(first, tmp_path / "project")


def locked(project: Project) -> dict[str, str]:
    """Every output's path and hash, from dvc.lock."""
    lock = yaml.safe_load((project.root / "dvc.lock").read_text(encoding="utf-8"))
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}


def names(stages: list[str]) -> set[str]:
    return {stage.split("@")[0] for stage in stages}


def test_first_run_makes_everything(first):
    assert {
        "generate",
        "prepare",
        "track_faces",
        "pretrain",
        "extract",
        "extract_speech",
        "extract_face",
        "rank",
        "select",
    } <= names(first.ran)
    assert "report@demo-huang2017" in first.ran
    report = first.root / "reports/demo/huang2017"
    metrics = json.loads((report / "scores.json").read_text())
    assert {"a60-svm", "v1024-lstm", "confidence-a60+v1024-lstm", "logistic_regression-a60+v1024-svm"} <= set(metrics)
    assert {"prior_knowledge-a60+v1024-lstm", "prior_knowledge-logistic_regression+audio-a60+v1024-lstm"} <= set(
        metrics
    )
    for figures in metrics.values():
        assert figures["n"] == 28
        assert figures["coverage"] == 1.0
        assert figures["low"] <= figures["accuracy"] <= figures["high"]
    predictions = pd.read_csv(report / "predictions.csv")
    assert set(predictions["model"]) == set(metrics)
    assert (predictions.groupby("model").size() == 28).all()
    assert np.allclose(predictions.filter(regex="^p_").sum(axis=1), 1, atol=1e-4)
    assert predictions["speaker"].nunique() == 4


def test_first_run_makes_the_second_system(first):
    assert {"crop_faces", "segments_audio", "segments_video", "fuse_features", "train"} <= names(first.ran)
    report = first.root / "reports/demo/zhang2017"
    metrics = json.loads((report / "scores.json").read_text())
    rules = ("score_level", "vote", "maximum", "sum", "minimum", "average", "product")
    fusions = {f"{rule}-anet+vnet-linear_svm" for rule in rules}
    assert set(metrics) == {"anet-linear_svm", "vnet-linear_svm", "dbn2-linear_svm"} | fusions
    for figures in metrics.values():
        assert (figures["n"], figures["coverage"]) == (28, 1.0)
    tables = {path.stem for path in (report / "tables").glob("table_*.csv") if not path.stem.endswith("_details")}
    numbers = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI")
    assert tables == {f"table_{number}" for number in numbers}
    table = pd.read_csv(report / "tables/table_X.csv", keep_default_na=False)
    assert not (table == "").any(axis=None)
    assert table.iloc[:, -1].str.startswith("not run: add fc1").sum() == 1


def test_first_run_makes_the_third_system(first):
    assert {"align_faces", "clip_features", "train", "end_to_end", "transfer"} <= names(first.ran)
    report = first.root / "reports/demo/ouyang2017"
    metrics = json.loads((report / "scores.json").read_text())
    models = {"vggface-image_set", "vggface-end_to_end", "egemaps-transfer"}
    assert set(metrics) == models | {"combined-visual-average", "combined-audio_visual-weighted"}
    for figures in metrics.values():
        assert (figures["n"], figures["coverage"]) == (28, 1.0)
    tables = {path.stem for path in (report / "tables").glob("table_*.csv") if not path.stem.endswith("_details")}
    assert tables == {f"table_{number}" for number in range(2, 7)}
    for name in tables:
        assert not (pd.read_csv(report / f"tables/{name}.csv", keep_default_na=False) == "").any(axis=None), name
    learned = json.loads((first.root / "models/demo/ouyang2017/fusion/learned.json").read_text())
    for state in learned["combined-audio_visual-weighted"].values():
        assert np.shape(state["weights"]) == (3, 7)
        assert state["gap"] == state["bound"] - state["right"]
    steps = pd.read_csv(report / "tables/feedback.csv")
    assert set(steps["fold"]) == {f"fold-{number:02d}" for number in range(4)}
    network = first.root / "models/demo/ouyang2017/classifiers/vggface-end_to_end"
    assert (network / "fold-00/weights.pt").is_file()
    assert not (network / "fold-01").exists()


def test_accuracy_in_metrics_is_that_of_the_predictions(first):
    report = first.root / "reports/demo/huang2017"
    metrics = json.loads((report / "scores.json").read_text())
    predictions = pd.read_csv(report / "predictions.csv")
    for name, rows in predictions.groupby("model"):
        assert metrics[name]["accuracy"] == pytest.approx((rows["emotion"] == rows["predicted"]).mean(), abs=1e-4)


def test_every_clip_is_in_the_ledger_of_every_stage(first):
    ledger = pd.read_csv(first.root / "reports/demo/huang2017/ledger.csv", keep_default_na=False)
    clips = set(pd.read_csv(first.root / "features/demo/manifest.csv")["clip_id"])
    for stage, rows in ledger.groupby("stage"):
        assert set(rows["clip_id"]) == clips, stage
    assert {"prepare", "track_faces", "extract:mfcc39", "extract:pool5", "select:v1024", "train:v1024-svm"} <= set(
        ledger["stage"]
    )


def test_features_follow_the_hdf5_contract(first):
    folder = first.root / "features/demo"
    for path in sorted(folder.glob("*.h5")):
        with h5py.File(path) as file:
            assert file.attrs["feature"] == path.stem
            if file.attrs["format"] == "clip-selection/1":
                assert len(file["clips"]) == len(file["fold-00/parts"]) == 28
                assert file["fold-00/columns"].shape == (file.attrs["dimension"],)
                continue
            level = file.get("fold-00", file)
            assert len(level) == 28
            for clip in level.values():
                rows, columns = clip["values"].shape
                assert columns == file.attrs["dimension"]
                assert clip["times"].shape == clip["mask"].shape == (rows,)
                assert (np.diff(clip["times"][()]) > 0).all()
                assert np.isfinite(clip["values"][()][clip["mask"][()]].astype(float)).all()
    with h5py.File(folder / "pool5.h5") as file:
        assert file.attrs["dimension"] == 9216
        assert len(file.attrs["weights"]) == 64
        assert "generated" in file.attrs["origin"]


def test_second_run_runs_nothing_nor_does_another_runtime(done):
    assert done.repro() == []
    done.set({"runtime.workers": 2, "runtime.clip_cache_gb": 5})
    assert done.repro() == []
    assert done.git("status", "--porcelain", "--", "pipeline", "features", "models", "reports", "data") == ""


TRAINED = {f"train@demo-huang2017-{model}" for model in ("a60-svm", "v1024-svm", "v1024-lstm")}


@pytest.mark.parametrize(
    ("settings", "target", "others"),
    [
        (["select.v1024.k=16"], "select@demo-v1024", set()),
        pytest.param(
            ["train.svm.c=[0.001]", "select.v1024.k=16"], "report@demo-huang2017",
            {"code", "select@demo-v1024", *TRAINED, "fuse@demo-huang2017"}, marks=pytest.mark.long,
        ),
        pytest.param(
            ["segments_audio.anet.tune.learning_rate=0.01"], "train@demo-zhang2017-dbn2-linear_svm",
            {"segments_audio@demo-anet", "fuse_features@demo-dbn2"}, marks=pytest.mark.long,
        ),
    ],
    ids=["selection", "classifier", "fine-tuning"],
)  # fmt: skip
def test_an_experiment_reruns_what_its_settings_reach_and_nothing_else(done, settings, target, others):
    """Where settings of `train` or `systems` change, `code` looks whether plan.yaml still holds."""
    done.git("add", "dvc.lock", "params.yaml")
    done.git("commit", "-qm", "first run")
    run = done.run("dvc", "exp", "run", *(word for setting in settings for word in ("-S", setting)), target)
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(ran(run.stdout)) == {target, *others}
    if "select.v1024.k=16" in settings:
        with h5py.File(done.root / "features/demo/v1024.h5") as file:
            assert file.attrs["dimension"] == 16


def test_settings_of_fusion_rerun_fusion_and_report(done):
    """A feature that a system drops is not fused any more, though its files stay."""
    done.set(
        {
            "fuse.logistic_regression.c": [0.5],
            "systems.huang2017.fusions": ["logistic_regression", "confidence"],
            "systems.huang2017.stacked": {"prior_knowledge": ["video"]},
            "systems.zhang2017.features.dbn2": None,
        }
    )
    assert names(done.repro("report@demo-huang2017", "report@demo-zhang2017")) == {"code", "fuse", "report"}
    metrics = json.loads((done.root / "reports/demo/zhang2017/scores.json").read_text())
    assert not any("dbn2" in name for name in metrics)
    assert (done.root / "features/demo/dbn2.h5").exists()
    table = pd.read_csv(done.root / "reports/demo/zhang2017/tables/table_X.csv", keep_default_na=False)
    assert "not run: add dbn2 to systems.zhang2017.features" in set(table.iloc[:, -1])


def test_comments_docstrings_and_the_console_rerun_code_alone_and_one_classifier_its_instances(done):
    for file, old, new in (
        ("features/extractors/mfcc39.py", "", "\n# a comment\n"),
        ("classification/cross_validation.py", '"""', '"""Another docstring. '),
        ("runner/console.py", '"red": "31"', '"red": "91"'),
        ("cli/commands/inspect.py", "", "\nANYTHING = 1\n"),
    ):
        path = done.root / "pipeline" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1) if old else text + new)
    assert done.repro() == ["code"]
    path = done.root / "pipeline/classification/classifiers/linear_svm.py"
    path.write_text(path.read_text() + "\nANYTHING = 1\n")
    models = {f"train@demo-zhang2017-{feature}-linear_svm" for feature in ("anet", "vnet", "dbn2")}
    assert set(done.repro()) == {"code", *models}, "their results are the same, so nothing after them has to run"


MINE = {"features": {"a60": "audio", "v1024": "video"}, "classifiers": ["svm"], "fusions": ["product"]}


def test_a_system_of_ones_own_is_a_block_of_params(done):
    """No edit of dvc.yaml and no code; a model that another system has trained is taken, and not trained again."""
    settings = {**done.params, "systems": {**done.params["systems"], "mine": MINE}}
    (done.root / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    first = done.run("dvc", "repro", "report@demo-mine")
    assert first.returncode != 0
    assert "plan.yaml is renewed: run the same command again" in (first.stdout + first.stderr).replace(" had; it", "")
    run = done.run("dvc", "repro", "report@demo-mine")
    assert run.returncode == 0, run.stdout + run.stderr
    models = {"train@demo-mine-a60-svm", "train@demo-mine-v1024-svm"}
    assert set(ran(run.stdout)) == {"code", *models, "fuse@demo-mine", "report@demo-mine"}
    assert run.stdout.count("huang2017/classifiers/a60-svm, trained from the same input") == 1
    scores = json.loads((done.root / "reports/demo/mine/scores.json").read_text())
    assert set(scores) == {"a60-svm", "v1024-svm", "product-a60+v1024-svm"}
    theirs = json.loads((done.root / "reports/demo/huang2017/scores.json").read_text())
    assert scores["a60-svm"]["accuracy"] == theirs["a60-svm"]["accuracy"]
    assert done.repro("report@demo-mine") == []


def test_one_stage_alone_runs_from_nothing(tmp_path):
    project = Project(tmp_path / "project")
    few = {"generate.demo.speakers": 1, "corpora.demo.protocol": {"name": "none"}}
    project.set({**SMALL, **few, "runtime.workers": 1})
    assert project.repro("prepare@demo") == ["code", "generate@demo", "prepare@demo"]


@pytest.mark.long
def test_two_workers_and_one_stage_at_a_time_give_the_bytes_of_one_and_two(first, tmp_path):
    """From nothing: no artifacts, no DVC cache, no clip cache. Some jobs have a test of their own for it."""
    project = Project(tmp_path / "project", warm=False)
    project.set({**SMALL, "runtime.workers": 2})
    assert sorted(project.repro()) == sorted(first.ran)
    assert locked(project) == locked(first)
    assert project.repro() == []


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
    assert done.repro("--single-item", *learned) == learned
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
    assert judged == {"anet": 25, "vnet": 24, "product-anet+vnet": 26}


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
    assert judged == {"egemaps-transfer": 24, "vggface-end_to_end": 24, "combined-audio_visual-weighted": 26}


@pytest.mark.parametrize(
    ("kept", "other", "systems"),
    [  # one system without video; the others, each without one of the two, take minutes more
        ("audio", "video", ("huang2017",)),
        pytest.param("audio", "video", ("zhang2017", "ouyang2017"), marks=pytest.mark.long),
        pytest.param("video", "audio", ("zhang2017",), marks=pytest.mark.long),
        pytest.param("video", "audio", ("huang2017", "ouyang2017"), marks=pytest.mark.long),
    ],
)
def test_a_corpus_of_one_modality_runs_through_all_stages(done, kept, other, systems):
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
        assert (scores[there[system]]["n"], scores[absent[system]]["n"], scores[fused[system]]["n"]) == (28, 0, 28), (
            system
        )
        assert scores[absent[system]]["accuracy"] is None
        ledger = pd.read_csv(folder / "ledger.csv", keep_default_na=False)
        assert "failed" not in set(ledger["status"])
        assert set(ledger.loc[ledger["stage"] == f"train:{absent[system]}", "reason"]) == {f"no_{other}"}
        assert set(ledger.loc[ledger["stage"] == f"fuse:{fused[system]}", "status"]) == {"degraded"}
    assert len(list((done.root / "data/degraded/one_worse/worse").iterdir())) == 28


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
    assert entry("neutral", "track_faces") == entry("neutral", "extract:mfcc39") == ("failed", "decode_error")
    fused = "fuse:confidence-a60+v1024-svm"
    assert entry("anger", fused) == ("degraded", "no_audio")
    assert entry("fear", fused) == ("degraded", "no_face")
    assert entry("happy", fused) == ("failed", "missing_file")
    metrics = json.loads((report / "scores.json").read_text())
    assert (metrics["a60-svm"]["n"], metrics["v1024-svm"]["n"]) == (25, 24)
    assert metrics["confidence-a60+v1024-svm"]["n"] == 26
    assert metrics["confidence-a60+v1024-svm"]["coverage"] == pytest.approx(26 / 28, abs=1e-4)
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


PREDICTED = {
    # what decides, and the fold in which it is compared; with keep: [fold-00], that one is all there is
    "huang2017": [
        ("confidence-logistic_regression+audio+video-a60+v1024-lstm", "fold-01"),
        ("prior_knowledge-a60+v1024-svm", "fold-02"),
    ],
    "zhang2017": [("score_level-anet+vnet-linear_svm", "fold-03"), ("dbn2-linear_svm", "fold-02")],
    "ouyang2017": [("combined-audio_visual-weighted", "fold-00")],
}


def predict(project: Project, *args: str) -> str:
    done = project.run("python", "-m", "pipeline", "predict", *args, "--no-pictures")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_test_clip_is_predicted_as_it_was_tested(done, system):
    tested = pd.read_csv(done.root / f"models/demo/{system}/fusion/predictions.csv")
    for model, fold in PREDICTED[system]:
        said = predict(
            done, "data/demo", "--system", system, "--model", model, "--fold", fold, "--out", "found", "--hop", "1"
        )
        assert "says nothing about people" in said
        assert not any(
            " from the clip cache" in line and "28 of 28" not in line
            for line in said.splitlines()
            if "(fold" not in line
        )
        found = pd.read_csv(done.root / "found/predictions.csv")
        assert (found["status"] == "ok").all()
        for name, rows in found.groupby("model"):
            theirs = tested[(tested["model"] == name) & (tested["fold"] == fold)].set_index("clip_id")
            ours = rows.set_index("clip").loc[theirs.index]
            assert len(ours) == 7
            np.testing.assert_allclose(
                ours.filter(regex="^p_"), theirs.filter(regex="^p_"), rtol=0, atol=1e-6, err_msg=name
            )
            assert (ours["predicted"] == theirs["predicted"]).all()


def test_prediction_on_new_and_bad_media(done):
    before, folder = locked(done), done.root / "new"
    folder.mkdir()
    shutil.copy(done.root / "data/demo/s01/s01_anger_1.mp4", folder / "known.mp4")
    write_media(folder / "no face.mkv", [i * 40 for i in range(25)], tone(1.0))
    write_media(folder / "no sound.mkv", [i * 40 for i in range(25)])
    write_media(folder / "voice.wav", sound=tone(1.0))
    (folder / "text.mp4").write_text("no film", encoding="utf-8")
    (folder / "empty.mp4").touch()
    (folder / "read.me").write_text("no clip", encoding="utf-8")
    for system in SYSTEMS:
        audio_visual = ["--model", PREDICTED[system][0][0]]
        said = predict(done, "new", "--system", system, *audio_visual)
        assert "skipped, no media: read.me" in said
        assert "of the corpus: a training or validation clip in" in said
        found = pd.read_csv(done.root / "reports/predictions/new/predictions.csv", keep_default_na=False)
        about = json.loads((done.root / "reports/predictions/new/about.json").read_text())
        chosen = found[found["model"] == about["model"]].set_index("clip")
        assert dict(chosen["status"]) == {
            "empty": "failed",
            "known": "ok",
            "no-face": "degraded",
            "no-sound": "failed",
            "text": "failed",
            "voice": "degraded",
        }, system
        assert dict(chosen["reason"][["no-face", "text", "voice"]]) == {
            "no-face": "no_face",
            "text": "decode_error",
            "voice": "no_video",
        }
        assert about["folds"] == (["fold-00"] if system == "ouyang2017" else [f"fold-{n:02d}" for n in range(4)])
        for fold in about["folds"]:
            assert all(len(digests[fold]) == 64 for digests in about["models"].values())
        courses = {path.stem for path in (done.root / "reports/predictions/new/posteriors").glob("*.csv")}
        assert courses == {"known", "no-face", "voice"}
    again = predict(done, "new", "--system", SYSTEMS[0], "--model", PREDICTED[SYSTEMS[0]][0][0])
    reused = [
        re.search(r"(\d+) of (\d+) clips from the clip cache", line)
        for line in again.splitlines()
        if line.endswith("clip cache")
    ]
    assert reused
    assert all(found[1] == found[2] for found in reused), again
    done.repro()
    assert locked(done) == before, "a prediction touches no artifact"


def test_prediction_stops_with_one_line_where_weights_were_not_kept(done):
    shutil.rmtree(done.root / "models/demo/ouyang2017/classifiers/vggface-end_to_end/fold-00")
    words = "predict data/demo --system ouyang2017 --model combined-visual-average"
    stopped = done.run("python", "-m", "pipeline", *words.split())
    assert stopped.returncode == 1
    remedy = "dvc repro end_to_end@demo-ouyang2017-vggface-end_to_end"
    assert f"set end_to_end.vggface.keep: all in params.yaml and run `{remedy}`" in stopped.stderr
    assert stopped.stderr.count("\n") == 1
