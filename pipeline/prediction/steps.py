"""dvc.lock as data: the command line of every stage instance that has run.

It says which feature was made of which file by which network, and where artifacts lie; what is read here holds for a
stage that a user has added as well.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import SettingsError
from pipeline.core.settings import read_params

_SOURCES = ("source", "audio", "video", "more")


@dataclass(frozen=True)
class Step:
    """One stage instance."""

    name: str  # as DVC names it, such as `extract@demo-lld147`
    stage: str  # file in stages/, such as `extract`
    args: Mapping[str, str]  # its command-line arguments; paths are relative to the project's folder

    @property
    def out(self) -> str:
        """Path of its main output, or ""."""
        return self.args.get("out", "")

    @property
    def sources(self) -> list[str]:
        """Paths of the feature files that it reads."""
        return [self.args[name] for name in _SOURCES if name in self.args]

    @property
    def feature(self) -> str:
        """Name of the feature file that it writes."""
        return Path(self.out).stem


class Steps:
    """All stage instances."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._by_out = {step.out: step for step in steps if step.out}

    @classmethod
    def read(cls, file: Path) -> Steps:
        """Read dvc.lock.

        Raises:
            SettingsError: no such file, or not DVC's
        """
        if not file.is_file():
            raise SettingsError(f"{file}: no such file; run this in the project's folder, once `dvc repro` has run")
        try:
            return cls([_step(name, stage["cmd"]) for name, stage in read_params(file)["stages"].items()])
        except (SettingsError, KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            reason = f"{type(error).__name__}: {error}"
            cure = "`python -m pipeline check` puts it back, or says how"
            raise SettingsError(f"{file}: not a lock file of DVC ({reason}); {cure}") from error

    def of(self, out: str) -> Step | None:
        """Return the stage instance that writes a path."""
        return self._by_out.get(out)

    def fusion(self, corpus: str, system: str) -> Step:
        """Return the instance of `fuse` for a system on a corpus; a SettingsError says that there is none."""
        for step in self._by_out.values():
            if step.stage == "fuse" and (step.args["corpus"], step.args["system"]) == (corpus, system):
                return step
        raise SettingsError(
            f"dvc.lock: the system {system} was never fused on {corpus}; run `dvc repro fuse@{corpus}-{system}`"
        )

    def model(self, fuse: Step, model: str) -> Step:
        """Return the instance that trains a model of the system that `fuse` fuses, or raise a SettingsError."""
        found = self.of(f"{fuse.args['models']}/{model}")
        if found is None:
            raise SettingsError(
                f"dvc.lock: {model} of systems.{fuse.args['system']} was never trained; run `dvc repro`"
            )
        return found

    def needed(self, outs: Sequence[str]) -> list[Step]:
        """Return the instances that make these files and what they are made of, each behind what it reads."""
        order: dict[str, Step] = {}

        def visit(out: str) -> None:
            if (step := self.of(out)) is not None and out not in order:
                for source in step.sources:
                    visit(source)
                order[out] = step

        for out in outs:
            visit(out)
        return list(order.values())


def _step(name: str, command: str) -> Step:
    words = shlex.split(command)  # python -m stages.<module> --name value ...
    args = dict(zip((word.removeprefix("--") for word in words[3::2]), words[4::2], strict=True))
    return Step(name, words[2].removeprefix("stages."), args)
