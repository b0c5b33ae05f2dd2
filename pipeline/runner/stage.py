"""What all stages share: argv -> paths, a section of params.yaml -> a typed model, an error -> one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pipeline.core.errors import PipelineError
from pipeline.core.settings import Model, Runtime, parse, read_params, section
from pipeline.runner.bootstrap import BEGAN
from pipeline.runner.console import INTERRUPTED, error_line, hear_interrupts, os_words
from pipeline.runner.run_info import stage_address
from pipeline.runner.runlog import RunLog
from pipeline.runner.workers import stop_workers

PARAMS = Path("params.yaml")
LOCATION = ("runtime", "corpora.{corpus}.root")
"""Settings that any stage may read and none depends on: they change where and how fast, never a byte of a result."""

Value = TypeVar("Value")


class Context:
    """One run of one stage.

    Attributes:
        args: what dvc.yaml passes on the command line; paths are `Path`
        runtime: the `runtime` section
    """

    def __init__(self, args: argparse.Namespace, reads: tuple[str, ...], log: RunLog) -> None:
        self.args = args
        self._log = log
        self._params = read_params(PARAMS)
        self._allowed = {key.format(**vars(args)) for key in (*reads, *LOCATION) if _known(key, vars(args))}
        self.runtime = self.model("runtime", Runtime)

    def section(self, key: str) -> Any:
        """Return a raw block of params.yaml.

        Raises:
            SettingsError: there is none
            RuntimeError: the stage does not declare that it reads this block
        """
        if key not in self._allowed:
            raise RuntimeError(f"this stage reads '{key}' but does not declare it in READS: {sorted(self._allowed)}")
        found = section(self._params, key)
        self._log.reads(key, found)
        return found

    def model(self, key: str, model: type[Model]) -> Model:
        """Return a block as its typed model."""
        return parse(model, self.section(key), f"{PARAMS}: {key}")

    def root(self) -> Path:
        """Return the folder of the corpus that `--corpus` names."""
        return Path(self.section(f"corpora.{self.args.corpus}.root"))


def _known(key: str, args: Mapping[str, Any]) -> bool:
    return "{" not in key or key[key.index("{") + 1 : key.index("}")] in args


def run(
    body: Callable[[Context], str | None],
    reads: tuple[str, ...],
    names: tuple[str, ...],
    paths: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> None:
    """Run a stage and leave the process.

    Args:
        body: the stage; what it returns is printed as its last line
        reads: keys of params.yaml, the same as under `params` in dvc.yaml, with `{name}` for arguments
        names: command-line arguments that are names
        paths: command-line arguments that are paths
        optional: paths that may be left out; None then
    """
    parser = argparse.ArgumentParser(description=(sys.modules["__main__"].__doc__ or "").strip().split("\n")[0])
    for name in names:
        parser.add_argument(f"--{name}", required=True)
    for name in paths + optional:
        parser.add_argument(f"--{name}", required=name in paths, type=Path)
    args = parser.parse_args()
    words = sys.argv[1:]
    address = stage_address(_module(), {name: getattr(args, name) for name in names})
    with RunLog(address, [_module(), *words], "stage", str(getattr(args, "out", None) or ""), began=BEGAN) as log:
        leave = _run(lambda: body(Context(args, reads, log)), log)
        log.ended(not leave)
    if leave:
        sys.exit(leave)


def _module() -> str:
    spec = sys.modules["__main__"].__spec__
    return spec.name if spec else Path(sys.argv[0]).stem


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
        return _left(
            log,
            f"{os_words(error)}; mend that and run the same command again: finished clips are kept in the clip cache",
            error,
        )
    except MemoryError as error:
        return _left(
            log,
            "out of memory; lower runtime.workers in params.yaml, or run one stage at a time: make repro JOBS=1",
            error,
        )
    except KeyboardInterrupt:
        stop_workers()
        line = "interrupted; finished clips are kept in the clip cache, run the same command again to go on"
        log.failed(line)
        print(line, file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a bug: the user gets a line, the log the traceback
        stop_workers()
        return error_line(log.bug(error))


def _left(log: RunLog, text: str, error: Exception) -> str:
    stop_workers()
    log.failed(f"error: {text}", error)
    return error_line(text)
