"""enterface05: eNTERFACE'05, Martin et al. 2006: 5 sentences of each of 6 emotions by 43 subjects, in English. LOSO.

Layout: `subject 1/anger/sentence 1/s1_an_1.avi`. What speaks is the folders, never the file names: 23 names carry typos
(`s_3_ha_1.avi`, `s16_su_3avi.avi`), and the videos below `subject 11` are named `s12_...`, though they are not those of
`subject 12`. Folders may have `-` or `_` for the space.

Subject 6 has no sentence folders: one video of a whole session lies in each emotion's folder, 56 to 107 s long. They
are left out (`corpus.json` lists them), which gives the 43 subjects of Zhang et al. 2017; subject 23 lacks 3 clips, so
that there are 1287 clips, where the paper has 1290.

Read in public code and recipes that load the corpus: all of the above. On the corpus's own page: emotions, licence,
and 42 subjects (without 6 and 23). Not verified: the names of subject 6's videos, which are not used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import above, joined, media_files, words

_EMOTIONS = words("anger disgust fear happiness sadness surprise")
LABELS = {**_EMOTIONS, "whole session": LEFT_OUT}
LICENCE = "MIT licence, as its page says"
CITATION = (
    "O. Martin, I. Kotsia, B. Macq, I. Pitas: The eNTERFACE'05 audio-visual emotion database. 22nd International "
    "Conference on Data Engineering Workshops, 2006"
)
PROTOCOL = {"name": "loso"}
EXPECTED = {"speakers": 43}
_SUBJECT = re.compile(r"subject[ _-]?0*(?P<number>\d+)", re.IGNORECASE)
_SENTENCE = re.compile(r"sentence[ _-]?0*(?P<number>\d+)", re.IGNORECASE)
_UNSEGMENTED = "subject-06"
_LAYOUT = "subject 1/anger/sentence 1/s1_an_1.avi"


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips below `root`; `emotion` is the name of the emotion's folder, or `whole session`."""
    for path in media_files(root, [".avi", ".mp4"]):
        subject, inside = above(root, path, _SUBJECT, "subjects", f"expected {_LAYOUT} below the root")
        speaker = f"subject-{int(subject):02d}"
        emotion = inside[0].lower() if inside else ""
        if emotion not in _EMOTIONS:
            raise CorpusError(
                f"{path}: no emotion's folder in the subject's{did_you_mean(emotion, _EMOTIONS)}; expected {_LAYOUT}"
            )
        sentence = _SENTENCE.fullmatch(inside[1]) if len(inside) > 1 else None
        name = path.relative_to(root).as_posix()
        if sentence is not None:
            yield Clip(joined([speaker, emotion, sentence["number"]]), name, speaker, emotion)
        elif speaker == _UNSEGMENTED and len(inside) == 1:
            yield Clip(joined([speaker, emotion, path.stem]), name, speaker, "whole session")
        else:
            raise CorpusError(
                f"{path}: not in a sentence's folder; expected {_LAYOUT}, or move it out of the corpus folder"
            )
