"""List, show and use profiles: sets of settings that are laid over params.yaml.

`use` changes only the lines of the settings that a profile names, and lists what the result lacks, with the command
that brings it; `use default` takes the profile off again.

examples:
  python -m pipeline profile list
  python -m pipeline profile show quick
  python -m pipeline profile use quick --dry     print the difference, write nothing
  python -m pipeline profile use default
  python -m pipeline profile use zhang2017       a paper at its size; see `python -m pipeline estimate`
"""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from pipeline.cli.commands._arguments import PARAMS, Params, offer_profiles

Name = Annotated[str, Argument(metavar="NAME", autocompletion=offer_profiles, help="File in profiles/, without .yaml.")]


def list_all(params: Params = PARAMS) -> str:
    """Print the profiles, and which is in use."""
    from pipeline.cli.settings.profiles import listed

    return listed(params)


def show(name: Name, params: Params = PARAMS) -> str:
    """Print what a profile would change."""
    from pipeline.cli.settings.profiles import shown

    return shown(params, name)


def use(
    name: Name,
    dry: Annotated[bool, Option("--dry", help="Print the difference and write nothing.")] = False,
    params: Params = PARAMS,
) -> str:
    """Lay a profile over params.yaml; default = none."""
    from pipeline.cli.estimate.needed import to_bring
    from pipeline.cli.settings.profiles import used
    from pipeline.core.settings import read_params

    words = used(params, name, dry)
    return words if dry else "\n".join([words, *to_bring(read_params(params))])


WAYS = {"list": list_all, "show": show, "use": use}
