"""A job that is no work, and a folder in which the engine runs it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.settings import Runtime
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.engine.run import run

META = FeatureMeta("noise", 3, "float32", rate_hz=25.0)
STAGE = "extract:noise"


@dataclass(frozen=True)
class NoiseJob:
    """Noise that depends on the clip's bytes alone, and a file for every clip that was really computed."""

    log: Path
    gain: float = 1.0
    bad: Mapping[str, str] = field(default_factory=dict)
    degraded: Mapping[str, str] = field(default_factory=dict)
    more: str = ""

    stage = STAGE

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        """See `pipeline.engine.run.Job`."""
        return {"stage": self.stage, "input": clip.input_digest, "params": {"gain": self.gain}}

    def load(self, clip: Clip) -> Clip:
        """See `pipeline.engine.run.Job`."""
        if self.bad.get(clip.clip_id) == "decode_error":
            (self.log / f"{clip.clip_id} {uuid.uuid4().hex}").touch()
            raise ClipError("decode_error", "as told")
        return clip

    def compute(self, clip: Clip, loaded: Clip, notes: list[str]) -> Iterator[ClipFeatures]:
        """See `pipeline.engine.run.Job`."""
        assert loaded == clip
        (self.log / f"{clip.clip_id} {uuid.uuid4().hex}").touch()
        if clip.clip_id in self.bad:
            raise ClipError(self.bad[clip.clip_id], "as told")
        random = np.random.default_rng(int(hashlib.sha256(clip.digest.encode()).hexdigest()[:8], 16))
        frames = int(random.integers(1, 20))
        values = (self.gain * random.normal(size=(frames, 3))).astype(np.float32)
        yield from ClipFeatures(values, np.arange(frames) / 25, np.ones(frames, bool)).blocks(7)
        notes += (
            [note for note in (self.degraded[clip.clip_id], self.more) if note] if clip.clip_id in self.degraded else []
        )


class Bench:
    """A folder in which the engine is run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.out, self.ledger = root / "noise.h5", root / "ledger.csv"
        self.clips = [Clip(f"c{i}", f"{i}.wav", "s", "anger", digest=str(i)) for i in range(6)]

    def run(
        self, workers: int = 1, upstream: tuple[Entry, ...] = (), allowed: float = 0.5, **job: Any
    ) -> tuple[str, list[str]]:
        """Run; return the engine's line and the clips that were computed."""
        log = self.root / "log" / uuid.uuid4().hex
        log.mkdir(parents=True)
        runtime = Runtime(workers=workers, clip_cache=str(self.root / "cache"), max_failed_fraction=allowed)
        try:
            line = run(NoiseJob(log, **job), self.clips, upstream, META, self.out, self.ledger, runtime)
        finally:
            self.computed = sorted(path.name.split()[0] for path in log.iterdir())
        return line, self.computed

    def entries(self) -> dict[str, Entry]:
        """This stage's ledger by clip."""
        return {entry.clip_id: entry for entry in read_ledger(self.ledger) if entry.stage == STAGE}

    def stored(self) -> list[str]:
        """The clips of the feature file."""
        with FeatureFile(self.out) as file:
            return file.clip_ids()


ALL = [f"c{i}" for i in range(6)]
