"""What all tests share: Hypothesis without a deadline, since a loaded machine is no defect; groups that are kept
together.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

import stages  # noqa: F401  its numeric settings, so that what a test computes here has the bytes of a stage

settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse to go on where pytest-xdist ignores groups: each process would run the whole DAG for itself."""
    if getattr(config.option, "loadgroup", False):
        for item in items:
            if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
                raise pytest.UsageError(
                    "this pytest-xdist does not group tests with this pytest; install requirements.lock"
                )
