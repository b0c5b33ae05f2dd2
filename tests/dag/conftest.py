"""The project after its first run, one for all modules of this folder."""

from __future__ import annotations

import os

import pytest

from helpers.project import Project
from helpers.small_run import copy_of, first_run


@pytest.fixture(scope="session")
def first(tmp_path_factory) -> Project:
    """Not to be changed: other workers read it, too."""
    base = tmp_path_factory.getbasetemp()
    return first_run((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "first-run")


@pytest.fixture
def done(first, tmp_path) -> Project:
    """A copy of it, to be changed."""
    return copy_of(first, tmp_path / "project")
