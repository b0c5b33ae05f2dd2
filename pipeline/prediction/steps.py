"""dvc.yaml as data: the command line of every stage instance of one corpus.

dvc.yaml alone says which feature is made of which file by which network, and where artifacts lie; what is read here
holds for a stage that a user has added as well.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import SettingsError
from pipeline.core.settings import section

_SOURCES = ("source", "audio", "video")


@dataclass(frozen=True)
class Step:
    """One stage instance.

    Attributes:
        name: as DVC names it, such as `extract@demo-lld147`
        stage: file in stages/, such as `extract`
        args: its command-line arguments; paths are relative to the project's folder
    """

    name: str
    stage: str
    args: Mapping[str, str]

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
    """All stage instances of one corpus."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._by_out = {step.out: step for step in steps if step.out}

    @classmethod
    def read(cls, file: Path, params: Mapping[str, Any], corpus: str) -> Steps:
        """Read dvc.yaml.

        Args:
            file: dvc.yaml
            params: all of params.yaml
            corpus: of `corpora`

        Raises:
            SettingsError: no such file, or not of this project's form
        """
        if not file.is_file():
            raise SettingsError(f"{file}: no such file; run this in the project's folder")
        try:
            stages = yaml.safe_load(file.read_text(encoding="utf-8"))["stages"]
            return cls([step for name, body in stages.items() for step in _instances(name, body, params, corpus)])
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(
                f"{file}: not a DVC file of this project ({type(error).__name__}: {error}); restore it"
            ) from error

    def of(self, out: str) -> Step | None:
        """Return the stage instance that writes a path."""
        return self._by_out.get(out)

    def fusion(self, system: str) -> Step:
        """Return the instance of `fuse` for a system.

        Raises:
            SettingsError: there is none
        """
        for step in self._by_out.values():
            if step.stage == "fuse" and step.args.get("system") == system:
                return step
        raise SettingsError(
            f"dvc.yaml: no stage fuses the system '{system}' of this corpus; add it to systems in params.yaml"
        )

    def model(self, fuse: Step, model: str) -> Step:
        """Return the instance that trains a model of the system that `fuse` fuses.

        Raises:
            SettingsError: there is none
        """
        found = self.of(f"{fuse.args['models']}/{model}")
        if found is None:
            raise SettingsError(
                f"dvc.yaml: no stage trains {model} of systems.{fuse.args['system']}; add it, or take it out of params.yaml"
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


def _instances(name: str, body: Mapping[str, Any], params: Mapping[str, Any], corpus: str) -> Iterator[Step]:
    """Yield the instances of a stage for one corpus; none of a stage that goes over no corpora."""
    matrix = body.get("matrix", {})
    if "corpus" not in matrix:
        return
    values = [[corpus] if key == "corpus" else _values(given, params) for key, given in matrix.items()]
    for chosen in product(*values):
        item = dict(zip(matrix, chosen, strict=True))
        words = shlex.split(_filled(body["cmd"], item))
        module, arguments = words[2], words[3:]
        args = dict(zip((word.removeprefix("--") for word in arguments[::2]), arguments[1::2], strict=True))
        yield Step(f"{name}@{'-'.join(map(str, chosen))}", module.removeprefix("stages."), args)


def _filled(text: str, item: Mapping[str, Any]) -> str:
    return re.sub(r"\$\{item\.(\w+)\}", lambda found: str(item[found[1]]), text)


def _values(given: Any, params: Mapping[str, Any]) -> list[Any]:
    """Return the values of one dimension: a list, or names under a key of params.yaml."""
    return list(section(params, given[2:-1]) if isinstance(given, str) else given)
