"""cremad: CREMA-D, Cao et al. 2014: 7,442 clips of 91 actors, 12 sentences, 6 emotions.

File names are `<actor>_<sentence>_<emotion>_<level>.flv`, usually in `VideoFlash/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.corpora._scan import media_files, named

LABELS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
LICENCE = "Open Database License 1.0"
CITATION = (
    "H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova, R. Verma: CREMA-D: Crowd-sourced emotional multimodal "
    "actors dataset. IEEE Transactions on Affective Computing 5(4), 2014"
)
_NAME = re.compile(r"(?P<actor>\d{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>[A-Z]{1,2})", re.IGNORECASE)


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root`; `emotion` is the corpus's own code.

    Raises:
        CorpusError: no clips, or a file name that is not CREMA-D's
    """
    for clip_id, path in named(root, media_files(root, [".flv", ".mp4"])):
        match = _NAME.fullmatch(path.stem)
        if match is None:
            raise CorpusError(f"{path}: not a CREMA-D file name (1001_DFA_ANG_XX.flv); move it out of the corpus folder")
        yield Clip(clip_id, path.relative_to(root).as_posix(), match["actor"], match["emotion"].upper())
