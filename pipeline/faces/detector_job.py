"""What the per-clip jobs that look for faces share: settings, also the detector's, and what a result depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.files import canonical_json
from pipeline.core.settings import Model, parse
from pipeline.core.store import FeatureMeta
from pipeline.engine.code_digest import code_digest
from pipeline.faces.boxes import COLUMNS


@dataclass(frozen=True)
class DetectorJob:
    """A job on the frames of one clip of the corpus folder; the stage's settings name the detector, which has its own
    settings and the folder of its networks, or None. See `pipeline.engine.run.Job`.
    """

    root: Path
    params: Any
    detector: Mapping[str, Any]
    weights: Path | None = None

    stage: ClassVar[str]
    FEATURE: ClassVar[str]
    CODE: ClassVar[tuple[str, ...]]
    """Modules that the result depends on, beside the detector's and the decoder's."""

    @property
    def version(self) -> str:
        """Digest of the code that decodes, detects, and of `CODE`."""
        return code_digest(*self.CODE, "pipeline.media.decode", plugins.module_name("detectors", self.params.detector))

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        """See `pipeline.engine.run.Job`."""
        return {
            "stage": self.stage,
            "input": clip.input_digest,
            "code": self.version,
            "params": self.params.model_dump(),
            "detector": dict(self.detector),
            "weights": self._told("weights", " "),
        }

    def load(self, clip: Clip) -> None:
        """See `pipeline.engine.run.Job`; frames are decoded one by one."""

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file."""
        return FeatureMeta(
            feature=self.FEATURE,
            dimension=len(COLUMNS),
            dtype="float32",
            columns=COLUMNS,
            version=self.version,
            params={**self.params.model_dump(), "detector_settings": dict(self.detector)},
            weights=self._told("weights", " "),
            origin=self._told("origin", "; "),
        )

    def _told(self, attribute: str, between: str) -> str:
        """Return what the networks say of themselves, "" where there is none."""
        return between.join(filter(None, (getattr(finder, attribute) for finder in self._finders)))

    @property
    def _finders(self) -> list[Any]:
        return [self._detector]

    @property
    def _detector(self) -> Any:
        return _detector(self.params.detector, canonical_json(dict(self.detector)), self.weights)


@cache
def _detector(name: str, settings: str, weights: Path | None) -> Any:
    """Return a detector, built once per process."""
    module = plugins.load("detectors", name)
    return module.Detector(module.Params.model_validate_json(settings), weights)


def detector_settings(model: type[Model], section: Mapping[str, Any], key: str) -> tuple[Model, dict[str, Any]]:
    """Return a stage's settings and those of the detector that it names, `detector_settings` beside them in the section
    of params.yaml, checked and complete; raise SettingsError where either has a mistake or the detector is none.
    """
    block = dict(section)
    own = block.pop("detector_settings", {})
    params = parse(model, block, f"params.yaml: {key}")
    plugin = plugins.load("detectors", params.detector, f"{key}.detector")  # type: ignore[attr-defined]
    return params, parse(plugin.Params, own, f"params.yaml: {key}.detector_settings").model_dump()
