"""Reports without a run behind them: three systems on a corpus that nobody has, and a browser to look at them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.core.clip import EMOTIONS, Clip
from pipeline.core.feature_records import ClipFeatures, FeatureMeta
from pipeline.core.ledger import Entry
from pipeline.core.posteriors import table
from pipeline.core.store_writer import write_features
from pipeline.evaluation.metrics import ReportParams
from pipeline.manifest.corpus_json import Source, describe
from pipeline.protocols.settings import ProtocolParams
from pipeline.reporting.overview.page import overview as overview_of
from pipeline.reporting.overview.reports import Places
from pipeline.reporting.papers.paper import FeedbackRuns
from pipeline.reporting.system.system_report import SystemReport
from pipeline.systems.params import SystemParams, fusions

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

ZHANG = SystemParams(
    features={"anet": "audio", "vnet": "video", "feature_level": "joint", "dbn2": "joint"},
    classifiers=("linear_svm",),
    pairs=(("anet", "vnet"),),
    fusions=("score_level", "vote", "maximum", "sum", "minimum", "average", "product"),
)
HUANG = SystemParams(
    features={"a60": "audio", "v1024": "video"},
    classifiers=("lstm",),
    fusions=("logistic_regression", "prior_knowledge"),
    stacked={"prior_knowledge": ("audio", "video")},
)
OUYANG = SystemParams(
    features={"vggface": "video", "pyramid": "video"},
    classifiers=("temporal", "image_set"),
    also={"vggface-end_to_end": "video", "egemaps-transfer": "audio"},
    fusions=(),
    combined={
        "end_to_end": {"rule": "average", "of": ["vggface-end_to_end", "pyramid-temporal"]},
        "audio_visual": {"rule": "weighted", "of": ["vggface-image_set", "end_to_end", "egemaps-transfer"]},
    },
    feedback={"fusion": "audio_visual"},
)
STEP = {
    "distance": 0.5,
    "loss": -0.5,
    "validation_accuracy": 0.5,
    "changed": "vggface-image_set surprise: 0.5 to 1; end_to_end sad: 1 to 0",
}
RUN = {
    "clips_with_feedback": 28,
    "clips_without_feedback": 28,
    "end": "steps",
    "kept": 1,
    "with_feedback": [0.5, 0.5],
    "without_feedback": [0.5, 0.5],
    "excess": 0.0,
}
FEEDBACK = FeedbackRuns(
    {
        "fusion": "combined-audio_visual-weighted",
        "folds": {f"fold-0{n}": {**RUN, "steps": [STEP, STEP]} for n in range(2)},
    },
    pd.DataFrame(
        [
            {"fold": f"fold-0{n}", "step": i + 1, "kept": "no" if i else "yes", **STEP}
            for n in range(2)
            for i in range(2)
        ]
    ),
)
WEIGHTS = {"weights": np.full((3, 7), 0.5).tolist(), "clips": 9, "right": 9, "gap": 0, "exact": True}
LEARNED = {
    "combined-audio_visual-weighted": {"fold-00": WEIGHTS, "fold-01": {**WEIGHTS, "weights": np.ones((3, 7)).tolist()}}
}


def make(system: str, settings: SystemParams, count: int = 56, speakers: int = 4, name: str = "c") -> SystemReport:
    """Return the report of a system whose models know nothing, on clips `<name>0`, `<name>1`, ... of speakers `s0`,
    `s1`, ...
    """
    clips = [
        Clip(f"{name}{n}", f"{n}.mp4", f"s{n % speakers}", EMOTIONS[n % 7], gender=("female", "male")[n % 2])
        for n in range(count)
    ]
    names = [*settings.models(), *(fusion.name for fusion in fusions(settings))]
    rng = np.random.default_rng(0)
    frames = [
        table(each, "fold-00", "test", clips, rng.dirichlet(np.ones(7), count), EMOTIONS).drop(columns="part")
        for each in names
    ]
    validation = pd.concat(
        [table(each, "fold-00", "val", clips, rng.dirichlet(np.ones(7), count), EMOTIONS) for each in names]
    )
    about = [
        {"feature": f, "dimension": 4096, "weights": "ab" * 32, "origin": "trained here by x"}
        for f in settings.features
    ]
    ledger = [Entry(clip.clip_id, "prepare") for clip in clips]
    folds = {"fold-00": {clip.clip_id: "test" for clip in clips}}
    feedback = None if settings.feedback is None else FEEDBACK
    learned = {} if settings.feedback is None else LEARNED
    found = describe(Source("demo", "demo", "free", "us"), ProtocolParams(name="loso"), clips, list(folds.values()), {})
    given = (
        settings,
        clips,
        folds,
        pd.concat(frames),
        validation,
        learned,
        ledger,
        about,
        True,
        ReportParams(draws=100),
        feedback,
    )
    curve = pd.DataFrame(
        {
            "step": [0, 1, 2],
            "folds": 1,
            "loss": [2.0, 1.0, 0.5],
            "val_loss": [2.0, 1.5, 1.75],
            "val_accuracy": [0.1, 0.5, 0.4],
        }
    )
    return SystemReport(
        "demo",
        found,
        system,
        *given,
        curves={settings.models()[0]: curve},
    )


SYSTEMS = {"zhang2017": ZHANG, "huang2017": HUANG, "ouyang2017": OUYANG}


def places(folder: Path) -> Places:
    """Return a project in one folder, with its reports at the top; most of it is absent."""
    return Places(folder, *(folder / name for name in ("features", "models", "params.yaml", "cache", "logs")))


def overview(folder: Path) -> str:
    """Return the table over all reports of a folder, and write the page."""
    return overview_of(places(folder))


def add_clips(features: Path, names: list[str]) -> None:
    """Write faces and spectra of some clips; the face of the first is lost in half of the frames."""
    rng, times = np.random.default_rng(0), np.arange(12) / 25
    crops = {"crops": rng.integers(0, 255, (12, 100, 100, 3), np.uint8)}
    seen = {name: np.arange(12) < (6 if name == names[0] else 12) for name in names}
    values = np.zeros((12, 4), np.float32)
    write_features(
        features / "square100.h5",
        FeatureMeta("square100", 4, "float32"),
        ((name, ClipFeatures(values, times, seen[name], crops)) for name in sorted(names)),
    )
    mels = rng.normal(size=(48, 64)).astype(np.float32)
    sound = ClipFeatures(mels, np.arange(48) / 100, np.ones(48, bool))
    write_features(
        features / "logmel.h5", FeatureMeta("logmel", 64, "float32", 100.0), ((name, sound) for name in sorted(names))
    )
