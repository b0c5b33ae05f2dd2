"""identity: who is in it, the split of the pictures, and what augmentation may do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from helpers.sources import CASES
from pipeline.core.errors import CorpusError
from pipeline.pretraining.sources import identity
from pipeline.pretraining.sources._shared.faces import loader
from pipeline.pretraining.sources._shared.reading import IDENTITIES, read_pictures
from pipeline.pretraining.sources._shared.training import augment
from pipeline.training.task import Run

PARAMS = identity.Params(**CASES["identity"][1])


def write(root, counts):
    """Write pictures of one grey level each, so that every picture can be told from every other."""
    level = 0
    for number, count in enumerate(counts):
        folder = root / f"i{number}"
        folder.mkdir(parents=True)
        for picture in range(count):
            cv2.imwrite(str(folder / f"{picture:02d}.png"), np.full((8, 8, 3), level, np.uint8))
            level += 1
    return root


def read(root, share, run=None):
    load = loader(None, identity.INPUT_PX, run or Run())
    return read_pictures(root, IDENTITIES, share, load, run or Run())


def split(root, share):
    corpus = read(root, share)
    return corpus.learn, corpus.held


@pytest.mark.parametrize("share", [0.05, 0.2, 0.34, 0.5, 0.9])
@pytest.mark.parametrize("counts", [(2, 2), (2, 3, 4), (5, 10, 21), (40, 3)])
def test_every_identity_is_on_both_sides_and_no_picture_twice(tmp_path, counts, share):
    learn, held = split(write(tmp_path, counts), share)
    levels = [examples.inputs[:, 0, 0, 0].tolist() for examples in (learn, held)]
    assert sorted(levels[0] + levels[1]) == list(range(sum(counts)))
    owner = np.repeat(np.arange(len(counts)), counts)
    for examples, seen in zip((learn, held), levels, strict=True):
        assert examples.labels.tolist() == owner[seen].tolist()
        assert set(examples.labels.tolist()) == set(range(len(counts)))
        assert examples.inputs.shape[1:] == (3, 100, 100)
        assert examples.inputs.dtype == torch.uint8


@pytest.mark.parametrize(("share", "held"), [(0.5, 20), (0.25, 10), (0.2, 8), (0.1, 4)])
def test_the_share_is_kept(tmp_path, share, held):
    assert len(split(write(tmp_path, (40, 40)), share)[1].labels) == 2 * held


def test_colours_are_in_the_order_red_green_blue(tmp_path):
    write(tmp_path, (2, 2))
    cv2.imwrite(str(tmp_path / "i0" / "00.png"), np.full((8, 8, 3), (10, 20, 200), np.uint8))
    learn, held = split(tmp_path, 0.5)
    pictures = torch.cat([learn.inputs, held.inputs])
    assert [200, 20, 10] in pictures[:, :, 0, 0].tolist()


def test_files_that_are_no_pictures_and_hidden_folders_do_not_count(tmp_path):
    write(tmp_path, (2, 2))
    (tmp_path / ".cache").mkdir()
    (tmp_path / "README.txt").write_text("x")
    (tmp_path / "i0" / "notes.txt").write_text("x")
    assert identity.speakers(tmp_path, PARAMS) == {"i0", "i1"}
    assert len(split(tmp_path, 0.5)[0].labels) == 2


@pytest.mark.parametrize(
    ("counts", "words"),
    [((), "0 identity folders"), ((3,), "1 identity folders"), ((3, 1), "1 identities with 2 readable pictures")],
)
def test_too_little(tmp_path, counts, words):
    write(tmp_path, counts)
    with pytest.raises(CorpusError, match=words) as caught:
        split(tmp_path, 0.3)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(CorpusError, match="0 identity folders"):
        identity.speakers(tmp_path / "nowhere", PARAMS)


def test_an_identity_with_one_picture_is_left_out_and_named(tmp_path):
    corpus = read(write(tmp_path, (4, 1, 0, 3)), 0.5, Run(stage="pretrain:pool5"))
    assert corpus.classes == ["i0", "i3"]
    assert set(corpus.learn.labels.tolist()) == set(corpus.held.labels.tolist()) == {0, 1}
    failed = [entry for entry in corpus.ledger if entry.status == "failed"]
    assert [(entry.clip_id, entry.stage, entry.reason) for entry in failed] == [
        ("i1", "pretrain:pool5", "too_few_pictures"),
        ("i2", "pretrain:pool5", "too_few_pictures"),
    ]
    assert failed[0].detail.startswith("1 readable")
    assert len(corpus.ledger) == 4 + 3 + 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"no picture", "not_media"), (b"", "not_media"), (b"\x89PNG\r\n\x1a\n" + bytes(40), "decode_error")],
)
def test_a_picture_that_cannot_be_read_costs_that_picture(tmp_path, content, reason):
    write(tmp_path, (3, 3))
    (tmp_path / "i1" / "00.png").write_bytes(content)
    corpus = read(tmp_path, 0.5)
    assert [(e.clip_id, e.reason) for e in corpus.ledger if e.status == "failed"] == [("i1/00.png", reason)]
    assert len(corpus.learn.labels) + len(corpus.held.labels) == 5
    assert str(tmp_path) not in str(corpus.ledger)


def test_identities_keep_their_weights_when_another_is_left_out(tmp_path):
    one, other = write(tmp_path / "a", (4, 4)), write(tmp_path / "b", (4, 4))
    (other / "i0b").mkdir()
    results = [identity.train(root, PARAMS, Run()) for root in (one, other)]
    assert (
        results[0].config
        == results[1].config
        == {"network": {"identities": 2, "width": 0.05}, "identities": ["i0", "i1"]}
    )
    assert all(torch.equal(results[1].state[name], tensor) for name, tensor in results[0].state.items())


def augmented(faces, **changes):
    settings = {"shift_px": 0, "grey": 0, "tint": 0, **changes}
    return augment(faces, torch.Generator().manual_seed(0), **settings)


def test_augmentation():
    faces = torch.rand(40, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    mirrored = augmented(faces)
    kept = [(a == b).all() for a, b in zip(mirrored, faces, strict=True)]
    turned = [(a == b.flip(2)).all() for a, b in zip(mirrored, faces, strict=True)]
    assert all(one != other for one, other in zip(kept, turned, strict=True)), "mirrored or left alone"
    assert 8 < sum(kept) < 32
    grey = augmented(faces, grey=1)
    torch.testing.assert_close(grey[:, 0], mirrored.mean(1))
    assert torch.equal(grey[:, 0], grey[:, 1])
    gains = (augmented(faces, tint=0.3) / mirrored).flatten(2)
    torch.testing.assert_close(gains.amin(2), gains.amax(2))
    assert 0.7 <= gains.min() < gains.max() <= 1.3
    assert torch.equal(faces, torch.rand(40, 3, 12, 12, generator=torch.Generator().manual_seed(1))), (
        "input is left alone"
    )


@pytest.mark.parametrize("reach", [1, 4])
def test_shifts_stay_within_their_reach(reach):
    face = torch.zeros(1, 3, 21, 21)
    face[..., 10, 10] = 1
    generator = torch.Generator().manual_seed(0)
    places = [augment(face, generator, reach, 0, 0)[0, 0].nonzero()[0] - 10 for _ in range(60)]
    assert torch.stack(places).abs().max() == reach


def test_a_shift_brings_in_no_pixel_of_the_other_side():
    """A bright left edge stays on the left: what comes in is the picture's own reflection."""
    faces = torch.zeros(64, 3, 16, 16)
    faces[..., :4] = 1
    for axis in (-1, -2):
        shifted = augmented(faces if axis == -1 else faces.mT, shift_px=3, mirror=False)
        assert shifted.narrow(axis, 10, 6).max() == 0
        assert shifted.narrow(axis, 0, 1).min() == 1
        assert len({float(one.sum()) for one in shifted}) > 3, "it was shifted"


