"""Feature files that somebody else may have made: nothing outside them is read, and no size is believed."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.cli.inspect.artifact import describe
from pipeline.core import own_members
from pipeline.core.errors import ArtifactError
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features, write_selection

META = FeatureMeta("lld", 2, "float32", columns=("a", "b"))


def sound(path: Path, rows: int = 3) -> Path:
    """Write a feature file with the clip `one`."""
    clip = ClipFeatures(np.ones((rows, 2), np.float32), np.arange(float(rows)), np.ones(rows, bool))
    write_features(path, META, [("one", clip)])
    return path


def external_link(file: h5py.File, path: Path) -> None:
    file["two"] = h5py.ExternalLink(str(sound(path.with_name("far.h5"))), "/one")


def external_values(file: h5py.File, path: Path) -> None:
    del file["one"]["values"]
    file["one"]["values"] = h5py.ExternalLink(str(sound(path.with_name("far.h5"))), "/one/values")


def soft_link(file: h5py.File, _: Path) -> None:
    file["two"] = h5py.SoftLink("/one")


def external_storage(file: h5py.File, path: Path) -> None:
    secret = path.with_name("secret")
    secret.write_bytes(bytes(24))
    del file["one"]["values"]
    file["one"].create_dataset("values", (3, 2), "f4", external=[(str(secret), 0, 24)])


def virtual(file: h5py.File, path: Path) -> None:
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource(str(sound(path.with_name("far.h5"))), "one/values", shape=(3, 2))
    del file["one"]["values"]
    file["one"].create_virtual_dataset("values", layout)


def words(file: h5py.File, _: Path) -> None:
    del file["one"]["values"]
    file["one"].create_dataset("values", data=["a", "b"])


@pytest.mark.parametrize("trick", [external_link, external_values, soft_link, external_storage, virtual, words])
def test_what_is_not_the_files_own_is_refused(tmp_path: Path, trick: Callable[[h5py.File, Path], None]) -> None:
    path = sound(tmp_path / "lld.h5")
    with h5py.File(path, "a") as file:
        trick(file, path)
        clip = "two" if "two" in file.id else "one"
    with FeatureFile(path) as file, pytest.raises(ArtifactError) as caught:
        file.read(clip)
    assert str(caught.value).startswith(f"{path}: /{clip}")
    assert "\n" not in str(caught.value)
    with pytest.raises(ArtifactError, match="this pipeline writes nothing of that kind"):
        describe(path)


def test_a_selection_of_such_a_file_is_refused(tmp_path: Path) -> None:
    source = sound(tmp_path / "lld.h5")
    columns, parts = {"fold-00": np.array([1])}, {"fold-00/one": "train"}
    write_selection(tmp_path / "v1.h5", FeatureMeta("v1", 1, "float32"), source, columns, parts)
    with FeatureFile(tmp_path / "v1.h5") as file:
        assert file.read("one", "fold-00").values.tolist() == [[1.0]] * 3
    with h5py.File(source, "a") as file:
        external_values(file, source)
    with FeatureFile(tmp_path / "v1.h5") as file, pytest.raises(ArtifactError, match="/one/values: a link"):
        file.read("one", "fold-00")


@pytest.mark.parametrize("shape", [(10**12, 2), (3, 10**10), (10**6, 10**6)])
@pytest.mark.parametrize("name", ["values", "times", "mask"])
def test_an_absurd_size_is_refused_before_memory_is_asked_for(tmp_path: Path, shape: tuple, name: str) -> None:
    path = sound(tmp_path / "lld.h5")
    with h5py.File(path, "a") as file:
        del file["one"][name]
        shape = shape if name == "values" else (10**12,)
        file["one"].create_dataset(name, shape, "f4", chunks=(3, 2)[: len(shape)], compression="gzip")
    tracemalloc.start()
    for look in (lambda: describe(path), lambda: describe(path, "one"), lambda: FeatureFile(path).read("one")):
        with pytest.raises(ArtifactError, match="in the file; this pipeline writes nothing of that kind"):
            look()
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "attributes",
    [{"dimension": 10**13}, {"layers": json.dumps([["x", [10**13]]])}, {"dimension": -1}, {"dimension": 3}],
)
def test_attributes_that_claim_too_much(tmp_path: Path, attributes: dict) -> None:
    path = sound(tmp_path / "lld.h5")
    with h5py.File(path, "a") as file:
        file.attrs.update(attributes)
    with pytest.raises(ArtifactError, match=r"^\S+: (its attributes are not whole|damaged)"):
        describe(path)


def test_a_long_clip_that_never_changes_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own filters at their best: black crops."""
    monkeypatch.setattr(own_members, "_PLENTY", 1 << 16)
    frames, count = np.zeros((350, 100, 100, 3), np.uint8), 350
    values, times = np.zeros((count, 2), np.float32), np.arange(float(count))
    clip = ClipFeatures(values, times, np.ones(count, bool), {"crops": frames})
    write_features(tmp_path / "crops.h5", META, [("one", clip)])
    assert frames.nbytes / (tmp_path / "crops.h5").stat().st_size > 300
    with FeatureFile(tmp_path / "crops.h5") as file:
        assert file.part_of("one", slice(340, None)).extra["crops"].shape == (10, 100, 100, 3)
