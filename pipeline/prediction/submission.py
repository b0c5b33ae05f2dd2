"""A submission to EmotiW's video sub-challenge, from predictions for clips whose labels the organisers keep back.

The organisers ask for one text file per clip, named after it (`011145880.txt` for the clip 011145880), that holds one
of Angry, Disgust, Fear, Happy, Neutral, Sad, Surprise; the files go into a zip file named after the team ("Submitting
results" of EmotiW 2014, "Results submission" of EmotiW 2018 and 2019: the same words in these years; the page of 2017,
of Ouyang et al., was not found).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, SettingsError
from pipeline.core.files import atomic_path
from pipeline.corpora import LEFT_OUT
from pipeline.corpora.afew import LABELS
from pipeline.prediction.course import decision
from pipeline.prediction.results import Prediction

FOLDER = "submission"
NAMES = {emotion: label for label, emotion in LABELS.items() if emotion != LEFT_OUT}
"""Emotion -> the challenge's name of it."""


def check_classes(classes: Sequence[str]) -> None:
    """Refuse, by a SettingsError, models that know other emotions than the challenge."""
    if other := [name for name in classes if name not in NAMES]:
        what = f"the models also tell {', '.join(other)}, which EmotiW has not"
        raise SettingsError(f"--submission: {what}; train them on a corpus with the seven, or map its labels to them")


def check_names(clips: Sequence[Clip]) -> None:
    """Refuse, by a CorpusError, two clips that would share one text file."""
    counts = Counter(_stem(clip) for clip in clips)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise CorpusError(f"--submission: {twice[0]}: several files have this name; judge one folder at a time")


def write_submission(made: Prediction, out: Path) -> str:
    """Write `submission/<clip>.txt` of every judged clip below `out`, in the place of an earlier one; return one line.

    A clip that could not be judged has no file, since nothing was seen or heard in it; the line names these.
    """
    folder, lacking = out / FOLDER, []
    shutil.rmtree(folder, ignore_errors=True)
    for clip, row in zip(made.found.clips, made.outcome.posteriors[made.choice.name], strict=True):
        if emotion := decision(row, made.choice.classes):
            with atomic_path(folder / f"{_stem(clip)}.txt") as temporary:
                temporary.write_text(f"{NAMES[emotion]}\n", encoding="ascii")
        else:
            lacking.append(_stem(clip))
    told = f"submission: {len(made.found.clips) - len(lacking)} of {len(made.found.clips)} clips in {folder}"
    return f"{told}; no file, as they could not be judged: {', '.join(lacking)}" if lacking else told


def _stem(clip: Clip) -> str:
    return PurePosixPath(clip.path).stem
