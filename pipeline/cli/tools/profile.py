"""What `python -m pipeline profile` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.cli.settings import overlay, profiles
from pipeline.cli.settings.tree import MISSING


def listed(params: Path) -> str:
    """Return the profiles, one a line, with what each is for; `*` stands before the one in use."""
    about = {overlay.DEFAULT: f"{params.name} without a profile"}
    about |= {name: overlay.load(params, name).about for name in overlay.names(params)}
    used = profiles.in_use(params)
    return "\n".join(f"{'*' if name == used else ' '} {name:<12} {words}" for name, words in about.items())


def shown(params: Path, name: str) -> str:
    """Return what a profile is for, and every setting that it would change."""
    if name == overlay.DEFAULT:
        return profiles.plan(params, name).difference() or f"{params.name} has no profile"
    profile = overlay.load(params, name)
    lines = [f"{key}: {_text(here)} -> {_text(there)}" for key, here, there in overlay.changes(params, profile)]
    return "\n".join([profile.about, *(lines or [f"{params.name} has all of its settings already"])])


def _text(value: Any) -> str:
    return "nothing" if value is MISSING else str(value)


def used(params: Path, name: str, dry: bool = False) -> str:
    """Lay a profile over params.yaml, or say what would change; return it in words."""
    plan = profiles.plan(params, name)
    kept = [f"kept as you changed it since: {key}" for key in plan.kept]
    if dry:
        return "\n".join([plan.difference().rstrip("\n") or f"{params.name} stays as it is", *kept])
    plan.write()
    count = sum(line.startswith("+") for line in plan.difference().splitlines()[2:])
    return "\n".join([f"{params.name}: {name}, {count} lines changed; `dvc repro` runs what depends on them", *kept])
