"""savee: SAVEE, Haq and Jackson 2009: four men speak 15 sentences in each of 6 emotions, and 30 neutral ones; 480
clips. LOSO.

Layout: `AudioVisualClip/DC/a01.avi` and `AudioData/DC/a01.wav`, in any folders above; or `DC_a01.wav`, as in a widely
used copy. The first letters are the emotion. A sentence is used once, as a video where there is one; the others are
`another form`.

Speakers, letters and counts are those of the corpus's own note in `AudioData`; names with the speaker in front are
those of public code that loads the copy. Not verified: the videos' folder and suffix (.avi and .mp4 are read, and what
holds no audio there is used as video only), and the licence's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import ANOTHER_FORM, fullest, joined, matched, media_files, only

_SPOKEN = {"a": "anger", "d": "disgust", "f": "fear", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprise"}
LABELS = {**_SPOKEN, ANOTHER_FORM: LEFT_OUT}
LICENCE = "free of charge for research, after registration"
CITATION = (
    "S. Haq, P. J. B. Jackson: Speaker-dependent audio-visual emotion recognition. International Conference on "
    "Auditory-Visual Speech Processing, 2009"
)
PROTOCOL = {"name": "loso"}
EXPECTED = {"speakers": 4, "label:n": 120, **{f"label:{name}": 60 for name in _SPOKEN if name != "n"}}
_SPEAKERS = ("DC", "JE", "JK", "KL")
_NAME = re.compile(r"(?:(?P<speaker>DC|JE|JK|KL)_)?(?P<emotion>a|d|f|h|n|sa|su)(?P<number>\d{2})", re.IGNORECASE)


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root`; `emotion` is the corpus's own letters, or `another form`."""
    files = media_files(root, [".avi", ".mp4", ".wav"])
    names = {path: _name(root, path) for path in files}
    used = fullest(files, lambda path: names[path], lambda path: path.suffix.lower() == ".wav")
    for path in files:
        speaker, emotion, number = names[path]
        inside = path.relative_to(root)
        clip_id = joined([speaker, emotion + number] if path in used else inside.parts)
        yield Clip(clip_id, inside.as_posix(), speaker, emotion if path in used else ANOTHER_FORM, gender="male")


def _name(root: Path, path: Path) -> tuple[str, str, str]:
    """Return speaker, emotion and number of the sentence."""
    match = matched(path, _NAME, "a SAVEE file name (DC/a01.avi, DC_a01.wav)")
    names = [name.upper() for name in (match["speaker"] or "", *path.relative_to(root).parts[:-1])]
    remedy = f"keep it below one of {', '.join(_SPEAKERS)}, and the root above these"
    speaker = only(path, (name for name in names if name in _SPEAKERS), "of {} speakers", remedy)
    return speaker, match["emotion"].lower(), match["number"]
