"""Arrays of classifiers have equal bytes by every Python."""

from __future__ import annotations

import hashlib

import numpy as np

from pipeline.classification.classifiers._files import load_arrays, save_arrays

ARRAYS = {"planes": np.arange(12.0).reshape(3, 4), "classes": np.array([0, 2, 5]), "temperature": 1.5}


def test_the_bytes_are_those_of_another_python(tmp_path):
    """Golden: Python 3.11.2 and 3.11.7, whose `np.savez` differ, wrote the same."""
    save_arrays(tmp_path / "fold-00", ARRAYS)
    found = hashlib.sha256((tmp_path / "fold-00.npz").read_bytes()).hexdigest()
    assert found == "5c5a847ca31a8b3875acb818879a90bc40c2c23b0a8feb823695ebbabc4a0df3"


def test_arrays_come_back_as_they_were(tmp_path):
    given = {**ARRAYS, "nothing": np.zeros((0, 3), np.float32), "turned": np.arange(6).reshape(2, 3).T}
    save_arrays(tmp_path / "fold-00", given)
    found = load_arrays(tmp_path / "fold-00")
    assert list(found) == list(given)
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.asarray(array).dtype
