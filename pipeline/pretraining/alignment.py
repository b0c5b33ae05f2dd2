"""Phone labels for transcribed English: the acoustic model and the aligner that the package pocketsphinx carries.

The package is an extra (`align`) and no stage imports it. Its model is of American English, its phones are the 39 of
the CMU dictionary and SIL. What it writes is a `phones.ctm`, which the source task `phones` reads.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.errors import ClipError, CorpusError, PipelineError
from pipeline.core.files import atomic_path
from pipeline.core.tables import each, read_rows, text_of
from pipeline.engine.parallel import ordered_map
from pipeline.media.decode import read_audio
from pipeline.pretraining.sources._shared.alignments import CTM_FILE, Span, checked

SOUNDS = (".wav", ".flac")
TRANSCRIPT, LIBRISPEECH = ".txt", "*.trans.txt"
COLUMNS = ("utterance", "text")
FRAME_S = 0.01
Aligner = Callable[[np.ndarray, list[str]], list[Span]]
"""Of samples at `AUDIO_HZ` and words: the phones; ClipError `bad_alignment` where they do not go together."""


def align_folder(folder: Path, texts: Path | None, out: Path | None, workers: int, aligner: Aligner) -> str:
    """Align every sound below a folder, write a CTM, and return what was done, a line for each sound that is left out.

    Transcripts are `.txt` beside the sounds, LibriSpeech's `.trans.txt` (a line per sound: its name, its words), or the
    column `text` of a CSV `texts` with the column `utterance`, a sound's name without suffix. CorpusError where there
    are no sounds, two of one name, or none can be aligned.
    """
    sounds, target = _sounds(folder), out or folder / CTM_FILE
    align = partial(_aligned, _table(folder, texts), texts is not None, aligner)
    left_out, phones = [], set()
    with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for path, found in zip(sounds, ordered_map(align, sounds, workers, "aligning", "sound"), strict=True):
            if isinstance(found, ClipError):
                left_out.append(f"left out {path.stem}: {found}")
                continue
            phones |= {phone for _, _, phone in found}
            file.writelines(f"{path.stem} 1 {start:.2f} {end - start:.2f} {phone}\n" for start, end, phone in found)
        if len(left_out) == len(sounds):
            why = f"none of {len(sounds)} sounds could be aligned ({left_out[0]})"
            raise CorpusError(f"{folder}: {why}; mend the transcripts")
        file.writelines(f";; {line}\n" for line in left_out)
    told = f"{target}: {len(sounds) - len(left_out)} of {len(sounds)} sounds, {len(phones)} phones"
    return "\n".join([told, *left_out])


def _table(folder: Path, texts: Path | None) -> dict[str, str]:
    """Return name -> transcript of those that do not lie beside their sounds."""
    if texts:
        if not texts.is_file():
            raise CorpusError(f"{texts}: no such table of transcripts; write one (columns {', '.join(COLUMNS)})")
        told: dict[str, str] = {}
        each(read_rows(texts, COLUMNS, COLUMNS[:1]), partial(_add_text, told))
        return told
    lines = (line for path in sorted(folder.rglob(LIBRISPEECH)) for line in text_of(path).splitlines())
    return {name: text for name, _, text in (line.partition(" ") for line in lines)}


def _add_text(told: dict[str, str], where: str, row: Mapping[str, str]) -> None:
    if row["utterance"] in told:
        raise CorpusError(f"{where}: '{row['utterance']}' is there twice; remove one of the rows")
    told[row["utterance"]] = row["text"]


def _sounds(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUNDS and path.is_file())
    if not found:
        wanted = f"no sounds ({', '.join(SOUNDS)})" if folder.is_dir() else "no such folder"
        raise CorpusError(f"{folder}: {wanted}; name the folder of a transcribed corpus")
    if twice := [name for name, count in Counter(path.stem for path in found).items() if count > 1]:
        raise CorpusError(f"{folder}: {len(twice)} names are there twice, such as '{twice[0]}'; a CTM cannot tell them")
    return found


def _aligned(told: Mapping[str, str], only: bool, aligner: Aligner, path: Path) -> list[Span] | ClipError:
    try:
        words = words_of(told[path.stem] if path.stem in told else _beside(path, only))
        if not words:
            raise ClipError("no_input", "its transcript has no words")
        if re.search(r"\s", path.stem) or path.stem.startswith(";;"):
            raise ClipError("bad_alignment", "a CTM cannot hold a name with a space, or with ;; in front")
        return checked(aligner(read_audio(path, AUDIO_HZ), words))
    except ClipError as error:
        return error


def _beside(path: Path, only: bool) -> str:
    beside = path.with_suffix(TRANSCRIPT)
    if only:
        raise ClipError("no_input", "no transcript, the table of transcripts does not name it")
    if not beside.is_file():
        raise ClipError("no_input", f"no transcript, {beside.name} is not beside it")
    try:
        return beside.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ClipError("unreadable", f"{beside.name}: {type(error).__name__}") from error


def words_of(text: str) -> list[str]:
    """Return the words of a transcript as a dictionary has them.

    >>> words_of("It's eleven o’clock -- \\"don't\\" forget, twenty-two!")
    ["it's", 'eleven', "o'clock", "don't", 'forget', 'twenty', 'two']
    """
    parts = re.split(r"[^\w']+", text.lower().replace("’", "'"))
    return [word for word in (part.strip("'_") for part in parts) if word]


def check_installed() -> str:
    """Return the version of pocketsphinx; PipelineError where it is not installed."""
    try:
        return metadata.version("pocketsphinx")
    except metadata.PackageNotFoundError as error:
        raise PipelineError("the package pocketsphinx is not here; run `pip install 'pocketsphinx>=5.1,<6'`") from error


@cache
def _decoder() -> Any:
    from pocketsphinx import Decoder

    # the mean of the cepstra over each utterance: otherwise a sound's labels hang on those before it
    return Decoder(samprate=AUDIO_HZ, lm=None, cmn="batch", dither=False, loglevel="FATAL")


def by_pocketsphinx(samples: np.ndarray, words: list[str]) -> list[Span]:
    """Return the phones of a sound, silence as SIL; see `Aligner`. First it looks for words, then for their phones."""
    decoder = _decoder()
    for word in words:
        if decoder.lookup_word(word) is None:
            raise ClipError("bad_alignment", f"'{word}' is not in the dictionary")
    raw = (samples.clip(-1, 1) * np.iinfo(np.int16).max).round().astype("<i2").tobytes()
    try:
        decoder.set_align_text(" ".join(words))
        _heard(decoder, raw)
        decoder.set_alignment()
        _heard(decoder, raw)
        found = decoder.get_alignment()
    except RuntimeError as error:
        raise ClipError("bad_alignment", f"its transcript does not fit it ({error})") from error
    if found is None:
        raise ClipError("bad_alignment", "its transcript does not fit it")
    phones = [phone for word in found for phone in word]
    return [(one.start * FRAME_S, (one.start + one.duration) * FRAME_S, one.name) for one in phones]


def _heard(decoder: Any, raw: bytes) -> None:
    decoder.start_utt()
    try:
        decoder.process_raw(raw, full_utt=True)
    finally:
        decoder.end_utt()
