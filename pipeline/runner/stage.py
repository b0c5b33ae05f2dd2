"""What all stages share: argv -> paths, a section of params.yaml -> a typed model, an error -> one line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.files import clear_temporaries
from pipeline.core.names import check_name
from pipeline.core.settings import Model, Runtime, parse, read_params, section
from pipeline.runner.bootstrap import BEGAN
from pipeline.runner.console import INTERRUPTED, error_line, hear_interrupts, os_words
from pipeline.runner.lock_file import keep
from pipeline.runner.lock_guard import SAFE, guard
from pipeline.runner.run_info import dvc_above, stage_address
from pipeline.runner.runlog import RunLog

PARAMS = Path("params.yaml")
LOCATION = ("runtime", "corpora.{corpus}.root")
"""Settings that any stage may read and none depends on: they change where and how fast, never a byte of a result."""


class Context:
    """One run of one stage: `args`, what dvc.yaml passes on the command line, paths as `Path`, and the section
    `runtime`.
    """

    def __init__(self, args: argparse.Namespace, reads: list[str], log: RunLog) -> None:
        self.args, self._log = args, log
        for name, value in vars(args).items():
            if isinstance(value, str):
                check_name(value, f"--{name}")
        self._params = read_params(PARAMS)
        location = LOCATION if "corpus" in args else LOCATION[:1]
        self._allowed = {key.format(**vars(args)) for key in (*reads, *location)}
        self.runtime = self.model("runtime", Runtime).here()

    def section(self, key: str) -> Any:
        """Return a raw block of params.yaml, which the stage has to declare."""
        if key not in self._allowed:
            raise RuntimeError(f"this stage reads '{key}' but does not declare it: {sorted(self._allowed)}")
        found = section(self._params, key)
        self._log.note(f"reads {key}: {json.dumps(found, default=str)[:4000]}")
        return found

    def model(self, key: str, model: type[Model]) -> Model:
        """Return a block as its typed model."""
        return parse(model, self.section(key), f"{PARAMS}: {key}")

    def root(self) -> Path:
        """Return the folder of the corpus that `--corpus` names."""
        return Path(self.section(f"corpora.{self.args.corpus}.root"))


Body = Callable[[Context], str | None]


def stage(*, reads: str, paths: str, names: str = "", optional: str = "") -> Callable[[Body], Body]:
    """Declare a function as a stage, last in its module; where that module is the program, run it and leave.

    What the function returns is printed as the last line. `function.reads` tells what it declares.

    Args:
        reads: keys of params.yaml, the same as under `params` in dvc.yaml, with `{name}` for arguments; like the others
            with a space between two
        paths: command-line arguments that are paths
        names: command-line arguments that are names
        optional: paths that may be left out; None then
    """

    def declared(body: Body) -> Body:
        body.reads = reads.split()  # type: ignore[attr-defined]
        if body.__module__ == "__main__":
            _run_program(body, reads.split(), paths.split(), names.split(), optional.split())
        return body

    return declared


def _run_program(body: Body, reads: list[str], paths: list[str], names: list[str], optional: list[str]) -> None:
    main = sys.modules["__main__"]
    module = main.__spec__.name if main.__spec__ else Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(description=(main.__doc__ or "").strip().split("\n")[0])
    for name in names:
        parser.add_argument(f"--{name}", required=True)
    for name in paths + optional:
        parser.add_argument(f"--{name}", required=name in paths, type=Path)
    args = parser.parse_args()
    address = stage_address(module, {name: getattr(args, name) for name in names})
    if "DVC_STAGE" in os.environ:
        _look_after_lock()
        for path in (one for one in vars(args).values() if isinstance(one, Path)):
            clear_temporaries(path)  # DVC runs no other stage that writes it
    with RunLog(address, [module, *sys.argv[1:]], "stage", str(getattr(args, "out", None) or ""), began=BEGAN) as log:
        leave = _run(lambda: body(Context(args, reads, log)), log)
        log.ended(not leave)
    if leave:
        sys.exit(leave)


def _look_after_lock() -> None:
    """Keep what a stop of the `dvc` above may leave without: while it runs a stage it writes no dvc.lock."""
    keep()
    if SAFE not in os.environ and (dvc := dvc_above()[0]):
        guard(dvc)


def _run(stage: Callable[[], str | None], log: RunLog) -> str | int | None:
    """Run a stage and return what the process shall leave with: None, a line to say, or an exit code.

    However it ends, it ends at once, without waiting for clips that workers have in hand.
    """
    hear_interrupts()
    try:
        line = stage()
        if line:
            print(line, flush=True)
            log.note(line)
        return None
    except PipelineError as error:
        return _left(log, str(error), error)
    except OSError as error:
        remedy = "mend that and run the same command again: finished clips are kept in the clip cache"
        return _left(log, f"{os_words(error)}; {remedy}", error)
    except MemoryError as error:
        remedy = "lower runtime.workers in params.yaml, or run one stage at a time: make repro JOBS=1"
        return _left(log, f"out of memory; {remedy}", error)
    except KeyboardInterrupt:
        _stop_workers()
        line = "interrupted; finished clips are kept in the clip cache, run the same command again to go on"
        log.failed(line)
        print(line, file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a bug: the user gets a line, the log the traceback
        _stop_workers()
        return error_line(log.unforeseen(error))


def _left(log: RunLog, text: str, error: Exception) -> str:
    _stop_workers()
    log.failed(f"error: {text}", error)
    return error_line(text)


def _stop_workers() -> None:
    """Kill the worker processes of this one, in the middle of their clips; finished ones are in the clip cache."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        try:
            worker = "popen_loky" in " ".join(child.cmdline())  # joblib's resource tracker stays, to tidy up
        except psutil.NoSuchProcess:
            continue
        if worker:
            child.kill()
