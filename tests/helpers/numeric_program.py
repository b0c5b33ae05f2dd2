"""Digests of what numpy, SciPy, scikit-learn and PyTorch compute on fixed arrays, and of what our stages do; run alone.

`python numeric_program.py <out.json> [elementary] [stages] [torch]`: the environment decides which kernels are taken.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


def elementary() -> dict[str, str]:
    """Return the digests of elementary functions, float32 and float64."""
    from scipy.special import expit, log_softmax, softmax

    rng, found = np.random.default_rng(0), {}
    for kind in (np.float32, np.float64):
        values = rng.uniform(-8, 8, 20_011).astype(kind)
        positive = np.ldexp(rng.uniform(1, 2, 20_011), rng.integers(-30, 30, 20_011)).astype(kind)
        functions = [np.exp, np.exp2, np.expm1, np.tanh, np.sin, np.cos, expit, softmax, log_softmax]
        found |= {f"{kind.__name__} {f.__name__}": digest(f(values)) for f in functions}
        found |= {f"{kind.__name__} {f.__name__}": digest(f(positive)) for f in (np.log, np.log2, np.log10, np.log1p)}
        found |= {f"{kind.__name__} sqrt": digest(np.sqrt(positive)), f"{kind.__name__} power": digest(positive**0.3)}
        whole = rng.standard_normal((61, 257)).astype(kind)
        found |= {f"{kind.__name__} sums": digest(whole.sum(0), whole.sum(1), whole.std(0), np.square(whole).mean(1))}
        found |= {f"{kind.__name__} product": digest(whole @ whole.T, whole[0] @ whole.T)}
        found |= {f"{kind.__name__} sorted": digest(np.sort(whole, axis=0), np.argsort(whole.round(0), kind="stable"))}
        found |= {f"{kind.__name__} argsort": digest(np.argsort(whole.round(0).ravel()))}
    waves = rng.standard_normal((7, 512)).astype(np.float32)
    return found | {"complex abs": digest(np.abs(np.fft.rfft(waves))), "fft": digest(np.fft.rfft(waves))}


def stages() -> dict[str, str]:
    """Return the digests of what stages' functions compute on fixed arrays."""
    from pipeline.audio.spectral import LogMelParams, MfccParams, log_mel, mfcc39
    from pipeline.classification.classifiers import svm
    from pipeline.features.selection import ranking
    from pipeline.fusion.rules import logistic_regression
    from pipeline.training.datasets import Dataset

    rng = np.random.default_rng(1)
    time = np.arange(32_000) / 16_000
    sound = (0.3 * np.sin(2 * np.pi * 180 * time) * (1 + np.sin(5 * time))).astype(np.float32)
    sound += (0.02 * rng.standard_normal(len(time))).astype(np.float32)
    mfcc = MfccParams(coefficients=13, window_ms=25, hop_ms=10, mels=40, low_hz=20, high_hz=7600)
    logmel = LogMelParams(bands=64, window_ms=25, hop_ms=10, low_hz=20, high_hz=8000)
    found = {"mfcc39": digest(mfcc39(sound, mfcc)[0]), "logmel": digest(log_mel(sound, logmel)[0])}

    labels = np.arange(84) % 7
    rows = rng.standard_normal((84, 294)) + np.eye(7, 294)[labels]
    parts = {}
    for part, chosen in (("train", slice(0, 56)), ("val", slice(56, 70)), ("test", slice(70, 84))):
        speakers = [f"s{i // 14}" for i in range(84)][chosen]
        parts[part] = Dataset([str(i) for i in range(84)][chosen], [], labels[chosen], part, (), rows[chosen], speakers)
    for kind in ("pairwise", "tempered"):
        one = svm.Classifier(svm.Params(c=(0.001, 0.01), balanced=True, probabilities=kind), 7)
        one.fit(parts["train"], parts["val"])
        said = one.predict(parts["test"])
        found |= {f"svm {kind} fitted": digest(*map(np.asarray, one.judge.fitted().values()))}
        found |= {f"svm {kind} in tables": digest(said.round(6)), f"svm {kind}": digest(said)}
        found |= {"svm planes": digest(*vars(one.judge.machine).values())}
    scores = rng.dirichlet(np.ones(7), (2, 60))
    learned = logistic_regression.fit(logistic_regression.Params(c=(0.3, 30)), scores, np.arange(60) % 7)
    found["logistic_regression"] = digest(np.array(learned["0+1"]["coefficients"]))
    frames = rng.standard_normal((300, 400)).astype(np.float32)
    params = ranking.RankParams(trees=10, max_rows=300, min_leaf=3, seed=0)
    found["forest"] = digest(ranking.forest(frames, np.arange(300) % 7, 10, params, 0))
    return found


def torch_kernels() -> dict[str, str]:
    """Return the digests of what our networks are made of, forward and backward."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = {}
    network = torch.nn.Sequential(torch.nn.Linear(130, 67), torch.nn.Tanh(), torch.nn.Linear(67, 7))
    inputs = torch.randn(33, 130)
    loss = torch.nn.functional.cross_entropy(network(inputs), torch.arange(33) % 7)
    loss.backward()
    found["torch dense"] = digest(loss.detach().numpy(), *(w.grad.numpy() for w in network.parameters()))
    left, right = torch.randn(256, 429), torch.randn(429, 512)
    found["torch product"] = digest(
        (left @ right).numpy(), (left[:1] @ right).numpy(), (right.double().T @ right.double()).numpy()
    )
    queries = torch.randn(3, 1, 6, 185, 64)
    found["torch attention"] = digest(torch.nn.functional.scaled_dot_product_attention(*queries).numpy())
    lstm = torch.nn.LSTM(40, 24, batch_first=True)
    found["torch lstm"] = digest(lstm(torch.randn(3, 50, 40))[0].detach().numpy())
    layer = torch.nn.Conv2d(3, 16, 5, padding=2)
    pictures = torch.randn(2, 3, 45, 45)
    found["torch convolution"] = digest(torch.relu(layer(pictures)).detach().numpy())
    layer3d = torch.nn.Conv3d(3, 8, 3, padding=1)
    for name, one, given in (("2D", layer, pictures), ("3D", layer3d, torch.randn(2, 3, 8, 24, 24))):
        one(given).square().mean().backward()
        found[f"torch {name} gradient"] = digest(*(w.grad.numpy() for w in one.parameters()))
    for name in ("exp", "log", "tanh", "sigmoid"):
        found[f"torch {name}"] = digest(getattr(torch, name)(torch.rand(20_011) * 8).numpy())
    found["torch softmax"] = digest(torch.softmax(torch.randn(100, 7).double(), 1).numpy())
    return found


if __name__ == "__main__":
    wanted = {"elementary": elementary, "stages": stages, "torch": torch_kernels}
    found = {name: value for part in sys.argv[2:] for name, value in wanted[part]().items()}
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1), encoding="utf-8")
