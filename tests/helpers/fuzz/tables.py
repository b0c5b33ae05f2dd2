"""Tables that people and programs write, edited cell by cell: manifests, tables of corpora, folds, phones, settings."""

from __future__ import annotations

from functools import cache

import numpy as np

from helpers.fuzz.table import Edited, Rng, Table
from helpers.fuzz.table_edits import EDITS, SHARES
from helpers.fuzz.tables_of_corpora import (
    cremad_genders_table,
    cremad_votes_table,
    manifest_table,
    meld_table,
    semicolons_table,
)
from helpers.fuzz.tables_of_stages import (
    emobox_table,
    ledger_table,
    own_manifest_table,
    params_table,
    phones_table,
    ranking_table,
    splits_table,
)

__all__ = ["Edited", "Table", "kind", "make"]

KINDS = {
    "manifest_csv": manifest_table, "semicolons": semicolons_table, "meld": meld_table,
    "cremad genders": cremad_genders_table,
    "cremad votes": cremad_votes_table, "phones.ctm": phones_table, "emobox": emobox_table, "splits": splits_table,
    "manifest": own_manifest_table, "ledger": ledger_table, "ranking": ranking_table, "params.yaml": params_table,
}  # fmt: skip
WEIGHTS = (5, 2, 2, 1, 2, 2, 1, 1, 1, 1, 1, 5)


@cache
def kind(name: str) -> Table:
    """Return a kind of table."""
    return KINDS[name]()


def make(rng: Rng) -> Edited:
    """Return a kind of table after one edit, both drawn."""
    weights = np.array(WEIGHTS) / sum(WEIGHTS)
    name = str(rng.choice(list(KINDS), p=weights))
    table = kind(name)
    edit = EDITS[str(rng.choice(list(EDITS), p=np.array(SHARES) / sum(SHARES)))]
    data, touched, words = edit(rng, table)
    return Edited(f"{name}: {words}", table, data, touched)
