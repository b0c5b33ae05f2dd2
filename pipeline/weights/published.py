"""From entries of weights.lock to the folder of one feature's weights, in a form that extractors load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.settings import Settings
from pipeline.core.weights_file import save_published, save_weights
from pipeline.weights.activation import checked_state
from pipeline.weights.convert import map_of
from pipeline.weights.entries import Entry
from pipeline.weights.fetch import fetch_all
from pipeline.weights.hub_entry import HubEntry
from pipeline.weights.layer_maps import layer_map


class FetchParams(Settings):
    """`fetch_weights.<feature>`."""

    weights: tuple[str, ...] = Field(min_length=1, description="entries of weights.lock")


def origin(entries: Sequence[Entry]) -> str:
    """Return where weights come from, in words."""
    return "; ".join(f"published weights {one.name} ({one.source}), {one.origin}, trained elsewhere" for one in entries)


def publish(entries: Sequence[Entry], cache: Path, folder: Path, setting: str) -> str:
    """Fetch entries, networks, files for dlib or one encoder of a hub, write them as one feature's weights, and say so
    in a line, together with what of the files was ignored.

    `load_weights` reads the folder of networks, the tensors of several networks named `<entry>.<tensor>`;
    `load_published` the others, for dlib with entries' names as roles. `setting` is the key of params.yaml that names
    the entries. SettingsError where they make no set; WeightsError where one cannot be had, is damaged, or fits no
    network of ours.
    """
    kinds = {"hub" if isinstance(entry, HubEntry) else entry.format == "dlib" for entry in entries}
    if len({entry.name for entry in entries}) < len(entries):
        raise SettingsError(f"{setting}: names one entry of weights.lock twice")
    if len(kinds) > 1 or (kinds == {"hub"} and len(entries) > 1):
        wanted = "only networks of torch, only files for dlib, or one encoder of a hub"
        raise SettingsError(f"{setting}: name {wanted} (got {_listed(entries)})")
    if kinds == {False}:
        return _listed(entries) + ignored_words(_publish_states(entries, cache, folder))
    files = fetch_all(entries, cache)
    if isinstance(entries[0], HubEntry):
        files = {Path(name).stem: files[entries[0].name] / name for name in entries[0].files}
    save_published(folder, files, [entry.name for entry in entries], origin(entries))
    return _listed(entries)


def ignored_words(names: Sequence[str]) -> str:
    """Return what is said of tensors that a file has and no network here asks for; "" where there are none.

    >>> ignored_words(["fc8.weight", "fc8.bias"])
    '; ignored: fc8.weight, fc8.bias'
    """
    return f"; ignored: {', '.join(names)}" if names else ""


def _publish_states(entries: Sequence[Entry], cache: Path, folder: Path) -> list[str]:
    """Return the names of the tensors that are ignored."""
    for entry in entries:
        if layer_map(entry) is None:
            missing = f"weights.lock: {entry.name} has no layer map yet"
            raise WeightsError(f"{missing}, so no network here can use it; leave it out of params.yaml")
    files = fetch_all(entries, cache)
    maps = {entry.name: map_of(entry, files[entry.name]) for entry in entries}
    networks = {name: dict(found.network) for name, found in maps.items() if found}
    read = {entry.name: checked_state(entry, files[entry.name]) for entry in entries}
    states = {name: state for name, (state, _) in read.items()}
    # nobody's speakers are known: the guard against leakage has nothing to compare
    config: dict[str, Any] = {"network": {}, "speakers": []}
    if len(entries) == 1:
        ((name, tensors),) = states.items()
        config |= {"entry": name, "network": networks[name]}
    else:
        tensors = {f"{name}.{key}": tensor for name, state in states.items() for key, tensor in state.items()}
        config |= {"entries": list(networks), "networks": networks}
    save_weights(folder, tensors, config, origin(entries))
    return [name for _, ignored in read.values() for name in ignored]


def _listed(entries: Sequence[Entry]) -> str:
    return ", ".join(f"{entry.name} ({entry.known or 'not pinned'})" for entry in entries)
