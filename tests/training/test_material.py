"""`pipeline.training.material`: parts of folds, each clip read once, from the file or from memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.project import ROOT
from pipeline.core.clip import Clip
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.training.material import Material


@pytest.fixture(params=[False, True], ids=["from the file", "read once"])
def read(request):
    """Return material, of which all clips have been read or none."""

    def made(folder: Path, *args, **more) -> Material:
        material = Material(*args, **more)
        return material.once(folder) if request.param else material

    return made


EMOTION = {"a": "anger", "b": "sad", "c": "anger", "d": "sad", "e": "sad"}
CLIPS = [Clip(i, f"{i}.mp4", f"s{i}", emotion) for i, emotion in EMOTION.items()]
FOLD = {"a": "train", "b": "train", "c": "val", "d": "test", "e": "train"}


def feature(scale: float, mask: tuple[bool, ...] = (True, True)) -> ClipFeatures:
    values = np.array([[scale, 1], [scale, 3]], np.float32)
    return ClipFeatures(
        np.where(np.array(mask)[:, None], values, np.nan).astype(np.float32), np.array([0, 0.1]), np.array(mask)
    )


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "plain.h5"
    clips = [
        ("a", feature(1)),
        ("b", feature(2, (True, False))),
        ("c", feature(3)),
        ("d", feature(4)),
        ("e", feature(5, (False, False))),
    ]
    write_features(path, FeatureMeta("plain", 2, "float32"), clips)
    return path


@pytest.mark.parametrize(
    ("part", "ids", "labels"), [("train", ["a", "b"], [0, 1]), ("val", ["c"], [0]), ("test", ["d"], [1])]
)
def test_a_part_of_a_fold(plain, part, ids, labels, tmp_path, read):
    data = read(tmp_path, plain, CLIPS, ["anger", "sad"], 0).of_fold("fold-00", FOLD, part)
    assert data.ids == ids
    np.testing.assert_array_equal(data.labels, labels)
    assert len(data) == len(ids) == len(data.sequences)
    assert all(len(sequence) >= 1 for sequence in data.sequences)


def test_a_clip_without_observation_or_without_feature_is_left_out(plain, tmp_path, read):
    assert "e" not in read(tmp_path, plain, CLIPS, ["anger", "sad"], 0).of_fold("fold-00", FOLD, "train").ids
    more = [*CLIPS, Clip("f", "f.mp4", "sf", "sad")]
    data = read(tmp_path, plain, more, ["anger", "sad"], 0.5).of_fold("fold-00", {**FOLD, "f": "train"}, "train")
    assert data.ids == ["a", "b"]
    np.testing.assert_allclose(data.sequences[0], [[1, 2]])


def test_a_part_without_clips_is_empty(plain, tmp_path, read):
    data = read(tmp_path, plain, CLIPS, ["anger", "sad"], 0).of_fold("fold-00", dict.fromkeys(EMOTION, "train"), "test")
    assert (len(data), data.labels.dtype) == (0, np.int64)


def test_a_feature_learned_per_fold_is_read_from_its_fold(tmp_path, read):
    path = tmp_path / "v.h5"
    groups = [(f"fold-{n:02d}/{i}", feature(10 * n + k)) for n in (0, 1) for k, i in enumerate("abc")]
    write_features(path, FeatureMeta("v", 2, "float32"), groups, {key: FOLD[key.split("/")[1]] for key, _ in groups})
    for n, name in enumerate(("fold-00", "fold-01")):
        data = read(tmp_path, path, CLIPS, ["anger", "sad"], 0).of_fold(name, FOLD, "train")
        assert [sequence[0, 0] for sequence in data.sequences] == [10 * n, 10 * n + 1]


@pytest.mark.parametrize(("layers", "widths"), [((), (2,)), ((("pool1", (1, 1)), ("fc", (1,))), (1, 1))])
def test_a_dataset_knows_how_wide_its_layers_are(tmp_path, layers, widths, read):
    write_features(tmp_path / "f.h5", FeatureMeta("f", 2, "float32", layers=layers), [("a", feature(1))])
    assert (
        read(tmp_path, tmp_path / "f.h5", CLIPS, ["anger", "sad"], 0).of_fold("fold-00", FOLD, "train").widths == widths
    )


def test_half_precision_becomes_single(tmp_path, read):
    clip = feature(1)
    write_features(
        tmp_path / "f.h5",
        FeatureMeta("f", 2, "float16"),
        [("a", ClipFeatures(clip.values.astype(np.float16), clip.times, clip.mask))],
    )
    assert (
        read(tmp_path, tmp_path / "f.h5", CLIPS, ["anger", "sad"], 0)
        .of_fold("fold-00", FOLD, "train")
        .sequences[0]
        .dtype
        == np.float32
    )


def largest(sequence: np.ndarray) -> np.ndarray:
    return sequence.max(axis=0).astype(np.float64)


def test_a_row_takes_the_place_of_a_sequence(plain, tmp_path, read):
    data = read(tmp_path, plain, CLIPS, ["anger", "sad"], row=largest).of_fold("fold-00", FOLD, "train")
    assert (data.ids, data.sequences) == (["a", "b"], [])
    np.testing.assert_array_equal(data.rows, [[1, 3], [2, 1]])
    none = read(tmp_path, plain, CLIPS, ["anger", "sad"], row=largest).of_fold("fold-00", {}, "train")
    assert (len(none), len(none.rows)) == (0, 0)


def test_no_clip_is_read_again(plain, tmp_path, monkeypatch):
    asked, of = [], FeatureFile.read
    monkeypatch.setattr(
        FeatureFile, "read", lambda self, clip_id, *args: asked.append(clip_id) or of(self, clip_id, *args)
    )
    material = Material(plain, CLIPS, ["anger", "sad"]).once(tmp_path)
    for name in ("fold-00", "fold-01", "fold-02"):
        for part in ("train", "val", "test"):
            material.of_fold(name, FOLD, part)
    assert asked == list("abcde")


def test_a_corpus_without_the_feature_has_no_material(tmp_path):
    write_features(tmp_path / "f.h5", FeatureMeta("f", 2, "float32"), [])
    for row in (None, largest):
        data = Material(tmp_path / "f.h5", CLIPS, ["anger", "sad"], row=row).once(tmp_path).of_fold("", FOLD, "train")
        assert (len(data), data.labels.dtype) == (0, np.int64)


LARGER = """
import resource, sys
from pathlib import Path
import numpy as np
from pipeline.core.clip import Clip
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.training.datasets import Scaler
from pipeline.training.material import Material

