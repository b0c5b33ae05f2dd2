"""How long each stage took the last time, and how many clips it computed anew."""

from __future__ import annotations

from typing import Any

from pipeline.overview.places import Places
from pipeline.overview.run_facts import reuse


def stage_rows(places: Places) -> list[dict[str, Any]]:
    """Return a row per stage that left a trace: name, time as text, clips computed and reused."""
    return [{"stage": name, "time": "", "memory": "", "computed": computed, "reused": reused} for name, (computed, reused) in reuse(places.cache).items()]
