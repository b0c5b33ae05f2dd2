"""tess: TESS, Pichora-Fuller and Dupuis 2020: 200 words by two actresses in 7 emotions, 2800 recordings. Audio only.

File names are `<speaker>_<word>_<emotion>.wav`, such as `OAF_back_angry.wav` and `YAF_food_ps.wav` (pleasant surprise),
usually in folders such as `OAF_Fear`; the folders are not looked at. `OA_bite_neutral.wav` is named so in the corpus.
A widely used copy holds all files twice: the second one is `another form`.

With two speakers nobody remains to validate on: the protocol validates on clips of the training speaker.

Names, the typo and the copy are those of public code that loads the corpus; the counts follow from 200 words, 7
emotions and 2 speakers. Not verified: the licence's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import ANOTHER_FORM, fullest, matched, media_files, named, words

_SPOKEN = words("angry disgust fear happy neutral sad") | {"ps": "surprise"}
LABELS = {**_SPOKEN, ANOTHER_FORM: LEFT_OUT}
LICENCE = "CC BY-NC-ND 4.0, as its page says"
CITATION = "M. K. Pichora-Fuller, K. Dupuis: Toronto emotional speech set (TESS). Borealis, 2020"
PROTOCOL = {"name": "loso", "validate_by": "clips"}
EXPECTED = {"speakers": 2, **{f"label:{name}": 400 for name in _SPOKEN}}
_NAME = re.compile(rf"(?P<age>[OY])AF?_[a-z]+_(?P<emotion>{'|'.join(_SPOKEN)})", re.IGNORECASE)


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root`; `emotion` is the corpus's own word, or `another form`."""
    files = media_files(root, [".wav"])
    used = fullest(files, lambda path: path.stem.lower(), lambda _: 0)
    for clip_id, path in named(root, files):
        match = matched(path, _NAME, "a TESS file name (OAF_back_angry.wav)")
        label = match["emotion"].lower() if path in used else ANOTHER_FORM
        yield Clip(clip_id, path.relative_to(root).as_posix(), f"{match['age'].upper()}AF", label, gender="female")
