"""Check the corpora and systems that params.yaml names.

`make repro` does this first: a folder that is not there, a setting that does not exist, a system that no stage trains.

examples:
  python -m pipeline check
  python -m pipeline check --params params.yaml
"""

from __future__ import annotations

from pipeline.cli.commands._arguments import PARAMS, Params


def run(params: Params = PARAMS) -> str:
    """Return one line that says what was checked."""
    from pipeline.cli.doctor.stages import check_systems
    from pipeline.core.settings import read_params
    from pipeline.manifest.settings import check_corpora

    content = read_params(params)
    return f"{check_corpora(content)}; {check_systems(content, params.with_name('dvc.yaml'))}"
