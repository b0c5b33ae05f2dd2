"""Pages as a browser lays them out: nothing wider than a telephone, and matrices side by side where there is room."""

from __future__ import annotations

import json
import re
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

from helpers.reports import BROWSER, SYSTEMS, make, overview
from pipeline.reporting.html.page import render
from pipeline.reporting.system.write import write_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here"),
    pytest.mark.xdist_group("browser"),
]

WIDTHS = (1280, 390)
FRAME = '<iframe title="{name}" src="{page}" style="width:{width}px;height:900px;border:0"></iframe>'
PROBE = """<body>{frames}<script>
const found = {{}};
const charts = page => {{
  const all = [...page.querySelectorAll("[id$=-calibration] svg.chart")];
  const boxes = all.map(chart => chart.getBoundingClientRect());
  const out = all.map((chart, n) => [...chart.querySelectorAll("text")].filter(text => {{
    const label = text.getBoundingClientRect(), box = boxes[n];
    return label.left < box.left - 1 || label.right > box.right + 1 || label.bottom > box.bottom + 1;
  }}).length);
  return {{widths: boxes.map(box => box.width), out: out, tops: boxes.map(box => box.top)}};
}};
window.onload = () => {{
  for (const frame of document.querySelectorAll("iframe")) {{
    const page = frame.contentDocument, top = page.querySelectorAll(".pair > div"), root = page.documentElement;
    found[frame.title] = {{
      overhang: root.scrollWidth - root.clientWidth, charts: charts(page),
      side: top.length > 1 && top[0].offsetTop === top[1].offsetTop}};
  }}
  document.title = JSON.stringify(found);
}};
</script></body>"""
"""Shows every page in a window of each width, and measures it: by how many px it is wider than the window, whether the
first two matrices stand side by side, and its charts of calibration.
"""


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
    return unescape(re.search(r"<title>(.*?)</title>", run.stdout)[1])


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What one browser measured, by the page and the width of its window."""
    folder = tmp_path_factory.mktemp("pages")
    for system, settings in SYSTEMS.items():
        write_report(make(system, settings), folder / "demo" / system)
    overview(folder)
    line = {"clip_id": "c" * 200, "coverage": 0.5, "between": 0.25, "others": 2, "said": "few_faces", "sheet": "c.jpg"}
    lines = [line, {**line, "sheet": "", "coverage": 0.0}]
    (folder / "faces").mkdir()
    render("faces.html", folder / "faces/index.html", corpus="demo", counted="2 clips", lines=lines, mean=0.25)
    pages = {name: folder / "demo" / name / "index.html" for name in SYSTEMS}
    pages |= {"overview": folder / "index.html", "faces": folder / "faces/index.html"}
    frames = [
        FRAME.format(name=f"{name} {width}", page=escape(page.as_uri()), width=width)
        for name, page in pages.items()
        for width in WIDTHS
    ]
    (folder / "probe.html").write_text(PROBE.format(frames="".join(frames)), encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(title_of(folder / "probe.html", folder))
    assert len(found) == len(frames)
    return found


@pytest.mark.parametrize(("system", "side"), [("zhang2017", True), ("huang2017", False), ("ouyang2017", True)])
def test_a_page_fits_its_window(laid_out, system, side):
    wide, narrow = (laid_out[f"{system} {width}"] for width in WIDTHS)
    assert (wide["overhang"], wide["side"]) == (0, side)
    assert (narrow["overhang"], narrow["side"]) == (0, False)


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (390, False)])
def test_charts_are_as_wide_as_their_column_and_show_every_label(laid_out, width, beside):
    charts = laid_out[f"huang2017 {width}"]["charts"]
    assert all(250 < size <= 480 for size in charts["widths"]), "legible, and not wider than the window"
    assert charts["out"][0] + charts["out"][1] == 0, "labels that leave their drawing"
    assert (charts["tops"][0] == charts["tops"][1]) == beside


@pytest.mark.parametrize("page", ["overview", "faces"])
def test_a_page_over_all_fits_its_window(laid_out, page):
    assert [laid_out[f"{page} {width}"]["overhang"] for width in WIDTHS] == [0, 0]
