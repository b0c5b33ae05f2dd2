"""One network of one paper's profile at its real size: trained for two rounds on a few random clips, in this process.

`python -m helpers.full_size PAPER NETWORK FOLDER [kill]`; with `kill` the process dies by SIGKILL as soon as its first
checkpoint is written. Prints JSON: parameters, steps that this process took, seconds of each, most memory.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline.classification.candidates import combinations
from pipeline.classification.end_to_end.loop import EndToEnd, Training
from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.cli.settings.profiles import plan
from pipeline.core import plugins
from pipeline.core.settings import Runtime, parse
from pipeline.core.weights_file import save_weights
from pipeline.core.yaml_text import parsed
from pipeline.features.aligned.job import ClipModel
from pipeline.features.joint.networks import Segments
from pipeline.networks.face_cnn import FaceCNN, normalise_faces
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.networks.tanh_dnn import TanhDNN
from pipeline.training import checkpoints, cntk_schedule
from pipeline.training.cntk_schedule import AdjustedRate
from pipeline.training.datasets import Dataset
from pipeline.training.fitting import fit
from pipeline.training.loop import Loop
from pipeline.training.task import Examples, LoopParams, Run, Task

ROOT = Path(__file__).resolve().parents[2]
CLIPS, CLASSES = 4, 7
NETWORKS = {
    "huang2017": ("a60", "a1024", "pool5", "lstm"),
    "zhang2017": ("anet", "anet15", "vnet", "dbn1", "dbn2", "dbn3", "fc1", "fc2", "fc3"),
    "ouyang2017": (
        "gender", "transfer", "vggface-end_to_end", "pyramid-end_to_end", "c3d-end_to_end",
        "vggface-temporal", "pyramid-temporal", "c3d-temporal",
    ),
}  # fmt: skip
STATELESS = ("lstm", "gender", "transfer", "temporal", "dbn1", "dbn2", "dbn3", "fc1", "fc2", "fc3")
"""Networks whose training is short, and writes no checkpoint."""

Params = dict[str, Any]


@dataclass(frozen=True)
class Clips:
    """Random aligned faces, as `FaceClips` has them."""

    ids: list[str]
    labels: np.ndarray
    px: int

    def __len__(self) -> int:
        return len(self.ids)

    def faces(self, numbers: list[int]) -> Iterator[torch.Tensor]:
        for number in numbers:
            shape = (16, self.px, self.px, 3)
            yield torch.from_numpy(np.random.default_rng(number).integers(0, 256, shape, np.uint8))


def labels(count: int) -> np.ndarray:
    return np.arange(count) % CLASSES


def classified(network: nn.Module, inputs: torch.Tensor, prepare: Callable, folder: Path, batch: int) -> nn.Module:
    """Train as source tasks and fine-tuned networks are."""
    examples = Examples(inputs, torch.from_numpy(labels(len(inputs))))
    held_out = Examples(inputs[:2], torch.from_numpy(labels(2)))
    loop = LoopParams(epochs=2, patience=2, batch=batch, learning_rate=0.001, optimiser="sgd", threads=2, seed=0)
    task = Task(network, examples, held_out, lambda rows, _: prepare(rows), "pipeline.training.fitting")
    fit(task, loop, Run(checkpoint=folder / "state.pt"))
    return network


def speech(params: Params, name: str, folder: Path) -> nn.Module:
    settings = params["pretrain"][name]["settings"]
    inputs = 39 * (2 * settings["context"] + 1)
    network = SpeechDNN(inputs, settings["hidden"], settings["last"], 100, settings["bottleneck"])
    return classified(network, torch.randn(512, inputs), lambda rows: rows, folder, settings["loop"]["batch"])


def identities(params: Params, _: str, folder: Path) -> nn.Module:
    settings = params["pretrain"]["pool5"]["settings"]
    faces = torch.randint(0, 256, (2 * settings["loop"]["batch"], 3, 100, 100), dtype=torch.uint8)
    network = FaceCNN(1032, settings["width"])
    return classified(network, faces, normalise_faces, folder, settings["loop"]["batch"])


def windows(params: Params, name: str, folder: Path) -> nn.Module:
    section = "segments_video" if name == "vnet" else "segments_audio"
    block = params[section][name]
    plugin = plugins.load("segment_networks", block["network"], section)
    settings = parse(plugin.Params, block["settings"], section)
    cut = plugin.Segments(settings)
    inputs = torch.from_numpy(np.random.default_rng(0).normal(100, 30, (CLIPS, *cut.shape)).astype(cut.dtype))
    network = plugin.network(settings, {"width": 1}, CLASSES)
    return classified(network, inputs, plugin.prepare, folder, block["tune"]["batch"])


def joint(params: Params, name: str, _: Path) -> nn.Module:
    block = params["fuse_features"][name]
    plugin = plugins.load("fusion_networks", block["network"], name)
    settings = parse(plugin.Params, {**block["settings"], "epochs": 2, "patience": 2}, name)
    if "pretrain_epochs" in block["settings"]:
        settings = settings.model_copy(update={"pretrain_epochs": 2})
    train, val = (Segments(np.random.randn(60, 8192).astype("f4"), labels(60), part) for part in ("train", "val"))
    found, _history = plugin.fit(settings, train, val, CLASSES)
    return found.network


def end_to_end(params: Params, name: str, folder: Path) -> nn.Module:
    network = name.removesuffix("-end_to_end")
    block = params["end_to_end"][network]
    plugin = plugins.load("clip_networks", network, name)
    own = parse(plugin.Params, block["settings"], name)
    if not (folder / "weights").exists():
        blank = plugin.network(own, {"width": 1})
        save_weights(folder / "weights", blank.state_dict(), {"network": {"width": 1}, "speakers": []}, "random")
    model = ClipModel.of(network, block["settings"], folder / "weights", name)
    settings = parse(EndToEndParams, {**block, "batch": 2, "iterations": 2, "judge_every": 1}, name)
    clips = Clips(["a", "b"], labels(2), params["align_faces"]["px"])
    training = Training(model, settings, "random", folder, Runtime(checkpoint_minutes=0))
    trained = EndToEnd(training, [str(number) for number in range(CLASSES)])
    trained.fit(clips, clips)  # type: ignore[arg-type]
    return trained.network


def sequences(params: Params, name: str, _: Path) -> nn.Module:
    feature, _dash, classifier = name.rpartition("-")
    widths = {"vggface": (4096,), "pyramid": (158_976, 30_720, 512), "c3d": (4096,)}.get(feature, (1024,))
    rows = 1 if feature == "c3d" else 16 if feature else 400
    plugin = plugins.load("classifiers", classifier, classifier)
    block = {**params["train"][classifier], "epochs": 2, "patience": 2, "learning_rate": [0.001]}
    values = [np.random.randn(rows, sum(widths)).astype("f4") for _ in range(CLIPS)]
    train, val = (
        Dataset([str(n) for n in range(CLIPS)], values, labels(CLIPS), part, widths if len(widths) > 1 else ())
        for part in ("train", "val")
    )
    trained = plugin.Classifier(combinations(parse(plugin.Params, block, classifier))[0], CLASSES)
    trained.fit(train, val)
    return trained.network


def dense(params: Params, name: str, folder: Path) -> nn.Module:
    """Train as the gender DNN is, and what is fine-tuned from it."""
    settings = params["pretrain"]["gender"]["settings"]
    classes = 2 if name == "gender" else CLASSES
    network = TanhDNN(inputs=88, classes=classes, hidden=settings["hidden"], layers=settings["layers"])
    loop = parse(AdjustedRate, {**settings["loop"], "epochs": 2}, "pretrain.gender.settings.loop")
    rows = Examples(torch.randn(128, 88), torch.from_numpy(np.arange(128) % classes))
    cntk_schedule.fit(network, rows, rows, loop, Run(checkpoint=folder / "state.pt"))
    return network


def trainer(name: str) -> Callable[[Params, str, Path], nn.Module]:
    for names, found in (
        (("a60", "a1024"), speech), (("pool5",), identities), (("anet", "anet15", "vnet"), windows),
        (("gender", "transfer"), dense),
    ):  # fmt: skip
        if name in names:
            return found
    return end_to_end if name.endswith("end_to_end") else joint if name[:2] in ("db", "fc") else sequences


def main(paper: str, name: str, folder: Path, kill: bool) -> None:
    seconds: list[float] = []
    step, save = Loop.step, checkpoints.save

    def timed(self: Loop, batch: Any) -> float:
        began = time.perf_counter()
        found = step(self, batch)
        seconds.append(time.perf_counter() - began)
        return found

    def saved(*args: Any, **kwargs: Any) -> None:
        save(*args, **kwargs)
        if kill:
            os.kill(os.getpid(), signal.SIGKILL)

    Loop.step, checkpoints.save = timed, saved  # type: ignore[method-assign]
    np.random.seed(0)
    torch.manual_seed(0)
    params = parsed(plan(ROOT / "params.yaml", paper).new)
    network = trainer(name)(params, name, folder)
    about = {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "finite": all(bool(parameter.isfinite().all()) for parameter in network.parameters()),
        "steps": len(seconds),
        "seconds_a_step": sum(seconds) / max(1, len(seconds)),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }
    print(json.dumps(about))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), "kill" in sys.argv)
