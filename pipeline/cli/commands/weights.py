"""List, fetch, import, add and verify the weights of networks.

weights.lock has every network: where its weights come from, its SHA-256, its licence.

examples:
  python -m pipeline weights list
  python -m pipeline weights fetch mtcnn_pnet
  python -m pipeline weights import vgg_face vgg_face_dag.pth      a file of your own
  python -m pipeline weights add wavlm FOLDER --licence MIT --origin "94,000 hours of English speech"
  python -m pipeline weights verify
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pipeline.cli.commands._arguments import PARAMS, Params, offer_weights, runtime_of

Name = Annotated[str, Argument(metavar="NAME", autocompletion=offer_weights, help="Entry of weights.lock.")]
Lock = Annotated[Path, Option(metavar="FILE", help="The registry.")]
Models = Annotated[Path, Option(metavar="FOLDER", help="Of the features' weights.")]
LOCK, MODELS = Path("weights.lock"), Path("models") / "pretrained"


def list_all(lock: Lock = LOCK, models: Models = MODELS, params: Params = PARAMS) -> str:
    """Print which weights there are and where each is."""
    from pipeline.cli.tools.weights import list_weights

    return list_weights(lock, _cache(params), models)


def fetch(name: Name, lock: Lock = LOCK, params: Params = PARAMS) -> str:
    """Download published weights into the cache."""
    from pipeline.cli.tools.weights import fetch_weights

    return fetch_weights(lock, name, _cache(params))


def take(
    name: Name, file: Annotated[Path, Argument(metavar="FILE")], lock: Lock = LOCK, params: Params = PARAMS
) -> str:
    """Take a file, or an encoder's folder, that you have got yourself into the cache."""
    from pipeline.cli.tools.weights import import_weights

    return import_weights(lock, name, file.expanduser(), _cache(params))


def add(
    name: Annotated[str, Argument(metavar="NAME", help="New entry of weights.lock.")],
    folder: Annotated[Path, Argument(metavar="FOLDER", help="config.json, preprocessor_config.json, safetensors.")],
    licence: Annotated[str, Option(help="Under which terms the weights are.")],
    origin: Annotated[str, Option(help="Who trained them on what; stands in every report made with them.")],
    repository: Annotated[str | None, Option(help="owner/name on the hub; told by a folder of its cache.")] = None,
    revision: Annotated[str | None, Option(help="The commit, 40 digits; told by a folder of the hub's client.")] = None,
    lock: Lock = LOCK,
    params: Params = PARAMS,
) -> str:
    """Register an encoder that transformers reads, with the SHA-256 of each file."""
    from pipeline.cli.tools.weights import add_weights

    place = repository, revision
    return add_weights(lock, name, folder.expanduser(), _cache(params), (licence, origin), place)


def verify(lock: Lock = LOCK, models: Models = MODELS, params: Params = PARAMS) -> tuple[str, bool]:
    """Hash all weights that are used or cached."""
    from pipeline.cli.tools.weights import verify_weights

    return verify_weights(params, lock, _cache(params), models)


def _cache(params: Path) -> Path:
    return Path(runtime_of(params).weights_cache).expanduser()


WAYS = {"list": list_all, "fetch": fetch, "import": take, "add": add, "verify": verify}
