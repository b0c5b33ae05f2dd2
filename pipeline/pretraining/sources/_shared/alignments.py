"""Phone alignments from four formats, each read for one utterance at a time so that a bad one costs that utterance.

ctm       NIST CTM, as Kaldi writes it, one phones.ctm for all: utterance channel start duration phone, times in s
textgrid  Praat and the Montreal Forced Aligner, `<sound>.TextGrid` beside each sound; long or short, UTF-8 or UTF-16
phn       TIMIT, `<sound>.PHN` beside each sound: start end phone, times in samples at 16 kHz
lab       HTK, `<sound>.lab` beside each sound: start end phone, times in 100 ns; a score behind it is left out

Instead of beside the sounds, a folder of its own may hold the files, in the same subfolders.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pipeline.core.errors import ClipError, CorpusError
from pipeline.pretraining.sources._shared.utterances import Utterance

Span = tuple[float, float, str]
"""start s, end s, phone"""
OVERLAP_S = 0.016
"""What neighbours may overlap: CTM files round start and duration to 10 ms each, which adds up to 15 ms."""

_CUT_S = 0.1
"""Praat's intervals fill their tier to its end; praatio gives what it finds of a file that was cut off."""

CTM_FILE = "phones.ctm"
_CTM = "utterance channel start duration phone"
_LINES = {"phn": (".phn", 16_000, "start end phone"), "lab": (".lab", 10_000_000, "start end phone [score ...]")}
"""Format of a file for each sound -> suffix, units in a second, words of a line, of which those in brackets are out"""


class Ctm:
    """A CTM file of any size: where the lines of each utterance lie in it. They are read when they are asked for."""

    def __init__(self, path: Path) -> None:
        """CorpusError where the file is absent, or no text."""
        if not path.is_file():
            remedy = "the source corpus needs it, or the setting `alignment` textgrid, phn or lab"
            raise CorpusError(f"{path}: no such alignment; {remedy}")
        self.path = path
        self._runs: dict[str, list[tuple[int, int, int]]] = {}
        """utterance -> line number, first byte and bytes of each run of its lines"""
        begin, before = 0, ""
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                name = self._name(line, begin)
                if name:
                    runs = self._runs.setdefault(name, [])
                    if name == before:
                        number, first, _ = runs.pop()
                    else:
                        first = begin
                    runs.append((number, first, begin + len(line) - first))
                    before = name
                begin += len(line)

    def _name(self, line: bytes, begin: int) -> str:
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            begin += error.start
            raise CorpusError(f"{self.path}: not UTF-8 ({error.reason} at byte {begin}); save it as UTF-8") from error
        if "\r" in text.rstrip("\r\n"):  # old Macs: the whole file would be one line, of its first utterance
            raise CorpusError(f"{self.path}: its lines end with CR alone; save it with LF or CRLF")
        return "" if text.startswith(";;") else next(iter(text.lstrip("\ufeff").split()), "")

    def __contains__(self, name: str) -> bool:
        return name in self._runs

    def names(self) -> list[str]:
        """Return the utterances that it names."""
        return list(self._runs)

    def spans(self, name: str) -> list[Span]:
        """Return the spans of an utterance; ClipError `bad_alignment` where one is no CTM, or see `checked`."""
        lines = []
        with self.path.open("rb") as file:
            for number, begin, size in self._runs[name]:
                file.seek(begin)
                text = file.read(size).decode().lstrip("\ufeff")
                lines += [(number + i, line) for i, line in enumerate(text.split("\n")) if _counts(line)]
        return _spans(self.path.name, lines, _CTM, _ctm_span)


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(";;")


def _ctm_span(words: list[str]) -> Span:
    _, _, start, duration, phone = words[:5]
    return float(start), float(start) + float(duration), phone


def _spans(name: str, lines: Iterable[tuple[int, str]], form: str, span: Callable[[list[str]], Span]) -> list[Span]:
    spans = []
    for number, line in lines:
        try:
            spans.append(span(line.split()))
        except ValueError:
            detail = f"{name}:{number}: expected '{form}', got '{line.strip()}'"
            raise ClipError("bad_alignment", detail) from None
    return checked(spans)


def reader(
    kind: str, root: Path, place: str | None, tier: str, utterances: Sequence[Utterance]
) -> Callable[[Utterance], list[Span]]:
    """Return what reads the alignment of one utterance; it raises ClipError `no_input` or `bad_alignment`.

    `kind` is ctm, textgrid, phn or lab, `place` the CTM file or the folder of the others below `root` (None =
    phones.ctm, or beside the sounds), `tier` the one of a TextGrid with the phones. CorpusError where the CTM file or
    the folder is absent, or names none of the utterances.
    """
    if kind == "ctm":
        return _ctm_reader(Ctm(root / (place or CTM_FILE)), utterances)
    folder = root / (place or "")
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder; mend `alignment_path` or `root` of the source task")
    if kind == "textgrid":
        suffixes = (".TextGrid", ".textgrid")
        return lambda one: _read_textgrid(_beside(folder, one, suffixes), tier, one.speaker)
    suffix, hz, form = _LINES[kind]
    return lambda one: _read_lines(_beside(folder, one, (suffix.upper(), suffix)), hz, form)


def _ctm_reader(ctm: Ctm, utterances: Sequence[Utterance]) -> Callable[[Utterance], list[Span]]:
    if not any(utterance.name in ctm for utterance in utterances):
        begins = f"it begins with '{next(iter(ctm.names()), 'nothing')}'"
        raise CorpusError(f"{ctm.path}: names none of the {len(utterances)} utterances ({begins}); expected '{_CTM}'")

    def read(utterance: Utterance) -> list[Span]:
        if utterance.name not in ctm:
            raise ClipError("no_input", f"{ctm.path.name} does not name it")
        return ctm.spans(utterance.name)

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
    raise ClipError("no_input", f"no {candidates[0].name} for the sound")


def _read_lines(path: Path, hz: int, form: str) -> list[Span]:
    def span(words: list[str]) -> Span:
        start, end, phone = words[:3] if form.endswith("]") else words
        return int(start) / hz, int(end) / hz, phone

    lines = enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
    return _spans(path.name, ((number, line) for number, line in lines if line.strip()), form, span)


def _read_textgrid(path: Path, tier: str, speaker: str) -> list[Span]:
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
    if tier not in grid.tierNames:  # the Montreal Forced Aligner writes tiers of each speaker where it knows of several
        tier = next((name for name in grid.tierNames if name == f"{speaker} - {tier}"), tier)
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
