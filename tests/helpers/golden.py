"""Make the golden arrays of `test_golden.py` anew: `PYTHONPATH=. python tests/helpers/golden.py`.

Run it only after a change of a feature that is meant, and say in the commit why the numbers moved. Sound and weights
come from formulas and from PCG64's raw stream, which NumPy keeps the same for ever; none of them is a file.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import torch

FOLDER = Path(__file__).parents[1] / "golden"
RATE = 16_000


def noise(seed: int, count: int) -> np.ndarray:
    """Return uniform noise in -1 to 1, (count,)."""
    return np.random.PCG64(seed).random_raw(count) / 2.0**63 - 1.0


def sound() -> np.ndarray:
    """Return one second: a buzz of 150 Hz that ends, a chirp that begins, and noise; (16000,) float32."""
    t = np.arange(RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 12)) * (t < 0.6)
    chirp = np.sin(2 * np.pi * (200 * t + 1400 * t**2)) * (t > 0.4)
    return (0.2 * buzz + 0.3 * chirp + 0.02 * noise(2017, RATE)).astype(np.float32)


def faces() -> np.ndarray:
    """Return two pictures, (2, 100, 100, 3) uint8: stripes and a blob, with noise."""
    y, x = np.mgrid[:100, :100] / 100
    stripes, blob = np.sin(20 * x + 5 * y), 2 * np.exp(-8 * ((x - 0.4) ** 2 + (y - 0.6) ** 2)) - 1
    grain = noise(5, 2 * 100 * 100 * 3).reshape(2, 100, 100, 3)
    return np.clip(128 + 90 * np.stack([stripes, blob])[..., None] + 20 * grain, 0, 255).astype(np.uint8)


def fill(network: torch.nn.Module) -> torch.nn.Module:
    """Set every weight by formula, He et al.'s scale; nothing depends on torch's random numbers."""
    for number, (name, tensor) in enumerate(network.state_dict().items()):
        if not tensor.is_floating_point():
            continue
        values = torch.from_numpy(noise(number, tensor.numel()).astype(np.float32)).reshape(tensor.shape)
        if tensor.ndim > 1:
            values *= math.sqrt(6 / tensor[0].numel())
        elif name.endswith("running_var"):
            values = 1 + 0.5 * values
        tensor.copy_(0.1 * values if tensor.ndim == 1 and not name.endswith("running_var") else values)
        if tensor.ndim == 1 and name.endswith("weight"):  # of batch normalisation
            tensor.add_(1)
    return network.eval()


def compute() -> dict[str, np.ndarray]:
    """Return every golden array by name."""
    from pipeline.core.store import joined
    from pipeline.features.extractors import lld147, logmel, mfcc39
    from pipeline.features.segments.networks import alexnet
    from pipeline.media.audio_blocks import Audio
    from pipeline.networks.alexnet import AlexNet
    from pipeline.networks.c3d import C3D, normalise_clips
    from pipeline.networks.face_cnn import FaceCNN, normalise_faces
    from pipeline.networks.lstm import EmotionLSTM
    from pipeline.networks.speech_dnn import SpeechDNN

    found = {}
    for plugin in (mfcc39, lld147, logmel):
        extractor = plugin.Extractor(plugin.Params())
        clip = joined(extractor(Audio.of(sound())))
        found[plugin.__name__.split(".")[-1]] = clip.values[::12]
    frames = torch.from_numpy(noise(3, 4 * 30).astype(np.float32)).reshape(4, 30)
    crops = normalise_faces(torch.from_numpy(faces()).permute(0, 3, 1, 2))
    mel = joined(logmel.Extractor(logmel.Params())(Audio.of(sound())))
    heard = np.stack(list(alexnet.Segments(alexnet.Params(windows={"length": 64, "shift": 30}))(mel).inputs))
    found["alexnet_windows"] = heard[:, :, ::7, ::9]
    with torch.inference_mode():
        pictures = alexnet.prepare(torch.from_numpy(heard))
        found["alexnet_fc7"] = fill(AlexNet(width=0.06, classes=4)).features(pictures).numpy()
        seen = np.stack([cv2.resize(face, (32, 32), interpolation=cv2.INTER_AREA) for face in faces()])
        moved = np.stack([np.stack([np.roll(face, shift, axis=1) for shift in range(16)]) for face in seen])
        found["c3d_fc7"] = (
            fill(C3D(width=0.06, size=32, fc6="adaptive")).features(normalise_clips(torch.from_numpy(moved))).numpy()
        )
        for name, bottleneck in (("a60", True), ("a1024", False)):
            speech = fill(SpeechDNN(inputs=30, hidden=24, last=12, phones=7, bottleneck=bottleneck))
            found[f"{name}_features"], found[f"{name}_logits"] = speech.features(frames).numpy(), speech(frames).numpy()
        face = fill(FaceCNN(identities=5, width=0.05))
        found["pool5_features"], found["pool5_logits"] = face.features(crops).numpy()[:, ::97], face(crops).numpy()
        for readout in ("last", "mean"):
            emotion = fill(EmotionLSTM(inputs=6, classes=7, hidden=8, cells=8, dropout=0.5, readout=readout))
            sequences = frames.reshape(4, 5, 6)
            found[f"lstm_{readout}"] = emotion(sequences, torch.tensor([5, 1, 3, 4])).numpy()
    return found


if __name__ == "__main__":
    for name, array in compute().items():
        np.savez_compressed(FOLDER / f"{name}.npz", values=array)
        print(f"{name:<16}{array.dtype} {array.shape}")
