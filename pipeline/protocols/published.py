"""Published folds by name: which speakers are tested together, as the authors of a benchmark give them.

The groups are facts that were read in the files named under `source`. In part of a corpus the groups that have clips
are tested in turn; the words beside a figure then say how many of the published folds these are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError


@dataclass(frozen=True)
class Published:
    """Folds of speakers that were published.

    Attributes:
        corpus: its published name
        groups: the speakers of each test side, named as the corpus's adapter names them
        source: who published them, and where they were read
    """

    corpus: str
    groups: tuple[tuple[str, ...], ...]
    source: str

    @property
    def speakers(self) -> frozenset[str]:
        """All speakers that the protocol knows."""
        return frozenset(speaker for group in self.groups for speaker in group)


def _numbered(*groups: Iterable[int]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(str(number) for number in group) for group in groups)


PUBLISHED: Mapping[str, Published] = {
    "ravdess_luna_jimenez": Published(
        "RAVDESS",
        _numbered((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24), (1, 4, 9, 22)),
        "Luna-Jimenez et al. 2021, Sensors 21(22); README of cristinalunaj/MMEmotionRecognition",
    ),
    "ravdess_hicmae": Published(
        "RAVDESS",
        _numbered(*(range(first, first + 4) for first in range(1, 25, 4))),
        "Sun et al. 2024, HiCMAE; saved/data/ravdess/audio_visual/split01 to split06 of sunlicai/HiCMAE",
    ),
    "emobox_ravdess": Published(
        "RAVDESS",
        _numbered((1, 11, 20, 21), (4, 10, 12, 14), (8, 9, 19, 23), (3, 5, 7, 24), (2, 15, 16, 18), (6, 13, 17, 22)),
        "Ma et al. 2024, EmoBox; data/ravdess/fold_1 to fold_6 of emo-box/EmoBox",
    ),
    "cremad_hicmae": Published(
        "CREMA-D",
        _numbered(range(1001, 1019), range(1019, 1037), range(1037, 1055), range(1055, 1073), range(1073, 1092)),
        "Sun et al. 2024, HiCMAE; saved/data/crema-d/audio_visual/split01 to split05 of sunlicai/HiCMAE",
    ),
    "iemocap_sessions": Published(
        "IEMOCAP",
        tuple((f"Ses{session:02d}F", f"Ses{session:02d}M") for session in range(1, 6)),
        "one session out, as in most papers; data/iemocap/fold_1 to fold_5 of emo-box/EmoBox",
    ),
}
"""Protocol -> its folds, none of which shares a speaker between training and test."""


def groups_here(name: str, speakers: Collection[str]) -> list[list[str]]:
    """Return the published groups, without speakers whom the corpus lacks and groups that then are empty.

    Raises:
        SettingsError: fewer than two groups are left, since the corpus is another one or too small a part

    >>> groups_here("ravdess_hicmae", ["1", "3", "9", "somebody"])
    [['1', '3'], ['9']]
    """
    known, here = PUBLISHED[name], set(speakers)
    groups = [sorted(here.intersection(group)) for group in known.groups]
    found = [group for group in groups if group]
    if len(found) < 2:
        raise SettingsError(
            f"params.yaml: protocol.name: {name} knows {known.corpus}'s speakers ({_some(known.groups[0])}); of its "
            f"{len(groups)} groups this corpus has {len(found)}, and it has {_some(sorted(here))}; use loso or logso"
        )
    return found


def strangers(clips: Iterable[Clip], name: str) -> dict[str, str]:
    """Return clip id -> why no fold has the clip: its speaker is in none of the published groups."""
    known = PUBLISHED[name].speakers
    return {c.clip_id: f"{name} knows no speaker '{c.speaker}'" for c in clips if c.speaker not in known}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
