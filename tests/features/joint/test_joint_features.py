"""`pipeline.features.joint.run`: windows of sound and face in pairs, fused per fold, and nothing of the test clips in
it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import segments as toy
from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, LeakageError, SettingsError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.settings import Runtime
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import load_weights
from pipeline.features.fold_run import FoldPaths
from pipeline.features.joint.job import JointParams, Sources, paired
from pipeline.features.joint.run import fuse_features
from pipeline.protocols.leakage import part_keys

DBN = {
    "layers": [6], "pretrain_epochs": 2, "gaussian_learning_rate": 0.001, "pretrain_learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 0.0002, "cd_steps": 1, "reconstruction": "mean", "epochs": 4, "learning_rate": 0.05, "batch": 8,
    "patience": None, "seed": 0,
}  # fmt: skip


def segments(times, values, mask=None) -> ClipFeatures:
    times = np.array(times, float)
    rows = np.array(values, np.float32).reshape(len(times), -1)
    return ClipFeatures(rows, times, np.ones(len(times), bool) if mask is None else np.array(mask, bool))


def test_windows_are_paired_by_their_time():
    found = paired(
        segments([0.3275, 0.6275, 0.9275], [1, 2, 3]),
        segments([0.6275, 0.9275, 1.2275], [[20, 21], [30, 31], [40, 41]]),
    )
    np.testing.assert_array_equal(found.values, [[2, 20, 21], [3, 30, 31]])
    np.testing.assert_array_equal(found.times, [0.6275, 0.9275])
    assert found.mask.all()


def test_a_pair_is_observed_where_both_windows_are():
    found = paired(segments([0, 1, 2], [1, 2, 3], [1, 0, 1]), segments([0, 1, 2], [4, 5, 6], [1, 1, 0]))
    assert found.mask.tolist() == [True, False, False]
    np.testing.assert_array_equal(found.values, [[1, 4], [np.nan] * 2, [np.nan] * 2])


@pytest.mark.parametrize("video", [segments([5.0], [1]), segments([0, 1], [1, 2], [0, 0])])
def test_a_clip_without_a_pair(video):
    with pytest.raises(ClipError) as caught:
        paired(segments([0, 1], [1, 2]), video)
    assert caught.value.reason == "no_input"


def write(path: Path, feature: str, skip=(), windows=toy.WINDOWS, short=(), parts=None, flip: str = "") -> Path:
    """Write segments that tell the emotion; in fold-01 they are other numbers than in fold-00."""
    meta = FeatureMeta(
        feature, 3, "float32", params={"windows": dict(windows)}, weights="0" * 64, origin=f"toy {feature}"
    )
    rows = []
    for number, name in enumerate(toy.folds()):
        for index, clip in enumerate(toy.clips()):
            if clip.clip_id not in skip:
                rng = np.random.default_rng([number, index, len(feature)])
                count = 2 if clip.clip_id in short else 5
                values = rng.normal(0, 1, (count, 3)) + 4 * (clip.emotion == "anger")
                rows.append((f"{name}/{clip.clip_id}", segments(np.arange(count) * 0.3, values)))
    write_features(path, meta, rows, parts or part_keys(toy.folds(), [c.clip_id for c in toy.clips()]))
    return path


def fuse(folder: Path, network="dbn", settings=None, clips=None, sources=None, upstream=None, keep=(), workers=1):
    sources = sources or Sources(write(folder / "anet.h5", "anet"), write(folder / "vnet.h5", "vnet"))
    paths = FoldPaths(folder / "joint.h5", folder / "kept", folder / "ledger.csv", folder / "scratch")
    params = JointParams(
        network=network, settings=(DBN if network == "dbn" else {}) if settings is None else settings, keep=keep
    )
    runtime = Runtime(workers=workers, clip_cache=str(folder / "clips"))
    line = fuse_features(
        "joint", params, sources, clips or toy.clips(), upstream or toy.ledger(), toy.folds(), paths, runtime
    )
    return paths, line


def test_a_dbn_per_fold(tmp_path):
    paths, line = fuse(tmp_path, keep=("fold-02",))
    assert line.startswith(
        "fuse_features:joint: 12 ok; 3 folds; joint did not learn in fold-00, fold-01, fold-02: after"
    )
    with FeatureFile(paths.out) as file:
        assert file.meta.dimension == 6
        assert file.meta.layer == "dbn of anet (3) and vnet (3)"
        assert file.meta.weights == "0" * 64 + " " + "0" * 64
        for name, fold in toy.folds().items():
            assert {c: file.part(c, name) for c in file.clip_ids(name)} == fold
            assert ((file.read("s1_anger_0", name).values >= 0) & (file.read("s1_anger_0", name).values <= 1)).all()
    history = pd.read_csv(paths.kept / "history.csv")
    assert set(history["phase"]) == {"rbm1", "tune"}
    assert set(history["fold"]) == set(toy.folds())
    assert "mean" in load_weights(paths.kept / "fold-02").state
    assert not (paths.kept / "fold-00").exists()


def test_features_side_by_side(tmp_path):
    paths, _ = fuse(tmp_path, "concatenate")
    with (
        FeatureFile(paths.out) as file,
        FeatureFile(tmp_path / "anet.h5") as audio,
        FeatureFile(tmp_path / "vnet.h5") as video,
    ):
        assert file.meta.dimension == 6
        both = [part.read("s2_happy_1", "fold-01").values for part in (audio, video)]
        np.testing.assert_array_equal(file.read("s2_happy_1", "fold-01").values, np.hstack(both))


def test_labels_of_test_clips_change_nothing(tmp_path):
    before, _ = fuse(tmp_path / "one")
    other = {"anger": "happy", "happy": "anger"}
    fold = toy.folds()["fold-01"]
    swapped = [
        Clip(**{**vars(c), "emotion": other[c.emotion]}) if fold[c.clip_id] == "test" else c for c in toy.clips()
    ]
    after, _ = fuse(tmp_path / "two", clips=swapped)
    with FeatureFile(before.out) as one, FeatureFile(after.out) as two:
        for clip_id in one.clip_ids("fold-01"):
            np.testing.assert_array_equal(one.read(clip_id, "fold-01").values, two.read(clip_id, "fold-01").values)
        # the same clips are trained on in another fold, and there they count
        assert any(
            (one.read(c, "fold-02").values != two.read(c, "fold-02").values).any() for c in one.clip_ids("fold-02")
        )


def test_two_workers_give_the_bytes_of_one(tmp_path, two_workers):
    one, _ = fuse(tmp_path / "one")
    two, _ = fuse(tmp_path / "two", workers=two_workers)
    assert one.out.read_bytes() == two.out.read_bytes()


def test_a_clip_with_one_modality_is_left_to_late_fusion(tmp_path):
    deaf, uneven = toy.clips()[0].clip_id, toy.clips()[1].clip_id
    sources = Sources(
        write(tmp_path / "anet.h5", "anet", skip=[deaf]), write(tmp_path / "vnet.h5", "vnet", short=[uneven])
    )
    upstream = [*toy.ledger(), Entry(deaf, "extract:anet", "absent", "no_audio", "no sound")]
    paths, line = fuse(tmp_path, sources=sources, upstream=upstream)
    assert line.startswith("fuse_features:joint: 10 ok, 1 degraded (unequal_length), 1 absent (no_audio); 3 folds")
    entries = {e.clip_id: e for e in read_ledger(paths.ledger) if e.stage == "fuse_features:joint"}
    assert entries[deaf].detail == "after extract:anet"
    assert entries[uneven].detail == "5 windows of sound, 2 of pictures; 2 are paired"
    with FeatureFile(paths.out) as file:
        assert deaf not in file.clip_ids("fold-00")
        assert len(file.read(uneven, "fold-00").times) == 2


def test_features_of_different_windows_are_refused(tmp_path):
    sources = Sources(
        write(tmp_path / "anet.h5", "anet", windows={"length": 15, "shift": 8}), write(tmp_path / "vnet.h5", "vnet")
    )
    with pytest.raises(SettingsError, match="anet and vnet have different windows"):
        fuse(tmp_path, sources=sources)


def test_a_feature_that_learned_from_a_test_clip_is_refused(tmp_path):
    parts = part_keys(toy.folds(), [c.clip_id for c in toy.clips()])
    leaking = {key: "train" if part == "test" else part for key, part in parts.items()}
    sources = Sources(write(tmp_path / "anet.h5", "anet"), write(tmp_path / "vnet.h5", "vnet", parts=leaking))
    with pytest.raises(LeakageError, match=r"vnet\.h5: fold-00/.*learned as a train clip, but it is a test clip"):
        fuse(tmp_path, sources=sources)


def test_wrong_settings_name_their_place(tmp_path):
    with pytest.raises(SettingsError, match=r"params.yaml: fuse_features.joint.settings.layers: "):
        fuse(tmp_path, settings={**DBN, "layers": []})
    with pytest.raises(SettingsError, match=r"did you mean 'dbn'"):
        fuse(tmp_path, "dbm", settings={})
