"""Keep the columns that a random forest ranked highest, Huang et al. 2017, section 3.2: pool5 9216 -> 1024 or 2048."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
from pydantic import Field

from pipeline.core.files import canonical_json
from pipeline.core.settings import Settings
from pipeline.core.store import FeatureMeta
from pipeline.features.selection.ranking import Ranking


class SelectParams(Settings):
    """`select.<name>`."""

    k: int = Field(
        gt=0,
        description="columns to keep, the most useful ones {Huang 3.2: 1024 for *.v1024.*} {Huang 3.2: 2048 for "
        "*.v2048.*}",
    )


def selected_meta(name: str, source: FeatureMeta, k: int) -> FeatureMeta:
    """Return the attributes of the feature that has the k best columns of `source`."""
    return replace(
        source,
        feature=name,
        dimension=k,
        columns=(),
        layer=f"{k} of {source.dimension} columns of {source.feature}, chosen per fold",
        layers=(),
        params={"select": {"k": k}, source.feature: canonical_json(source.params)},
    )


def kept_columns(rankings: Mapping[str, Ranking], k: int) -> pd.DataFrame:
    """Return fold, column, importance of the kept columns, the most important first."""
    rows = []
    for fold, ranking in sorted(rankings.items()):
        importances = ranking.importances
        rows += [(fold, c, importances[c]) for c in sorted(ranking.best(k), key=lambda c: (-importances[c], c))]
    return pd.DataFrame(rows, columns=["fold", "column", "importance"])


def agreements(rankings: Mapping[str, Ranking], k: int) -> pd.DataFrame:
    """Return per fold: frames that each half of the forest saw, of how many, agreement of the halves, and chance."""
    rows = [(fold, r.rows, r.available, r.agreement(k), k / r.halves.shape[1]) for fold, r in sorted(rankings.items())]
    return pd.DataFrame(rows, columns=["fold", "rows", "available", "agreement", "chance"])
