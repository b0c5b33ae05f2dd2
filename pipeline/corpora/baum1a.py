"""baum1a: BAUM-1a, the acted part of BAUM-1, Zhalehpour et al. 2017: 273 clips of 30 Turkish subjects.

Layout: `BAUM1a_MP4_all/s001/S001_001.mp4`, in any folders, and the table `Annotations_BAUM1a.xlsx`, saved as CSV by
the user, with the columns `Clip Name` and `Emotion`. Videos below a folder of BAUM-1s are passed over: it is another
corpus.

The six basic emotions are used. The clips of other labels (boredom, interest, unsure) and those that the table lacks
are left out; `corpus.json` lists them. There is no neutral, and no row of the table known here says surprise, though
its list of codes leaves room for it.

Read in public code that loads the corpus: folders (also `BAUM1a_MP4 - All`), file names, the name and both columns of
the table, the label of each of its 265 rows (`Intrest` is its spelling), the 8 videos that it lacks, that S001 to S031
without S005 occur, and that one row (S019_023) has the number of another subject: here the clip's name speaks.
`EXPECTED` counts these rows and videos. Another copy of the labels has the same 42, 26 and 37 clips of anger, happiness
and sadness.

Not verified: the paper's own counts of this part (31 subjects are printed for the whole of BAUM-1), that each row has
a video, the licence's words, and the protocol that the paper tests this part with: none is brought.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.corpora import _baum1

LABELS = _baum1.labels_of("boredom interest unsure")
LICENCE = "for research, on request from its authors, after an agreement that forbids passing it on"
CITATION = _baum1.CITATION
_COUNTS = {
    **{"anger": 42, "disgust": 34, "fear": 35, "happiness": 26, "sadness": 37},
    **{"boredom": 26, "interest": 28, "unsure": 37, "not annotated": 8},
}
EXPECTED = {"clips": 273, "speakers": 30} | {f"label:{label}": count for label, count in _COUNTS.items()}


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips of the table and the videos below `root` that it lacks; `emotion` is the corpus's own label."""
    yield from _baum1.part_clips(root, "a", LABELS)
