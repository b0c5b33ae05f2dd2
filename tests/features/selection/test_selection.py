"""`pipeline.features.selection.ranking` and `pipeline.features.selection.selection`: the forest finds what matters, in
training clips alone, in bounded memory.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.ensemble import RandomForestClassifier

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, PipelineError, SettingsError
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.features.selection.ranking import (
    Ranking,
    RankParams,
    _FoldRanker,
    forest,
    rank_folds,
    read_rankings,
    write_rankings,
)
from pipeline.features.selection.selection import SelectParams, agreements, kept_columns

PARAMS = RankParams(trees=30, max_rows=200, min_leaf=2, seed=0)
PLANTED = [2, 11, 17]


def material(count: int = 200, columns: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    rows = rng.standard_normal((count, columns)).astype(np.float32)
    for number, column in enumerate(PLANTED):
        rows[:, column] += 3 * (labels == number)
    return rows, labels


def test_planted_columns_are_found():
    importances = forest(*material(), 30, PARAMS, 0)
    assert importances.shape == (20,)
    assert importances.sum() == pytest.approx(1)
    assert importances[PLANTED].min() > 3 * np.delete(importances, PLANTED).max()


def test_it_is_scikit_learns_forest():
    rows, labels = material()
    reference = RandomForestClassifier(30, min_samples_leaf=2, random_state=0).fit(rows, labels)
    np.testing.assert_array_equal(forest(rows, labels, 30, PARAMS, 0), reference.feature_importances_)


def test_the_same_seed_gives_the_same_and_another_another():
    first, again = (forest(*material(), 30, PARAMS, 0) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, forest(*material(), 30, PARAMS, 1))


def test_a_constant_column_has_no_importance():
    rows, labels = material()
    rows[:, 5] = 7.0
    assert forest(rows, labels, 30, PARAMS, 0)[5] == 0


def test_equal_importances_go_by_column_number():
    halves = np.zeros((2, 9))
    halves[:, 6] = 1
    np.testing.assert_array_equal(Ranking(halves, 4, 4).best(3), [0, 1, 6])


@pytest.mark.parametrize(("k", "fits"), [(1, True), (20, True), (21, False), (9216, False)])
def test_k_has_to_fit(k, fits):
    ranking = Ranking(np.random.default_rng(0).random((2, 20)), 4, 4)
    if fits:
        assert len(ranking.best(k)) == k
    else:
        with pytest.raises(SettingsError, match=f"k={k}, but the feature has 20 columns; lower it"):
            ranking.best(k)


@pytest.mark.parametrize(
    ("first", "second", "k", "expected"),
    [
        ([4, 3, 2, 1], [4, 3, 2, 1], 2, 1.0),
        ([4, 3, 2, 1], [1, 2, 3, 4], 2, 0.0),
        ([4, 3, 2, 1], [1, 4, 3, 2], 2, 0.5),
        ([4, 3, 2, 1], [1, 2, 3, 4], 4, 1.0),
    ],
)
def test_agreement_is_the_share_of_best_columns_in_common(first, second, k, expected):
    assert Ranking(np.array([first, second], float), 4, 9).agreement(k) == expected


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
    rankings = rank_folds(write(tmp_path / "p.h5", found), clips, folds, [], PARAMS, workers=1)
    assert list(rankings) == ["fold-00", "fold-01"]
    assert all(ranking.best(3).tolist() == PLANTED for ranking in rankings.values())
    assert not np.array_equal(rankings["fold-00"].importances, rankings["fold-01"].importances)
    assert {(r.rows, r.available) for r in rankings.values()} == {(144, 144)}, "9 clips of 16 observed frames"


@pytest.mark.parametrize("change", ["values", "labels", "absent", "val"])
def test_nothing_of_a_test_clip_changes_the_ranking(tmp_path, change):
    clips, found = clips_and_features()
    fold = fold_of(clips, "s0")
    plain = rank_folds(write(tmp_path / "a.h5", found), clips, {"fold-00": fold}, [], PARAMS, 1)["fold-00"]
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
    other = rank_folds(write(tmp_path / "b.h5", found), clips, {"fold-00": fold}, [], PARAMS, 1)["fold-00"]
    np.testing.assert_array_equal(plain.halves, other.halves)


def test_a_training_clip_does_change_it(tmp_path):
    clips, found = clips_and_features()
    fold = {"fold-00": fold_of(clips, "s0")}
    plain = rank_folds(write(tmp_path / "a.h5", found), clips, fold, [], PARAMS, 1)["fold-00"]
    relabelled = [Clip(c.clip_id, c.path, c.speaker, "sad") if c.speaker == "s1" else c for c in clips]
    other = rank_folds(tmp_path / "a.h5", relabelled, fold, [], PARAMS, 1)["fold-00"]
    assert not np.array_equal(plain.importances, other.importances)


def test_an_emotion_that_training_lacks_is_no_trouble(tmp_path):
    clips, found = clips_and_features()
    fold = {c.clip_id: "test" if c.emotion == "sad" else "train" for c in clips}
    ranking = rank_folds(write(tmp_path / "a.h5", found), clips, {"fold-00": fold}, [], PARAMS, 1)["fold-00"]
    assert set(ranking.best(2)) <= set(PLANTED)


def test_a_fold_without_training_clips_says_so(tmp_path):
    clips, found = clips_and_features()
    fold = {"fold-03": dict.fromkeys(found, "test")}
    with pytest.raises(PipelineError, match="fold-03 has no clip to train on"):
        rank_folds(write(tmp_path / "p.h5", found), clips, fold, [], PARAMS, 1)


@given(lengths=st.lists(st.integers(0, 60), min_size=1, max_size=12), most=st.integers(10, 80))
def test_the_draw_is_even_bounded_and_the_halves_share_nothing_where_they_need_not(lengths, most):
    observed = [np.arange(n) * 2 for n in lengths]
    ranker = _FoldRanker(None, [], PARAMS.model_copy(update={"max_rows": most}))
    halves = [[(i, r) for i, rows in enumerate(ranker._draw(observed, half)) for r in rows] for half in (0, 1)]
    total = sum(lengths)
    for half in halves:
        assert len(half) == len(set(half)) == min(total, most)
        assert set(half) <= {(i, r) for i, rows in enumerate(observed) for r in rows}
    if total >= 2 * most:
        assert not set(halves[0]) & set(halves[1])
    if total > most:  # no clip gets more than its share, rounded up
        for i, n in enumerate(lengths):
            assert sum(1 for clip, _ in halves[0] if clip == i) <= n * most / total + 1


def test_sampling_reads_the_frames_that_it_draws(tmp_path):
    values = np.arange(700, dtype=np.float16)[:, None].repeat(2, 1)
    clip = Clip("c", "c.mp4", "s", "sad")
    write_features(
        tmp_path / "p.h5",
        FeatureMeta("pool5", 2, "float16"),
        [("c", ClipFeatures(values, np.arange(700) / 25, np.ones(700, bool)))],
    )
    ranker = _FoldRanker(tmp_path / "p.h5", [clip], PARAMS.model_copy(update={"max_rows": 70}))
    observed = [np.arange(700)]
    with FeatureFile(tmp_path / "p.h5") as file:
        for half in (0, 1):
            rows, labels = ranker._sample(file, [clip], ranker._draw(observed, half))
            np.testing.assert_array_equal(rows[:, 0], np.arange(70) * 10 + 5 * half)
            assert labels.tolist() == [0] * 70


def test_rankings_survive_the_file(tmp_path):
    clips, found = clips_and_features()
    rankings = rank_folds(write(tmp_path / "p.h5", found), clips, {"fold-00": fold_of(clips, "s0")}, [], PARAMS, 1)
    write_rankings(tmp_path / "r.csv", rankings)
    again = read_rankings(tmp_path / "r.csv")["fold-00"]
    np.testing.assert_allclose(again.halves, rankings["fold-00"].halves, rtol=1e-8)
    assert (again.rows, again.available) == (144, 144)
    kept = kept_columns(rankings, 3)
    assert sorted(kept["column"]) == PLANTED
    assert kept["importance"].is_monotonic_decreasing
    row = agreements(rankings, 3).iloc[0]
    assert (row["agreement"], row["chance"]) == (1.0, 0.15)


@pytest.mark.parametrize("content", [None, "", "fold,column\nfold-00,1\n", "\x00\x01"])
def test_a_file_that_is_no_ranking_is_refused_by_name(tmp_path, content):
    if content is not None:
        (tmp_path / "r.csv").write_text(content)
    with pytest.raises(ArtifactError, match=r"r\.csv: .*dvc repro"):
        read_rankings(tmp_path / "r.csv")


WHOLE = "fold,rows,available,column,first_half,second_half\nfold-00,9,9,0,0.5,0.25\nfold-00,9,9,1,0.5,0.75\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("fold-00,9,9,0,0.5,0.25\n", ""),
        ("fold-00,9,9,1,", "fold-00,9,9,0,"),
        ("fold-00,9,9,1,", ",9,9,1,"),
        ("0.25", "1_000"),
        ("0.25", "nan"),
        ("0.25", "0x10"),
        ("fold-00,9,9,1", "fold-00,8,9,1"),
        ("0.75\n", "0.75,1\n"),
    ],
)
def test_a_ranking_that_lacks_a_column_or_a_figure_is_refused_in_one_line(tmp_path, before, after):
    path = tmp_path / "r.csv"
    path.write_text(WHOLE)
    assert read_rankings(path)["fold-00"].halves.tolist() == [[0.5, 0.5], [0.25, 0.75]]
    path.write_text(WHOLE.replace(before, after))
    with pytest.raises(ArtifactError, match=r"^[^\n]*r\.csv: not a ranking [^\n]*dvc repro[^\n]*$"):
        read_rankings(path)


@pytest.mark.parametrize(("trees", "each"), [(2, [1, 1]), (30, [15, 15]), (31, [16, 15])])
def test_the_halves_share_the_trees_and_have_a_seed_each(tmp_path, monkeypatch, trees, each):
    grown = []

    def grow(rows, labels, trees, params, seed):
        grown.append((trees, seed, rows[:, 0].tolist()))
        return np.zeros(rows.shape[1])

    monkeypatch.setattr("pipeline.features.selection.ranking.forest", grow)
    clips, found = clips_and_features()
    params = RankParams(trees=trees, max_rows=20, min_leaf=1, seed=7)
    rank_folds(write(tmp_path / "p.h5", found), clips, {"fold-00": fold_of(clips, "s0")}, [], params, 1)
    assert [(count, seed) for count, seed, _ in grown] == list(zip(each, (7, 8), strict=True))
    assert grown[0][2] != grown[1][2], "a sample each"
    assert len(grown[0][2]) == len(grown[1][2]) == 20


def test_settings_begin_where_their_ranges_do():
    least = {"trees": 2, "max_rows": 10, "min_leaf": 1, "seed": 0}
    assert RankParams(**least).model_dump() == least
    for name, value in least.items():
        with pytest.raises(ValidationError, match=name):
            RankParams(**{**least, name: value - 1})
    assert SelectParams(k=1).k == 1
    with pytest.raises(ValidationError):
        SelectParams(k=0)


def test_a_ranking_file_has_its_columns_and_nothing_else(tmp_path):
    write_rankings(tmp_path / "r.csv", {"fold-00": Ranking(np.array([[0.5, 0.5], [0.25, 0.75]]), 9, 9)})
    assert (tmp_path / "r.csv").read_text() == WHOLE
