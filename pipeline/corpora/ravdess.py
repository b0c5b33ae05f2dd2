"""ravdess: RAVDESS, Livingstone and Russo 2018: 24 actors speak, and 23 of them sing, two sentences in 8 emotions.

File names are `<modality>-<channel>-<emotion>-<intensity>-<statement>-<repetition>-<actor>`, such as
`01-01-06-01-02-01-12.mp4`, usually in `Actor_12/`; the folders are not looked at. Modality: 01 video with audio, 02
video without, 03 audio only; channel: 01 speech, 02 song; actors of even number are women.

One performance is published in up to three modalities. Each is used once, as a video with audio where there is one,
else as audio; the others are `another form`, as are second copies (one widely used copy holds all files twice).
What is sung has labels of its own, such as `happy (sung)`, and is left out: `corpus.json` lists these clips, and
`labels: {happy (sung): happy}` takes them in.

The protocol that it brings is five folds by actor (C. Luna-Jimenez et al., "Multimodal emotion recognition on RAVDESS
dataset using transfer learning", Sensors 21(22), 2021); `pipeline/protocols/published.py` has others.

Verified on 16 files of actor 01; codes, counts and the lack of songs by actor 18 are those of the corpus's own page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import ANOTHER_FORM, WORDS, fullest, matched, media_files, named

_CODES = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_SUNG = " (sung)"
LABELS = {name: WORDS[name] for name in _CODES} | dict.fromkeys(
    [*(name + _SUNG for name in _CODES), ANOTHER_FORM], LEFT_OUT
)
LICENCE = "CC BY-NC-SA 4.0"
CITATION = (
    "S. R. Livingstone, F. A. Russo: The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS): A "
    "dynamic, multimodal set of facial and vocal expressions in North American English. PLoS ONE 13(5), 2018"
)
PROTOCOL = {"name": "ravdess_luna_jimenez"}
EXPECTED = {"speakers": 24, "label:neutral": 96, **{f"label:{name}": 192 for name in _CODES[1:]}}
_NAME = re.compile(
    r"0(?P<modality>[1-3])-0(?P<channel>[12])-0(?P<emotion>[1-8])-0[12]-0[12]-0[12]-(?P<actor>0[1-9]|1\d|2[0-4])"
)
_RANKS = "132"
"""Modalities, the fullest first: audio and video, audio, video."""


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root`; `emotion` is the code's meaning, or `another form`."""
    files = media_files(root, [".mp4", ".wav"])
    matches = {path: matched(path, _NAME, "a RAVDESS file name (01-01-06-01-02-01-12.mp4)") for path in files}
    used = fullest(files, lambda path: path.stem[2:], lambda path: _RANKS.index(matches[path]["modality"]))
    for clip_id, path in named(root, files):
        match, actor = matches[path], int(matches[path]["actor"])
        label = _CODES[int(match["emotion"]) - 1] + (_SUNG if match["channel"] == "2" else "")
        label, gender = label if path in used else ANOTHER_FORM, "male" if actor % 2 else "female"
        yield Clip(clip_id, path.relative_to(root).as_posix(), str(actor), label, gender=gender)
