"""Phone alignments from three formats, each read for one utterance at a time so that a bad one costs that utterance.

ctm       NIST CTM, one phones.ctm for all: utterance channel start duration phone, times in s
textgrid  Praat, `<sound>.TextGrid` beside each sound; long or short text, UTF-8 or UTF-16
phn       TIMIT, `<sound>.PHN` beside each sound: start end phone, times in samples at 16 kHz
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.tables import text_of
from pipeline.pretraining.sources._shared.utterances import Utterance

Span = tuple[float, float, str]
"""start s, end s, phone"""

OVERLAP_S = 0.016
"""What neighbours may overlap: CTM files round start and duration to 10 ms each, which adds up to 15 ms."""

_CUT_S = 0.1
"""Praat's intervals fill their tier to its end; praatio gives what it finds of a file that was cut off."""

CTM_FILE = "phones.ctm"
_CTM, _PHN = "utterance channel start duration phone", "start end phone"
_PHN_HZ = 16_000

Lines = list[tuple[int, str]]
"""Lines with their numbers in the file."""


def read_ctm(path: Path) -> dict[str, Lines]:
    """Return utterance -> its lines of a CTM file, for `ctm_spans`; CorpusError where it is absent, or no text."""
    if not path.is_file():
        remedy = "the source corpus needs it, or the setting `alignment` textgrid or phn"
        raise CorpusError(f"{path}: no such alignment; {remedy}")
    found: dict[str, Lines] = defaultdict(list)
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if line.strip() and not line.startswith(";;"):
            found[line.split()[0]].append((number, line))
    return dict(found)


def ctm_spans(lines: Lines) -> list[Span]:
    """Return the spans of an utterance's lines; ClipError `bad_alignment` where one is no CTM, or see `checked`."""

    def span(words: list[str]) -> Span:
        _, _, start, duration, phone = words[:5]
        return float(start), float(start) + float(duration), phone

    return _spans(CTM_FILE, lines, _CTM, span)


def _spans(name: str, lines: Iterable[tuple[int, str]], form: str, span: Callable[[list[str]], Span]) -> list[Span]:
    spans = []
    for number, line in lines:
        try:
            spans.append(span(line.split()))
        except ValueError:
            detail = f"{name}:{number}: expected '{form}', got '{line.strip()}'"
            raise ClipError("bad_alignment", detail) from None
    return checked(spans)


def reader(kind: str, root: Path, tier: str, utterances: Sequence[Utterance]) -> Callable[[Utterance], list[Span]]:
    """Return what reads the alignment of one utterance; it raises ClipError `no_input` or `bad_alignment`.

    `kind` is ctm, textgrid or phn, `tier` the one of a TextGrid with the phones. CorpusError where the CTM file is
    absent, or names none of the utterances.
    """
    if kind == "textgrid":
        return lambda utterance: _read_textgrid(_beside(root, utterance, (".TextGrid", ".textgrid")), tier)
    if kind == "phn":
        return lambda utterance: _read_phn(_beside(root, utterance, (".PHN", ".phn")))
    ctm = read_ctm(root / CTM_FILE)
    if not any(utterance.name in ctm for utterance in utterances):
        begins = f"it begins with '{next(iter(ctm), 'nothing')}'"
        raise CorpusError(
            f"{root / CTM_FILE}: names none of the {len(utterances)} utterances ({begins}); expected '{_CTM}'"
        )

    def read(utterance: Utterance) -> list[Span]:
        if utterance.name not in ctm:
            raise ClipError("no_input", f"{CTM_FILE} does not name it")
        return ctm_spans(ctm[utterance.name])

    return read


def checked(spans: list[Span]) -> list[Span]:
    """Return the spans in time order, those of no length left out; ClipError `bad_alignment` where a time is negative,
    or no number, a duration is negative, or spans overlap.
    """
    for start, end, phone in spans:
        if not (math.isfinite(start) and math.isfinite(end) and 0 <= start <= end):
            raise ClipError("bad_alignment", f"'{phone}' from {start:g} to {end:g} s")
    found = sorted(span for span in spans if span[0] < span[1])
    for (_, end, phone), (start, _, following) in itertools.pairwise(found):
        if start < end - OVERLAP_S:
            raise ClipError("bad_alignment", f"'{phone}' ends at {end:g} s, after '{following}' begins at {start:g} s")
    return found


def _beside(root: Path, utterance: Utterance, suffixes: tuple[str, ...]) -> Path:
    candidates = [(root / utterance.path).with_suffix(suffix) for suffix in suffixes]
    for path in candidates:
        if path.is_file():
            return path
    raise ClipError("no_input", f"no {candidates[0].name} beside the sound")


def _read_phn(path: Path) -> list[Span]:
    def span(words: list[str]) -> Span:
        start, end, phone = words
        return int(start) / _PHN_HZ, int(end) / _PHN_HZ, phone

    lines = enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
    return _spans(path.name, ((number, line) for number, line in lines if line.strip()), _PHN, span)


def _read_textgrid(path: Path, tier: str) -> list[Span]:
    from praatio import textgrid
    from praatio.utilities.errors import PraatioException

    try:
        grid = textgrid.openTextgrid(
            str(path), includeEmptyIntervals=True, reportingMode="silence", duplicateNamesMode="rename"
        )
    # praatio checks little before it cuts the text up: what it stumbles over in a file that is no TextGrid
    except (PraatioException, ValueError, LookupError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ClipError("bad_alignment", f"{path.name}: not a readable TextGrid ({reason})") from error
    if tier not in grid.tierNames:
        raise ClipError(
            "bad_alignment", f"{path.name}: no tier '{tier}' (known: {', '.join(grid.tierNames) or 'none'})"
        )
    found = grid.getTier(tier)
    if not isinstance(found, textgrid.IntervalTier):
        raise ClipError("bad_alignment", f"{path.name}: tier '{tier}' holds points, not intervals")
    spans = [(float(start), float(end), label.strip()) for start, end, label in found.entries]
    stop = max((end for _, end, _ in spans), default=0.0)
    if stop < found.maxTimestamp - _CUT_S:
        raise ClipError(
            "bad_alignment", f"{path.name}: cut off, tier '{tier}' stops at {stop:g} of {found.maxTimestamp:g} s"
        )
    return checked([span for span in spans if span[2]])
