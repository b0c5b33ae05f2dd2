"""Check the corpora and systems that params.yaml names.

`make repro` does this first: a folder or a file of weights that is not there, a setting that does not exist, a feature
that no stage gives.
It renews plan.yaml, the list of the models that the stages train, where the systems have changed, and puts dvc.lock
back where a stop left it empty or cut off.

examples:
  python -m pipeline check
  python -m pipeline check --params params.yaml
"""

from __future__ import annotations

from typing import Any

from pipeline.cli.commands._arguments import PARAMS, Params


def run(params: Params = PARAMS) -> str:
    from pipeline.core.settings import read_params, read_yaml
    from pipeline.runner.lock_file import LOCK, keep, mend
    from pipeline.systems.plan import FILE

    lock = params.with_name(LOCK.name)
    mended = mend(lock)
    keep(lock)
    content = read_params(params)
    for name in ("dvc.yaml", FILE):  # read by DVC next, which sets no limit to what a text stands for
        if params.with_name(name).is_file():
            read_yaml(params.with_name(name))
    words = "; ".join(filter(None, (mended, _checked(content))))
    from pipeline.cli.settings.derived import renew

    return f"{words}; {FILE} is renewed" if renew(content, params) else words


def _checked(content: dict[str, Any]) -> str:
    from pipeline.cli.estimate.needed import to_bring
    from pipeline.core.errors import ArtifactError
    from pipeline.manifest.settings import check_corpora
    from pipeline.systems.check import check_systems

    words = f"{check_corpora(content)}; {check_systems(content)}"
    if lines := list(to_bring(content)):
        raise ArtifactError("; ".join(lines))
    return words
