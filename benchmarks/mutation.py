"""Plant faults in the numeric core, one at a time, and see whether the tests of the module notice.

    python -m benchmarks.mutation                           all modules of benchmarks/mutation.toml
    python -m benchmarks.mutation evaluation/ --most 40     those whose name begins so, 40 faults of each at most

Cosmic Ray (`pip install cosmic-ray` into an environment beside the project's, which needs it for nothing else) makes
the faults. Its own runner would start an interpreter for each; here the libraries are imported once, and every fault
has a fork, in which an importer gives the faulty module: no file is changed. A module's tests are its own quick ones,
and the examples of its docstrings. `lives` = none of them failed.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.util
import os
import random
import resource
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIBRARIES = ("pytest", "numpy", "pandas", "pydantic", "cv2", "h5py", "scipy.stats", "sklearn.ensemble", "hypothesis")
CPU_S, WALL_S = 30, 300
"""What the tests of one fault may take; one that makes them run longer counts as seen."""
OUTCOMES = {0: "lives", 1: "seen"}
"""By pytest's exit code; any other one is that of a module that cannot be imported."""


@dataclass(frozen=True)
class Fault:
    """One fault: what was changed, in which line, and the module's text with it."""

    module: str
    operator: str
    line: int
    before: str
    after: str
    text: str


def faults(module: str, operators: list[str]) -> Iterator[Fault]:
    """Yield the faults of a module, without those that change nothing but an annotation, and without repetition."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    text = Path("pipeline", f"{module}.py").read_text(encoding="utf-8")
    seen = {_meaning(text)}
    for name in operators:
        operator = get_operator(f"core/{name}")()
        positions = [at for node in ast_nodes(get_ast(text)) for at in operator.mutation_positions(node)]
        for occurrence, (begin, _) in enumerate(positions):
            changed = mutate_code(text, operator, occurrence)
            meaning = _meaning(changed) if changed else ""
            if not changed or not meaning or meaning in seen:
                continue
            seen.add(meaning)
            before, after = _line(text, changed)
            yield Fault(module, name, begin[0], before, after, changed)


def _meaning(text: str) -> str:
    """Return the module without annotations and comments; "" where it is no Python (`**` of arguments as `*`)."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if hasattr(node, field):
                setattr(node, field, ast.Constant(None))
    return ast.dump(tree)


def _line(text: str, changed: str) -> tuple[str, str]:
    pairs = zip(text.splitlines(), changed.splitlines(), strict=False)
    before, after = next((one, other) for one, other in pairs if one != other)
    return before.strip(), after.strip()


class Faulty(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports one module from a text, and leaves all others alone."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:  # noqa: ARG002
        if name != self.name:
            return None
        origin = os.path.abspath(f"{name.replace('.', '/')}.py")
        return importlib.util.spec_from_loader(name, self, origin=origin)

    def get_source(self, name: str) -> str:  # noqa: ARG002
        return self.text


def judge(fault: Fault, tests: list[str]) -> str:
    """Return `seen`, `lives`, `breaks` (no import) or `time`."""
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os._exit(_tested(fault, tests))
    begin = time.monotonic()
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            break
        if time.monotonic() - begin > WALL_S:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)
    code = os.waitstatus_to_exitcode(status)
    return "time" if code in (-signal.SIGXCPU, -signal.SIGKILL) else OUTCOMES.get(code, "breaks")


def _tested(fault: Fault, tests: list[str]) -> int:
    import doctest

    import pytest

    name = f"pipeline.{fault.module.replace('/', '.')}"
    sys.meta_path.insert(0, Faulty(name, fault.text))
    try:
        module = importlib.import_module(name)
        if doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed:
            return 1
        plain = ["-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-m", "not slow and not long"]
        return int(pytest.main([*plain, *tests]))
    except BaseException:  # noqa: BLE001  whatever a fault brings about, the fork ends with a number
        return 3


def run(modules: dict[str, list[str]], operators: list[str], most: int, seed: int) -> None:
    """Judge the faults of every module; print those that live, and a row of the table for each module."""
    for module, tests in modules.items():
        every = list(faults(module, operators))
        drawn = random.Random(seed).sample(every, min(most or len(every), len(every)))
        if judge(Fault(module, "", 0, "", "", Path("pipeline", f"{module}.py").read_text()), tests) != "lives":
            sys.exit(f"{module}: its tests fail without any fault")
        counts: Counter[str] = Counter()
        for fault in sorted(drawn, key=lambda each: each.line):
            outcome = judge(fault, tests)
            counts[outcome] += 1
            if outcome == "lives":
                print(f"  {module}:{fault.line}: {fault.before}\n{' ' * (len(module) + 4)}-> {fault.after}", flush=True)
        lives, all_ = counts["lives"], sum(counts.values())
        print(f"| {module} | {len(every)} | {all_} | {all_ - lives} | {counts['time']} | {lives} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("begin", nargs="?", default="", help="of the names of the modules")
    parser.add_argument("--most", type=int, default=0, help="faults of a module at most; 0 = all")
    parser.add_argument("--seed", type=int, default=0, help="of the choice")
    args = parser.parse_args()
    plan = tomllib.loads(Path("benchmarks/mutation.toml").read_text(encoding="utf-8"))
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.mkdtemp(prefix="mutation")
    sys.path.insert(0, os.getcwd())
    for library in LIBRARIES:
        importlib.import_module(library)
    print("| module | faults | tried | seen | of these by time | live |\n|---|---|---|---|---|---|", flush=True)
    chosen = {name: tests for name, tests in plan["modules"].items() if name.startswith(args.begin)}
    run(chosen, plan["operators"], args.most, args.seed)
