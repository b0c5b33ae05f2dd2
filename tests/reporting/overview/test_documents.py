"""The README's table of results is what the command makes of the reports, and of the run that dvc.lock has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from helpers.reports import HUANG, OUYANG, make, overview
from pipeline.core.errors import ArtifactError
from pipeline.engine.code_digest import code_digest
from pipeline.evaluation.choice import CHOSEN
from pipeline.reporting.overview.documents import digests, headline_table, printed, put
from pipeline.reporting.overview.reports import read_reports
from pipeline.reporting.system.write import write_report

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(
    r"<!-- results, made by python scripts/results_page\.py -->\n(.*)\n<!-- end of results -->", re.DOTALL
)


def block(name: str) -> str:
    return BLOCK.search((ROOT / name).read_text(encoding="utf-8"))[1]


def test_the_table_of_the_readme_is_that_of_the_page_of_results():
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block("README.md").splitlines()[2:]]
    text = block("docs/demo-results.md")
    lines = text.split("The headline of each")[1].split("\n\n")[0].splitlines()[2:]
    printed_rows = [re.split(r"  +", line) for line in lines if line != "```"]
    assert len(rows) >= 4
    assert [row[:4] for row in rows] == [row[2:6] for row in printed_rows]
    assert all(f"  {CHOSEN}: {row[4]}\n" in text for row in rows)


def test_what_the_documents_show_is_the_run_in_the_lock():
    lock = yaml.load((ROOT / "dvc.lock").read_text(encoding="utf-8"), yaml.CSafeLoader)["stages"]
    found = dict(re.findall(r"(\w+ on demo) ([0-9a-f]{32})", block("docs/demo-results.md")))
    stages = {name: lock[f"report@demo-{name.split()[0]}"] for name in found}
    ran = {stage["params"]["code.json"]["stages.report"] for stage in stages.values()}
    if ran != {code_digest("stages.report")}:
        pytest.skip("dvc.lock is of other code: run `make repro`, then `python scripts/results_page.py`")
    outs = {name: {out["path"]: out["md5"] for out in stage["outs"]} for name, stage in stages.items()}
    assert {name: outs[name][f"reports/demo/{name.split()[0]}/scores.json"] for name in found} == found


def test_the_documents_are_what_the_command_makes_of_the_reports():
    if not (ROOT / "reports" / "demo").is_dir():
        pytest.skip("no report here: `make repro` makes them")
    reports = [report for report in read_reports(ROOT / "reports") if report.corpus == "demo"]
    if digests(reports) not in block("docs/demo-results.md"):
        pytest.skip("the reports here are of another run")
    assert headline_table(reports) == block("README.md")


def test_a_table_of_reports(tmp_path):
    for name, settings in (("huang2017", HUANG), ("ouyang2017", OUYANG)):
        write_report(make(name, settings), tmp_path / "demo" / name)
    reports, text = read_reports(tmp_path), overview(tmp_path)
    for report, line in zip(reports, headline_table(reports).splitlines()[2:], strict=True):
        name, accuracy, interval, uar, _ = (cell.strip() for cell in line.strip("|").split("|"))
        told = next(row for row in text.splitlines() if row.startswith("demo ") and f" {name} " in row)
        assert re.split("  +", told)[3:6] == [accuracy, interval, uar]
        scores = (report.folder / "tables" / "scores.csv").read_text(encoding="utf-8").splitlines()
        assert next(row for row in scores if row.startswith(CHOSEN)).split(",")[1:4] == [accuracy, interval, uar]
        page = (report.folder / "index.html").read_text(encoding="utf-8")
        assert f'<p class="figure">{float(accuracy) * 100:.1f} %</p>' in page, "terminal, table and page say the same"
    shown = printed(text)
    assert "Systems compared" not in shown
    assert shown.count("```") == 2


def test_a_document_without_its_block_is_refused():
    begin, end = "<!-- results, made by python scripts/results_page.py -->", "<!-- end of results -->"
    assert put(f"a\n{begin}\nold\n{end}\nb", "new") == f"a\n{begin}\nnew\n{end}\nb"
    with pytest.raises(ArtifactError, match="restore both lines"):
        put(f"a\n{begin}\nold", "new")
