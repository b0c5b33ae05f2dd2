"""Folds over a corpus of several parts: trained on the clips of some, tested on those of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.protocols.settings import ProtocolParams
from pipeline.protocols.splits import Fold


def sides_of(clips: Sequence[Clip], params: ProtocolParams) -> Mapping[str, Sequence[str]]:
    """Return part of a fold -> parts of the corpus that its clips come from; without unrestricted parts of a fold. A
    SettingsError names a part that the corpus does not have.
    """
    known = {clip.corpus for clip in clips} - {""}
    remedy = "; name both corpora in corpora.<name>.parts, or in a column corpus of the manifest"
    for setting, parts in (("train_on", params.train_on), ("test_on", params.test_on)):
        for part in parts:
            if part not in known:
                near = did_you_mean(part, known) if known else remedy
                raise SettingsError(f"params.yaml: protocol.{setting}: no part '{part}'{near}")
    sides = {"train": params.train_on, "val": params.train_on, "test": params.test_on}
    return {part: corpora for part, corpora in sides.items() if corpora}


def restricted(folds: Sequence[Fold], clips: Sequence[Clip], sides: Mapping[str, Sequence[str]]) -> list[Fold]:
    """Return folds without clips of parts that their sides exclude, and without folds that then have no test clip. A
    SettingsError names a fold that is left with nothing to train or to validate on.
    """
    if not sides:
        return list(folds)
    corpus = {clip.clip_id: clip.corpus for clip in clips}
    kept: list[Fold] = [
        {clip_id: part for clip_id, part in fold.items() if part not in sides or corpus[clip_id] in sides[part]}
        for fold in folds
    ]
    needed = [part for part in ("train", "val") if any(part in fold.values() for fold in folds)]
    kept = [fold for fold in kept if "test" in fold.values()]
    for number, fold in enumerate(kept):
        lacking = [part for part in needed if part not in fold.values()]
        if lacking:
            raise SettingsError(
                f"params.yaml: protocol.train_on: fold-{number:02d} is left with no clip in {' and '.join(lacking)}; "
                "the speakers of one part may all be tested together: use cross_corpus, or other groups"
            )
    return kept
