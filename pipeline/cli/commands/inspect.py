"""Show what is in any file that the stages made, draw it, or compare two of them.

FILE is recognised by its content: features (.h5), manifest, splits, ledger, posteriors, scores and any other table or
    JSON,
a network (.pt), a pickled classifier (.joblib, which is never opened), or a folder of models/.

examples, from the project's root folder:
  python -m pipeline inspect features/demo/lld147.h5                      columns, rate, coverage, ranges; a line per
  clip
  python -m pipeline inspect features/demo/v1024.h5 --fold fold-01 --clip s01_anger_1
                                                                          one clip, column by column, as learned in that
                                                                          fold
  python -m pipeline inspect features/demo/lld147.h5 --clip s01_anger_1 --plot anger.png
                                                                          its heat map, with the face and the sound
                                                                          above it
  python -m pipeline inspect features/demo/dlib128.h5 --project plane.png --method tsne
                                                                          all clips in a plane, by emotion and by
                                                                          speaker
  python -m pipeline inspect old/lld147.h5 --diff features/demo/lld147.h5
                                                                          what changed, worst clips and columns first
  python -m pipeline inspect reports/demo/huang2017/ledger.csv            what was lost where, worst clips first
  python -m pipeline inspect reports/demo/huang2017/predictions.csv --clip s01_anger_1
                                                                          what every model says of one clip
  python -m pipeline inspect models/demo/huang2017/classifiers/lld147-lstm
                                                                          settings, training, test figures, layers

The exit code is 0 if all is well, and 1 if the file cannot be shown, or --diff finds another value, mask, clip or
shape;
attributes alone, such as the code's version, are told and are no difference.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli.commands._shared import add_params


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that a stage made, or a folder of models/")
    parser.add_argument("--clip", metavar="ID", default="", help="this clip alone")
    parser.add_argument(
        "--fold",
        metavar="FOLD",
        default="",
        help="which fold, where the feature is learned per fold (default: the first)",
    )
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--plot", type=Path, metavar="OUT.png", help="with --clip: draw it over time")
    one.add_argument("--project", type=Path, metavar="OUT.png", help="draw all clips in a plane")
    one.add_argument("--diff", type=Path, metavar="OTHER", help="compare with another feature file")
    parser.add_argument("--method", choices=("pca", "tsne"), default="pca", help="of --project (default: pca)")
    parser.add_argument(
        "--root", type=Path, help="folder of the media, for --plot (default: corpora.<corpus>.root of the settings)"
    )
    add_params(parser)


def run(args: argparse.Namespace) -> str | tuple[str, bool]:
    """Return text about the file, or where the picture is, or what differs and whether nothing does."""
    from pipeline.cli.inspect.artifact import check_features, clean_errors, describe
    from pipeline.core.errors import SettingsError

    option = next((name for name in ("plot", "project", "diff") if getattr(args, name)), "")
    if not option:
        return describe(args.file, args.clip, args.fold)
    with clean_errors():
        if bool(args.clip) != (option == "plot"):
            raise SettingsError(
                f"--{option}: {'name the clip with --clip ID' if option == 'plot' else 'it is about all clips; leave --clip out'}"
            )
        check_features(args.file, f"--{option}")
        if option == "plot":
            from pipeline.cli.inspect.clip_picture import draw as draw_clip

            return draw_clip(args.file, args.clip, args.fold, args.plot, args.params, args.root)
        if option == "project":
            from pipeline.cli.inspect.projection import draw as draw_plane

            return draw_plane(args.file, args.fold, args.project, args.method)
        from pipeline.cli.inspect.difference_text import describe as describe_difference

        check_features(args.diff, "--diff")
        return describe_difference(args.file, args.diff)
