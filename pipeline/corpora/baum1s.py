"""baum1s: BAUM-1s, Zhalehpour et al. 2017: 1222 spontaneous clips of 31 Turkish subjects. LOGSO with five groups.

Layout: `BAUM1s_MP4 - All/s001/S001_015.mp4`, in any folders, and the table `Annotations_BAUM1s.xlsx`, saved as CSV by
the user, with the columns `Clip Name` and `Emotion`. Videos below a folder of BAUM-1a, whose clips have names of
the same form, are passed over: it is another corpus.

The six basic emotions are used, 521 clips in Zhang et al. 2017. The clips of other labels (boredom, bothered,
concentrating, contempt, neutral, thinking, unsure) and those that the table lacks are left out; `corpus.json` lists
them.

Read in public code that loads the corpus: folders, file names, the name and both columns of the table, the first three
letters of all 13 labels, and that one row (S015_007) has a numeric code that contradicts its label; the label counts
here. Not verified: the labels' full spelling (their first letters decide), the licence's words, and which subjects form
the five groups of the paper: `protocol.groups` takes lists of speakers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.corpora import _baum1

LABELS = _baum1.labels_of("boredom bothered concentrating contempt neutral thinking unsure")
LICENCE = "for research, on request from its authors"
CITATION = _baum1.CITATION
PROTOCOL = {"name": "logso", "groups": 5}
EXPECTED = {"clips": 1222}


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips of the table and the videos below `root` that it lacks; `emotion` is the corpus's own label."""
    yield from _baum1.part_clips(root, "s", LABELS)
