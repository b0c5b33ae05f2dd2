"""The reports that the stage `report` has written, as the page over all of them reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from pipeline.core.errors import ArtifactError
from pipeline.reporting.html.page import SECTION, page_key
from pipeline.reporting.system.tables import best_of_each, ends

COLUMNS = ("model", "accuracy", "95 % interval", "UAR", "clips", "coverage")
Figures = Mapping[str, Any]
_SETUP = {"protocol", "speaker_dependent", "notices", "made_here", "classes", "largest", "chosen", "parts"}


@dataclass(frozen=True)
class Report:
    """One system on one corpus.

    Attributes:
        folder: of the report
        scores: model or fusion -> its figures
        setup: protocol, speaker_dependent, notices, made_here, classes, largest; `chosen`: audio, video and fused ->
            the best model of
            it, as far as there is one; `parts`: the same, of what the headline rests on
    """

    folder: Path
    scores: Mapping[str, Figures]
    setup: Mapping[str, Any]

    @property
    def corpus(self) -> str:
        """Its name in params.yaml."""
        return self.folder.parent.name

    @property
    def system(self) -> str:
        """Its name in params.yaml."""
        return self.folder.name

    @property
    def key(self) -> str:
        """What ids of the report begin with on the page."""
        return page_key(self.corpus, self.system)

    @property
    def page(self) -> Path:
        """The report's own page."""
        return self.folder / "index.html"

    @property
    def shown(self) -> list[str]:
        """Single models, combined fusions and the best fusion of each other method; a system has dozens of fusions."""
        return best_of_each(
            {n: number(figures, "accuracy") for n, figures in self.scores.items()}, self.setup["methods"]
        )

    @property
    def rows(self) -> dict[str, tuple[str, ...]]:
        """Figures of `shown` as text, by `COLUMNS`."""
        return {name: row(name, self.scores[name]) for name in self.shown}

    @property
    def best(self) -> str:
        """Name of the most accurate; chosen on the test clips."""
        return max(
            self.shown,
            key=lambda name: -1.0 if self.scores[name]["accuracy"] is None else self.scores[name]["accuracy"],
        )

    @property
    def fusions(self) -> int:
        """How many fusions there are."""
        return len(self.setup["methods"])

    def section(self, part: str = "") -> str:
        """Return a part of the page over all, as a stage has written it; "" where that stage has not run.

        Args:
            part: folder within the report; "" = the report itself
        """
        path = self.folder / part / SECTION
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def read_reports(folder: Path) -> list[Report]:
    """Return all reports of a folder, by corpus and system.

    Raises:
        ArtifactError: there is no report yet, or one that is not readable
    """
    found = sorted(folder.glob("*/*/scores.json"))
    if not found:
        raise ArtifactError(f"{folder}: no report in it; run `make repro` (or `dvc repro`) first")
    return [Report(path.parent, _read(path), _setup(path.with_name("setup.json"))) for path in found]


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: not readable ({error}); run `dvc repro -f report`") from error


def _setup(path: Path) -> dict[str, Any]:
    found = _read(path)
    if not found.keys() >= _SETUP:
        raise ArtifactError(f"{path}: not of this version; run `dvc repro -f report`")
    return found


def number(figures: Figures, key: str) -> float:
    """Return a figure, NaN where there is none."""
    return nan if figures[key] is None else figures[key]


def row(name: str, figures: Figures) -> tuple[str, ...]:
    """Return the figures of a model as text, by `COLUMNS`."""
    if figures["accuracy"] is None:
        return (name, "-", "-", "-", "0", "0%")
    interval = ends(number(figures, "low"), number(figures, "high"))
    return (
        name,
        f"{figures['accuracy']:.3f}",
        interval,
        f"{figures['uar']:.3f}",
        f"{figures['n']:.0f}",
        f"{figures['coverage']:.0%}",
    )
