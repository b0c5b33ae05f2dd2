"""Label the phones of transcribed English, for the source task of a60 and a1024.

Needs the package pocketsphinx. Every sound needs a .txt beside it with what is said, a line of a .trans.txt as
LibriSpeech has them, or a row in a table. Writes phones.ctm; sounds that cannot be aligned are listed, and left out.

examples:
  python -m pipeline align corpus                             corpus/**/x.wav with x.txt
  python -m pipeline align corpus --texts texts.csv           columns: utterance (x), text
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pipeline.cli.commands import _arguments as given


def run(
    folder: Annotated[Path, Argument(metavar="FOLDER", help="Sounds, also in its subfolders.")],
    texts: Annotated[Path | None, Option(metavar="FILE", help="Table of what is said; none: .txt files.")] = None,
    out: Annotated[Path | None, Option(metavar="FILE", help="The labels; none: FOLDER/phones.ctm.")] = None,
    params: given.Params = given.PARAMS,
) -> str:
    from pipeline.pretraining.alignment import align_folder, by_pocketsphinx, check_installed

    version = check_installed()
    found = align_folder(folder.expanduser(), texts, out, given.runtime_of(params).workers, by_pocketsphinx)
    return f"aligned by pocketsphinx {version}\n{found}"
