"""Where the page over all reports finds what it shows; all but the reports may be absent, and the page says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Folders of one project.

    Attributes:
        reports: of all reports
        features: of all features: faces and spectra of clips
        models: of all models: how their networks learned
        params: the settings
        cache: the clip cache, whose journals tell what was reused
        logs: of the runs, which tell how long each stage took
    """

    reports: Path
    features: Path = Path("features")
    models: Path = Path("models")
    params: Path = Path("params.yaml")
    cache: Path = Path(".cache/clips")
    logs: Path = Path(".cache/logs")
