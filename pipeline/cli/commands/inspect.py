"""Show what is in any file that the stages made, draw it, or compare two of them.

FILE is recognised by its content: features (.h5), manifest, splits, ledger, posteriors, scores and any other table or
JSON, a network (.pt), a pickled classifier (.joblib, which is never opened), or a folder of models/.

examples, from the project's root folder:
  python -m pipeline inspect features/demo/lld147.h5
      columns, rate, coverage, ranges; a line per clip
  python -m pipeline inspect features/demo/v1024.h5 --fold fold-01 --clip s01_anger_1
      one clip, column by column, as learned in that fold
  python -m pipeline inspect features/demo/lld147.h5 --clip s01_anger_1 --plot anger.png
      its heat map, with the face and the sound above it
  python -m pipeline inspect features/demo/dlib128.h5 --project plane.png --method tsne
      all clips in a plane, by emotion and by speaker
  python -m pipeline inspect old/lld147.h5 --diff features/demo/lld147.h5
      what changed, worst clips and columns first
  python -m pipeline inspect reports/demo/huang2017/ledger.csv
      what was lost where, worst clips first
  python -m pipeline inspect reports/demo/huang2017/predictions.csv --clip s01_anger_1
      what every model says of one clip
  python -m pipeline inspect models/demo/huang2017/classifiers/lld147-lstm
      settings, training, test figures, layers

The exit code is 0 if all is well, and 1 if the file cannot be shown, or --diff finds another value, mask, clip or
shape; attributes alone, such as the code's version, are told and are no difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, BadParameter, Option

from pipeline.cli.commands._arguments import PARAMS, Params, offer_clips

_PICTURE = "OUT.png"


def run(
    file: Annotated[Path, Argument(metavar="FILE", help="A file that a stage made, or a folder of models/.")],
    clip: Annotated[str, Option(metavar="ID", autocompletion=offer_clips, help="This clip alone.")] = "",
    fold: Annotated[str, Option(metavar="FOLD", help="Of a feature learned per fold; the first if not given.")] = "",
    plot: Annotated[Path | None, Option(metavar=_PICTURE, help="With --clip: draw it over time.")] = None,
    project: Annotated[Path | None, Option(metavar=_PICTURE, help="Draw all clips in a plane.")] = None,
    diff: Annotated[Path | None, Option(metavar="OTHER", help="Compare with another feature file.")] = None,
    method: Annotated[Literal["pca", "tsne"], Option(help="Of --project.")] = "pca",
    root: Annotated[
        Path | None,
        Option(metavar="FOLDER", help="Of the media, for --plot; corpora.<corpus>.root of the settings if not given."),
    ] = None,
    params: Params = PARAMS,
) -> str | tuple[str, bool]:
    from pipeline.cli.inspect import artifact

    asked = [name for name, value in (("plot", plot), ("project", project), ("diff", diff)) if value]
    if len(asked) > 1:
        raise BadParameter(f"--{asked[0]} and --{asked[1]} are two questions; ask one at a time")
    with artifact.clean_errors():
        if not asked:
            return artifact.describe(file, clip, fold)
        artifact.check_question(asked[0], clip, file, *([diff] if diff else []))
        if plot:
            from pipeline.cli.inspect.clip_picture import draw as draw_clip

            return draw_clip(file, clip, fold, plot, params, root)
        if project:
            from pipeline.cli.inspect.projection import draw as draw_plane

            return draw_plane(file, fold, project, method)
        from pipeline.cli.inspect.difference import describe as describe_difference

        assert diff is not None
        return describe_difference(file, diff)
