"""Draw how the face was followed: one clip, or a page over all of them, worst coverage first.

The page and the sheets go below reports/.

examples:
  python -m pipeline faces demo               a page over all clips
  python -m pipeline faces demo s01_anger_1   a larger sheet of one clip
"""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from pipeline.cli.commands import _arguments as given


def run(
    corpus: given.Corpus,
    clip: Annotated[
        str, Argument(metavar="CLIP", autocompletion=given.offer_clips, help="A large sheet of this clip alone.")
    ] = "",
    features: given.Features = given.FEATURES,
    reports: given.Reports = given.REPORTS,
    params: given.Params = given.PARAMS,
) -> str:
    from pipeline.cli.tools.faces import everyone, one

    places = given.places_of(corpus, features, reports, params)
    return one(clip, places) if clip else everyone(corpus, places, given.runtime_of(params).workers)