def test_shifts_are_whole_and_reflect_without_repeating_the_border():
    row = torch.arange(5.0).expand(1, 3, 5, 5)
    found = {tuple(augment(row, torch.Generator().manual_seed(seed), 2, 0, 0, mirror=False)[0, 0, 0].int().tolist())
             for seed in range(60)}  # fmt: skip
    assert found == {(2, 1, 0, 1, 2), (1, 0, 1, 2, 3), (0, 1, 2, 3, 4), (1, 2, 3, 4, 3), (2, 3, 4, 3, 2)}


def test_every_picture_of_a_batch_has_a_shift_of_its_own():
    faces = torch.zeros(40, 3, 21, 21)
    faces[..., 10, 10] = 1
    places = {tuple(one[0].nonzero()[0].tolist()) for one in augmented(faces, shift_px=4, mirror=False)}
    assert len(places) > 20
    again = augmented(faces, shift_px=4, mirror=False)
    assert torch.equal(again, augmented(faces, shift_px=4, mirror=False)), "the same seed, the same shifts"


def test_frames_of_a_clip_are_changed_alike():
    """Every frame shows the same noise, and still does after mirroring, tinting, greying and shifting."""
    still = torch.rand(12, 3, 1, 9, 9, generator=torch.Generator().manual_seed(2)).expand(-1, -1, 5, -1, -1)
    changed = augmented(still, shift_px=3, grey=0.5, tint=0.4)
    assert changed.shape == still.shape
    assert torch.equal(changed, changed[:, :, :1].expand_as(changed))
    pictures = augmented(still[:, :, 0], shift_px=3, grey=0.5, tint=0.4)
    assert torch.equal(changed[:, :, 0], pictures), "one frame is changed as a picture is"


def test_nothing_is_mirrored_where_left_and_right_tell_classes():
    faces = torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    assert torch.equal(augmented(faces, mirror=False), faces)
    assert not torch.equal(augmented(faces), faces)
