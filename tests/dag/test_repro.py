"""The DAG itself, run by the real DVC on a small generated corpus: what runs, and what runs again."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from helpers.project import SMALL, Project, ran
from helpers.small_run import locked, names
from pipeline.evaluation.choice import CHOSEN

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("repro")]

CLIPS = 21
"""Three speakers, seven emotions."""


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
        assert figures["n"] == CLIPS
        assert figures["coverage"] == 1.0
        assert figures["low"] <= figures["accuracy"] <= figures["high"]
    predictions = pd.read_csv(report / "predictions.csv")
    assert set(predictions["model"]) | {CHOSEN} == set(metrics)
    assert (predictions.groupby("model").size() == CLIPS).all()
    assert np.allclose(predictions.filter(regex="^p_").sum(axis=1), 1, atol=1e-4)
    assert predictions["speaker"].nunique() == 3


def test_first_run_makes_the_second_system(first):
    assert {"crop_faces", "segments_audio", "segments_video", "fuse_features", "train"} <= names(first.ran)
    report = first.root / "reports/demo/zhang2017"
    metrics = json.loads((report / "scores.json").read_text())
    rules = ("score_level", "vote", "maximum", "sum", "minimum", "average", "product")
    fusions = {f"{rule}-anet+vnet-linear_svm" for rule in rules}
    assert set(metrics) == {"anet-linear_svm", "vnet-linear_svm", "dbn2-linear_svm", CHOSEN} | fusions
    for figures in metrics.values():
        assert (figures["n"], figures["coverage"]) == (CLIPS, 1.0)
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
    assert set(metrics) == models | {"combined-visual-average", "combined-audio_visual-weighted", CHOSEN}
    for figures in metrics.values():
        assert (figures["n"], figures["coverage"]) == (CLIPS, 1.0)
    tables = {path.stem for path in (report / "tables").glob("table_*.csv") if not path.stem.endswith("_details")}
    assert tables == {f"table_{number}" for number in range(2, 7)}
    for name in tables:
        assert not (pd.read_csv(report / f"tables/{name}.csv", keep_default_na=False) == "").any(axis=None), name
    learned = json.loads((first.root / "models/demo/ouyang2017/fusion/learned.json").read_text())
    for state in learned["combined-audio_visual-weighted"].values():
        assert np.shape(state["weights"]) == (3, 7)
        assert state["gap"] == state["bound"] - state["right"]
    steps = pd.read_csv(report / "tables/feedback.csv")
    assert set(steps["fold"]) == {f"fold-{number:02d}" for number in range(3)}
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
                assert len(file["clips"]) == len(file["fold-00/parts"]) == CLIPS
                assert file["fold-00/columns"].shape == (file.attrs["dimension"],)
                continue
            level = file.get("fold-00", file)
            assert len(level) == CLIPS
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


def test_second_run_runs_nothing_and_an_edit_what_it_reaches(done):
    """Another runtime, comments, docstrings and the console reach no result: `code` looks at them, and finds the same
    digests. A classifier's code reruns its instances; their results are the same, so nothing after them has to run.
    """
    assert done.repro() == []
    assert done.git("status", "--porcelain", "--", "pipeline", "features", "models", "reports", "data") == ""
    done.set({"runtime.workers": 2, "runtime.clip_cache_gb": 5})
    for file, old, new in (
        ("features/extractors/mfcc39.py", "", "\n# a comment\n"),
        ("classification/cross_validation.py", '"""', '"""Another docstring. '),
        ("runner/console.py", '"red": "31"', '"red": "91"'),
        ("cli/commands/inspect.py", "", "\nANYTHING = 1\n"),
        ("classification/classifiers/image_set.py", "", "\nANYTHING = 1\n"),
    ):
        path = done.root / "pipeline" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1) if old else text + new)
    assert done.repro() == ["code", "train@demo-ouyang2017-vggface-image_set"]


TRAINED = {f"train@demo-huang2017-{model}" for model in ("a60-svm", "v1024-svm", "v1024-lstm")}


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "target", "others"),
    [
        (["select.v1024.k=16"], "select@demo-v1024", {"code"}),
        (
            ["train.svm.c=[0.001]", "select.v1024.k=16"], "report@demo-huang2017",
            {"code", "select@demo-v1024", *TRAINED, "fuse@demo-huang2017"},
        ),
        (
            ["segments_audio.anet.tune.learning_rate=0.01"], "train@demo-zhang2017-dbn2-linear_svm",
            {"code", "segments_audio@demo-anet", "fuse_features@demo-dbn2"},
        ),
    ],
    ids=["selection", "classifier", "fine-tuning"],
)  # fmt: skip
def test_an_experiment_reruns_what_its_settings_reach_and_nothing_else(done, settings, target, others):
    """Where a section that names something changes, `code` looks whether plan.yaml still holds."""
    done.git("add", "dvc.lock", "params.yaml")
    done.git("commit", "-qm", "first run")
    run = done.run("dvc", "exp", "run", *(word for setting in settings for word in ("-S", setting)), target)
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(ran(run.stdout)) == {target, *others}
    if "select.v1024.k=16" in settings:
        with h5py.File(done.root / "features/demo/v1024.h5") as file:
            assert file.attrs["dimension"] == 16


MINE = {"features": {"a60": "audio", "v1024": "video"}, "classifiers": ["svm"], "fusions": ["product"]}


def test_a_system_of_ones_own_is_a_block_of_params_and_settings_of_fusion_rerun_fusion_and_report(done):
    """No edit of dvc.yaml and no code; a model that another system has trained is taken, and not trained again. A
    feature that a system drops is not fused any more, though its files stay.
    """
    done.set(
        {
            "fuse.logistic_regression.c": [0.5],
            "systems.zhang2017.fusions": ["product", "vote"],
            "systems.zhang2017.features.dbn2": None,
        }
    )
    settings = {**done.params, "systems": {**done.params["systems"], "mine": MINE}}
    (done.root / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    first = done.run("dvc", "repro")
    assert first.returncode != 0
    assert "plan.yaml is renewed: run the same command again" in (first.stdout + first.stderr).replace(" had; it", "")
    run = done.run("dvc", "repro", "report@demo-mine", "report@demo-zhang2017")
    assert run.returncode == 0, run.stdout + run.stderr
    models = {"train@demo-mine-a60-svm", "train@demo-mine-v1024-svm"}
    fused = {f"{stage}@demo-{system}" for stage in ("fuse", "report") for system in ("mine", "zhang2017")}
    assert set(ran(run.stdout)) == {"code", *models, *fused}
    assert run.stdout.count("huang2017/classifiers/a60-svm, trained from the same input") == 1
    scores = json.loads((done.root / "reports/demo/mine/scores.json").read_text())
    assert set(scores) == {"a60-svm", "v1024-svm", "product-a60+v1024-svm", CHOSEN}
    theirs = json.loads((done.root / "reports/demo/huang2017/scores.json").read_text())
    assert scores["a60-svm"]["accuracy"] == theirs["a60-svm"]["accuracy"]
    fewer = {"anet-linear_svm", "vnet-linear_svm", "product-anet+vnet-linear_svm", "vote-anet+vnet-linear_svm", CHOSEN}
    assert set(json.loads((done.root / "reports/demo/zhang2017/scores.json").read_text())) == fewer
    assert (done.root / "features/demo/dbn2.h5").exists()
    table = pd.read_csv(done.root / "reports/demo/zhang2017/tables/table_X.csv", keep_default_na=False)
    assert "not run: add dbn2 to systems.zhang2017.features" in set(table.iloc[:, -1])
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
