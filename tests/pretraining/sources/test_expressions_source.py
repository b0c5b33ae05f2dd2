"""expressions: whom it holds out, what it records for the leakage guard, and which network sees what."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from helpers.sources import CASES, LOOP
from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, LeakageError
from pipeline.core.settings import Runtime
from pipeline.core.weights_file import load_weights
from pipeline.networks.c3d import C3D
from pipeline.networks.face_resnet import FaceResNet
from pipeline.networks.vgg_face import VggFace
from pipeline.pretraining.run import pretrain
from pipeline.pretraining.settings import PretrainParams
from pipeline.pretraining.sources import expressions
from pipeline.pretraining.sources._shared.training import moved
from pipeline.protocols.splits import check_disjoint_files
from pipeline.training.task import Run

SETTINGS = CASES["expressions"][1]


def params(**changes) -> expressions.Params:
    return expressions.Params(**{**SETTINGS, **changes})


def write(root: Path, counts: dict[str, int], side: int = 8) -> Path:
    """Write so many pictures of one level each, no two alike, into a folder per class."""
    levels = iter(range(256))
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(
                str(root / name / f"p{number % 3}_{number:02d}.png"), np.full((side, side), next(levels), np.uint8)
            )
    return root


def held_out(counts: dict[str, int], share: float, seed: int = 0, groups: dict[str, str] | None = None) -> list[str]:
    paths = {f"{name}/{number:02d}": f"{name}{number}" for name, count in counts.items() for number in range(count)}
    given = {PurePosixPath(path): group for path, group in {**paths, **(groups or {})}.items()}
    return sorted(path.as_posix() for path in expressions.held_out(Path("faces"), share, seed, given))


@pytest.mark.parametrize(("share", "held"), [(0.1, {"angry": 4, "disgust": 1}), (0.5, {"angry": 20, "disgust": 4})])
def test_every_class_gives_its_share(share, held):
    found = held_out({"angry": 40, "disgust": 7}, share)
    assert Counter(path.partition("/")[0] for path in found) == held


def test_the_seed_says_which():
    first, other = (held_out({"angry": 40, "sad": 40}, 0.2, seed) for seed in (0, 1))
    assert first == held_out({"angry": 40, "sad": 40}, 0.2, 0)
    assert first != other
    assert first == held_out({"sad": 40, "angry": 40}, 0.2, 0), "the order of the folders is nothing"


def test_equal_groups_lie_on_one_side():
    """Each picture twice, half of them once more in the other class."""
    groups = {f"angry/{n:02d}": f"g{n % 20}" for n in range(40)} | {f"sad/{n:02d}": f"g{n}" for n in range(10)}
    for seed in range(20):
        found = set(held_out({"angry": 40, "sad": 40}, 0.3, seed, groups))
        sides = {(group, path in found) for path, group in groups.items()}
        assert len(sides) == len(set(groups.values()))
        assert 10 <= sum(path.startswith("angry") for path in found) <= 12


def test_a_class_keeps_something_to_learn_from():
    with pytest.raises(
        CorpusError, match=r"^faces: no picture of sad can be held out .* `speaker`, or leave"
    ) as caught:
        held_out({"angry": 9, "sad": 3}, 0.4, groups={f"sad/{n:02d}": "anna" for n in range(3)})
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Untrained weights of a corpus in which one file lies twice, and once more in another class."""
    root = write(tmp_path_factory.mktemp("x") / "faces", {"angry": 12, "sad": 9})
    for copy in ("angry/copy.png", "sad/copy.png"):
        (root / copy).write_bytes((root / "angry" / "p0_00.png").read_bytes())
    return root, expressions.train(root, params(loop={**LOOP, "epochs": 0}), Run())


def test_the_files_are_recorded_once(trained):
    root, found = trained
    digests = {hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in root.glob("*/*")}
    assert found.config["files"] == sorted(digests)
    assert len(digests) == 21
    assert found.config["expressions"] == ["angry", "sad"]


def test_copies_never_lie_on_both_sides(tmp_path):
    root = write(tmp_path, {"angry": 12, "sad": 9})
    for name in ("angry", "sad"):
        for number in range(6):
            (root / name / f"copy{number}.png").write_bytes(
                (root / "angry" / f"p{number % 3}_{number:02d}.png").read_bytes()
            )
    sides = []

    def judged(kind, corpus, *_):
        sides.extend({int(one[0, 0, 0]) for one in part.inputs} for part in (corpus.learn, corpus.held))
        raise InterruptedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expressions, "learn", judged)
        for seed in range(8):
            with pytest.raises(InterruptedError):
                expressions.train(root, params(loop={**LOOP, "seed": seed}), Run())
    for learned, held in zip(sides[::2], sides[1::2], strict=True):
        assert not learned & held
        assert len(learned | held) == 21


def test_the_figures(trained):
    metrics = trained[1].metrics
    assert metrics["pictures"] + metrics["held_out_pictures"] == 23
    assert {"held_out_accuracy", "held_out_uar", "largest_class", "chance"} < set(metrics)
    assert metrics["chance"] == 0.5
    assert metrics["largest_class"] == pytest.approx(4 / 7, abs=0.15)


