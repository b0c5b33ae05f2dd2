"""openSMILE, each configuration set up once in a process."""

from functools import cache
from typing import Any


@cache
def smile(features: str, level: str) -> Any:
    """Return an `opensmile.Smile` for the name of a feature set or the path of a configuration, and a level."""
    import opensmile
    from audobject.core import utils

    # audobject, which openSMILE's classes rest on, looks up which package brings them: in the metadata of all that is
    # installed, for 0.6 s, unless its own memory has it
    vars(utils).get("PACKAGES_DISTRIBUTIONS", {}).setdefault("opensmile", ["opensmile"])
    return opensmile.Smile(getattr(opensmile.FeatureSet, features, features), opensmile.FeatureLevel(level))
