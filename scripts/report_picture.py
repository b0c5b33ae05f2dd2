"""Draw `docs/report.jpg`, the picture of the report in the README: `python scripts/report_picture.py` after `make
repro`. It has the first window of `reports/index.html`, and beside it the first clips that huang2017 mistook.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pipeline.runner.own_environment import leave_unless_here

leave_unless_here("numpy", "PIL", "playwright")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

PAGE, OUT = Path("reports") / "index.html", Path("docs") / "report.jpg"
SYSTEM = PAGE.with_name("demo") / "huang2017.html"
WIDTH, HEIGHT, GAP, SCALE = 1000, 1130, 24, 1.5


def taken(page: Page, selector: str | None) -> Image.Image:
    """Return a picture of the window, or of what stands from an element on."""
    if selector:
        page.locator(selector).first.scroll_into_view_if_needed()
        page.locator(selector).first.evaluate("element => element.scrollIntoView()")
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def main() -> None:
    """Draw."""
    if not PAGE.is_file():
        sys.exit(f"{PAGE}: not there; run `make repro` first")
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as drive:
        browser = drive.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE)
        both = []
        for path, selector in ((PAGE, None), (SYSTEM, "details[id$=-wrong]")):
            page.goto(path.resolve().as_uri())
            both.append(taken(page, selector))
        browser.close()
    gap = Image.new("RGB", (round(GAP * SCALE), both[0].height), "#d0d7de")
    joined = Image.fromarray(np.concatenate([np.asarray(each) for each in (both[0], gap, both[1])], axis=1))
    small = joined.resize((joined.width * 2 // 3, joined.height * 2 // 3), Image.Resampling.LANCZOS)
    small.save(OUT, quality=78, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
