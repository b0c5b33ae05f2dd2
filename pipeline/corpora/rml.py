"""rml: RML, Wang and Guan 2008: 720 clips of 8 subjects, 6 languages, 6 emotions. Protocol: leave one subject out.

Layout: `s1` to `s8`, in any folders (as published `rml-1/s1` to `rml-1/s5` and `rml-2/s6` to `rml-2/s8`); in it videos
`<emotion><take>.avi`, such as `an1.avi`, or one folder per language with such videos.

Read in public code that loads the corpus: the folders above, that some subjects have a folder more, that all 720 names
begin with `an`, `di`, `fe`, `ha`, `sa` or `su`, that a copy holds `s1/s1/sa1.avi` and `.db` files. On the corpus's own
page: subjects, emotions, AVI, licence. Not verified: the names of the language folders, and what follows the emotion in
a file name; here it begins with no letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.corpora._scan import above, joined, matched, media_files

LABELS = {"an": "anger", "di": "disgust", "fe": "fear", "ha": "happy", "sa": "sad", "su": "surprise"}
LICENCE = "free of charge for research and non-commercial use, after a signed agreement"
CITATION = (
    "Y. Wang, L. Guan: Recognizing human emotional state from audiovisual signals. IEEE Transactions on Multimedia "
    "10(5), 2008"
)
PROTOCOL = {"name": "loso"}
EXPECTED = {"clips": 720, "speakers": 8}
_NAME = re.compile(r"(?P<emotion>an|di|fe|ha|sa|su)(?![a-z]).*", re.IGNORECASE)
_SUBJECT = re.compile(r"(s[1-8])", re.IGNORECASE)


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root`; `emotion` is the corpus's own code."""
    remedy = "keep it below one of s1 to s8, and the root above these"
    for path in media_files(root, [".avi", ".mp4"]):
        label = matched(path, _NAME, "an RML file name (an1.avi, ha12.avi)")["emotion"].lower()
        subject, languages = above(root, path, _SUBJECT, "subjects", remedy)
        clip_id = joined([subject, *languages, path.stem])
        yield Clip(clip_id, path.relative_to(root).as_posix(), subject, label)
