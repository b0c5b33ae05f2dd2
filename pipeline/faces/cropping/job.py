"""The per-clip job of `crop_faces`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, SettingsError
from pipeline.core.settings import parse
from pipeline.core.store import ClipFeatures, FeatureMeta, opened
from pipeline.engine.code_digest import code_digest
from pipeline.engine.parallel import ahead
from pipeline.faces.boxes import Eyes, eye_centres
from pipeline.faces.cropping.crop import crop_clip
from pipeline.media.decode import DECODED, read_video_frames
from pipeline.media.frame import Source
from pipeline.media.remark import degraded_by

Blocks = Iterator[ClipFeatures]
_LARGE = 1000.0  # side of a face on which rounding to pixels does not show


@dataclass(frozen=True)
class CropJob:
    """Cut the tracked face, of the tracker's feature file, out of one clip of the corpus folder, by a plugin of
    pipeline/faces/cropping/kinds and its settings; the name is that under `crop_faces` in params.yaml. See
    `pipeline.engine.run.Job`.
    """

    name: str
    root: Path
    faces: Path
    kind: str
    params: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, block: Any, root: Path, faces: Path) -> Self:
        """Return the job for a corpus folder and its face tracks by a block, `crop_faces.<name>`; see `crop_params`."""
        return cls(name, root, faces, *crop_params(block, f"crop_faces.{name}"))

    @property
    def stage(self) -> str:
        """See `pipeline.engine.run.Job`."""
        return f"crop_faces:{self.name}"

    @property
    def version(self) -> str:
        """Digest of the code that cuts and decodes."""
        way = plugins.module_name("crops", self.kind)
        return code_digest("pipeline.faces.cropping.crop", way, "pipeline.media.decode")

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        """See `pipeline.engine.run.Job`."""
        return self.parts_at(clip, opened(self.faces).digest(clip.clip_id, self.arrays))

    @property
    def arrays(self) -> tuple[str, ...]:
        """What of the tracker's arrays the crops depend on."""
        return (self._way.ARRAY, "times", "mask")

    def parts_at(self, clip: Clip, place: str) -> Mapping[str, Any]:
        """Return `parts` for a face of which the tracker's arrays have this digest."""
        return {
            "stage": self.stage,
            "input": f"{clip.input_digest} {place}",
            "code": self.version,
            "params": {"kind": self.kind, **self.params},
        }

    def load(self, clip: Clip) -> ClipFeatures:
        """Return where the face is in all frames, some 30 bytes each; frames are decoded one by one, later. Raises
        ArtifactError where the tracker's file does not say where the eyes are.
        """
        name = self._way.ARRAY
        faces = opened(self.faces).read(clip.clip_id, names=(name,))
        if not faces.extra[name][:1].size:
            command = "dvc repro track_faces"
            raise ArtifactError(f"{self.faces}: has no {name}, so it is of an earlier version; run `{command}`")
        return faces

    def compute(self, clip: Clip, loaded: ClipFeatures, notes: list[str]) -> Blocks:
        """See `pipeline.engine.run.Job`."""
        damage: list[str] = []
        pictures = ahead(read_video_frames(clip.file(self.root), clip.start, clip.end, damage), DECODED)
        yield from self.cut(pictures, loaded)
        notes += degraded_by(damage)

    def cut(self, pictures: Iterable[tuple[float, Source]], faces: ClipFeatures, threads: int = 1) -> Blocks:
        """Return the crops of a clip's pictures, block by block; see `crop_clip`."""
        return crop_clip(pictures, faces, self._way, self._settings, threads)

    def sides(self, eyes: Eyes) -> float:
        """Return the side of the upright square about a face that holds what a crop shows of it, over that of the
        face's box, in which a detector has the eyes there.
        """
        box = np.array([[0.0, 0.0, 1.0, 1.0]])
        place = _LARGE * (box[0] if self._way.ARRAY == "boxes" else eye_centres(box, eyes)[0])
        return 2 * max(abs(edge / _LARGE - 0.5) for edge in self._way.reach(place, self._settings))

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file."""
        return FeatureMeta(
            feature=self.name,
            dimension=4,
            dtype="float32",
            columns=self._way.COLUMNS,
            version=self.version,
            params={"kind": self.kind, **self.params},
        )

    @property
    def _way(self) -> Any:
        return plugins.load("crops", self.kind)

    @property
    def _settings(self) -> Any:
        return self._way.Params.model_validate(dict(self.params))


def crop_params(block: Any, key: str) -> tuple[str, dict[str, Any]]:
    """Return the kind of some crops and its settings, checked and complete, by a block at `crop_faces.<name>`, its key;
    raise SettingsError where there is no kind, an unknown one, or a wrong setting.
    """
    settings = dict(block or {})
    kind = settings.pop("kind", None)
    if kind is None:
        raise SettingsError(f"params.yaml: {key}: its kind is missing; one of {', '.join(plugins.names('crops'))}")
    way = plugins.load("crops", str(kind), f"{key}.kind")
    return str(kind), parse(way.Params, settings, f"params.yaml: {key}").model_dump()
