"""The examples in docstrings are run, all over the library."""

from __future__ import annotations

import doctest
import importlib.util
import pkgutil

import pytest

import pipeline

LEAST = 30
"""Objects with examples; fewer means that they are not found any more."""


def modules() -> list[str]:
    """Return every module of the library but the one that runs when it is imported as a script."""
    found = [info.name for info in pkgutil.walk_packages(pipeline.__path__, "pipeline.")]
    return [name for name in found if not name.endswith("__main__")]


def examples() -> list[doctest.DocTest]:
    """Return the docstrings with examples, whose modules alone are imported."""
    finder, found = doctest.DocTestFinder(exclude_empty=True), []
    for name in modules():
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        with open(spec.origin, encoding="utf-8") as file:
            if ">>>" not in file.read():
                continue
        module = importlib.import_module(name)
        found += [test for test in finder.find(module, name) if test.examples]
    return found


EXAMPLES = examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_example(example: doctest.DocTest) -> None:
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    outcome = runner.run(example, out=said.append)
    assert outcome.attempted
    assert not outcome.failed, "".join(said)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= LEAST
    assert len({example.filename for example in EXAMPLES}) >= 20
