"""Writes what rests on params.yaml as it is shipped: docs/settings.md and profiles/demo.yaml.

    python scripts/settings_page.py

To be run, and its result committed, by whoever changes a typed model's description or a shipped setting. A test
compares both files with what this writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipeline.runner.own_environment import leave_unless_here  # noqa: E402

leave_unless_here("pydantic", "yaml")

from pipeline.cli.settings.page import demo, page  # noqa: E402

if __name__ == "__main__":
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (ROOT / "docs" / "settings.md").write_text(page(text), encoding="utf-8")
    (ROOT / "profiles" / "demo.yaml").write_text(demo(text), encoding="utf-8")
