"""A plugin with a network, its settings and its pre-trained weights, as the jobs on pictures and on segments share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Self

from pipeline.core import plugins
from pipeline.core.files import canonical_json
from pipeline.core.settings import parse
from pipeline.core.weights_file import Weights, load_weights


@dataclass(frozen=True)
class PluginModel:
    """A plugin of one `KIND`, its settings as canonical JSON, and the folder of its pre-trained weights; travels to
    worker processes as three values.
    """

    name: str
    settings: str
    weights: Path

    KIND: ClassVar[str]

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any], weights: Path, place: str) -> Self:
        """Return a plugin's model, its settings checked and complete; `place` is their key in params.yaml."""
        plugin = plugins.load(cls.KIND, name, f"{place}.network")
        checked = parse(plugin.Params, settings, f"params.yaml: {place}.settings")
        return cls(name, canonical_json(checked.model_dump(mode="json")), weights)

    @property
    def plugin(self) -> ModuleType:
        """The plugin's module."""
        return plugins.load(self.KIND, self.name)

    @property
    def params(self) -> Any:
        """The plugin's settings."""
        return self.plugin.Params.model_validate_json(self.settings)

    @property
    def code(self) -> str:
        """Dotted name of the plugin's module."""
        return plugins.module_name(self.KIND, self.name)

    def loaded(self) -> Weights:
        """Return the pre-trained weights, checked by their digest when this process first asks for them."""
        return _loaded(self.weights)


@cache
def _loaded(folder: Path) -> Weights:
    return load_weights(folder)
