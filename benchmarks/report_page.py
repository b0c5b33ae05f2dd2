"""The page over all reports of a large corpus: `python -m benchmarks.report_page [CLIPS]`.

Three systems with as many models and fusions as the shipped params name, and posteriors that know nothing. Says how
large `index.html` is, how long the reports and the page take to write, and how long Chromium takes to open the page,
beside the page over a corpus of 84 clips.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import yaml
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from helpers.reports import BROWSER, add_clips, make, overview
from pipeline.reporting.system.write import write_report
from pipeline.systems.params import SystemParams

ROUNDS = 5


def systems() -> dict[str, SystemParams]:
    """Return the systems of the shipped settings, without a feedback loop, which has figures of its own."""
    found = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["systems"]
    return {name: SystemParams.model_validate({**each, "feedback": None}) for name, each in found.items()}


def written(folder: Path, clips: int) -> tuple[float, float]:
    """Write reports and page; return how long each took, s."""
    begin = time.monotonic()
    for name, settings in systems().items():
        made = make(name, settings, clips, max(6, clips // 25))
        write_report(made, folder / "demo" / name)
    reports = time.monotonic()
    add_clips(folder / "features" / "demo", [f"c{n}" for n in range(clips)])
    filled = time.monotonic()
    overview(folder)
    return reports - begin, time.monotonic() - filled


def opened(page: Path) -> float:
    """Return the median time in which Chromium opens a page in a new window of 1280 px, s."""
    with sync_playwright() as drive:
        browser = drive.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        times = []
        for _ in range(ROUNDS):
            window = browser.new_page(viewport={"width": 1280, "height": 900})
            begin = time.monotonic()
            window.goto(page.as_uri())
            window.evaluate("document.documentElement.scrollHeight")  # laid out as a whole
            times.append(time.monotonic() - begin)
            window.close()
        browser.close()
    return statistics.median(times)


def main() -> None:
    """Print a line per size."""
    large = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    print("| clips | reports, s | page, s | size, MB | opens in, s |\n|---|---|---|---|---|")
    for clips in (84, large):
        with tempfile.TemporaryDirectory() as name:
            reports, page = written(Path(name), clips)
            path = Path(name) / "index.html"
            print(
                f"| {clips} | {reports:.1f} | {page:.1f} | {path.stat().st_size / 1e6:.2f} | {opened(path):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
