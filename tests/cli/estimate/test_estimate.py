"""`python -m pipeline estimate`: what is missing or too small is said, before anything runs; DVC knows every paper."""

from __future__ import annotations

import re
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import yaml

from helpers.media import add_cover, join_streams, tone, write_media
from helpers.project import ROOT, Project
from helpers.shipped import shipped
from pipeline import __main__ as command
from pipeline.cli.estimate import estimate as page
from pipeline.cli.estimate.costs import Work, work_of
from pipeline.cli.estimate.feature_rows import shape_of
from pipeline.cli.estimate.material import _looked_at, material_of
from pipeline.cli.estimate.needed import Needed, to_bring
from pipeline.cli.estimate.rates import ROWS
from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.core.settings import Runtime

PAPERS = {"huang2017": ("cheavd", 2218), "zhang2017": ("rml", 0), "ouyang2017": ("afew", 0)}


@pytest.mark.long
@pytest.mark.parametrize("paper", PAPERS)
def test_profile_estimate_and_dry_run_of_a_paper(
    paper: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """No hand edit lies between the three commands."""
    project = Project(tmp_path / "project")
    shutil.rmtree(project.root / "models/pretrained")
    shutil.copytree(ROOT / "profiles", project.root / "profiles", ignore=shutil.ignore_patterns(".in_use.json"))
    monkeypatch.chdir(project.root)
    corpus, clips = PAPERS[paper]
    assert command.main(["profile", "use", paper]) == 0
    used = capsys.readouterr().out
    assert "is not here: ln -s /your/copy data/" in used
    assert command.main(["estimate", corpus, paper, *(["--clips", str(clips)] if clips else [])]) == 1
    said = capsys.readouterr().out
    assert re.search(r"together, one after another +[\d.]+ (d|h)", said)
    if paper == "zhang2017":
        assert f"segments_video@{corpus}-vnet" in said
        assert "python -m pipeline weights fetch c3d_sports1m" in said
    for folder in re.findall(r"ln -s /your/copy (\S+)", used):  # whoever has the corpora
        Path(folder).mkdir(parents=True)
    dry = project.run("dvc", "repro", "--dry", "--force", f"report@{corpus}-{paper}")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert f"stages.report --corpus {corpus} --system {paper}" in dry.stdout


def params_of(**corpus: object) -> dict:
    return {"corpora": {"one": {"adapter": "rml", "root": "nowhere", **corpus}}}


def test_a_corpus_that_is_not_here_counts_as_published_or_as_asked_for() -> None:
    found = material_of("one", params_of())
    assert (found.clips, len(found.folds), found.classes) == (720, 8, 6)
    assert found.folds[0][1] == 720 > found.folds[0][0] > 360
    assert material_of("one", params_of(), 10, 2).seconds == 20


def test_a_corpus_without_a_published_count_asks_for_one() -> None:
    with pytest.raises(CorpusError, match="--clips N --seconds S"):
        material_of("one", params_of(adapter="cheavd"))


def test_the_frame_rate_is_that_of_the_video_that_is_read(tmp_path: Path) -> None:
    videos = [write_media(tmp_path / f"{ms}.mp4", range(0, 480, ms)) for ms in (80, 40)]
    for default, fps in ((0, 12.5), (1, 25.0)):
        join_streams(tmp_path / "two.mp4", videos, default)
        looked_at = _looked_at(tmp_path, Clip("two", "two.mp4", "s", "happy"))
        assert looked_at
        assert looked_at[1] == pytest.approx(fps, rel=0.1)  # the muxer writes no duration of the last frame
    add_cover(tmp_path / "sound.mp4", tone(0.5))
    looked_at = _looked_at(tmp_path, Clip("sound", "sound.mp4", "s", "happy"))
    assert looked_at
    assert looked_at[1] == 0, "cover art is no video"


def test_rows_of_features_are_those_of_the_settings() -> None:
    params = shipped()
    named = {*params["extract"], *params["extract_speech"], *params["extract_face"]}
    assert named <= set(ROWS)


def test_rows_and_columns_go_by_the_block_whatever_its_name() -> None:
    """10 clips of 2 s at 25 video frames a second."""
    params, material = (
        shipped(),
        material_of("one", params_of(), 10, 2),
    )
    params["join"] = {"both": {"audio": ["lld147"], "video": ["hog_apex"]}}
    found = {name: shape_of(name, params, material) for name in ("hog_apex", "v1024", "lld147", "both", "dbn1")}
    assert found == {
        "hog_apex": (1, 1280),
        "v1024": (25, 1024),
        "lld147": (200, 147),
        "both": (201, 1427),
        "dbn1": found["dbn1"],
    }
    assert found["dbn1"][1] == params["fuse_features"]["dbn1"]["settings"]["layers"][-1]


def cost(stage: str, params: dict, **arguments: str) -> Work:
    return work_of(Needed(stage, stage, arguments, (), ()), params, material_of("one", params_of(), 100, 2))


def test_networks_on_sequences_are_counted_and_an_encoder_of_a_hub_is_named() -> None:
    params = shipped()
    tuned = {"trained_layers": 1, "batch": 16, "epochs": 8, "seed": 0}
    params["extract_sound"] = {"whisper": {"layer": 3}, "wavlm": {"extractor": "hub_audio", "layers": 9}}
    params["train"]["fine_tuned"] = tuned
    one = cost("train", params, feature="whisper", classifier="fine_tuned")
    rows, width = 2 * ROWS["whisper"][0], ROWS["whisper"][1]
    a_clip = 2 * 12 * width**2 * rows + 4 * width * rows**2
    trained = sum(train for train, _ in material_of("one", params_of(), 100, 2).folds)
    assert one.operations == pytest.approx(3 * 8 * trained * a_clip)
    assert cost("train", params, feature="lld147", classifier="attention").network
    hub = cost("extract", params, feature="wavlm", section="extract_sound")
    assert hub.unknown == "an encoder whose size extract_sound.wavlm does not say"
    assert not cost("extract", params, feature="whisper", section="extract_sound").unknown


def costs(**work: object) -> list[tuple[Needed, Work]]:
    stage = Needed("segments_audio@one-anet", "segments", {}, (), ())
    return [(stage, Work(network=True, ways="segments_audio.anet.tune.at_once", **work))]  # type: ignore[arg-type]


def test_a_disk_that_is_too_small_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(page.shutil, "disk_usage", lambda _: usage(9e9, 4e9, 5e9))
    (line,) = page._too_small(costs(disk=6e9), Runtime())
    assert line == "the disk has 5 GB free, 6 are needed: lower `keep`, or move the project"
    assert not list(page._too_small(costs(disk=4e9), Runtime()))


def test_a_memory_that_is_too_small_names_the_batch() -> None:
    (line,) = page._too_small(costs(memory=1e15), Runtime())
    assert "segments_audio@one-anet: the memory has" in line
    assert line.endswith("1000000 are needed: lower segments_audio.anet.tune.at_once")


def test_a_gpu_that_is_too_small_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    gpu = namedtuple("gpu", "total_memory")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: gpu(8e9))
    (line,) = page._too_small(costs(memory=20e9), Runtime(device="cuda"))
    assert "the GPU has 8 GB, 20 are needed" in line


