"""The pages that `results` writes: the index, which begins with results, a page of each system, and one of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.evaluation.choice import CHOSEN
from pipeline.reporting.html.page import CONTENTS, FURTHER, Listing, render
from pipeline.reporting.overview.freshness import Project
from pipeline.reporting.overview.gallery import gallery
from pipeline.reporting.overview.reports import COLUMNS, Places, Report
from pipeline.reporting.overview.run_facts import run_values, software
from pipeline.reporting.overview.stage_times import by_kind, duration, stage_rows
from pipeline.reporting.overview.systems_compared import glance
from pipeline.reporting.system.learning import LEAST_P
from pipeline.reporting.training_curves import fold_charts, pretrained_charts
from pipeline.training.learning import NEAR

TEMPLATES = Path(__file__).parent / "templates"
_PARTS = {
    "choice": "choice of the headline",
    "models": "models",
    "paper": "the paper's tables",
    "fusions": "all fusions",
    "combined": "combined fusions",
    "confusions": "confusions",
    "modalities": "modalities",
    "emotions": "emotions",
    "training": "training",
    "calibration": "calibration",
    "people": "speakers and gender",
    "against": "tests",
    "wrong": "error analysis",
    "robustness": "modality ablation",
    "weights": "weights",
    "ledger": "ledger",
    "settings": "settings and code",
}
"""End of a part's id -> how the contents of a page name it."""


def write_index(
    places: Places, reports: Sequence[Report], compared: Mapping[str, Listing], old: Mapping[str, Sequence[str]]
) -> None:
    """Write `index.html`; `compared`: corpus -> its systems compared, `old`: name of a report -> why it is out of date,
    of those that are.
    """
    notices = dict[str, list[str]]()
    for report in reports:
        for notice in report.setup["notices"]:
            notices.setdefault(notice, []).append(report.name)
    made = {report.name: report.setup["made_here"] for report in reports if report.setup["made_here"]}
    values = {
        "old": old,
        "unlearned": {report.name: report.setup["unlearned"] for report in reports if report.setup["unlearned"]},
        "notices": notices,  # what must be known of the figures -> of which reports it is true
        "random": [notice for notice in notices if "RANDOM" in notice],
        "made": made,
        "speaker_dependent": [report.name for report in reports if report.setup["speaker_dependent"]],
        "reports": reports,
        "columns": COLUMNS,
        "chosen": CHOSEN,
        "charts": glance(reports),
        "compared": compared,
        "near": NEAR,
        "least_p": LEAST_P,
    }
    _render("index.html", places.reports / "index.html", values)


def write_system(places: Places, report: Report, project: Project, old: Sequence[str]) -> None:
    """Write the page of one system on one corpus: what its stages wrote, cut where further parts are put in, and
    before it why it is out of date, if it is.
    """
    before, _, after = report.section().partition(FURTHER)
    top, _, middle = before.partition(CONTENTS)
    parts = {"top": top, "middle": middle, "robustness": report.section("robustness"), "after": after}
    whole = "".join(parts.values())
    own = {"wrong", "settings"}
    values = {
        "of": report,
        "old": old,
        "contents": {n: words for n, words in _PARTS.items() if n in own or f'id="{report.key}-{n}"' in whole},
        **{name: Markup(part) for name, part in parts.items()},  # made by our templates, which have escaped all text
        "gallery": gallery(report, places),
        "run": run_values(report.setup["run"]),
        "code_changed": project.code_changed(report.setup["run"]["code"]),
    }
    _render("one_system.html", report.page, values)


def write_run(places: Places, reports: Sequence[Report], project: Project, old: Sequence[str]) -> None:
    """Write `run.html`: how the networks were trained, how long each stage took, and what is installed; before it, the
    names of the reports that are out of date.
    """
    stages = stage_rows(places)
    code = {key: digest for report in reports for key, digest in report.setup["run"]["code"].items()}
    values = {
        "old": old,
        "networks": {**pretrained_charts(places.models), **(tuned := fold_charts(places.models))},
        "in_folds": [*tuned],
        "stages": stages,
        "kinds": by_kind(stages),
        "took": duration(sum(row.seconds or 0.0 for row in stages)),
        "software": software(places.params.parent),
        "known": bool(code),
        "changed": project.code_changed(code),
    }
    _render("run.html", places.reports / "run.html", values)


def _render(template: str, page: Path, values: Mapping[str, Any]) -> None:
    render(template, page, (TEMPLATES,), **values)