def test_uar_is_the_mean_of_the_recalls(tmp_path):
    """Weights that name one class have UAR 1/2 where the larger class is 3/4."""
    root = write(tmp_path, {"angry": 30, "sad": 10})
    metrics = expressions.train(root, params(held_out=0.4, loop={**LOOP, "epochs": 0}), Run()).metrics
    assert metrics["held_out_pictures"] == 16
    assert metrics["largest_class"] == 0.75
    assert metrics["held_out_uar"] == 0.5
    assert metrics["held_out_accuracy"] in (0.25, 0.75)


def test_nobody_is_known_without_a_pattern_and_whoever_it_finds_with_one(tmp_path):
    root = write(tmp_path, {"angry": 9, "sad": 9})
    assert expressions.speakers(root, params()) == set()
    named = params(speaker="/(p[0-9])_", held_out=0.4, loop={**LOOP, "epochs": 0})
    assert expressions.speakers(root, named) == {"p0", "p1", "p2"}
    assert expressions.train(root, named, Run()).metrics["held_out_pictures"] == 6
    with pytest.raises(ValidationError, match="needs one group"):
        params(speaker="p[0-9]")


def test_the_guard_refuses_a_corpus_of_the_same_files(trained):
    root, found = trained
    picture = hashlib.sha256((root / "sad" / "p1_01.png").read_bytes()).hexdigest()
    clips = [Clip("c1", "c1.mp4", "anna", "sad", digest="f" * 64), Clip("c2", "c2.png", "anna", "sad", digest=picture)]
    check_disjoint_files(found.config["files"], clips[:1], "pool5")
    check_disjoint_files([], clips, "pool5")
    check_disjoint_files(found.config["files"], [Clip("c3", "gone.mp4", "anna", "sad")], "pool5")
    with pytest.raises(LeakageError) as caught:
        check_disjoint_files(found.config["files"], clips, "pool5")
    said = "pretrain.pool5: its source corpus holds the files of c2 of the emotion corpus; remove them"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("network", "kind", "settings"),
    [
        ("vggface", VggFace, {"size": 40}),
        ("pyramid", FaceResNet, {"size": 40}),
        ("c3d", C3D, {"size": 16, "fc6": "adaptive"}),
    ],
)
def test_every_network_is_built_again_from_its_configuration(tmp_path, network, kind, settings):
    root = write(tmp_path, {"angry": 4, "sad": 4}, side=48)
    found = expressions.train(root, params(network=network, loop={**LOOP, "epochs": 1}, **settings), Run())
    kind(**found.config["network"]).load_state_dict(found.state)
    assert found.config["input"]["size"] == settings["size"]
    assert len(found.history) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": "alexnet"}, "pool5"),
        ({"size": 64}, "pool5 takes pictures of 100 px; leave it out"),
        ({"network": "c3d", "size": 64}, "set size to 112, or fc6 to adaptive"),
        ({"detect": {"px": 73}}, "for pool5 it needs crop"),
        ({"network": "vggface", "detect": {"detector": "mtcnn"}}, "for vggface it needs px"),
        ({"network": "c3d", "detect": {"crop": {"px": 100}}}, "for c3d it needs px"),
    ],
)
def test_settings_that_do_not_fit_the_network(changes, words):
    with pytest.raises(ValidationError, match=words):
        params(**changes)


def test_a_still_drifts_in_a_straight_line():
    """A point of light: its way is straight, its ends lie within the shift, and each picture has its own."""
    light = torch.zeros(30, 3, 25, 25)
    light[..., 12, 12] = 1
    clips = moved(light, torch.Generator().manual_seed(0), 16, 5, 0, 0)
    assert clips.shape == (30, 3, 16, 25, 25)
    places = torch.stack([torch.stack([frame.nonzero()[0] - 12 for frame in clip[0]]) for clip in clips]).double()
    assert places.abs().max() == 5
    straight = torch.stack(
        [torch.lerp(place[0], place[-1], torch.linspace(0, 1, 16)[:, None].double()) for place in places]
    )
    assert (places - straight).abs().max() <= 0.5
    assert len({tuple(place.flatten().tolist()) for place in places}) > 25
    assert torch.equal(clips, moved(light, torch.Generator().manual_seed(0), 16, 5, 0, 0))


def test_c3d_judges_pictures_that_stand_still():
    stills = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    made = expressions.built("c3d", 2, 0.05, 16, None, 0, "adaptive")
    found = expressions._clips(made, stills)
    assert found.shape == (2, 3, 16, 16, 16)
    assert torch.equal(found, found[:, :, :1].expand_as(found))
    torch.testing.assert_close(found[:, 0, 0], stills[:, 0].float() - 104)


@pytest.mark.long
def test_the_stage_writes_figures_and_the_files_for_the_guard(tmp_path):
    root, out = CASES["expressions"][0](tmp_path / "corpus"), tmp_path / "out"
    wanted = PretrainParams(source="expressions", root=str(root), settings=SETTINGS)
    line = pretrain("pool5", wanted, root, out, Runtime(clip_cache=str(tmp_path / "cache" / "clips")))
    assert "held_out_uar" in line
    assert "did not learn" not in line
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["held_out_accuracy"] > metrics["largest_class"] + 0.3
    config = load_weights(out).config
    assert config["speakers"] == []
    assert len(config["files"]) == 30
    assert config["learned"][0]["unlearned"] == []
