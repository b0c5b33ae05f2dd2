"""Late fusion of one system: every rule learns from validation posteriors alone and is applied to the test clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.core import posteriors
from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings, parse
from pipeline.engine.parallel import ordered_map
from pipeline.fusion.per_fold import FoldFusion, on_scores, plugin_of
from pipeline.protocols.splits import Fold
from pipeline.systems.params import Fusion, SystemParams, fusions


def fuse_all(
    system: SystemParams,
    settings: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    clips: Sequence[Clip],
    folds: Mapping[str, Fold],
    classes: Sequence[str],
    workers: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Fit every fusion of a system on validation posteriors and apply it to the test clips, fold by fold.

    Args:
        settings: `fuse`: rule -> its settings
        tables: model -> its posteriors (val and test)

    Returns:
        (rows of all models and fusions for test clips; rows of all fusions for validation clips that they have not
        learned from, for what is fitted on top of them; what each fusion learned: name -> fold -> state)

    Raises:
        SettingsError: a rule that does not exist, settings that it does not know, or a rule on class scores where a
            classifier gives none
    """
    wanted = list(fusions(system))
    job = FoldFusion(wanted, rule_params(wanted, settings), tables, clips, classes)
    _check_scores(wanted, tables, classes)
    found = dict(zip(folds, ordered_map(job, list(folds.items()), workers, "fusing", "fold"), strict=True))
    learned: dict[str, Any] = {
        fusion.name: {fold: each.states[fusion.name] for fold, each in found.items()} for fusion in wanted
    }
    frames = [posteriors.without_scores(frame[frame["part"] == "test"]) for frame in tables.values()]
    fused = {part: [each.rows[part][f.name] for f in wanted for each in found.values()] for part in ("test", "val")}
    tested, validated = [*frames, *fused["test"]], fused["val"] or [pd.DataFrame(columns=frames[0].columns)]
    return pd.concat(tested, ignore_index=True), pd.concat(validated, ignore_index=True), learned


def _check_scores(wanted: Sequence[Fusion], tables: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> None:
    for fusion in wanted:
        for part in fusion.parts if on_scores(fusion.rule) else ():
            if part not in tables or posteriors.class_scores(tables[part], classes) is None:
                raise SettingsError(
                    f"params.yaml: systems: fusions: {fusion.rule} fuses class scores, and {part} has none; "
                    "use a classifier that gives them, such as linear_svm, or another rule"
                )


def rule_params(wanted: Sequence[Fusion], settings: Mapping[str, Any]) -> dict[str, Settings]:
    """Return rule -> its checked settings, of `fuse`."""
    rules = dict.fromkeys(fusion.rule for fusion in wanted)
    return {rule: parse(plugin_of(rule).Params, settings.get(rule), f"params.yaml: fuse.{rule}") for rule in rules}
