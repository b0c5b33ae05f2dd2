"""Print all result tables and write reports/index.html, the page over all of them.

The page holds every system on every corpus: figures, the papers' tables, what went wrong, settings and software. Faces,
spectra and curves come from the folders of features and models; what is not there is left out, and the page says so.

examples:
  python -m pipeline results
  python -m pipeline results --reports reports | less
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from pipeline.cli.commands._arguments import FEATURES, PARAMS, REPORTS, Features, Params, Reports, runtime_of


def run(
    reports: Reports = REPORTS,
    features: Features = FEATURES,
    models: Annotated[Path, Option(metavar="FOLDER", help="Folder of all models.")] = Path("models"),
    params: Params = PARAMS,
) -> str:
    """Return the tables; write `index.html`."""
    from pipeline.reporting.overview.page import overview
    from pipeline.reporting.overview.reports import Places
    from pipeline.runner.runlog import FOLDER

    return overview(Places(reports, features, models, params, Path(runtime_of(params).clip_cache), FOLDER))
