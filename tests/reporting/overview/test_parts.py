"""What the page over all reports is made of: confusions, pictures, times, settings, versions."""

from __future__ import annotations

import base64
import dataclasses
import json
from math import nan
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from helpers.media import tone, write_media
from helpers.reports import HUANG, OUYANG, add_clips, make, overview, places
from pipeline.core.clip import Clip, write_manifest
from pipeline.core.errors import ArtifactError
from pipeline.engine.journal import Row, write_journal
from pipeline.evaluation.choice import CHOSEN
from pipeline.reporting.html.charts import Dots, Mark
from pipeline.reporting.overview.gallery import gallery, posterior_bars, posteriors_of, worst_confusions
from pipeline.reporting.overview.pictures import FACE_PX, FACES, Pictures, Sounds, evenly, spectrogram
from pipeline.reporting.overview.reports import read_reports
from pipeline.reporting.overview.run_facts import PACKAGES, SHIPPED, changed_settings, commit, flat, software
from pipeline.reporting.overview.stage_times import by_kind, stage_rows
from pipeline.reporting.system.modalities import chosen_models, modality_values, parts_of
from pipeline.reporting.system.write import write_report
from pipeline.reporting.training_curves import fold_charts, network_curve, pretrained_charts, training_chart

NO_SOUND = Sounds(Path("no.yaml"), "demo", Path("no.csv"))
ROWS = pd.DataFrame(
    [
        ("a", "anger", "anger", 0.9, 0.1),
        ("b", "anger", "sad", 0.4, 0.6),
        ("c", "anger", "sad", 0.1, 0.9),
        ("d", "anger", "sad", 0.3, 0.7),
        ("e", "sad", "anger", 0.8, 0.2),
        ("f", "sad", "", nan, nan),
    ],
    columns=["clip_id", "emotion", "predicted", "p_anger", "p_sad"],
)


def test_the_most_frequent_confusion_and_its_most_confident_clips_come_first():
    found = worst_confusions(ROWS)
    assert [(each.truth, each.decided, each.count, each.of, each.clips) for each in found] == [
        ("anger", "sad", 3, 4, ["c", "d"]),
        ("sad", "anger", 1, 1, ["e"]),
    ], "a clip that was not judged is no mistake"
    assert worst_confusions(ROWS[:1]) == []


def test_posteriors_of_a_clip():
    assert posteriors_of(ROWS, "b", ["anger", "sad"]).tolist() == [0.4, 0.6]
    assert posteriors_of(ROWS, "f", ["anger", "sad"]) is None
    assert posteriors_of(ROWS, "nobody", ["anger", "sad"]) is None


@given(st.integers(0, 2000), st.integers(1, 12))
def test_frames_are_taken_evenly_from_first_to_last(count, wanted):
    rows = evenly(count, wanted)
    assert len(rows) == min(count, wanted)
    assert rows == sorted(set(rows))
    if count and wanted > 1:
        assert (rows[0], rows[-1]) == (0, count - 1)
        gaps = np.diff(rows)
        assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


