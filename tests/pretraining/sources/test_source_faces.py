"""Source faces: found and cut as those of clips are; left out and named without a face; looked for once."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pydantic import ValidationError
from skimage import data

from helpers.scenes import detector
from helpers.shipped import shipped
from pipeline.core.errors import ClipError, SettingsError
from pipeline.faces.alignment.align import AlignParams, align
from pipeline.faces.cropping.kinds import square
from pipeline.faces.detection import dlib_hog
from pipeline.pretraining.sources import identity, recognition
from pipeline.pretraining.sources._shared.faces import Aligned, Tracked, loader
from pipeline.pretraining.sources._shared.reading import IDENTITIES, read_pictures, whole
from pipeline.training.task import Run

PX = 64
MANY = Run(stage="pretrain:pool5")


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:256, 90:346])


def put(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def test_a_source_crop_is_the_crop_of_the_detected_box(tmp_path, astronaut):
    detect = Tracked(crop={"kind": "square", "px": 100, "margin": 1.3})
    found, notes = loader(detect, 100, MANY)(put(tmp_path / "a.png", astronaut))
    box = np.array(detector()(astronaut)[0].box, np.float32)
    assert notes == []
    np.testing.assert_array_equal(found.transpose(1, 2, 0), square.cut(astronaut, box, square.Params(margin=1.3)))


@pytest.mark.parametrize("detect", [Tracked(), Aligned(detector="dlib_hog", px=73)], ids=["tracked", "aligned"])
def test_the_images_aspect_ratio_does_not_matter(tmp_path, astronaut, detect):
    """The same face within a wide image gives the same crop; squashed, it would be half as wide."""
    wide = cv2.copyMakeBorder(astronaut, 0, 0, 160, 184, cv2.BORDER_REPLICATE)  # a multiple of dlib's cells of 8 px
    load = loader(detect, PX, MANY)
    alone, beside = (load(put(tmp_path / f"{len(one[0])}.png", one))[0] for one in (astronaut, wide))
    assert np.abs(alone[:, 8:-8, 8:-8].astype(int) - beside[:, 8:-8, 8:-8]).mean() < 20
    squashed = cv2.resize(wide, (PX, PX), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
    assert np.abs(alone[:, 8:-8, 8:-8].astype(int) - squashed[:, 8:-8, 8:-8]).mean() > 40


def test_aligned_faces_are_those_of_align_faces(tmp_path, astronaut):
    detect = Aligned(detector="dlib_hog", px=73)
    found, _ = loader(detect, PX, MANY)(put(tmp_path / "a.png", astronaut))
    clip, _ = align(lambda: [(0.0, astronaut)], detector(), AlignParams(detector="dlib_hog", frames=1, px=73))
    window = clip.extra["crops"][0][4:68, 4:68].astype(int)  # the middle 7/8, as networks see it
    assert np.abs(found.transpose(1, 2, 0) - window).max() <= 1  # points are kept in single precision


def test_small_images_are_enlarged_for_the_detector(tmp_path, astronaut):
    left, top, right, bottom = (round(edge) for edge in detector()(astronaut)[0].box)
    small = cv2.resize(astronaut[top - 20 : bottom + 20, left - 20 : right + 20], (48, 48))
    path = put(tmp_path / "small.png", small)
    with pytest.raises(ClipError, match="no_face: dlib_hog finds none; of face crops set detect to null"):
        loader(Tracked(min_px=0), PX, MANY)(path)
    assert loader(Tracked(), PX, MANY)(path)[0].shape == (3, PX, PX)


def corpus(root, astronaut):
    """Two people with three images each, of one of which the face lacks; a group; a damaged file."""
    for name, gain in (("anna", 1.0), ("ben", 0.7)):
        for number in range(3):
            put(root / name / f"{number}.png", (astronaut * (gain - 0.05 * number)).astype(np.uint8))
    put(root / "anna" / "3.png", np.full((200, 300, 3), 120, np.uint8))
    put(root / "ben" / "3.png", np.hstack([astronaut, astronaut]))
    (root / "ben" / "4.jpg").write_bytes(b"\0no image")
    return root


def read(root, run):
    return read_pictures(root, IDENTITIES, 0.34, loader(Tracked(), PX, run), run)


def test_an_image_without_a_face_is_left_out_and_named(tmp_path, astronaut):
    seen = []
    found = read(corpus(tmp_path, astronaut), Run(stage="pretrain:pool5", on_ledger=seen.extend))
    assert len(found.learn.labels) + len(found.held.labels) == 7
    assert {(one.clip_id, one.status, one.reason) for one in seen if one.status != "ok"} == {
        ("anna/3.png", "failed", "no_face"),
        ("ben/3.png", "degraded", "several_faces"),
        ("ben/4.jpg", "failed", "decode_error"),
    }


def test_a_second_run_does_not_look_again(tmp_path, astronaut, monkeypatch):
    looked = []
    original = dlib_hog.Detector.__call__
    monkeypatch.setattr(dlib_hog.Detector, "__call__", lambda self, rgb: looked.append(1) or original(self, rgb))
    root, run = corpus(tmp_path / "corpus", astronaut), Run(stage="pretrain:pool5", clip_cache=tmp_path / "cache")
    first, calls = read(root, run), len(looked)
    second = read(root, run)
    assert calls == 8
    assert len(looked) == 8, "neither faces nor their absence are looked for twice"
    uncached = read(root, MANY)
    for other in (second, uncached):
        assert other.ledger == first.ledger
        assert (other.learn.inputs == first.learn.inputs).all()
        assert (other.held.inputs == first.held.inputs).all()
    put(root / "anna" / "0.png", astronaut[::-1])
    read(root, run)
    assert len(looked) == 17, "8 without the cache, and the image that has changed"
    read_pictures(root, IDENTITIES, 0.34, loader(Tracked(min_px=0), PX, run), run)
    assert len(looked) == 25, "other settings of the detection look again"


def test_workers_change_nothing(tmp_path, astronaut, two_workers):
    root = corpus(tmp_path / "corpus", astronaut)
    one, two = (
        read(root, Run(stage="pretrain:pool5", workers=workers, clip_cache=tmp_path / str(workers)))
        for workers in (1, two_workers)
    )
    assert one.ledger == two.ledger
    assert (one.learn.inputs == two.learn.inputs).all()


@pytest.mark.parametrize("shape", [(40, 100), (100, 40), (64, 64), (1, 30), (301, 200)])
def test_whole_images_are_padded_and_not_stretched(shape):
    """A disc stays one, and lies in the middle."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    radius = 0.3 * min(shape)
    disc = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) <= radius
    found = whole(np.repeat(disc[..., None] * np.uint8(255), 3, axis=2), PX)[0] > 127
    assert found.shape == (PX, PX)
    half = round(PX * min(shape) / max(shape) / 2)
    own = found[PX // 2 - half : PX // 2 + half, PX // 2 - half : PX // 2 + half]  # without what is reflected
    if min(shape) > 1:
        assert abs(own.sum() / (np.pi * (radius * PX / max(shape)) ** 2) - 1) < 0.15
        assert abs(own.any(axis=0).sum() - own.any(axis=1).sum()) <= 1


def test_what_is_padded_is_the_reflection():
    stripes = np.repeat(np.arange(0, 40, dtype=np.uint8)[:, None, None] * 6, 80, axis=1).repeat(3, axis=2)
    found = whole(stripes, 80)[0, :, 5].astype(int)
    assert found[20:60].tolist() == list(range(0, 240, 6))
    assert found[:20].tolist() == list(range(120, 0, -6))
    assert found[60:].tolist() == list(range(228, 108, -6))


def test_settings_of_the_detector_are_checked():
    with pytest.raises(SettingsError, match=r"pretrain\.pool5\.settings\.detect\.detector: no detectors plugin 'hog'"):
        loader(Tracked(detector="hog"), PX, MANY)
    with pytest.raises(SettingsError, match=r"detect\.detector_settings\.upsample: .* \(got 9\)"):
        loader(Tracked(detector_settings={"upsample": 9}), PX, MANY)
    with pytest.raises(ValidationError, match="square"):
        Tracked(crop={"kind": "eyes"})


def test_detection_is_the_default():
    base = {"width": 1, "held_out": 0.2, "shift_px": 0, "grey": 0, "tint": 0}
    loop = {"epochs": 1, "patience": 1, "batch": 2, "learning_rate": 0.1, "threads": 1, "seed": 0}
    assert identity.Params(**base, loop=loop).detect == Tracked()
    assert recognition.Params(**base, loop=loop, network="pyramid").detect == Aligned()
    assert Aligned().detector == "mtcnn"


def test_source_and_target_faces_are_cut_alike_in_the_shipped_settings():
    params = shipped()
    cut = params["pretrain"]["pool5"]["settings"]["detect"]
    found = {key: params["track_faces"][key] for key in ("detector", "detector_settings")}
    assert cut == {**found, "crop": params["crop_faces"]["square100"]}
    for name in ("vggface", "pyramid"):
        aligned = params["pretrain"][name]["settings"]["detect"]
        assert aligned == {key: params["align_faces"][key] for key in ("detector", "detector_settings", "px")}
