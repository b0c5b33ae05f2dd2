"""The table of `python -m pipeline estimate`: time, disk and memory of every stage, against what is here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psutil

from pipeline.cli.estimate.costs import Work, work_of
from pipeline.cli.estimate.material import Material, material_of
from pipeline.cli.estimate.needed import Needed, absent, needed
from pipeline.cli.estimate.networks import rate
from pipeline.cli.estimate.rates import GB, START_S
from pipeline.core.settings import Runtime, parse, section
from pipeline.runner.layout import Part, table, text_of

Costs = Sequence[tuple[Needed, Work]]
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
LEAST_S = 60
"""Stages of less are not shown one by one."""


def estimate(
    corpus: str, system: str, params: Mapping[str, Any], clips: int = 0, seconds: float = 0
) -> tuple[str, bool]:
    """Return a page of text, and whether nothing is missing and all that is needed fits; plan.yaml is that of `params`.

    Raises:
        SettingsError: no such corpus or system in params.yaml
        CorpusError: nothing is known of the corpus
    """
    section(params, f"corpora.{corpus}")
    section(params, f"systems.{system}")
    runtime = parse(Runtime, params.get("runtime"), "params.yaml: runtime").here()
    material = material_of(corpus, params, clips, seconds)
    stages = needed(corpus, system)
    costs = [(stage, work_of(stage, params, material)) for stage in stages]
    speed = rate(runtime.device)
    wrong = [*absent(stages, params), *_unfit(system, params, material), *_too_small(costs, runtime)]
    parts: list[Part] = [f"{system} on {corpus}: {material.told}; {len(material.folds)} folds", ""]
    parts += [table(["stage", "time", "disk, GB", "memory, GB"], _rows(costs, speed), (0,)), ""]
    parts += [f"not counted: {stage.address} {work.unknown}" for stage, work in costs if work.unknown]
    parts += [
        f"measured here: {speed / 1e9:.0f} GFLOP/s in training on {runtime.device}; other rates: docs/profiles.md"
    ]
    parts += ["", *wrong] if wrong else ["nothing is missing, and all fits"]
    return text_of(parts), not wrong


def _seconds(work: Work, speed: float) -> float:
    return work.operations / speed + work.seconds + START_S


def _rows(costs: Costs, speed: float) -> Iterator[list[str]]:
    small, total = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    for stage, work in costs:
        found = [_seconds(work, speed), work.disk / GB, work.memory / GB]
        small_one = found[0] < LEAST_S and found[1] < 0.1
        for sums in (total, *([small] if small_one else ())):
            sums[:] = [sums[0] + found[0], sums[1] + found[1], max(sums[2], found[2])]
        if not small_one:
            yield [stage.address, *_said(found)]
    yield ["all others", *_said(small)]
    yield ["together, one after another", *_said(total)]


def _said(found: Sequence[float]) -> list[str]:
    seconds, disk, memory = found
    unit, words = next((unit, words) for unit, words in _UNITS if seconds >= unit or unit == 1)
    return [f"{seconds / unit:.{1 if seconds < 10 * unit else 0}f} {words}", f"{disk:.1f}", f"{memory:.1f}"]


def _unfit(system: str, params: Mapping[str, Any], material: Material) -> Iterator[str]:
    kinds = set(section(params, f"systems.{system}.features").values())
    if not material.fps and kinds - {"audio"}:
        yield f"the corpus has no video, which {', '.join(sorted(kinds - {'audio'}))} features of {system} need"


def _too_small(costs: Costs, runtime: Runtime) -> Iterator[str]:
    disk, free = sum(work.disk for _, work in costs), shutil.disk_usage(".").free
    if disk > free:
        yield f"the disk has {free / GB:.0f} GB free, {disk / GB:.0f} are needed: lower `keep`, or move the project"
    where, have, remedy = "memory", psutil.virtual_memory().total, "a machine with more"
    if runtime.device == "cuda":
        import torch

        where, have = "GPU", torch.cuda.get_device_properties(0).total_memory
    for stage, work in costs:
        if work.network and work.memory > have:
            way = f"lower {work.ways}" if work.ways else remedy
            yield f"{stage.address}: the {where} has {have / GB:.0f} GB, {work.memory / GB:.0f} are needed: {way}"
