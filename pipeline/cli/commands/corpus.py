"""Compare a corpus's folder with what was published.

Says how many clips, speakers and labels there are, and which are missing or extra; docs/corpora.md has the adapters.

examples:
  python -m pipeline corpus check demo
  python -m pipeline corpus check ravdess --root /data/RAVDESS      before it stands in params.yaml
"""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from pipeline.cli.commands._arguments import PARAMS, Params, offer_corpora


def check(
    name: Annotated[
        str,
        Argument(
            metavar="NAME",
            autocompletion=offer_corpora,
            help="Corpus of params.yaml; with --root also an adapter, such as ravdess.",
        ),
    ],
    root: Annotated[str, Option(metavar="FOLDER", help="Its folder, where params.yaml does not say so.")] = "",
    params: Params = PARAMS,
) -> tuple[str, bool]:
    """Say what is missing or extra against the published counts."""
    from pipeline.cli.tools.corpus_check import check_corpus, settings_of
    from pipeline.core.settings import read_params, section

    return check_corpus(name, settings_of(name, section(read_params(params), "corpora"), root))


WAYS = {"check": check}
