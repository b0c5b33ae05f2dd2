"""The page on missing modalities: what it draws is what the table says, and it fits a telephone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from pipeline.fusion.missing_modality import MISSING, needs_of
from pipeline.manifest.corpus_json import CorpusSummary, Sides, Source
from pipeline.protocols.settings import ProtocolParams
from pipeline.reporting.system.robustness import chosen, write_robustness
from pipeline.systems.ids import FusionId, ModelId
from pipeline.systems.params import Fusion, SystemParams, fusions

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SYSTEM = SystemParams(
    features={"anet": "audio", "vnet": "video", "wnet": "video", "dbn": "joint"},
    classifiers=("svm",),
    fusions=("average", "product"),
    combined={"pictures": {"rule": "average", "of": ["vnet-svm", "wnet-svm"]}},
)
NEEDS = needs_of(SYSTEM)
ACCURACY = {
    "anet-svm": 0.4,
    "vnet-svm": 0.6,
    "wnet-svm": 0.6,
    "dbn-svm": 0.5,
    "average-anet+vnet-svm": 0.65,
    "average-anet+wnet-svm": 0.2,
    "product-anet+vnet-svm": 0.7,
    "product-anet+wnet-svm": 0.1,
    "combined-pictures-average": 0.9,
}
SHARES = (0, 0.5, 1)
BEST = {"sound": "anet-svm", "picture": "vnet-svm", "joint": "dbn-svm", "fusion": "product-anet+vnet-svm"}


def figures(accuracy=ACCURACY, needs=NEEDS) -> pd.DataFrame:
    """Return 20 test clips of which a share is not judged by what needs what they lack."""
    rows = []
    for name, whole in accuracy.items():
        for missing in MISSING:
            for share in SHARES:
                left = 1 - share if missing in needs.get(name, ()) else 1
                judged = round(20 * left)
                known = whole if judged else float("nan")
                rows.append([name, missing, share, 20, judged, known, whole * left, known])
    return pd.DataFrame(
        rows, columns=["model", "missing", "share", "clips", "judged", "accuracy", "accuracy_of_all", "uar"]
    )


def described(corpus: str, protocol: str = "kfold") -> CorpusSummary:
    sides = Sides(("a",), ("b",), ("c",), {})
    return CorpusSummary(
        Source(corpus, "demo", "free", "us"),
        ProtocolParams(name=protocol),
        20,
        {},
        {},
        {},
        {f"fold-0{n}": sides for n in range(4)},
    )


def page(folder: Path, corpus: str = "demo", best=BEST) -> str:
    write_robustness(folder, described(corpus), "zhang2017", figures(), best, False)
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_best_of_each_kind_on_complete_clips():
    assert chosen(figures(), NEEDS, fusions(SYSTEM)) == BEST, (
        "the first of equals; a fusion of pictures alone is not the one"
    )


def test_a_baseline_is_not_the_best():
    assert chosen(figures(), NEEDS, fusions(SYSTEM), {"vnet-svm": ()}) == {**BEST, "picture": "wnet-svm"}
    assert "sound" not in chosen(figures(), NEEDS, fusions(SYSTEM), {"anet-svm": ()})


def test_kinds_that_a_system_lacks():
    pictures = {name: NEEDS[name] for name in ("vnet-svm", "wnet-svm")}
    few = figures({name: ACCURACY[name] for name in (*pictures, "combined-pictures-average")})
    alone = [Fusion(FusionId.combined("pictures", "average"), (ModelId("vnet", "svm"), ModelId("wnet", "svm")))]
    assert chosen(few, pictures, alone) == {"picture": "vnet-svm", "fusion": "combined-pictures-average"}
    assert chosen(few, pictures, []) == {"picture": "vnet-svm"}


def test_everything_is_written(tmp_path):
    line = write_robustness(tmp_path, described("demo"), "zhang2017", figures(), BEST, False)
    assert line == "product-anet+vnet-svm: accuracy of all clips 70.0 % without audio, 70.0 % without video"
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    drawn = {f"best_{kind}_without_{missing}.csv" for missing in MISSING for kind in ("sound", "picture", "fusion")}
    assert found == {"index.html", "section.html", "missing.csv", *(f"plots/{name}" for name in drawn)}
    table = pd.read_csv(tmp_path / "missing.csv")
    assert list(table) == ["model", "missing", "share", "clips", "judged", "accuracy", "accuracy_of_all", "uar"]
    assert len(table) == len(ACCURACY) * len(MISSING) * len(SHARES)
    curve = pd.read_csv(tmp_path / "plots/best_sound_without_sound.csv")
    assert BEST["sound"] == "anet-svm"
    assert curve.to_dict("list") == {"share": list(SHARES), "accuracy_of_all": [0.4, 0.2, 0]}


def test_equal_figures_give_equal_bytes(tmp_path):
    assert page(tmp_path / "a") == page(tmp_path / "b")


def test_the_page_stands_alone_and_says_what_matters(tmp_path):
    text = page(tmp_path)
    assert not re.search(r"(src|href)=\"(https?:)?//", text)
    assert "<script" not in text
    words = (
        "20 test clips",
        "4 folds",
        "Audio removed",
        "Video removed",
        "best fusion: product-anet+vnet-svm",
        "flattered",
        "40.0 % of 10",
        "- of 0",
    )
    for said in words:
        assert said in " ".join(text.split()), said
    assert text.count('<svg class="chart"') == 2


def test_the_protocol_and_what_is_generated_are_told(tmp_path):
    assert "Protocol: 4 folds of speakers." in page(tmp_path)
    assert "SPEAKER-DEPENDENT" not in page(tmp_path)
    write_robustness(tmp_path, described("demo", "speaker_dependent_random"), "zhang2017", figures(), BEST, True)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '<p class="note alarm">SPEAKER-DEPENDENT' in text
    assert "This corpus is generated by the project" in text


def test_curves_lie_where_their_figures_say(tmp_path):
    """The axes enclose 52 to 368 across and 254 to 12 up (`pipeline.reporting.html.charts`)."""
    points = re.findall(r'<g class="by-(\w+)">\s*<polyline points="([^"]+)"', page(tmp_path))
    assert [kind for kind, _ in points] == ["audio", "video", "fusion"] * 2
    assert points[0] == ("audio", "52.0,157.2 210.0,205.6 368.0,254.0")
    assert points[3] == ("audio", "52.0,157.2 210.0,157.2 368.0,157.2"), "without video"


def test_a_system_of_pictures_alone_has_a_page(tmp_path):
    text = page(tmp_path, best={"picture": "vnet-svm"})
    assert "best model of video: vnet-svm" in text
    assert "best fusion" not in text


def test_names_are_escaped(tmp_path):
    text = page(tmp_path, corpus="<script>alert(1)</script>")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_nothing_is_wider_than_a_telephone(tmp_path):
    page(
        tmp_path,
        best={**BEST, "fusion": "average-anet+vnet-svm"},
        corpus="a_corpus_with_a_name_that_is_rather_long_for_a_telephone",
    )
    probe = """<body><iframe id=f src="index.html" style="width:390px;height:900px;border:0"></iframe><script>
f.onload = () => { const root = f.contentDocument.documentElement;
  document.title = "wider " + (root.scrollWidth - root.clientWidth); }</script></body>"""
    (tmp_path / "probe.html").write_text(probe)
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--allow-file-access-from-files",
        "--virtual-time-budget=3000",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    command = [str(BROWSER), *flags, "--dump-dom", (tmp_path / "probe.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "<title>wider 0</title>" in done.stdout
