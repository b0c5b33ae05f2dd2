"""Judge new clips by a trained system: emotions, and how they go over time.

Features come from the same stages' code, settings, weights and clip cache as the corpus's, so a second call computes
none of them again. There is one trained system per fold; what is told is the mean over the folds, each with its own
column selection, fine-tuned networks, classifiers and learned fusion. Bad media cost their clip at most.

examples:
  python -m pipeline predict clip.mp4
  python -m pipeline predict folder --system ouyang2017 --out /tmp/found
  python -m pipeline predict clip.mp4 --model dlib128-svm --window 2 --hop 0.5
  python -m pipeline predict /data/AFEW/Test_vid_Distribute --corpus afew --system ouyang2017 --submission
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pipeline.cli.commands._arguments import PARAMS, Params, offer_corpora
from pipeline.core.errors import SettingsError


def run(
    path: Annotated[
        Path, Argument(metavar="FILE|FOLDER", help="A media file, or a folder that is searched with all below it.")
    ],
    corpus: Annotated[
        str, Option(autocompletion=offer_corpora, help="Whose models; the only corpus of params.yaml if not given.")
    ] = "",
    system: Annotated[str, Option(help="reference, else huang2017, or the only one, if not given.")] = "",
    model: Annotated[
        str, Option(help="Model or fusion by its name; the one best on validation clips if not given.")
    ] = "",
    fold: Annotated[
        str, Option(help="This fold's system alone, such as fold-00; the mean over all if not given.")
    ] = "",
    out: Annotated[
        Path | None, Option(metavar="FOLDER", help="Of the results; reports/predictions/<name> if not given.")
    ] = None,
    window: Annotated[float, Option(metavar="S", help="Length of the windows over a clip, s.")] = 1.0,
    hop: Annotated[float, Option(metavar="S", help="From one window to the next, s.")] = 0.25,
    no_pictures: Annotated[bool, Option("--no-pictures", help="Draw nothing.")] = False,
    submission: Annotated[
        bool, Option("--submission", help="Also write submission/<clip>.txt, as EmotiW's video sub-challenge asks.")
    ] = False,
    follow_links: Annotated[
        bool, Option("--follow-links", help="Also judge what links in the folder lead to outside of it.")
    ] = False,
    params: Params = PARAMS,
) -> tuple[str, bool]:
    import pipeline.core.numeric  # noqa: F401 - in force before any numeric library comes in, as in the stages
    from pipeline.core.file_names import written
    from pipeline.core.settings import parse
    from pipeline.prediction.course import SpanParams
    from pipeline.prediction.predict import Wanted, predict
    from pipeline.prediction.results import told, write
    from pipeline.prediction.submission import write_submission

    spans = parse(SpanParams, {"window_s": window, "hop_s": hop}, "--window, --hop")
    out = out or params.parent / "reports" / "predictions" / (written(path.resolve().stem) or "root")
    _check_out(out)
    wanted = Wanted(path, spans, corpus, system, model, fold, submission, follow_links)
    made = predict(wanted, params, lambda line: print(line, file=sys.stderr))
    write(made, out, not no_pictures)
    lines = [told(made, out), *([write_submission(made, out)] if submission else [])]
    return "\n".join(lines), made.judged > 0


def _check_out(out: Path) -> None:
    """Refuse a folder that cannot be written to, before anything is computed."""
    nearest = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise SettingsError(f"--out {out}: {nearest} is no folder that can be written to; name another")
