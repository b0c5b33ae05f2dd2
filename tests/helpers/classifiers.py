"""A toy set, settings for every classifier on it, and a fitted one: for tests of classifiers."""

from __future__ import annotations

import atexit
import functools
import tempfile
from pathlib import Path

import numpy as np
import torch

from pipeline.core import plugins
from pipeline.core.weights_file import save_weights
from pipeline.networks.tanh_dnn import TanhDNN
from pipeline.networks.whisper_encoder import WhisperEncoder
from pipeline.training.datasets import Dataset

SETTINGS = {
    "lstm": {
        "hidden": 12, "cells": 12, "dropout": 0.2, "readout": "mean", "weight_decay": 1e-4, "learning_rate": 0.02,
        "balanced": False,
        "batch": 12, "epochs": 7, "patience": 4, "step_s": 0.0, "seed": 0,
    },
    "temporal": {
        "cells": 12, "dropout": 0.2, "readout": "mean", "weight_decay": 1e-4, "learning_rate": 0.02,
        "balanced": False,
        "batch": 12, "epochs": 7, "patience": 4, "step_s": 0.0, "seed": 0,
    },
    "svm": {"c": (0.01, 0.1, 1.0), "balanced": True},
    "logistic": {"c": (0.01, 0.1, 1.0), "balanced": True},
    "selected": {"k": 8, "ranking": "anova", "c": (0.01, 0.1, 1.0), "balanced": True},
    "attention": {
        "width": 8, "heads": 2, "layers": 1, "dropout": 0.1, "modality_dropout": 0.3, "weight_decay": 1e-4,
        "learning_rate": 0.02, "balanced": True, "batch": 12, "epochs": 9, "patience": 8, "step_s": 0.0, "seed": 0,
    },
    "linear_svm": {"c": (0.01, 0.1, 1.0), "balanced": True, "pooling": "average"},
    "linear_svm_max": {"c": (0.01, 0.1, 1.0), "balanced": True},
    "image_set": {
        "layers": (), "descriptor": ("covariance", "gaussian"), "kernel": ("linear", "rbf"), "model": ("svm",),
        "weights": "equal", "components": 64, "rank": 2, "centred": False, "regularisation": 1e-3, "degree": 2,
        "gamma": 1.0, "c": (0.1, 1.0, 10.0), "balanced": True, "latent": (1, 2, 4),
    },
    "fine_tuned": {
        "trained_layers": 1, "layer_decay": 0.5, "new_rate": 10.0, "dropout": 0.1, "weight_decay": 1e-4,
        "learning_rate": 0.005, "balanced": True, "batch": 12, "epochs": 6, "patience": 5, "step_s": 0.0, "seed": 0,
    },
    "transfer": {"epochs": 15, "batch": 32, "learning_rate": 0.2},
}  # fmt: skip
"""Settings that suit the toy set; a new classifier gets its line here."""


def toy(count: int, seed: int, classes: tuple[int, ...] = (0, 1, 2), shift: float = 2.0) -> Dataset:
    """Return clips of 1 to 24 frames; each class moves its own column."""
    rng = np.random.default_rng(seed)
    labels = np.array([classes[i % len(classes)] for i in range(count)])
    sequences = []
    for label in labels:
        sequence = rng.standard_normal((rng.integers(1, 25), 5)).astype(np.float32)
        sequence[:, label] += shift
        sequences.append(sequence)
    return Dataset([f"c{i:03d}" for i in range(count)], sequences, labels)


@functools.cache
def encoder_weights(layers: int = 2) -> Path:
    """Return the folder of a random encoder like Whisper's with rows of 5 columns, as `fetch_weights` leaves it."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    shape = {"bands": 80, "width": 5, "layers": layers, "heads": 1, "positions": 16}
    torch.manual_seed(1)
    config = {"network": shape, "speakers": []}
    save_weights(Path(folder.name), WhisperEncoder(**shape).state_dict(), config, "made for a test")
    return Path(folder.name)


@functools.cache
def source_weights(name: str = "transfer") -> Path:
    """Return the folder of the network that a classifier begins with: a gender DNN for rows of 5 columns, as its source
    task leaves it, or an encoder.
    """
    if name == "fine_tuned":
        return encoder_weights()
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    shape = {"inputs": 5, "classes": 2, "hidden": 16, "layers": 2}
    torch.manual_seed(1)
    config = {
        "network": shape, "egemaps": {"normalise": "peak", "window_s": None}, "columns": list("abcde"),
        "genders": ["female", "male"], "speakers": ["v1", "v2"],
    }  # fmt: skip
    save_weights(Path(folder.name), TanhDNN(**shape).state_dict(), config, "made for a test")
    return Path(folder.name)


def fitted(name: str, train: Dataset, val: Dataset, classes: int = 3, **changes):
    plugin = plugins.load("classifiers", name)
    params = plugin.Params(**{**SETTINGS[name], **changes})
    weights = (source_weights(name),) if getattr(plugin, "WEIGHTS", False) else ()
    classifier = plugin.Classifier(params, classes, *weights)
    return classifier, classifier.fit(train, val)
