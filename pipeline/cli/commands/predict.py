"""Judge new clips by a trained system: emotions, and how they go over time.

Features come from the same stages' code, settings, weights and clip cache as the corpus's, so a second call computes
none of them again. There is one trained system per fold; what is told is the mean over the folds, each with its own
column selection, fine-tuned networks, classifiers and learned fusion. Bad media cost their clip at most.

examples:
  python -m pipeline predict clip.mp4
  python -m pipeline predict folder --system ouyang2017 --out /tmp/found
  python -m pipeline predict clip.mp4 --model dlib128-svm --window 2 --hop 0.5
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pipeline.cli.commands._shared import add_params
from pipeline.core.errors import SettingsError


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "path", type=Path, metavar="FILE|FOLDER", help="a media file, or a folder that is searched with all below it"
    )
    parser.add_argument("--corpus", default="", help="whose models; the only corpus of params.yaml if not given")
    parser.add_argument("--system", default="", help="huang2017, or the only one, if not given")
    parser.add_argument(
        "--model",
        default="",
        help="model or fusion by its name; the fusion that was best on validation clips if not given",
    )
    parser.add_argument(
        "--fold", default="", help="this fold's system alone, such as fold-00; the mean over all if not given"
    )
    parser.add_argument("--out", type=Path, help="folder for the results; reports/predictions/<name> if not given")
    parser.add_argument(
        "--window", type=float, default=1.0, metavar="S", help="length of the windows over a clip, s (1.0)"
    )
    parser.add_argument("--hop", type=float, default=0.25, metavar="S", help="from one window to the next, s (0.25)")
    parser.add_argument("--no-pictures", dest="pictures", action="store_false", help="draw nothing")
    add_params(parser)


def run(args: argparse.Namespace) -> tuple[str, bool]:
    """Predict, write, and return the table, and whether any clip could be judged."""
    import pipeline.core.numeric  # noqa: F401 - in force before any numeric library comes in, as in the stages
    from pipeline.core.settings import parse
    from pipeline.prediction.predict import Wanted, predict
    from pipeline.prediction.results import told, write
    from pipeline.prediction.spans import SpanParams

    spans = parse(SpanParams, {"window_s": args.window, "hop_s": args.hop}, "--window, --hop")
    out = args.out or args.params.parent / "reports" / "predictions" / (args.path.resolve().stem or "root")
    _check_out(out)
    wanted = Wanted(args.path, spans, args.corpus, args.system, args.model, args.fold)
    made = predict(wanted, args.params, lambda line: print(line, file=sys.stderr))
    write(made, out, args.pictures)
    return told(made, out), made.judged > 0


def _check_out(out: Path) -> None:
    """Refuse a folder that cannot be written to, before anything is computed."""
    nearest = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise SettingsError(f"--out {out}: {nearest} is no folder that can be written to; name another")
