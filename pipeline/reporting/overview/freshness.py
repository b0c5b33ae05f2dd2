"""Whether a report is that of the settings, the code and the artifacts that are here now.

`dvc status` would tell, but needs a minute, git, and that no other DVC runs. Here dvc.lock is compared with
params.yaml, with the digests of the code, and with the files of the report and what it is made from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.settings import read_params, section
from pipeline.engine.code_digest import all_digests
from pipeline.reporting.overview.reports import Report
from pipeline.reporting.overview.run_facts import flat
from pipeline.reporting.system.run_record import Locked, behind, maker, placeless, read_lock

ABSENT = "-"


class Project:
    """What is here now; each part is read when it is asked for."""

    def __init__(self, params: Path) -> None:
        self.file, self.folder = params, params.parent

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """The settings; none where they cannot be read, which the page says itself."""
        try:
            return read_params(self.file)
        except PipelineError:
            return {}

    @cached_property
    def lock(self) -> list[Locked]:
        """The stages that DVC has run."""
        return read_lock(self.file.with_name("dvc.lock"))

    @cached_property
    def digests(self) -> Mapping[str, Mapping[str, str]]:
        """Those of the code that is here, not of what `code.json` had of it."""
        return all_digests(self.params)

    def settings_changed(self, settings: Mapping[str, Any]) -> list[str]:
        """Return the settings that have another value now, with both."""
        lines = []
        for block, value in settings.items():
            then, now = (flat(placeless(block, each), block) for each in (value, self._section(block)))
            pairs = {name: (then.get(name, ABSENT), now.get(name, ABSENT)) for name in sorted({*then, *now})}
            lines += [f"{name}: {a} in this run, {b} in {self.file.name}" for name, (a, b) in pairs.items() if a != b]
        return lines

    def _section(self, block: str) -> Any:
        try:
            return section(self.params, block)
        except PipelineError:
            return {}

    def code_changed(self, code: Mapping[str, Any]) -> list[str]:
        """Return the stages and plugins of which the code is another one now."""
        return [key for key, digest in code.items() if self._digest(key) != digest]

    def _digest(self, key: str) -> Any:
        kind, _, name = key.partition(".")
        found = self.digests.get(kind, {})
        return found.get(name) if name else found

    def hash(self, path: str) -> str:
        """Return the hash of a file or folder as DVC has it, "" where it is not here."""
        place = self.folder / path
        if place.is_dir():
            return _hash_of_folder(place)
        return _md5(place) if place.is_file() else ""


def outdated(report: Report, project: Project) -> list[str]:
    """Return why a report is out of date, in words; nothing where it is not.

    Where dvc.lock knows the report, that decides: a setting may change and all results come out the same.
    """
    run = report.setup["run"]
    known = _by_lock(report, project)
    if known == []:
        return []
    torn = [f"{', '.join(run['mixed'])}: stages behind it ran with different ones"] if run["mixed"] else []
    kept = [*project.settings_changed(run["settings"]), *_code(project.code_changed(run["code"]))]
    return [*dict.fromkeys([*torn, *kept, *(known or ())])]


def _by_lock(report: Report, project: Project) -> list[str] | None:
    """Return what differs from dvc.lock, None where that does not know the report."""
    folder = _relative(report.folder, project.folder)
    stage = maker(project.lock, f"{folder}/scores.json")
    if stage is None:
        return None
    models = [f"{path}/{name}" for path in stage.deps if path.endswith("/classifiers") for name in report.scores]
    above = behind(project.lock, [*stage.deps, *models])
    lines = [line for each in (stage, *above) for line in project.settings_changed(each.settings)]
    lines += _code(project.code_changed({key: it for each in (stage, *above) for key, it in each.code.items()}))
    return [*dict.fromkeys([*lines, *_artifacts_changed(stage, above, project)])]


def _code(changed: Sequence[str]) -> list[str]:
    return [f"the code of {', '.join(changed)} is another one now"] if changed else []


def _artifacts_changed(stage: Locked, above: Iterable[Locked], project: Project) -> Iterator[str]:
    shown = {path: md5 for path, md5 in stage.outs.items() if path.endswith((".json", ".csv", ".html"))}
    other = [Path(path).name for path, md5 in shown.items() if project.hash(path) not in (md5, "")]
    if other:
        yield f"{', '.join(other)}: not as dvc.lock has {'them' if len(other) > 1 else 'it'}"
    for path, md5 in stage.deps.items():
        if project.hash(path) not in (md5, ""):
            yield f"{path}: made anew since, or not that of dvc.lock"
    for each in (stage, *above):
        for path, md5 in each.deps.items():
            made = maker(project.lock, path)
            if made is not None and made.outs.get(path, md5) != md5:
                yield f"{path}: made anew since"


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return path.as_posix()


def _md5(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "md5").hexdigest()


def _hash_of_folder(folder: Path) -> str:
    """Return what DVC calls the hash of a folder: that of the list of its files, without those that it ignores."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    listed = [
        {"md5": _md5(path), "relpath": name}
        for name, path in sorted(files.items())
        if ".tmp" not in path.name and "__pycache__" not in name
    ]
    return f"{hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest()}.dir"
