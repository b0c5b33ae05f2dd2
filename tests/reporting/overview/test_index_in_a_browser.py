"""`reports/index.html` in a real browser: it fits, asks for nothing, complains of nothing, is accessible, and text of a
corpus is inert.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from helpers.reports import BROWSER, SYSTEMS, add_clips, make, overview
from pipeline.fusion.missing_modality import MISSING
from pipeline.manifest.corpus_json import CorpusSummary, Sides, Source
from pipeline.protocols.settings import ProtocolParams
from pipeline.reporting.html.charts import Dots, Mark
from pipeline.reporting.html.page import render
from pipeline.reporting.overview.gallery import posterior_bars
from pipeline.reporting.overview.pages import TEMPLATES
from pipeline.reporting.system.robustness import write_robustness
from pipeline.reporting.system.write import write_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here"),
    pytest.mark.xdist_group("browser"),
]
playwright = pytest.importorskip("playwright.sync_api")

EVIL = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>\"'&"
LOOKED_INTO = {(1280, "light"), (390, "dark")}
"""Where axe-core looks, which takes its time: each width and each set of colours once."""
MOST_PX = 6000
"""Of height that the page over all may have in a window of 1280 px."""
CUT = """() => [...document.querySelectorAll("svg.chart")].flatMap(chart => {
  const box = chart.getBoundingClientRect();
  const out = label => label.width && (label.left < box.left - 1 || label.right > box.right + 1
    || label.top < box.top - 1 || label.bottom > box.bottom + 1);
  return [...chart.querySelectorAll("text")].filter(text => out(text.getBoundingClientRect()))
    .map(text => text.textContent);
})"""
"""Labels of charts that leave their drawing."""
WINDOWS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as drive:
        found = drive.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield found
        found.close()


class Opened:
    """A page in a window, and what it said and asked for while it opened."""

    def __init__(
        self, browser: object, path: Path, width: int = 1280, scheme: str = "light", bypass: bool = False
    ) -> None:
        self._given = (browser, path, width, scheme)
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=bypass)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.address = path.as_uri()

    def foreign(self) -> list[str]:
        return [url for url in self.asked if url != self.address and not url.startswith("data:")]

    def violations(self, *without: str) -> list[str]:
        """Return what axe-core finds: rule, how grave, where; it leaves out the parts with the ids `without`,
        since the contrast of each text takes its time.
        """
        import axe_core_python

        page = Opened(*self._given, bypass=True).page  # the page itself lets no script in
        page.add_script_tag(path=Path(axe_core_python.__file__).with_name("axe.min.js"))
        assert [page.locator(f"#{name}").count() for name in without] == [1] * len(without)
        exclude = [[f"#{name}"] for name in without]
        found = page.evaluate(f"axe.run({{exclude: {exclude}}}, {{resultTypes: ['violations']}})")
        page.close()
        assert len(found["passes"]) > 15, "axe has looked"
        return [f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]}" for each in found["violations"]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three systems with everything that a page can have."""
    folder = tmp_path_factory.mktemp("whole")
    for name, settings in SYSTEMS.items():
        report = make(name, settings)
        write_report(report, folder / "demo" / name)
        robust(folder / "demo" / name / "robustness", name, settings.models())
    add_clips(folder / "features" / "demo", [f"c{n}" for n in range(0, 56)])
    history = folder / "models" / "pretrained" / "a60" / "history.csv"
    history.parent.mkdir(parents=True)
    history.write_text("epoch,loss,held_out_accuracy\n0,0.5,0.9\n1,0.1,0.95\n")
    (folder / "params.yaml").write_text("select:\n  v1024: {k: 512}\n")
    overview(folder)
    return folder / "index.html"


def robust(folder: Path, system: str, models: list[str]) -> None:
    """Write curves of two models as the stage `robustness` does."""
    rows = [
        (name, missing, share, 56, 28, 0.5, 0.5 * (1 - share), 0.5)
        for name in models[:2]
        for missing in MISSING
        for share in (0.0, 0.5, 1.0)
    ]
    figures = pd.DataFrame(
        rows, columns=["model", "missing", "share", "clips", "judged", "accuracy", "accuracy_of_all", "uar"]
    )
    described = CorpusSummary(
        Source("demo", "demo", "free", "us"),
        ProtocolParams(name="loso"),
        56,
        {},
        {},
        {},
        {"fold-00": Sides(("a",), ("b",), ("c",), {})},
    )
    write_robustness(folder, described, system, figures, {"sound": models[0], "picture": models[1]}, True)


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_the_page_fits_asks_for_nothing_and_is_accessible(browser, whole, width, scheme):
    opened = Opened(browser, whole, width, scheme)
    assert opened.said == []
    assert opened.foreign() == []
    assert opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert width < 1280 or opened.page.evaluate("document.documentElement.scrollHeight") <= MOST_PX
    assert opened.page.evaluate(CUT) == []
    assert opened.page.locator("img:not([alt]), img[alt='']").count() == 0
    assert opened.page.locator("svg[role=img]:not(:has(desc))").count() == 0
    if (width, scheme) in LOOKED_INTO:
        assert opened.violations() == []


