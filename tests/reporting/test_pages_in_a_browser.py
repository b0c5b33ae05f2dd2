"""Pages as a browser lays them out: nothing wider than a telephone, and matrices side by side where there is room."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from helpers.reports import BROWSER, HUANG, OUYANG, ZHANG, make, overview
from pipeline.reporting.html.page import render
from pipeline.reporting.system.write import write_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here"),
    pytest.mark.xdist_group("browser"),
]

PROBE = """<body><iframe id=f src="{page}" style="width:{width}px;height:900px;border:0"></iframe><script>
f.onload = () => {{
  const page = f.contentDocument, top = page.querySelectorAll(".pair > div");
  const side = top.length > 1 && top[0].offsetTop === top[1].offsetTop;
  const root = page.documentElement;
  document.title = (root.scrollWidth - root.clientWidth) + " " + side;
}}</script></body>"""


CHARTS = """<body><iframe id=f src="{page}" style="width:{width}px;height:900px;border:0"></iframe><script>
f.onload = () => {{
  const charts = [...f.contentDocument.querySelectorAll("[id$=-calibration] svg.chart")];
  const boxes = charts.map(chart => chart.getBoundingClientRect());
  const out = charts.map((chart, n) => [...chart.querySelectorAll("text")].filter(text => {{
    const label = text.getBoundingClientRect(), box = boxes[n];
    return label.left < box.left - 1 || label.right > box.right + 1 || label.bottom > box.bottom + 1;
  }}).length);
  document.title = JSON.stringify([boxes.map(box => box.width), out[0] + out[1], boxes[0].top === boxes[1].top]);
}}</script></body>"""


def title_of(probe: Path, folder: Path) -> str:
    """Return the title that the script of a page leaves."""
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--allow-file-access-from-files",
        "--virtual-time-budget=3000",
    ]
    profile = f"--user-data-dir={folder / 'profile'}"
    run = subprocess.run(
        [BROWSER, *options, profile, "--dump-dom", probe.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return re.search(r"<title>(.*?)</title>", run.stdout)[1]


def laid_out(page: Path, width: int) -> tuple[int, bool]:
    """Return by how many px a page is wider than a window of `width` px, and whether the first two matrices stand side
    by side.
    """
    probe = page.with_name(f"probe-{width}.html")
    probe.write_text(PROBE.format(page=page.as_uri(), width=width), encoding="utf-8")
    overhang, side = re.fullmatch(r"(\d+) (true|false)", title_of(probe, page.parent)).groups()
    return int(overhang), side == "true"


@pytest.mark.parametrize(
    ("system", "settings", "side"),
    [("zhang2017", ZHANG, True), ("huang2017", HUANG, False), ("ouyang2017", OUYANG, True)],
)
def test_a_page_fits_its_window(tmp_path, system, settings, side):
    write_report(make(system, settings), tmp_path)
    assert laid_out(tmp_path / "index.html", 1280) == (0, side)
    assert laid_out(tmp_path / "index.html", 390) == (0, False)


def test_charts_are_as_wide_as_their_column_and_show_every_label(tmp_path):
    write_report(make("huang2017", HUANG), tmp_path)
    for width, beside in ((1280, True), (390, False)):
        probe = tmp_path / f"charts-{width}.html"
        probe.write_text(CHARTS.format(page=(tmp_path / "index.html").as_uri(), width=width), encoding="utf-8")
        sizes, out, side = json.loads(title_of(probe, tmp_path))
        assert all(250 < size <= 480 for size in sizes), "legible, and not wider than the window"
        assert out == 0, "labels that leave their drawing"
        assert side == beside


def test_the_overview_fits_its_window(tmp_path):
    for system, settings in (("zhang2017", ZHANG), ("huang2017", HUANG), ("ouyang2017", OUYANG)):
        write_report(make(system, settings), tmp_path / "demo" / system)
    overview(tmp_path)
    assert laid_out(tmp_path / "index.html", 390)[0] == 0


def test_the_page_over_all_faces_fits_its_window(tmp_path):
    line = {"clip_id": "c" * 200, "coverage": 0.5, "between": 0.25, "others": 2, "said": "few_faces", "sheet": "c.jpg"}
    render(
        "faces.html",
        tmp_path / "index.html",
        corpus="demo",
        counted="2 clips",
        lines=[line, {**line, "sheet": "", "coverage": 0.0}],
        mean=0.25,
    )
    assert laid_out(tmp_path / "index.html", 1280)[0] == 0
    assert laid_out(tmp_path / "index.html", 390)[0] == 0
