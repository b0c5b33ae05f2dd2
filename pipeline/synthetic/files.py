"""Text files of the generated corpora: tables and the notice that they are generated."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Sorted CSV text with ``\\n`` line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(sorted(rows))
    return text.getvalue()


def write_text(path: Path, text: str) -> None:
    """UTF-8 with ``\\n`` line ends on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def notice(what: str, settings: BaseModel) -> str:
    """Contents of GENERATED.txt."""
    return (
        f"This folder is GENERATED: {what}. No person was recorded for it.\n"
        "It is for trying the pipeline. Results on it say nothing about people.\n\n"
        "Voices: random syllables from a source-filter synthesizer (pulses, noise, formant\n"
        "resonators) with prosody scaled from published figures; see pipeline/synthetic.\n"
        "Faces: the portrait skimage.data.astronaut() (NASA, public domain), warped and\n"
        "recoloured; expressions follow FACS action units.\n\n"
        f"Settings: {json.dumps(settings.model_dump(), sort_keys=True)}\n"
    )