@pytest.mark.parametrize("name", ["demo/ouyang2017.html", "demo/ouyang2017/robustness/index.html", "run.html"])
def test_the_other_pages_are_accessible_too(browser, whole, name):
    """One system: the others are made of the same parts."""
    opened = Opened(browser, whole.parent / name, 390, "dark")
    assert (opened.said, opened.foreign(), opened.violations()) == ([], [], [])


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_page_of_a_system_fits_and_cuts_nothing(browser, whole, system):
    for width in (1280, 390):
        page = Opened(browser, whole.parent / "demo" / f"{system}.html", width).page
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        assert page.evaluate(CUT) == []
        assert page.locator("img").count() >= 4
        assert page.locator("img:not([alt]), img[alt='']").count() == 0
        page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true })")
        cut = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
        parts = ".scroll" if width == 1280 else "[id$=-confusions] .scroll, [id$=-weights] .scroll"
        assert page.eval_on_selector_all(parts, cut) == [], "no column beyond the edge, such as the last, clips"
        longest = "all => Math.max(...all.map(one => one.getBoundingClientRect().height))"
        assert page.eval_on_selector_all("[id$=-weights] tr", longest) < 250


@pytest.mark.parametrize("name", ["W" * 9, "喜悦的情绪", "mmmmmmm-of-a-system-with-a-long-name", "x"])
def test_no_name_in_a_chart_is_cut(browser, tmp_path, name):
    marks = [(name, [Mark("audio", 0.5, 0.4, 0.6)]), ("sad", [Mark("headline", 0.0)])]
    said = posterior_bars({"audio": np.array([0.5, 0.5])}, [name, "sad"], name)
    (tmp_path / "names.html").write_text(
        '{% extends "base.html" %}{% from "chart.html" import dots %}{% from "gallery.html" import bars %}'
        '{% block title %}x{% endblock %}{% block body %}<div class="charts">{{ dots(chart, "a") }}</div>'
        '<div style="width: 20rem">{{ bars(said, "b") }}</div>{% endblock %}'
    )
    chart = Dots.of("Recall", "said", "recall, %", marks)
    render("names.html", tmp_path / "index.html", (tmp_path, TEMPLATES), chart=chart, said=said)
    for width in (1280, 390):
        assert Opened(browser, tmp_path / "index.html", width).page.evaluate(CUT) == []


def test_legends_show_the_marks_that_are_drawn(browser, whole):
    """A legend of bars shows bars, one of lines lines as they are dashed, one of marks with intervals both."""
    page = Opened(browser, whole).page
    drawn = {"audio": "path.mark", "video": "path.mark", "headline": "circle.mark"}
    for kind, mark in drawn.items():
        assert page.locator(f".charts {mark}").count() >= 1
        assert page.locator(f".legend .span.by-{kind}").count() == 1
    page = Opened(browser, whole.parent / "demo" / "huang2017.html").page
    assert page.locator("[id$=-wrong] .legend rect.posterior").count() == 3
    assert page.locator("[id$=-wrong] .legend .mark").count() == 0
    dashes = "line => getComputedStyle(line).strokeDasharray + getComputedStyle(line).stroke"
    for kind in ("curve", "curve.beside"):
        legend, line = (
            page.locator(f"[id$=-training] {where} polyline.{kind}").first for where in (".legend", "figure")
        )
        assert legend.evaluate(dashes) == line.evaluate(dashes)


@pytest.mark.parametrize("name", ["index.html", "run.html", *(f"demo/{system}.html" for system in SYSTEMS)])
def test_every_address_leads_somewhere(browser, whole, name):
    path = whole.parent / name
    page = Opened(browser, path).page
    anchors = page.eval_on_selector_all(
        "a[href^='#']", "links => links.map(link => link.getAttribute('href').slice(1))"
    )
    ids = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    assert set(anchors) <= set(ids)
    assert len(ids) == len(set(ids)), "each id once"
    files = page.eval_on_selector_all("a:not([href^='#'])", "links => links.map(link => link.getAttribute('href'))")
    assert len(files) > 0
    assert [address for address in files if not (path.parent / address).exists()] == []


