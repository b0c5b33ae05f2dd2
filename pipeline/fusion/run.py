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
from pipeline.systems.params import Fusion, SystemParams, fusions, named_fusions


def fuse_all(
    system: SystemParams,
    settings: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    clips: Sequence[Clip],
    folds: Mapping[str, Fold],
    classes: Sequence[str],
    workers: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Fit every fusion on validation posteriors and apply it to the test clips, fold by fold.

    Args:
        system: what to fuse
        settings: `fuse`: rule -> its settings
        tables: model -> its posteriors (val and test)
        clips: all clips of the corpus
        folds: fold name -> fold
        classes: emotions
        workers: processes

    Returns:
        (rows of all models and fusions for test clips; rows of all fusions for validation clips that they have not
        learned
        from, for what is fitted on top of them; what each fusion learned: name -> fold -> state)

    Raises:
        SettingsError: a rule that does not exist, settings that it does not know, or a rule on class scores where a
            classifier gives none
    """
    wanted = list(fusions(system))
    params = _params(wanted, settings)
    _check_scores(wanted, tables, classes)
    again = frozenset(fusion.name for fusion in wanted)
    job = FoldFusion(wanted, again, params, tables, clips, classes)
    found = dict(zip(folds, ordered_map(job, list(folds.items()), workers, "fusing", "fold"), strict=True))
    learned: dict[str, Any] = {
        fusion.name: {fold: each.states[fusion.name] for fold, each in found.items()} for fusion in wanted
    }
    frames = [posteriors.without_scores(frame[frame["part"] == "test"]) for frame in tables.values()]
    frames += [each.rows[fusion.name] for fusion in wanted for each in found.values()]
    validated = [each.validation[fusion.name] for fusion in wanted for each in found.values()]
    nothing = pd.DataFrame(columns=frames[0].columns)
    return pd.concat(frames, ignore_index=True), pd.concat(validated or [nothing], ignore_index=True), learned


def fused_parts(
    fusion: Fusion,
    system: SystemParams,
    settings: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    clips: Sequence[Clip],
    classes: Sequence[str],
) -> FoldFusion:
    """Return what gives, fold by fold, the posteriors of a fusion's parts on validation and test clips.

    Args:
        fusion: whose parts
        system: of the fusion
        settings: `fuse`: rule -> its settings
        tables: model -> its posteriors (val and test)
        clips: all clips of the corpus
        classes: emotions
    """
    by_name = named_fusions(system)
    names = list(fusion.parts)
    for name in names:  # grows while it is walked: the parts of the parts
        names += by_name[name].parts if name in by_name else ()
    wanted = [each for each in by_name.values() if each.name in names]
    return FoldFusion(wanted, frozenset(names), _params(wanted, settings), tables, clips, classes)


def _params(wanted: Sequence[Fusion], settings: Mapping[str, Any]) -> dict[str, Settings]:
    rules = dict.fromkeys(fusion.rule for fusion in wanted)
    return {rule: parse(plugin_of(rule).Params, settings.get(rule), f"params.yaml: fuse.{rule}") for rule in rules}


def _check_scores(wanted: Sequence[Fusion], tables: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> None:
    for fusion in wanted:
        for part in fusion.parts if on_scores(fusion.rule) else ():
            if part not in tables or posteriors.class_scores(tables[part], classes) is None:
                raise SettingsError(
                    f"params.yaml: systems: fusions: {fusion.rule} fuses class scores, and {part} has none; "
                    "use a classifier that gives them, such as linear_svm, or another rule"
                )
