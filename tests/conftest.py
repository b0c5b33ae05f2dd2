"""What all tests share: Hypothesis without a deadline, since a loaded machine is no defect; how tests are dealt to
workers.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from _pytest.pathlib import import_path
from hypothesis import settings

import stages  # noqa: F401  its numeric settings, so that what a test computes here has the bytes of a stage
from helpers import warm

settings.register_profile("project", deadline=None)
settings.load_profile("project")

FIRST = (
    "test_repro.py", "in_a_browser", "test_hostile_media", "test_end_to_end", "test_doctor", "test_faults.py",
    "test_parallel_repro", "test_source_contract", "test_repro_inputs", "test_repro_predict", "test_cli.py",
    "test_image_set", "test_segment_features", "test_refit_and_windows", "test_classifier_contract",
    "test_fitting", "test_profiles", "test_estimate.py", "test_synthetic_corpus", "test_own_plugins",
    "test_dvc_yaml",
)  # fmt: skip
"""Parts of the names of modules that take longest, which begin first, so that all workers end at about the same time.
"""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Of a whole run, start the server of stages once for all workers, which inherit its address."""
    if _whole(config):
        os.environ[warm.SHARED] = warm.started().address


def _whole(config: pytest.Config) -> bool:
    return [Path(one).name for one in config.args] == config.getini("testpaths")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Iterator[Any]:
    """Search for no garbage while all is imported, a fifth of the time, nor later in what was."""
    gc.disable()
    try:
        _import_in_turn(session)
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def _import_in_turn(session: pytest.Session) -> None:
    """Import the test modules of a whole run in another order in each worker: so each is prepared for its assertions by
    one of them, 0.04 s of work, while the others do the same for theirs, and is read by all.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None or not _whole(session.config):
        return
    files = sorted(Path(__file__).parent.rglob("test_*.py"))
    begin = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for file in files[begin:] + files[:begin]:
        try:
            import_path(file, mode="importlib", root=session.config.rootpath, consider_namespace_packages=False)
        except BaseException:  # noqa: BLE001  a module that skips itself, or fails: pytest imports it again, and tells
            for name in [name for name, one in sys.modules.items() if getattr(one, "__file__", None) == str(file)]:
                del sys.modules[name]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long text by its length: as part of a test's name it would go to and fro between the workers."""
    return f"{argname} of {len(val)}" if isinstance(val, str | bytes) and len(val) > 200 else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring what takes longest to the front, and refuse to go on where pytest-xdist ignores groups: each process would
    run the whole DAG for itself.
    """
    if getattr(config.option, "loadgroup", False):
        for item in items:
            if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
                raise pytest.UsageError(
                    "this pytest-xdist does not group tests with this pytest; install requirements.lock"
                )
        items.sort(key=lambda item: next((n for n, name in enumerate(FIRST) if name in item.path.name), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal whole modules to the workers, and groups: test by test, each worker would make a module's fixtures and load
    its libraries for itself.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class ByModule(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return super()._split_scope(nodeid).split("::")[0]

    config.option.loadscopereorder = False  # the order above, not by the number of tests
    return ByModule(config, log)


class _Here:
    """In place of joblib's workers: each job and item goes through pickle, and is worked on in this process."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        pass

    def __call__(self, jobs: Iterable[tuple[Any, Any, Any]]) -> Iterator[Any]:
        for function, args, named in jobs:
            function, args, named = cloudpickle.loads(cloudpickle.dumps((function, args, named)))
            yield function(*args, **named)


@pytest.fixture(params=["handed over", pytest.param("processes", marks=pytest.mark.long)])
def two_workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Two: of real processes in the long test only, since starting them takes longer than most jobs."""
    if request.param == "handed over":
        monkeypatch.setattr("joblib.Parallel", _Here)
    return 2