folder = Path(sys.argv[1])
clips = [Clip(f"c{i:02d}", "x.wav", "s", "anger") for i in range(48)]
one = ClipFeatures(np.ones((1000, 1024), np.float32), np.arange(1000.0), np.ones(1000, bool))
write_features(folder / "f.h5", FeatureMeta("f", 1024, "float32"), ((clip.clip_id, one) for clip in clips))
used = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) << 10
resource.setrlimit(resource.RLIMIT_DATA, (used + (64 << 20),) * 2)
fold = {clip.clip_id: "train" for clip in clips}
data = Material(folder / "f.h5", clips, ["anger"]).once(folder).of_fold("", fold, "train")
print(sum(sequence.nbytes for sequence in data.sequences) >> 20, Scaler.of_clips(data).mean.sum())
"""


@pytest.mark.slow
def test_a_corpus_larger_than_the_memory_is_learned_from(tmp_path):
    """187 MB of sequences, where a process may have 64 MB more than it has."""
    words = [sys.executable, "-c", LARGER, str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "187 1024.0\n"), done.stderr


def test_of_crops_the_luma_is_read(tmp_path):
    """A classifier on a file of crops sees the networks' own input, not the places that its `values` hold."""
    crops = np.zeros((3, 64, 96, 3), np.uint8)
    crops[1, :32], crops[2, :, 48:] = (255, 255, 255), (0, 255, 0)
    seen = ClipFeatures(np.full((3, 4), 7, np.float32), np.arange(3.0), np.array([True, False, True]), {"crops": crops})
    write_features(tmp_path / "crops.h5", FeatureMeta("crops", 4, "float32"), [("a", seen)])
    clip = Clip("a", "a.mp4", "s1", "anger")
    found = Material(tmp_path / "crops.h5", [clip], ["anger"]).of_fold("fold-00", {"a": "train"}, "train").sequences[0]
    assert found.shape == (2, 32 * 32)
    assert not found[0].any(), "the second frame was not observed"
    right = found[1].reshape(32, 32)
    assert right[:, :16].max() == 0
    assert np.all(right[:, 16:] == 150), "0.587 of 255"
