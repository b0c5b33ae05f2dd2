"""The reports that the stage `report` has written, as the page over all of them reads them, and what lies beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import nan
from pathlib import Path
from typing import Any

from pipeline.core.errors import ArtifactError
from pipeline.evaluation.metrics import Score
from pipeline.reporting.html.page import SECTION, page_key
from pipeline.reporting.system.system_report import read_json
from pipeline.reporting.system.tables import best_of_each, score_row

COLUMNS = ("Model", "Accuracy", "95 % interval", "UAR", "Clips", "Coverage")
"""Of the figures of a model, as `score_row` names them."""
_SETUP = {
    "methods",
    "protocol",
    "speaker_dependent",
    "notices",
    "made_here",
    "classes",
    "largest",
    "chosen",
    "parts",
    "unlearned",
    "baselines",
    "choice",
    "on_test",
    "contenders",
    "among",
    "run",
}


@dataclass(frozen=True)
class Places:
    """Where the page finds what it shows; all but the reports may be absent, and the page says so."""

    reports: Path
    features: Path = Path("features")  # faces and spectra of clips
    models: Path = Path("models")  # how their networks learned
    params: Path = Path("params.yaml")
    cache: Path = Path(".cache/clips")  # of clips, whose journals tell what was reused
    logs: Path = Path(".cache/logs")  # of the runs, which tell how long each stage took


@dataclass(frozen=True)
class Report:
    """One system on one corpus."""

    folder: Path
    scores: Mapping[str, Score]  # by model or fusion
    setup: Mapping[str, Any]
    """protocol, speaker_dependent, notices, made_here, classes, largest; `choice`: fold -> what its validation clips
    chose; `on_test`: the best on test clips; `chosen`: audio, video and fused -> the best model of it on test clips,
    as far as there is one, and the headline; `parts`: the same, of what the headline depends on; `contenders`: how many
    the headline is chosen among, `among`: audio and video -> how many the best of it is; `run`: settings and code.
    """

    @property
    def corpus(self) -> str:
        """Name in params.yaml."""
        return self.folder.parent.name

    @property
    def system(self) -> str:
        """Name in params.yaml."""
        return self.folder.name

    @property
    def name(self) -> str:
        """System and corpus."""
        return f"{self.system} on {self.corpus}"

    @property
    def key(self) -> str:
        """What ids of the report begin with on the page."""
        return page_key(self.corpus, self.system)

    @property
    def page(self) -> Path:
        """The page of the system, beside the report's folder; the stage's own one, `index.html`, lies within."""
        return self.folder.with_name(f"{self.folder.name}.html")

    @property
    def link(self) -> str:
        """Address of that page, seen from the folder of all reports."""
        return f"{self.corpus}/{self.page.name}"

    @property
    def rows(self) -> dict[str, tuple[str, ...]]:
        """Figures as text, by `COLUMNS`; of a system's dozens of fusions the combined and the best of each method."""
        shown = best_of_each({name: score.accuracy for name, score in self.scores.items()}, self.setup["methods"])
        return {name: self.row(name) for name in shown}

    def row(self, name: str) -> tuple[str, ...]:
        """Return the figures of a model or fusion as text, by `COLUMNS`."""
        found = score_row(name, self.scores[name])
        return tuple(found[column] for column in COLUMNS)

    @property
    def chosen(self) -> str:
        """What the folds' validation clips chose, the most frequent first, as text."""
        counts, folds = Counter(self.setup["choice"].values()), len(self.setup["choice"])
        if self.setup["contenders"] == 1:
            return f"{next(iter(counts), '-')}, the only one to choose from"
        of = f"of {folds} fold{'s' * (folds != 1)}"
        return ", ".join(f"{name} ({count} {of})" for name, count in counts.most_common())

    @property
    def chosen_among(self) -> int:
        """Among how many fusions, of which only the best of each method is shown; 0 where none is left out."""
        dropped = {self.setup["methods"].get(name) for name in self.scores.keys() - self.rows.keys()}
        return sum(method in dropped for method in self.setup["methods"].values())

    def section(self, part: str = "") -> str:
        """Return a part of the page over all, as a stage has written it into the report or a folder within; "" where
        that stage has not run.
        """
        path = self.folder / part / SECTION
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def read_reports(folder: Path) -> list[Report]:
    """Return all reports of a folder, by corpus and system; an ArtifactError says that there is none, or an old one."""
    found = sorted(folder.glob("*/*/scores.json"))
    if not found:
        raise ArtifactError(f"{folder}: no report in it; run `make repro` (or `dvc repro`) first")
    return [Report(path.parent, _scores(path), _setup(path.with_name("setup.json"))) for path in found]


def _scores(path: Path) -> dict[str, Score]:
    names = [field.name for field in fields(Score)]
    try:
        rows = read_json(path, "report").items()
        known = {model: {n: nan if figures[n] is None else figures[n] for n in names} for model, figures in rows}
        return {model: Score(**found) for model, found in known.items()}  # type: ignore[arg-type]
    except (KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path}: not of this version; run `dvc repro -f report`") from error


def _setup(path: Path) -> dict[str, Any]:
    found = read_json(path, "report")
    if not found.keys() >= _SETUP:
        raise ArtifactError(f"{path}: not of this version; run `dvc repro -f report`")
    return found
