"""A corpus's folder against what was published: what is missing, what is extra, before anything is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.core.clip import Clip, check_unique
from pipeline.core.errors import SettingsError
from pipeline.core.settings import parse
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import ANOTHER_FORM
from pipeline.manifest.build import labelled_clips
from pipeline.manifest.files import CorpusFiles
from pipeline.manifest.settings import CorpusParams, load_adapter
from pipeline.runner.layout import Part, some, table, text_of

_SHOWN = 5
"""Names that are printed where there may be thousands."""


def settings_of(name: str, corpora: Mapping[str, object], root: str) -> CorpusParams:
    """Return a corpus's settings in params.yaml; with a folder at hand, also of one that does not stand there yet."""
    block = corpora.get(name)
    if block is None and not root:
        known = ", ".join(corpora) or "none"
        why = f"no such corpus (known: {known}); add it, or say where it is: --root FOLDER"
        raise SettingsError(f"params.yaml: corpora.{name}: {why}")
    block = {} if block is None else block
    if not isinstance(block, Mapping):
        raise SettingsError(f"params.yaml: corpora.{name} should be a mapping, such as {{root: FOLDER}}")
    return parse(CorpusParams, {**block, **({"root": root} if root else {})}, f"params.yaml: corpora.{name}")


def check_corpus(name: str, params: CorpusParams) -> tuple[str, bool]:
    """Return a page of text, and whether the corpus is as published; true, too, where nothing was."""
    if params.parts:
        each = next(iter(params.parts))
        remedy = f"check each of them, such as `python -m pipeline corpus check {each} --root FOLDER`"
        raise SettingsError(f"params.yaml: corpora.{name}.parts: {remedy}")
    adapter = load_adapter(name, params)
    clips = list(labelled_clips(name, params))
    check_unique((clip for _, clip in clips), params.root)
    # published counts of labels are those of the adapter's first labelling
    own = not params.labelled_by or params.labelled_by == adapter.LABELLINGS[0]
    published: Mapping[str, int] = getattr(adapter, "EXPECTED", {})
    expected = {what: count for what, count in published.items() if own or not what.startswith("label:")}
    found = counts(clips)
    rows = []
    for each in dict.fromkeys([*found, *expected]):
        here, wanted = found.get(each, 0), expected.get(each)
        verdict = "" if wanted in (None, here) else f"{abs(here - wanted)} {'missing' if here < wanted else 'extra'}"
        rows.append([each.replace(":", " "), here, "" if wanted is None else wanted, verdict])
    faults = _faults(params, [clip for _, clip in clips])
    absent = sorted(path for path, (reason, _) in faults.items() if reason == "missing_file")
    differing = sum(bool(row[3]) for row in rows)
    parts: list[Part] = [*_told(faults, clips, adapter.lines(Path(params.root)) if hasattr(adapter, "lines") else {})]
    parts += [f"{name} in {params.root}, read by pipeline/corpora/{params.adapter or name}.py"]
    parts += [f"licence: {adapter.LICENCE}", "", table(["what", "here", "published", "verdict"], rows, (0, 3)), ""]
    parts += _uneven(clips)
    parts += [f"named in a table, but not in the folder: {some(absent, _SHOWN)}"] if absent else []
    met = f"{len(expected) - differing} of {len(expected)}" if differing else "all"
    lacking = ", and files are absent" if absent else ", and files are no media" if faults else ""
    said = f"{met} published counts are met{lacking}"
    parts.append(said if expected else "its adapter has no published counts to compare with")
    return text_of(parts), not differing and not faults


def _faults(params: CorpusParams, clips: list[Clip]) -> dict[str, tuple[str, str]]:
    """Return path -> reason and words of the files that give no media."""
    files = CorpusFiles(Path(params.root), params.follow_links)
    found = {path: files.fault(path) for path in sorted({clip.path for clip in clips})}
    return {path: why for path, why in found.items() if why[0]}


def _told(faults: Mapping[str, tuple[str, str]], clips: list[tuple[str, Clip]], lines: Mapping[str, str]) -> list[str]:
    """Return what is wrong with files and paths, with file and line where the corpus has a table."""
    first = {clip.path: clip.clip_id for _, clip in reversed(clips)}
    known = [(path, *why) for path, why in faults.items() if why != ("missing_file", path)]
    told = [f"{lines.get(first[path], first[path])}: {reason}: {words}" for path, reason, words in known]
    return told[:_SHOWN] + ([f"and {len(told) - _SHOWN} more such files"] if len(told) > _SHOWN else [])


def counts(clips: list[tuple[str, Clip]]) -> dict[str, int]:
    """Return what there is of (corpus label, clip) pairs, under the names of an adapter's `EXPECTED`: `clips` (a
    performance in several forms is one), `speakers` of the clips that are used, `label:<label>` (used or not) and
    `split:<split>`.
    """
    performances = sum(label != ANOTHER_FORM for label, _ in clips)
    found = {"clips": performances, "speakers": len({clip.speaker for _, clip in clips if clip.emotion != LEFT_OUT})}
    labels, splits = Counter(label for label, _ in clips), Counter(clip.split for _, clip in clips if clip.split)
    found |= {f"label:{name}": labels[name] for name in sorted(labels)}
    return found | {f"split:{name}": splits[name] for name in sorted(splits)}


def _uneven(clips: list[tuple[str, Clip]]) -> Iterator[str]:
    """Say which speakers have not the usual number of used clips: a download that broke off lacks the last ones."""
    by_speaker = Counter(clip.speaker for _, clip in clips if clip.emotion != LEFT_OUT)
    usual, speakers = Counter(by_speaker.values()).most_common(1)[0] if by_speaker else (0, 0)
    others = [f"{speaker} ({count})" for speaker, count in sorted(by_speaker.items()) if count != usual]
    if others and speakers > len(by_speaker) / 2:
        yield f"speakers with another number of clips than the usual {usual}: {some(others, _SHOWN)}"
