"""Pages as a browser lays them out: nothing wider than a telephone, and matrices side by side where there is room."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.about import Source, describe
from pipeline.core.clip import EMOTIONS, Clip
from pipeline.core.ledger import Entry
from pipeline.evaluation import ReportParams
from pipeline.overview.places import Places
from pipeline.overview.text import overview as overview_of
from pipeline.posteriors import table
from pipeline.protocol_settings import ProtocolParams
from pipeline.reporting.page import render
from pipeline.reporting.paper import FeedbackRuns
from pipeline.reporting.system_report import SystemReport
from pipeline.system import SystemParams, fusions

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no Chromium here")]

ZHANG = SystemParams(
    features={"anet": "audio", "vnet": "video", "feature_level": "joint", "dbn2": "joint"},
    classifiers=("linear_svm",),
    pairs=(("anet", "vnet"),),
    fusions=("score_level", "vote", "maximum", "sum", "minimum", "average", "product"),
)
HUANG = SystemParams(
    features={"a60": "audio", "v1024": "video"},
    classifiers=("lstm",),
    fusions=("logistic_regression", "prior_knowledge"),
    stacked={"prior_knowledge": ("audio", "video")},
)
OUYANG = SystemParams(
    features={"vggface": "video", "pyramid": "video"},
    classifiers=("temporal", "image_set"),
    also=("vggface-end_to_end", "egemaps-transfer"),
    fusions=(),
    combined={
        "end_to_end": {"rule": "average", "of": ["vggface-end_to_end", "pyramid-temporal"]},
        "audio_visual": {"rule": "weighted", "of": ["vggface-image_set", "end_to_end", "egemaps-transfer"]},
    },
    feedback={"fusion": "audio_visual"},
)
STEP = {"distance": 0.5, "loss": -0.5, "validation_accuracy": 0.5, "changed": "vggface-image_set surprise: 0.5 to 1; end_to_end sad: 1 to 0"}
RUN = {"clips_with_feedback": 28, "clips_without_feedback": 28, "end": "steps", "kept": 1, "with_feedback": [0.5, 0.5], "without_feedback": [0.5, 0.5], "excess": 0.0}
FEEDBACK = FeedbackRuns(
    {"fusion": "combined-audio_visual-weighted", "folds": {f"fold-0{n}": {**RUN, "steps": [STEP, STEP]} for n in range(2)}},
    pd.DataFrame([{"fold": f"fold-0{n}", "step": i + 1, "kept": "no" if i else "yes", **STEP} for n in range(2) for i in range(2)]),
)
WEIGHTS = {"weights": np.full((3, 7), 0.5).tolist(), "clips": 9, "right": 9, "gap": 0, "exact": True}
LEARNED = {"combined-audio_visual-weighted": {"fold-00": WEIGHTS, "fold-01": {**WEIGHTS, "weights": np.ones((3, 7)).tolist()}}}
PROBE = """<body><iframe id=f src="{page}" style="width:{width}px;height:900px;border:0"></iframe><script>
f.onload = () => {{
  const page = f.contentDocument, top = page.querySelectorAll(".pair > div");
  const side = top.length > 1 && top[0].offsetTop === top[1].offsetTop;
  const root = page.documentElement;
  document.title = (root.scrollWidth - root.clientWidth) + " " + side;
}}</script></body>"""


CHARTS = """<body><iframe id=f src="{page}" style="width:{width}px;height:900px;border:0"></iframe><script>
f.onload = () => {{
  const charts = [...f.contentDocument.querySelectorAll("svg.chart")], boxes = charts.map(chart => chart.getBoundingClientRect());
  const out = charts.map((chart, n) => [...chart.querySelectorAll("text")].filter(text => {{
    const label = text.getBoundingClientRect(), box = boxes[n];
    return label.left < box.left - 1 || label.right > box.right + 1 || label.bottom > box.bottom + 1;
  }}).length);
  document.title = JSON.stringify([boxes.map(box => box.width), out[0] + out[1], boxes[0].top === boxes[1].top]);
}}</script></body>"""


def overview(folder):
    """The page over all reports of a folder that lies in no project."""
    return overview_of(Places(folder, *(folder / name for name in ("features", "models", "params.yaml", "cache", "logs"))))


def make(system: str, settings: SystemParams) -> SystemReport:
    clips = [Clip(f"c{n}", f"{n}.mp4", f"s{n % 4}", EMOTIONS[n % 7], gender=("female", "male")[n % 2]) for n in range(56)]
    names = [*settings.models(), *(fusion.name for fusion in fusions(settings))]
    rows = np.random.default_rng(0).dirichlet(np.ones(7), 56)
    frames = [table(name, "fold-00", "test", clips, rows, EMOTIONS).drop(columns="part") for name in names]
    validation = pd.concat([table(name, "fold-00", "val", clips, rows, EMOTIONS) for name in names])
    about = [{"feature": f, "dimension": 4096, "weights": "ab" * 32, "origin": "trained here by x"} for f in settings.features]
    ledger = [Entry(clip.clip_id, "prepare") for clip in clips]
    folds = {"fold-00": {clip.clip_id: "test" for clip in clips}}
    rows, params = pd.concat(frames), ReportParams(draws=100)
    feedback = None if settings.feedback is None else FEEDBACK
    learned = {} if settings.feedback is None else LEARNED
    found = describe(Source("demo", "demo", "free", "us"), ProtocolParams(name="loso"), clips, list(folds.values()), {})
    return SystemReport("demo", found, system, settings, clips, folds, rows, validation, learned, ledger, about, True, params, feedback)


def title_of(probe: Path, folder: Path) -> str:
    """Return the title that the script of a page leaves."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--virtual-time-budget=3000"]
    profile = f"--user-data-dir={folder / 'profile'}"
    run = subprocess.run([BROWSER, *options, profile, "--dump-dom", probe.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    return re.search(r"<title>(.*?)</title>", run.stdout)[1]


def laid_out(page: Path, width: int) -> tuple[int, bool]:
    """Return by how many px a page is wider than a window of `width` px, and whether the first two matrices stand side by side."""
    probe = page.with_name(f"probe-{width}.html")
    probe.write_text(PROBE.format(page=page.as_uri(), width=width), encoding="utf-8")
    overhang, side = re.fullmatch(r"(\d+) (true|false)", title_of(probe, page.parent)).groups()
    return int(overhang), side == "true"


@pytest.mark.parametrize(("system", "settings", "side"), [("zhang2017", ZHANG, True), ("huang2017", HUANG, False), ("ouyang2017", OUYANG, True)])
def test_a_page_fits_its_window(tmp_path, system, settings, side):
    make(system, settings).write(tmp_path)
    assert laid_out(tmp_path / "index.html", 1280) == (0, side)
    assert laid_out(tmp_path / "index.html", 390) == (0, False)


def test_charts_are_as_wide_as_their_column_and_show_every_label(tmp_path):
    make("huang2017", HUANG).write(tmp_path)
    for width, beside in ((1280, True), (390, False)):
        probe = tmp_path / f"charts-{width}.html"
        probe.write_text(CHARTS.format(page=(tmp_path / "index.html").as_uri(), width=width), encoding="utf-8")
        sizes, out, side = json.loads(title_of(probe, tmp_path))
        assert all(250 < size <= 480 for size in sizes), "legible, and not wider than the window"
        assert out == 0, "labels that leave their drawing"
        assert side == beside


def test_the_overview_fits_its_window(tmp_path):
    for system, settings in (("zhang2017", ZHANG), ("huang2017", HUANG), ("ouyang2017", OUYANG)):
        make(system, settings).write(tmp_path / "demo" / system)
    overview(tmp_path)
    assert laid_out(tmp_path / "index.html", 390)[0] == 0


def test_the_page_over_all_faces_fits_its_window(tmp_path):
    line = {"clip_id": "c" * 200, "coverage": 0.5, "between": 0.25, "others": 2, "said": "few_faces", "sheet": "c.jpg"}
    render("faces.html", tmp_path / "index.html", corpus="demo", counted="2 clips", lines=[line, {**line, "sheet": "", "coverage": 0.0}], mean=0.25)
    assert laid_out(tmp_path / "index.html", 1280)[0] == 0
    assert laid_out(tmp_path / "index.html", 390)[0] == 0
