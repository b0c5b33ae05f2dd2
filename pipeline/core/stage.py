"""What all stages share: argv -> paths, a section of params.yaml -> a typed model, an error -> one line."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pipeline.core.errors import PipelineError
from pipeline.core.parallel import stop_workers
from pipeline.core.settings import Model, Runtime, parse, read_params, section

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

    def __init__(self, args: argparse.Namespace, reads: tuple[str, ...]) -> None:
        self.args = args
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
        return section(self._params, key)

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
    try:
        line = body(Context(args, reads))
    except PipelineError as error:
        _leave(f"error: {' '.join(str(error).split())}")
    except OSError as error:
        _leave(f"error: {_words(error)}; mend that and run the same command again: finished clips are kept in the clip cache")
    except KeyboardInterrupt:
        _leave("interrupted; finished clips are kept in the clip cache, run the same command again to go on")
    if line:
        print(line, flush=True)


def _leave(line: str) -> NoReturn:
    """Say one line, and leave at once, without waiting for clips that workers have in hand."""
    stop_workers()
    sys.exit(line)


def _words(error: OSError) -> str:
    """Return what the operating system refused, and where; HDF5 hides the reason in its own words."""
    hidden = re.search(r"errno = (\d+)", str(error))
    number = error.errno or (int(hidden[1]) if hidden else None)
    reason = os.strerror(number) if number else " ".join(str(error).split()) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason
