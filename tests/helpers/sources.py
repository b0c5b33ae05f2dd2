"""Material of every source task, of a few seconds and pictures, and what is expected of each: for tests of
`pipeline.pretraining`.
"""

from __future__ import annotations

import csv
import wave
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from pipeline.networks.alexnet import AlexNet
from pipeline.networks.c3d import C3D
from pipeline.networks.face_cnn import FaceCNN
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.networks.tanh_dnn import TanhDNN
from pipeline.networks.vgg_face import VggFace
from pipeline.synthetic.mp4 import write_mp4

LOOP = {"epochs": 4, "patience": 4, "batch": 16, "learning_rate": 0.003, "threads": 1, "seed": 0}
HEIGHTS = {"aa": 300.0, "ii": 900.0, "uu": 2000.0}


def write_voices(root: Path) -> Path:
    """Four speakers, two utterances each: three tones that stand for phones, half a second in all."""
    root.mkdir()
    rng = np.random.default_rng(0)
    rows, lines = [], [";; made for a test"]
    for speaker in range(4):
        for take in range(2):
            name = f"v{speaker}_{take}"
            pieces, start = [], 0.0
            for phone in rng.permutation(list(HEIGHTS)):
                t = np.arange(3200) / 16000
                pieces.append(
                    0.3 * np.sin(2 * np.pi * HEIGHTS[phone] * (1 + 0.02 * speaker) * t)
                    + 0.01 * rng.standard_normal(3200)
                )
                lines.append(f"{name} 1 {start:.2f} 0.20 {phone}")
                start += 0.2
            with wave.open(str(root / f"{name}.wav"), "wb") as file:
                file.setparams((1, 2, 16000, 0, "NONE", ""))
                file.writeframes((np.concatenate(pieces) * 32767).astype("<i2").tobytes())
            rows.append({"utterance": name, "path": f"{name}.wav", "speaker": f"v{speaker}"})
    with (root / "speakers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    (root / "phones.ctm").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


PITCHES = {"f1": 210.0, "f2": 230.0, "m1": 105.0, "m2": 118.0}


def write_sound(path: Path, samples: np.ndarray) -> None:
    """Write (N,) in [-1, 1] as 16-bit sound at 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def write_genders(root: Path, takes: int = 3) -> Path:
    """Two women and two men with a few utterances each: buzzes of 0.4 s whose pitch tells the gender."""
    root.mkdir()
    rng = np.random.default_rng(0)
    t = np.arange(6400) / 16000
    rows = ["utterance,path,speaker,gender"]
    for name, hz in PITCHES.items():
        for take in range(takes):
            buzz = sum(np.sin(2 * np.pi * hz * (1 + 0.03 * take) * k * t) / k for k in range(1, 12))
            write_sound(root / f"{name}_{take}.wav", 0.15 * buzz + 0.003 * rng.standard_normal(len(t)))
            rows.append(f"{name}_{take},{name}_{take}.wav,{name},{'female' if name[0] == 'f' else 'male'}")
    (root / "speakers.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def write_identities(root: Path, pictures: int = 10) -> Path:
    """Three identities: stripes across, stripes down, and a blob, each picture with its own noise and phase."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:50, :50] / 50
    for name, pattern in (
        ("across", lambda p: np.sin(25 * y + p)),
        ("down", lambda p: np.sin(25 * x + p)),
        ("blob", lambda _: 2 * np.exp(-9 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)) - 1),
    ):
        (root / name).mkdir(parents=True)
        for number in range(pictures):
            picture = 128 + 90 * pattern(rng.uniform(0, 6))[..., None] + 15 * rng.standard_normal((50, 50, 3))
            cv2.imwrite(str(root / name / f"{number:02d}.png"), np.clip(picture, 0, 255).astype(np.uint8))
    return root


def write_clips(root: Path, clips: int = 12) -> Path:
    """Three kinds of clips by four people: light that comes, light that goes, and light that stays."""
    rng = np.random.default_rng(0)
    for kind, course in (
        ("comes", np.linspace(0.2, 1, 18)),
        ("goes", np.linspace(1, 0.2, 18)),
        ("stays", np.full(18, 0.6)),
    ):
        (root / kind).mkdir(parents=True)
        for number in range(clips):
            still = rng.uniform(100, 250, (6, 6, 3)).astype(np.uint8)
            still = cv2.resize(still, (40, 40), interpolation=cv2.INTER_NEAREST)
            frames = (still * course[:, None, None, None]).astype(np.uint8)
            write_mp4(root / kind / f"p{number % 4}_{number}.mp4", frames, None)
    return root


CASES = {
    "phones": (
        write_voices,
        {"mfcc": {}, "context": 2, "hidden": 24, "last": 8, "bottleneck": True, "held_out_speakers": 1, "loop": LOOP},
        {"v0", "v1", "v2", "v3"},
        SpeechDNN,
        ("held_out_frame_accuracy", "most_frequent_phone"),
    ),
    "gender": (
        write_genders,
        {"hidden": 16, "held_out": 0.5, "loop": {"epochs": 3, "batch": 2, "learning_rate": 0.3}},
        {"f1", "f2", "m1", "m2"},
        TanhDNN,
        ("held_out_gender_accuracy", "most_frequent_gender"),
    ),
    "identity": (
        write_identities,
        {"width": 0.05, "detect": None, "held_out": 0.3, "shift_px": 2, "grey": 0.2, "tint": 0.1, "loop": LOOP},
        {"across", "down", "blob"},
        FaceCNN,
        ("held_out_identity_accuracy", "chance"),
    ),
    "pictures": (
        partial(write_identities, pictures=20),
        {
            "width": 0.05,
            "dropout": 0,
            "held_out": 0.3,
            "shift_px": 2,
            "grey": 0.2,
            "tint": 0.1,
            "loop": {**LOOP, "batch": 4, "learning_rate": 0.001},
        },
        {"across", "down", "blob"},
        AlexNet,
        ("held_out_accuracy", "chance"),
    ),
    "recognition": (
        partial(write_identities, pictures=20),
        {
            "network": "vggface",
            "detect": None,
            "width": 0.0625,
            "size": 40,
            "dropout": 0,
            "held_out": 0.3,
            "shift_px": 1,
            "grey": 0.2,
            "tint": 0.1,
            "loop": {**LOOP, "batch": 4, "learning_rate": 0.001},
        },
        {"across", "down", "blob"},
        VggFace,
        ("held_out_identity_accuracy", "chance"),
    ),
    "expressions": (
        write_identities,
        {
            "network": "pool5",
            "width": 0.05,
            "held_out": 0.3,
            "shift_px": 2,
            "grey": 0.2,
            "tint": 0.1,
            "loop": LOOP,
        },
        set(),
        FaceCNN,
        ("held_out_accuracy", "chance"),
    ),
    "actions": (
        write_clips,
        {
            "width": 0.05,
            "size": 16,
            "fc6": "adaptive",
            "speaker": "/(p[0-9])_",
            "held_out": 0.25,
            "shift_px": 1,
            "tint": 0.1,
            "dropout": 0,
            "loop": {**LOOP, "batch": 4, "learning_rate": 0.001},
        },
        {"p0", "p1", "p2", "p3"},
        C3D,
        ("held_out_accuracy", "chance"),
    ),
}
"""name -> what writes its corpus, its settings, who is in it, its network, (reached, by chance)."""
