"""`python -m pipeline inspect --plot` and `--project`."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace

import numpy as np
import pytest

from helpers.inspecting import FRAMES, changed, clips, picture, values_of, write_corpus, write_crops, write_toy_media
from pipeline.__main__ import main
from pipeline.cli.inspect.clip_picture import draw
from pipeline.cli.inspect.heat_map import ROWS, edges_of, heat_of
from pipeline.cli.inspect.projection import project
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features


@pytest.fixture
def folder(tmp_path):
    return write_corpus(tmp_path)


def plot(path, out, clip_id="c00", fold="", root=None, params=None):
    """Draw a clip; return (what is said, the picture)."""
    said = draw(path, clip_id, fold, out, params or path.parent / "none.yaml", root)
    return said, picture(out)


def colourful(rgb: np.ndarray) -> np.ndarray:
    """Return where a picture is neither white, gray nor black."""
    return np.ptp(rgb.astype(int), axis=2) > 40


def heat_part(rgb: np.ndarray) -> np.ndarray:
    """Return the heat map of a picture without face and waveform: from the first to the last colourful column of
    pixels, colour bar apart.
    """
    colour = colourful(rgb)
    rows = np.flatnonzero(colour.any(axis=1))
    middle = rgb[rows[0] + 5 : rows[-1] - 5]
    across = np.flatnonzero(colourful(middle).mean(axis=0) > 0.5)
    bar = across[np.flatnonzero(np.diff(across) > 1)[-1] + 1]  # the last block is the colour bar
    return middle[:, across[0] : across[across < bar][-1] + 1]


def test_unobserved_frames_are_hatched(folder, tmp_path):
    said, rgb = plot(folder / "lld.h5", tmp_path / "p.png")
    assert said.splitlines()[0] == str(tmp_path / "p.png")
    heat = heat_part(rgb)
    share = colourful(heat).mean(axis=0)
    begin, end = (
        round(heat.shape[1] * time / 1.18) for time in (0.38, 0.78)
    )  # frames 10 to 19 of 30, from half way to half way
    assert share[: begin - 3].min() > 0.9
    assert share[end + 3 :].min() > 0.9
    hidden = heat[:, begin + 3 : end - 3]
    assert colourful(hidden).mean() < 0.02
    assert (hidden > 250).all(axis=2).mean() > 0.4, "white, with hatches"
    assert (hidden < 200).all(axis=2).mean() > 0.05


def test_faces_and_sound_stand_above(folder, tmp_path):
    bare = plot(folder / "lld.h5", tmp_path / "bare.png")[1]
    write_crops(folder)
    root = tmp_path / "media"
    write_toy_media(root)
    said, rgb = plot(folder / "lld.h5", tmp_path / "p.png", root=root)
    assert said.splitlines()[1:] == [f"sound: {root / 'c00.mkv'}", "face: square100.h5"]
    red = (np.abs(rgb.astype(int) - (200, 0, 0)) < 12).all(axis=2)
    assert red.mean() > 0.02
    blue = (np.abs(rgb.astype(int) - (0, 114, 178)) < 12).all(axis=2)
    across = np.flatnonzero(blue.sum(axis=0) > 20)
    lit = np.flatnonzero(red.any(axis=0))
    middle = (lit[0] + lit[-1]) / 2
    assert abs(across[0] - middle) < 0.05 * (lit[-1] - lit[0]), (
        "the loud half begins in the middle of the faces: one time axis"
    )
    assert rgb.shape[0] > bare.shape[0]


def test_the_face_out_of_the_media_by_its_boxes(folder, tmp_path):
    boxes = np.tile(np.array([0, 0, 30, 20], np.float32), (FRAMES, 1))
    write_features(
        folder / "faces.h5",
        FeatureMeta("faces", 4, "float32"),
        [("c00", ClipFeatures(boxes, 0.04 * np.arange(FRAMES), np.ones(FRAMES, bool)))],
    )
    root = tmp_path / "media"
    write_toy_media(root)
    said, rgb = plot(folder / "lld.h5", tmp_path / "p.png", root=root)
    assert said.splitlines()[-1] == "face: faces.h5 and the media"
    assert (np.abs(rgb.astype(int) - (200, 0, 0)) < 25).all(axis=2).mean() > 0.02, "the red quarter of the frames"


def test_what_cannot_be_drawn_is_noted(folder, tmp_path):
    said, _ = plot(folder / "lld.h5", tmp_path / "p.png")
    assert said.splitlines()[1].startswith(f"no waveform: {folder / 'none.yaml'}: no such file")
    assert said.splitlines()[1].endswith("--root names the folder of the media")
    assert said.splitlines()[2].startswith("no face: ")
    (tmp_path / "params.yaml").write_text("corpora: {toy: {root: nowhere}}\n")
    assert (
        "no waveform: nowhere/c00.mkv: no such media file"
        in plot(folder / "lld.h5", tmp_path / "p.png", params=tmp_path / "params.yaml")[0]
    )
    (tmp_path / "c00.mkv").write_bytes(b"\0no media")
    assert "no waveform: decode_error" in plot(folder / "lld.h5", tmp_path / "p.png", root=tmp_path)[0]


@pytest.mark.parametrize("name", ["v4", "deep", "square100"])
def test_other_layouts(folder, tmp_path, name):
    write_crops(folder)
    plot(folder / f"{name}.h5", tmp_path / "p.png", fold="fold-01" if name == "v4" else "")


def test_equal_input_gives_equal_bytes(folder, tmp_path):
    for name in ("a.png", "b.png"):
        plot(folder / "lld.h5", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_odd_names_and_few_frames(folder, tmp_path):
    meta = FeatureMeta("odd $x^", 2, "float32", columns=("$\\frac{1}{", "_b\x1b[31m<script>"))
    one = {clip.clip_id: values_of(n, 2, frames=1, hidden=slice(0)) for n, clip in enumerate(clips())}
    hidden = {"c00": values_of(0, 2, hidden=slice(None))}
    for found in (one, hidden):
        write_features(folder / "odd.h5", meta, sorted(found.items()))
        draw(folder / "odd.h5", "c00", "", tmp_path / "p.png", tmp_path / "none", None)
        assert (tmp_path / "p.png").stat().st_size > 5000


def test_wide_and_long_clips_are_made_smaller(tmp_path):
    values = np.zeros((4001, 1100), np.float32)
    values[2000, 1000] = 7
    mask = np.ones(4001, bool)
    mask[100:200] = False
    write_features(
        tmp_path / "w.h5",
        FeatureMeta("w", 1100, "float32", layers=(("a", (999,)), ("b", (101,)))),
        [("c", ClipFeatures(values, np.arange(4001) / 100, mask))],
    )
    with FeatureFile(tmp_path / "w.h5") as file:
        heat = heat_of(file, "c")
    assert heat.together == 3
    assert heat.colours.shape[0] <= ROWS
    assert 999 in heat.rows, "no row holds columns of two layers"
    row, at = np.unravel_index(np.nanargmax(heat.colours), heat.colours.shape)
    assert heat.rows[row] <= 1000 < heat.rows[row + 1]
    assert heat.bins[at] <= 20 <= heat.bins[at + 1]
    np.testing.assert_allclose(heat.gaps, [[0.995, 1.995]])
    assert np.isnan(heat.colours[:, (heat.bins[:-1] > 1) & (heat.bins[1:] < 1.99)]).all()


def test_edges_lie_half_way():
    np.testing.assert_allclose(edges_of(np.array([0.0, 0.2, 0.6])), [0, 0.1, 0.4, 0.8])
    np.testing.assert_allclose(edges_of(np.array([0.5])), [0, 1])


@pytest.mark.parametrize("option", ["--plot", "--project"])
@pytest.mark.parametrize("out", ["x.jpg", "x", "there.png"])
def test_a_name_that_is_no_picture(folder, tmp_path, capsys, option, out):
    (tmp_path / "there.png").mkdir()
    assert (
        main(
            [
                "inspect",
                str(folder / "lld.h5"),
                option,
                str(tmp_path / out),
                *(["--clip", "c00"] if option == "--plot" else []),
            ]
        )
        == 1
    )
    assert "give a name that ends in .png" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_projection(folder, tmp_path, capsys, method):
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    for out in (first, second):
        assert main(["inspect", str(folder / "lld.h5"), "--project", str(out), "--method", method]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(first)
    assert first.read_bytes() == second.read_bytes()
    assert picture(first).shape[1] > 1200


def test_pca_against_the_definition(folder):
    found = project(folder / "lld.h5")
    means = np.stack([clip.values[clip.mask].astype(float).mean(0) for clip in map(values_of, range(8))])
    scaled = (means - means.mean(0)) / means.std(0)
    shares = np.linalg.svd(scaled, compute_uv=False) ** 2
    assert found.axes[0] == f"first component ({shares[0] / shares.sum():.1%} of the variance)"
    np.testing.assert_allclose((found.points**2).sum(0), shares[:2], rtol=1e-4)
    assert found.speakers == [clip.speaker for clip in clips()]


def test_clips_that_cannot_be_projected_are_told(folder, tmp_path, capsys):
    def change(key, clip):
        return replace(clip, mask=np.zeros(FRAMES, bool)) if key in ("c01", "c05") else clip

    changed(folder / "lld.h5", folder / "b.h5", change)
    assert main(["inspect", str(folder / "b.h5"), "--project", str(tmp_path / "p.png")]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "left out: 2 clips without an observed frame"
    changed(folder / "lld.h5", folder / "few.h5", lambda key, clip: clip if key < "c03" else None)
    assert main(["inspect", str(folder / "few.h5"), "--project", str(tmp_path / "q.png")]) == 1
    assert "3 clips with an observed frame, 4 are needed" in capsys.readouterr().err
    (folder / "manifest.csv").unlink()
    assert main(["inspect", str(folder / "b.h5"), "--project", str(tmp_path / "q.png")]) == 1
    assert "no such manifest" in capsys.readouterr().err


def test_many_speakers_with_odd_names(tmp_path):
    folder = write_corpus(tmp_path, 60)
    rows = list(csv.reader((folder / "manifest.csv").open()))
    for number, row in enumerate(rows[1:]):
        row[2] = f"_$s{number % 30}\x1b<script>"
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    few = write_corpus(tmp_path / "few") / "lld.h5"
    for path, out in ((folder / "lld.h5", "many.png"), (few, "few.png")):
        assert main(["inspect", str(path), "--project", str(tmp_path / out)]) == 0
    assert picture(tmp_path / "many.png").shape == picture(tmp_path / "few.png").shape, (
        "the legend does not grow with the speakers"
    )
