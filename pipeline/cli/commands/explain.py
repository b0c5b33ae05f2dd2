"""Walk through one clip: what was reused or computed and why, and what came out.

The predictions stand below the stages, those of a fold that tested the clip.

examples:
  python -m pipeline explain demo s01_anger_1          all stages
  python -m pipeline explain demo s01_anger_1 lld147   its whole key
"""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from pipeline.cli.commands import _arguments as given


def run(
    corpus: given.Corpus,
    clip: Annotated[str, Argument(metavar="CLIP", autocompletion=given.offer_clips)],
    stage: Annotated[
        str,
        Argument(
            metavar="STAGE",
            autocompletion=given.offer_features,
            help="Tell everything about this stage, such as lld147.",
        ),
    ] = "",
    features: given.Features = given.FEATURES,
    reports: given.Reports = given.REPORTS,
    params: given.Params = given.PARAMS,
) -> str:
    from pipeline.cli.tools.explain import explain

    return explain(corpus, clip, given.places_of(corpus, features, reports, params), stage)
