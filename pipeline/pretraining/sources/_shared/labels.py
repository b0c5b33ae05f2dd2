"""The labels of a whole corpus of speech: which alignment, what becomes of its labels, and their class indices.

Spans are held as arrays of 20 bytes each; as Python objects those of 500 hours would take some gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.ledger import Entry
from pipeline.core.settings import Settings
from pipeline.pretraining.sources._shared.alignments import Span, reader
from pipeline.pretraining.sources._shared.utterances import Utterance, regular

LABELLED = np.dtype([("start", "f8"), ("end", "f8"), ("label", "i4")])
"""Spans of an utterance: start s, end s, class index."""


class LabelParams(Settings):
    """Where labels come from, and what they are called."""

    alignment: Literal["ctm", "textgrid", "phn", "lab"] = Field("ctm", description="format of the phone alignment")
    alignment_path: str | None = Field(
        None,
        pattern="^[^/]",
        description="the CTM file, or the folder of the others where they lie as the sounds do, below the root; null = "
        "phones.ctm, or beside the sounds",
    )
    tier: str = Field("phones", min_length=1, description="tier of a TextGrid that holds the phones")
    cut: str | None = Field(
        None, description="regular expression; what it finds is cut off a label, such as stress and place in the word"
    )
    phones: list[str] | None = Field(None, min_length=2, description="all phones that may occur; null = those that do")
    rename: dict[str, str | None] = Field({}, description="phone -> phone of the set, or null: its frames are left out")

    _cut_is_regular = field_validator("cut")(regular)

    @field_validator("phones")
    @classmethod
    def _has_no_double(cls, phones: list[str] | None) -> list[str] | None:
        if phones and len(set(phones)) < len(phones):
            raise ValueError(f"names a phone twice: {', '.join(sorted({p for p in phones if phones.count(p) > 1}))}")
        return phones


def _named(spans: list[Span], params: LabelParams) -> list[Span]:
    """Return the spans with their labels cut and renamed, those that are left out gone."""
    cut = re.compile(params.cut) if params.cut else None
    labels = ((start, end, cut.sub("", label) if cut else label) for start, end, label in spans)
    renamed = ((start, end, params.rename.get(label, label)) for start, end, label in labels)
    return [(start, end, label) for start, end, label in renamed if label]


def labelled(
    root: Path, params: LabelParams, utterances: Sequence[Utterance], stage: str
) -> tuple[list[tuple[Utterance, np.ndarray]], list[str], list[Entry]]:
    """Return the utterances that have an alignment, with `LABELLED` spans, the phones, and the ledger entries of the
    others.
    """
    read = reader(params.alignment, root, params.alignment_path, params.tier, utterances)
    known = {phone: index for index, phone in enumerate(params.phones or ())}
    found, failed = [], []
    for utterance in utterances:
        try:
            if not utterance.speaker:
                raise ClipError("no_input", "the `speaker` pattern finds nobody in its path")
            spans = _named(read(utterance), params)
        except ClipError as error:
            failed.append(Entry(utterance.name, stage, "failed", error.reason, error.detail))
            continue
        for start, _, phone in spans:
            if params.phones is not None and phone not in known:
                raise CorpusError(
                    f"{root}: utterance '{utterance.name}' has the phone '{phone}' at {start:g} s, which is not in the "
                    "setting `phones`; add it there, or map it in `rename` (null leaves its frames out)"
                )
        labelled = [(start, end, known.setdefault(phone, len(known))) for start, end, phone in spans]
        found.append((utterance, np.array(labelled, LABELLED)))
    phones = params.phones or sorted(known)
    places = {phone: place for place, phone in enumerate(phones)}
    final = np.array([places[phone] for phone in known], np.int32)
    for _, one in found:
        one["label"] = final[one["label"]]
    return found, phones, failed