def decoded(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_faces_are_shown_where_they_were_seen_and_grey_where_not(tmp_path):
    add_clips(tmp_path, ["lost", "seen"])
    with Pictures(tmp_path, NO_SOUND) as pictures:
        lost, seen = pictures.faces("lost"), pictures.faces("seen")
        nothing = pictures.faces("other")
    picture = decoded(lost.uri)
    assert picture.shape == (FACE_PX, FACES * FACE_PX, 3)
    left, right = picture[:, : 2 * FACE_PX], picture[:, -2 * FACE_PX :]
    assert right.std() < 6 < 20 < left.std(), "noise where there was a face, grey where it was lost"
    assert "grey: no face" in lost.words
    assert "grey" not in seen.words
    assert seen.words.startswith("The face at 0.00, ")
    assert (nothing.uri, "the ledger says why" in nothing.words) == ("", True)


def test_a_spectrum_has_low_bands_below(tmp_path):
    values = np.zeros((50, 64), np.float32)
    values[:, :8] = 5
    picture = spectrogram(values).astype(int).sum(axis=2)
    assert picture[-5:].mean() > picture[:5].mean() + 200
    add_clips(tmp_path, ["c"])
    with Pictures(tmp_path, NO_SOUND) as pictures:
        assert decoded(pictures.spectrum("c").uri).shape == (96, FACES * FACE_PX, 3)
        assert pictures.spectrum("c").words == "Log mel spectrogram, 64 bands, 0.5 s; low bands below"
        assert pictures.spectrum("other").uri == ""


def test_where_no_stage_has_made_a_spectrum_the_clip_itself_does(tmp_path):
    (tmp_path / "corpus").mkdir()
    write_media(tmp_path / "corpus" / "a.wav", sound=tone(1.0), codecs=("", "pcm_s16le"))
    write_media(tmp_path / "corpus" / "silent.mp4", list(range(0, 400, 40)))
    (tmp_path / "params.yaml").write_text("corpora: {demo: {root: corpus}}\n")
    clips = [
        Clip(name, path, "s", "anger")
        for name, path in (("a", "a.wav"), ("cut", "a.wav"), ("gone", "gone.wav"), ("silent", "silent.mp4"))
    ]
    write_manifest(
        tmp_path / "manifest.csv", [*clips[:1], dataclasses.replace(clips[1], start=0.25, end=0.75), *clips[2:]]
    )
    sounds = Sounds(tmp_path / "params.yaml", "demo", tmp_path / "manifest.csv")
    whole, cut = sounds.mels("a"), sounds.mels("cut")
    assert (whole.shape[1], len(whole) // 10, len(cut) // 10) == (64, 9, 4)
    assert np.ptp(whole.argmax(axis=1)) <= 1, "a tone stays in its band"
    with Pictures(tmp_path, sounds) as pictures:
        assert pictures.spectrum("a").words.startswith("Log mel spectrogram, 64 bands, 1.0 s")
        assert decoded(pictures.spectrum("a").uri).shape == (96, FACES * FACE_PX, 3)
        assert pictures.spectrum("silent").words == "No audio: no_audio"
        assert [pictures.spectrum(name).words[:14] for name in ("gone", "nobody")] == ["No audio here:"] * 2
    assert Sounds(tmp_path / "params.yaml", "other", tmp_path / "manifest.csv").mels("a") is None


def test_pictures_of_damaged_files_are_words(tmp_path):
    add_clips(tmp_path, ["c"])
    for name in ("square100.h5", "logmel.h5"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:500])
    with Pictures(tmp_path, NO_SOUND) as pictures:
        assert (pictures.faces("c").uri, pictures.spectrum("c").uri) == ("", "")
        assert pictures.faces("c").words == "No file with crops of the face"


def test_bars_say_who_said_what():
    drawn = posterior_bars(
        {"audio": None, "video": np.array([0.25, 0.75]), "headline": np.array([0.5, 0.5])}, ["anger", "sad"], "sad"
    )
    assert [line["truth"] for line in drawn["lines"]] == [False, True]
    assert [[bar["kind"] for bar in line["bars"]] for line in drawn["lines"]] == [["video", "headline"]] * 2
    widths = [line["bars"][0]["width"] for line in drawn["lines"]]
    assert widths[1] == pytest.approx(3 * widths[0], rel=0.01)
    assert drawn["silent"] == ["audio"]
    assert (
        drawn["described"]
        == "Posteriors; the truth is sad. video anger 0.25, sad 0.75; headline anger 0.50, sad 0.50. "
        "Not judged by audio"
    )


def test_the_gallery_shows_what_the_headline_rests_on(tmp_path):
    report = make("huang2017", HUANG)
    write_report(report, tmp_path / "demo" / "huang2017")
    (found,) = read_reports(tmp_path)
    assert found.setup["parts"] == {"audio": "a60-lstm", "video": "v1024-lstm", "fused": found.setup["chosen"]["fused"]}
    shown = gallery(found, places(tmp_path))
    assert shown["headline"] == found.setup["chosen"]["fused"]
    assert len(shown["confusions"]) == 3
    rows = report.rows()[shown["headline"]].set_index("clip_id")
    for each in shown["confusions"]:
        title = each["title"].split(" taken for ")
        for clip in each["clips"]:
            assert rows.loc[clip["clip_id"], ["emotion", "predicted"]].tolist() == title


def test_modalities_of_further_models_are_told_by_the_settings():
    scores = make("ouyang2017", OUYANG).scores()
    headline = "combined-audio_visual-weighted"
    assert set(chosen_models(OUYANG, scores)) == {"audio", "video", "fused"}
    parts = parts_of(OUYANG, [headline], scores)
    assert (parts["audio"], parts["fused"]) == ("egemaps-transfer", CHOSEN)
    assert parts["video"] in ("vggface-image_set", "vggface-end_to_end", "pyramid-temporal")
    single = parts_of(OUYANG, ["pyramid-temporal"], scores)
    assert (single["video"], single["fused"]) == ("pyramid-temporal", CHOSEN)


def test_what_joining_adds_is_told_per_emotion():
    recalls = {"a": (0.5, 0.0, nan), "v": (0.25, 0.0, nan), "f": (0.75, 0.0, nan)}
    rows = [
        (name, emotion, recall)
        for name, values in recalls.items()
        for emotion, recall in zip("xyz", values, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["model", "emotion", "recall"])
    values = modality_values({"audio": "a", "video": "v", "fused": "f"}, table, "xyz")
    assert values["table"].columns == ["Emotion", "Audio", "Video", "Headline", "Best by", "Gain"]
    assert values["table"].rows == [
        ["x", "50.0 %", "25.0 %", "75.0 %", "headline", "+25.0"],
        ["y", "0.0 %", "0.0 %", "0.0 %", "none", "+0.0"],
        ["z", "-", "-", "-", "none", "-"],
    ]
    assert values["kinds"] == {"audio": "audio: a", "video": "video: v", "headline": "headline: f"}
    assert [len(values["chart"].marks(row)) for row in range(3)] == [3, 3, 0]
    assert modality_values({"audio": "a"}, table, "xyz") is None


def test_marks_lie_where_their_shares_are():
    marks = [Mark("audio", 0.0), Mark("video", 1.0, 0.5, 1.0)]
    chart = Dots.of("d", "x", "recall, %", [("one", marks)], chance=(0.25, "chance"))
    assert [(mark.kind, chart.x(mark.share), mark.spans) for mark, _ in chart.marks(0)] == [
        ("audio", chart.left, False),
        ("video", chart.right, True),
    ]
    assert chart.x(0.5) == pytest.approx((chart.left + chart.right) / 2, abs=0.1)
    assert chart.has_chance
    assert not Dots.of("d", "x", "", []).has_chance
    apart = Dots.of("d", "x", "", [("one", marks), ("two", marks)], apart=True)
    heights = [[y for _, y in apart.marks(row)] for row in range(2)]
    assert heights[0][0] < apart.middle(0) < heights[0][1] < heights[1][0] < apart.bottom


@given(st.lists(st.floats(1e-4, 1e4), min_size=1, max_size=60))
def test_a_training_chart_holds_every_loss_between_round_ticks(losses):
    chart = training_chart("m", pd.DataFrame({"step": range(len(losses)), "loss": losses}))
    points = chart.lines[0].points
    assert len(points) == len(losses)
    assert all(0 <= across <= 1 and 0 <= up <= 1 + 1e-6 for across, up in points)
    texts = [float(text) for _, text in chart.ticks_up]
    assert texts[0] == 0
    assert texts[-1] >= max(losses) * (1 - 1e-6)
    assert 2 <= len(texts) <= 7
    assert 1 <= len(chart.ticks_across) <= 12


def test_a_training_chart_says_its_ends_in_words():
    curve = pd.DataFrame({"step": [1, 2], "loss": [1.0, 0.5], "val_loss": [nan, 0.75], "val_accuracy": [0.25, 0.5]})
    chart = training_chart("m", curve)
    assert chart.described.startswith("loss 1.000 at step 1, 0.500 at step 2; ")
    assert chart.described.endswith("validation accuracy 25.0 %, then 50.0 %")
    assert [line.kind for line in chart.lines] == ["curve", "curve beside"]
    assert len(chart.lines[1].points) == 1, "no point for what is not known"


def test_a_training_of_one_epoch_is_a_mark_in_the_middle():
    chart = training_chart("m", pd.DataFrame({"step": [0], "loss": [0.87]}), "epoch")
    assert (chart.lines[0].points, chart.ticks_across, chart.across) == ([(0.5, 0.87)], [(0.5, "0")], "epoch")
    assert chart.left - 6 - 10 * len("0.25") >= 28, "ticks leave room for the label of the axis"


def test_a_network_shows_its_held_out_loss_and_is_judged_by_the_weights_that_are_kept(tmp_path):
    path = tmp_path / "pretrained" / "a60" / "history.csv"
    path.parent.mkdir(parents=True)
    path.write_text("epoch,loss,held_out_loss,held_out_accuracy,kept\n0,1,0.5,0.75,1\n1,0.5,0.8,0.5,0\n")
    (chart,) = pretrained_charts(tmp_path)["Pre-trained on source tasks"]
    assert chart.name == "a60: 75.0 % right"
    assert [(line.kind, len(line.points)) for line in chart.lines] == [("curve", 2), ("curve beside", 2)]


def test_what_the_page_of_the_run_says_of_networks(tmp_path):
    write_report(make("huang2017", HUANG), tmp_path / "demo" / "huang2017")
    for name in ("pretrained/a60", "demo/networks/anet"):
        path = tmp_path / "models" / name / "history.csv"
        path.parent.mkdir(parents=True)
        path.write_text("fold,epoch,loss,held_out_accuracy\nf,0,0.5,0.9\n")
    overview(tmp_path)
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    first, second = page.split("Pre-trained on source tasks</h3>")[1].split("In every fold on demo</h3>")
    assert "held-out items of the source task" in first
    assert "folds" not in first, "a source task has none"
    assert "means over the folds" in second
    assert page.count('<circle class="curve"') == 2, "a single epoch is seen"
    assert ">epoch</text>" in first


def test_networks_show_how_they_learned(tmp_path):
    for name, text in (
        ("pretrained/a60", "epoch,loss,held_out_accuracy\n0,1,0.5\n1,0.5,0.75\n"),
        (
            "demo/networks/anet",
            "fold,epoch,loss,held_out_accuracy\nfold-00,0,2,0.1\nfold-01,0,4,0.3\nfold-00,1,1,0.2\n",
        ),
        (
            "demo/networks/dbn1",
            "fold,phase,epoch,loss,val_loss,val_accuracy\nf,rbm1,0,400,,\nf,tune,0,2,3,0.5\n",
        ),
        ("demo/networks/feature_level", ""),
    ):
        path = tmp_path / name / "history.csv"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    found = {**pretrained_charts(tmp_path), **fold_charts(tmp_path)}
    assert {title: [chart.name for chart in charts] for title, charts in found.items()} == {
        "Pre-trained on source tasks": ["a60: 75.0 % right"],
        "In every fold on demo": ["anet: 25.0 % right", "dbn1: 50.0 % right"],
    }
    curve = network_curve(pd.read_csv(tmp_path / "demo/networks/anet/history.csv").rename(columns={"epoch": "step"}))
    assert curve["loss"].tolist() == [3, 1], "mean over the folds that still learned"
    (tmp_path / "pretrained" / "a60" / "history.csv").write_text('a,b\n1,2,3,4\n"')
    with pytest.raises(ArtifactError, match="rerun its stage"):
        pretrained_charts(tmp_path)


def test_settings_that_differ_are_told_by_name(tmp_path):
    shipped = tmp_path / "shipped.yaml"
    shipped.write_text("a: {b: 1, c: [1, 2]}\nd: null\n")
    found = changed_settings({"a": {"b": 2, "c": [1, 2]}, "e.f": "x"}, shipped)
    assert found == [("a.b", "1", "2"), ("e.f", "-", "x")], "of what the scores rest on, not of all there is"
    assert changed_settings({"a": {"b": 1, "c": [1, 2]}}, shipped) == []


def test_flat_settings_keep_lists_whole():
    assert flat({"a": {"b": [1, {"c": 2}]}, "d": {}}) == {"a.b": "[1, {c: 2}]", "d": "{}"}


def test_what_is_shipped_is_sound():
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    assert {"corpora", "systems", "train"} <= shipped.keys()
    params = yaml.safe_load((SHIPPED.parents[1] / "params.yaml").read_text(encoding="utf-8"))
    assert changed_settings({block: value for block, value in params.items() if block != "runtime"}) == []


def test_stages_are_told_with_time_memory_and_reuse(tmp_path):
    project = places(tmp_path)
    rows = [
        Row("a", "k", "computed", "new clip", "d"),
        Row("b", "k", "reused", "same", "d"),
        Row("c", "k", "reused", "same", "d"),
    ]
    write_journal(project.cache / "journal" / "demo" / "lld147.jsonl", {"stage": "extract:lld147"}, rows)
    write_journal(project.cache / "journal" / "demo" / "old.jsonl", {"stage": "extract:old"}, rows[:1])
    (project.cache / "journal" / "demo" / "broken.jsonl").write_text("{")
    runs = [
        {
            "stage": "train@demo-x",
            "out": "models/demo/x",
            "begin": "2026-01-01T00:02:00.000Z",
            "seconds": 90.0,
            "ok": True,
            "run": "r",
            "peak_mb": 400.0,
        },
        {
            "stage": "extract@demo-lld147",
            "out": "features/demo/lld147.h5",
            "begin": "2026-01-01T00:01:00.000Z",
            "seconds": 3.25,
            "ok": True,
            "run": "r",
            "peak_mb": 300.0,
        },
        {
            "stage": "train@demo-y",
            "out": "models/demo/y",
            "begin": "2026-01-01T00:03:00.000Z",
            "seconds": 30.0,
            "ok": True,
            "run": "r",
            "peak_mb": 500.0,
        },
    ]
    project.logs.mkdir(parents=True)
    (project.logs / "stages.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    found = stage_rows(project)
    assert [(row.name, *row.texts) for row in found] == [
        ("extract@demo-lld147", "3.2 s", "300 MB", "1", "2"),
        ("train@demo-x", "1 min 30 s", "400 MB", "", ""),
        ("train@demo-y", "30.0 s", "500 MB", "", ""),
        ("demo/old", "", "", "1", "0"),
    ]
    assert [(row.name, row.count, *row.texts) for row in by_kind(found)] == [
        ("train", 2, "2 min 0 s", "500 MB", "", ""),
        ("extract", 1, "3.2 s", "300 MB", "1", "2"),
        ("demo/old", 1, "", "", "1", "0"),
    ]
    assert stage_rows(places(tmp_path / "nowhere")) == []


def test_versions_are_those_installed():
    found = dict(software(Path(__file__).parent))
    assert found["numpy"] == np.__version__
    assert found.keys() >= set(PACKAGES)
    assert "not installed under this name" not in found.values()


def test_a_folder_without_git_has_no_commit(tmp_path):
    assert commit(tmp_path) == "not under git"


def test_the_pages_tell_of_settings_of_the_run_and_of_stages(tmp_path):
    run = {"settings": {"select.v1024": {"k": 512}}, "code": {}, "mixed": [], "unknown": ["models/x"]}
    write_report(dataclasses.replace(make("huang2017", HUANG), run=run), tmp_path / "demo" / "huang2017")
    project = places(tmp_path)
    project.params.write_text("select: {v1024: {k: 1024}}\n")
    write_journal(project.cache / "journal" / "demo" / "lld147.jsonl", {}, [Row("a", "k", "computed", "new clip", "d")])
    overview(tmp_path)
    page = (tmp_path / "demo" / "huang2017.html").read_text(encoding="utf-8")
    assert "<td><code>select.v1024.k</code></td><td>1024</td><td><strong>512</strong></td>" in page
    assert "Not known are the settings behind models/x" in page
    assert "demo/lld147" in (tmp_path / "run.html").read_text(encoding="utf-8")
