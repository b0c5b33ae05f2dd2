"""`pipeline.selection`: the forest finds what matters, in training clips alone."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from pipeline.core.clip import Clip
from pipeline.core.errors import PipelineError, SettingsError
from pipeline.core.store import ClipFeatures, FeatureMeta, write_features
from pipeline.selection import SelectParams, rank, rank_folds, selected, write_ranking

PARAMS = SelectParams(k=3, trees=30, max_rows=200, min_leaf=2, seed=0)
PLANTED = [2, 11, 17]


def material(count: int = 200, columns: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    rows = rng.standard_normal((count, columns)).astype(np.float32)
    for number, column in enumerate(PLANTED):
        rows[:, column] += 3 * (labels == number)
    return rows, labels


def test_planted_columns_are_found():
    ranking = rank(*material(), PARAMS)
    np.testing.assert_array_equal(ranking.columns, PLANTED)
    assert ranking.importances.shape == (20,)
    assert ranking.importances.sum() == pytest.approx(1)
    assert ranking.importances[PLANTED].min() > 3 * np.delete(ranking.importances, PLANTED).max()


def test_it_is_scikit_learns_forest():
    rows, labels = material()
    forest = RandomForestClassifier(30, min_samples_leaf=2, random_state=0).fit(rows, labels)
    np.testing.assert_array_equal(rank(rows, labels, PARAMS).importances, forest.feature_importances_)


def test_the_same_seed_gives_the_same_ranking_and_another_another():
    first, again = (rank(*material(), PARAMS).importances for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, rank(*material(), PARAMS.model_copy(update={"seed": 1})).importances)


def test_equal_importances_go_by_column_number():
    rows = np.zeros((40, 9), np.float32)
    labels = np.arange(40) % 2
    rows[:, 6] = labels
    np.testing.assert_array_equal(rank(rows, labels, PARAMS).columns, [0, 1, 6])


@pytest.mark.parametrize(("k", "fits"), [(1, True), (20, True), (21, False), (9216, False)])
def test_k_has_to_fit(k, fits):
    params = PARAMS.model_copy(update={"k": k})
    if fits:
        assert len(rank(*material(), params).columns) == k
    else:
        with pytest.raises(SettingsError, match=f"k={k}, but the feature has 20 columns; lower it"):
            rank(*material(), params)


def clips_and_features(seed: int = 0) -> tuple[list[Clip], dict[str, ClipFeatures]]:
    names = ("anger", "sad", "neutral")
    clips, found = [], {}
    for number in range(12):
        rows, labels = material(90, seed=seed + number)
        chosen = rows[labels == number % 3][:20]
        clip_id = f"c{number:02d}"
        clips.append(Clip(clip_id, f"{clip_id}.mp4", f"s{number // 3}", names[number % 3]))
        mask = np.arange(20) % 5 != 0
        chosen[~mask] = np.nan
        found[clip_id] = ClipFeatures(chosen.astype(np.float16), np.arange(20) / 25, mask)
    return clips, found


def fold_of(clips: list[Clip], test: str) -> dict[str, str]:
    return {c.clip_id: "test" if c.speaker == test else "train" for c in clips}


def write(path, found):
    write_features(path, FeatureMeta("pool5", 20, "float16"), sorted(found.items()))
    return path


def test_each_fold_ranks_its_own_training_clips(tmp_path):
    clips, found = clips_and_features()
    folds = {"fold-00": fold_of(clips, "s0"), "fold-01": fold_of(clips, "s1")}
    rankings = rank_folds(write(tmp_path / "p.h5", found), clips, folds, PARAMS, workers=1)
    assert list(rankings) == ["fold-00", "fold-01"]
    assert all(ranking.columns.tolist() == PLANTED for ranking in rankings.values())
    assert not np.array_equal(rankings["fold-00"].importances, rankings["fold-01"].importances)


@pytest.mark.parametrize("change", ["values", "labels", "absent", "val"])
def test_nothing_of_a_test_clip_changes_the_ranking(tmp_path, change):
    clips, found = clips_and_features()
    fold = fold_of(clips, "s0")
    plain = rank_folds(write(tmp_path / "a.h5", found), clips, {"fold-00": fold}, PARAMS, 1)["fold-00"]
    tested = [clip_id for clip_id, part in fold.items() if part == "test"]
    if change == "values":
        noise = np.random.default_rng(9).standard_normal((20, 20)).astype(np.float16) * 50
        found |= {i: ClipFeatures(noise, found[i].times, np.ones(20, bool)) for i in tested}
    elif change == "labels":
        clips = [Clip(c.clip_id, c.path, c.speaker, "sad") if c.clip_id in tested else c for c in clips]
    elif change == "absent":
        found = {i: clip for i, clip in found.items() if i not in tested}
    else:
        fold = {i: "val" if part == "test" else part for i, part in fold.items()}
    other = rank_folds(write(tmp_path / "b.h5", found), clips, {"fold-00": fold}, PARAMS, 1)["fold-00"]
    np.testing.assert_array_equal(plain.importances, other.importances)
    np.testing.assert_array_equal(plain.columns, other.columns)


def test_a_training_clip_does_change_it(tmp_path):
    clips, found = clips_and_features()
    fold = {"fold-00": fold_of(clips, "s0")}
    plain = rank_folds(write(tmp_path / "a.h5", found), clips, fold, PARAMS, 1)["fold-00"]
    relabelled = [Clip(c.clip_id, c.path, c.speaker, "sad") if c.speaker == "s1" else c for c in clips]
    other = rank_folds(tmp_path / "a.h5", relabelled, fold, PARAMS, 1)["fold-00"]
    assert not np.array_equal(plain.importances, other.importances)


def test_a_fold_without_training_clips_says_so(tmp_path):
    clips, found = clips_and_features()
    fold = {"fold-03": dict.fromkeys(found, "test")}
    with pytest.raises(PipelineError, match="fold-03 has no training clip with this feature"):
        rank_folds(write(tmp_path / "p.h5", found), clips, fold, PARAMS, 1)


def test_kept_columns_are_written_per_fold_for_every_clip(tmp_path):
    clips, found = clips_and_features()
    folds = {f"fold-{n:02d}": fold_of(clips, f"s{n}") for n in range(2)}
    path = write(tmp_path / "p.h5", found)
    rankings = rank_folds(path, clips, folds, PARAMS, 1)
    groups = list(selected(path, rankings))
    assert [key for key, _ in groups] == [f"{fold}/{clip_id}" for fold in sorted(folds) for clip_id in sorted(found)]
    for key, kept in groups:
        fold, clip_id = key.split("/")
        np.testing.assert_array_equal(kept.values, found[clip_id].values[:, rankings[fold].columns])
        np.testing.assert_array_equal(kept.mask, found[clip_id].mask)


def test_the_written_ranking_goes_from_most_to_least_important(tmp_path):
    ranking = rank(*material(), PARAMS)
    write_ranking(tmp_path / "r.csv", {"fold-00": ranking})
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(int(row["column"]) for row in rows) == PLANTED
    figures = [float(row["importance"]) for row in rows]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] == pytest.approx(ranking.importances.max(), abs=1e-8)
