"""Say what a system on a corpus costs before it runs: hours, disk, memory; and what is missing, with the remedy.

Operations of the networks are counted at the size that params.yaml gives them, and divided by the speed that is
measured here for a moment. A corpus that is not here is estimated from its published counts, or from --clips.

examples:
  python -m pipeline estimate demo huang2017
  python -m pipeline estimate rml zhang2017      after `python -m pipeline profile use zhang2017`
  python -m pipeline estimate cheavd huang2017 --clips 2218 --seconds 4
"""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from pipeline.cli.commands._arguments import PARAMS, Params


def run(
    corpus: Annotated[str, Argument(metavar="CORPUS", help="Name under corpora in params.yaml.")],
    system: Annotated[str, Argument(metavar="SYSTEM", help="Name under systems in params.yaml.")],
    clips: Annotated[int, Option(min=0, help="So many clips, whatever is here; for a corpus that is not here.")] = 0,
    seconds: Annotated[float, Option(min=0, help="Length of each of them, 3 if not given.")] = 0,
    params: Params = PARAMS,
) -> tuple[str, bool]:
    from pipeline.cli.estimate.estimate import estimate
    from pipeline.cli.settings.derived import renew
    from pipeline.core.settings import read_params

    content = read_params(params)
    renew(content, params)
    return estimate(corpus, system, content, clips, seconds)
