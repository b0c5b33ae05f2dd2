"""emodb: EMO-DB, Burkhardt et al. 2005: 10 German actors speak 10 sentences in 7 emotions; 535 recordings. Audio only.

File names are `<speaker><text><emotion><version>.wav`, such as `03a01Fa.wav`, usually in `wav/`; the emotion is the
first letter of its German name.

Verified on the 92 files of speakers 03 and 09; the letters and speakers are those of the corpus's own page, which gives
"more than 500" recordings; the counts by emotion are those that are commonly printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.corpora._scan import matched, media_files, named

LABELS = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happy", "T": "sad", "N": "neutral"}
LICENCE = "free of charge, as its page says"
CITATION = (
    "F. Burkhardt, A. Paeschke, M. Rolfes, W. F. Sendlmeier, B. Weiss: A database of German emotional speech. "
    "Interspeech 2005"
)
PROTOCOL = {"name": "loso"}
EXPECTED = {"clips": 535, "speakers": 10} | {
    f"label:{letter}": count for letter, count in zip("WLEAFTN", (127, 81, 46, 69, 71, 62, 79), strict=True)
}
_WOMEN = ("08", "09", "13", "14", "16")
_NAME = re.compile(r"(?P<speaker>03|08|09|1[0-6])[ab]\d{2}(?P<emotion>[WLEAFTN])[a-z]?", re.IGNORECASE)


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root`; `emotion` is the corpus's own letter."""
    for clip_id, path in named(root, media_files(root, [".wav"])):
        match = matched(path, _NAME, "an EMO-DB file name (03a01Fa.wav)")
        speaker, label = match["speaker"], match["emotion"].upper()
        gender = "female" if speaker in _WOMEN else "male"
        yield Clip(clip_id, path.relative_to(root).as_posix(), speaker, label, gender=gender)