def test_the_keyboard_reaches_the_contents_and_what_scrolls(browser, whole):
    page = Opened(browser, whole.parent / "demo" / "huang2017.html", 390).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('nav') !== null")
    assert page.locator(".scroll:not([tabindex='0'])").count() == 0
    closed = page.query_selector("details.part:not([open]) > summary")
    closed.focus()
    page.keyboard.press("Enter")
    assert closed.evaluate("summary => summary.parentElement.open")


def test_on_paper_everything_is_open_and_dark_on_light(browser, whole):
    page = Opened(browser, whole.parent / "demo" / "huang2017.html", scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    hidden = page.eval_on_selector_all(
        "details.part:not([open])",
        "all => all.filter(one => one.lastElementChild.getBoundingClientRect().height === 0).length",
    )
    assert page.locator("details.part:not([open])").count() > 3
    assert hidden == 0


def test_text_of_a_corpus_is_inert(browser, tmp_path):
    """Ids, speakers and folders as they may come from a table; `prepare` refuses most of these, the page must not rely
    on it.
    """
    report = make("huang2017", SYSTEMS["huang2017"], name=EVIL)
    write_report(report, tmp_path / "<script>window.hacked=1<" / "huang2017")
    path = tmp_path / "<script>window.hacked=1<" / "huang2017" / "predictions.csv"
    rows = pd.read_csv(path, keep_default_na=False).assign(speaker=EVIL)
    rows.to_csv(path, index=False)
    (tmp_path / "params.yaml").write_text(f"corpora: {json.dumps({'demo': {'root': EVIL}})}\n")
    overview(tmp_path)
    for page in (tmp_path / "index.html", tmp_path / "<script>window.hacked=1<" / "huang2017.html"):
        opened = Opened(browser, page)
        assert opened.page.evaluate("window.hacked") is None
        assert opened.page.locator("script, img[src=x]").count() == 0
        assert (opened.said, opened.foreign()) == ([], [])
    assert opened.page.inner_text("body").count(EVIL) > 6, "as text, for a reader to see"


def test_a_script_that_gets_in_all_the_same_does_not_run(browser, whole, tmp_path):
    """A second line of defence: a report that somebody else has made may hold anything."""
    path = tmp_path / "index.html"
    text = whole.read_text(encoding="utf-8")
    path.write_text(
        text.replace("</main>", "<script>window.hacked=1</script><img src='http://127.0.0.1:9/x.png'></main>"),
        encoding="utf-8",
    )
    opened = Opened(browser, path)
    assert opened.page.locator("script").count() == 1
    assert opened.page.evaluate("window.hacked") is None
    assert len([line for line in opened.said if "Content Security Policy" in line]) == 2


def test_the_page_of_faces_shows_its_own_pictures_and_no_others(browser, tmp_path):
    line = {"clip_id": "c", "coverage": 0.5, "between": 0.25, "others": 0, "said": "", "sheet": "c.png"}
    cv2.imwrite(str(tmp_path / "c.png"), np.zeros((20, 30, 3), np.uint8))
    render("faces.html", tmp_path / "index.html", corpus="demo", counted="1 clip", lines=[line], mean=0.5)
    opened = Opened(browser, tmp_path / "index.html")
    opened.page.wait_for_function("document.images[0].complete")
    assert opened.page.evaluate("document.images[0].naturalWidth") == 30
    assert opened.said == []
    opened.page.evaluate("document.images[0].src = 'http://127.0.0.1:9/x.png'")
    opened.page.wait_for_timeout(200)
    assert any("Content Security Policy" in line for line in opened.said)


@pytest.mark.long
def test_five_thousand_clips_stay_small(browser, tmp_path):
    write_report(make("huang2017", SYSTEMS["huang2017"], count=5000, speakers=200), tmp_path / "demo" / "huang2017")
    overview(tmp_path)
    page = tmp_path / "demo" / "huang2017.html"
    assert page.stat().st_size < 15e6
    opened = Opened(browser, page, 390)
    assert "5000 clips of 200 speakers" in opened.page.inner_text("body")


def test_nothing_but_reports_still_gives_a_page(browser, tmp_path):
    write_report(make("huang2017", SYSTEMS["huang2017"]), tmp_path / "demo" / "huang2017")
    overview(tmp_path)
    opened = Opened(browser, tmp_path / "demo" / "huang2017.html")
    text = opened.page.inner_text("body") + Opened(browser, tmp_path / "run.html").page.inner_text("body")
    for words in (
        "No stage has recorded the settings of this report",
        "No file with crops of the face",
        "neither a log mel spectrogram among the features nor the clip itself",
        "No history of a network",
        "No stage has run on this machine",
    ):
        assert words in text, words
    assert opened.violations("demo-huang2017-paper", "demo-huang2017-wrong", "demo-huang2017-confusions") == []