def test_a_corpus_of_sounds_does_not_fit_a_system_of_faces() -> None:
    material = material_of("one", params_of())
    silent = type(material)(**{**vars(material), "fps": 0})
    params = {"systems": {"both": {"features": {"anet": "audio", "vnet": "video"}}}}
    assert list(page._unfit("both", params, silent)) == ["the corpus has no video, which video features of both need"]
    assert not list(page._unfit("both", params, material))


def test_what_the_shipped_settings_need_is_here_or_made() -> None:
    assert not list(to_bring(shipped()))


def test_check_refuses_sources_that_are_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    params = shipped()
    params["pretrain"]["a60"]["root"] = "data/mandarin"
    params["fetch_weights"]["vggface"] = {"weights": ["vgg_face"]}
    params["runtime"]["weights_cache"] = str(tmp_path / "none")
    del params["pretrain"]["vggface"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    shutil.copy(ROOT / "weights.lock", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert command.main(["check"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "data/mandarin is not here: ln -s /your/copy data/mandarin" in line
    assert "python -m pipeline weights import vgg_face FILE" in line


def test_settings_that_are_lists_of_candidates_and_parts_of_a_batch_are_counted() -> None:
    block = {"cells": [64, 128], "hidden": 128, "batch": 16, "epochs": 2, "learning_rate": 0.001}
    stage = Needed("train@one-lld147-lstm", "train", {"classifier": "lstm", "feature": "lld147"}, (), ())

    def cost(**changes: object) -> Work:
        return work_of(stage, {"train": {"lstm": {**block, **changes}}}, material_of("one", params_of()))

    one = cost(cells=128)
    assert cost(cells=128, refit=True).operations == cost(cells=128, seeds=[1]).operations == 2 * one.operations
    assert cost(cells=128, refit=True, seeds=[1, 2]).operations == 6 * one.operations
    assert cost(refit=True).operations == 3 * one.operations, "of two candidates the one chosen is trained once more"
    assert cost().operations == cost(learning_rate=[0.1, 0.01], cells=128).operations == 2 * one.operations
    assert cost(cells=128, at_once=4).memory < one.memory
