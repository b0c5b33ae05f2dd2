"""Arguments and settings that several commands share, and what the shell offers for them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Context, Option

if TYPE_CHECKING:
    from pipeline.cli.tools.explain import Places
    from pipeline.core.settings import Runtime


def offer_corpora(ctx: Context) -> Iterable[str]:
    return list(_yaml(_given(ctx, "params", "params.yaml")).get("corpora") or ())


def offer_weights(ctx: Context) -> Iterable[str]:
    return list(_yaml(_given(ctx, "lock", "weights.lock")))


def offer_profiles(ctx: Context) -> Iterable[str]:
    folder = _given(ctx, "params", "params.yaml").parent / "profiles"
    return sorted(["default", *(path.stem for path in folder.glob("[!.]*.yaml"))])


def offer_clips(ctx: Context) -> Iterable[str]:
    """Return the clips of the manifest beside a feature file, or of a corpus."""
    file = ctx.params.get("file") or next((word for word in ctx.args if "file" in ctx.params), None)
    folder = Path(file).parent if file else _folder(ctx)  # an option without its value leaves arguments unread
    with suppress(OSError, KeyError), (folder / "manifest.csv").open(encoding="utf-8", newline="") as table:
        return [row["clip_id"] for row in csv.DictReader(table)]
    return []


def offer_features(ctx: Context) -> Iterable[str]:
    return sorted(path.stem for path in _folder(ctx).glob("*.h5"))


def _folder(ctx: Context) -> Path:
    return _given(ctx, "features", "features") / str(ctx.params.get("corpus") or "")


def _given(ctx: Context, name: str, otherwise: str) -> Path:
    return Path(ctx.params.get(name) or otherwise)


def _yaml(path: Path) -> dict[str, Any]:
    from pipeline.core.errors import SettingsError
    from pipeline.core.settings import read_yaml

    with suppress(OSError, SettingsError):
        found = read_yaml(path)
        return found if isinstance(found, dict) else {}
    return {}


Params = Annotated[Path, Option(metavar="FILE", help="The settings.")]
Reports = Annotated[Path, Option(metavar="FOLDER", help="Folder of all reports.")]
Features = Annotated[Path, Option(metavar="FOLDER", help="Folder of all features.")]
Corpus = Annotated[str, Argument(metavar="CORPUS", autocompletion=offer_corpora)]
PARAMS, REPORTS, FEATURES = Path("params.yaml"), Path("reports"), Path("features")


def runtime_of(params: Path) -> Runtime:
    """Return the `runtime` section of params.yaml."""
    from pipeline.core.settings import Runtime, parse, read_params

    return parse(Runtime, read_params(params).get("runtime"), f"{params}: runtime")


def places_of(corpus: str, features: Path, reports: Path, params: Path) -> Places:
    """Return where the artifacts of a corpus lie."""
    from pipeline.cli.tools.explain import Places
    from pipeline.core.settings import read_params, section

    root = section(read_params(params), f"corpora.{corpus}.root")
    return Places(Path(root), features / corpus, reports / corpus, Path(runtime_of(params).clip_cache))
