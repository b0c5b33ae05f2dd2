"""What one stage costs: its operations on networks, its seconds of other work, its disk and memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from pipeline.cli.estimate.blocks import at_once, kept, times, values
from pipeline.cli.estimate.feature_rows import extracted, sequence_network, shape_of
from pipeline.cli.estimate.material import Material
from pipeline.cli.estimate.needed import Needed
from pipeline.cli.estimate.nets import fine_tuned, on_crops, on_windows, source
from pipeline.cli.estimate.networks import BACKWARD, dense_cost
from pipeline.cli.estimate.rates import GB, KEPT, ROWS, SECONDS, WEIGHTS
from pipeline.core.settings import section


@dataclass(frozen=True)
class Work:
    """What a stage does and takes.

    Attributes:
        operations: floating-point operations of networks
        seconds: other work of one core
        disk: bytes that it leaves, those of the clip cache included
        memory: bytes of one process at its peak
        network: a network is trained, so that the memory has to hold a training step
        ways: the setting that makes `memory` smaller
        unknown: why it is not counted, in words
    """

    operations: float = 0
    seconds: float = 0
    disk: float = 0
    memory: float = 0.6 * GB
    network: bool = False
    ways: str = ""
    unknown: str = ""


Params = Mapping[str, Any]


def work_of(stage: Needed, params: Params, material: Material) -> Work:
    """Return the work of a stage; that of one which is not known here is small."""
    known: dict[str, Callable[..., Work]] = {
        "prepare": lambda *_: Work(seconds=material.seconds * SECONDS["prepare"] + material.size / 4e8),
        "track_faces": _track,
        "crop_faces": _crop,
        "align_faces": _align,
        "extract": _extract,
        "pretrain": _pretrain,
        "fetch_weights": _fetch,
        "rank": _rank,
        "segments": _segments,
        "clip_features": _clip_features,
        "fuse_features": _joint,
        "train": _train,
        "end_to_end": _end_to_end,
        "report": lambda *_: Work(seconds=SECONDS["report"], disk=material.clips * 2e4),
    }
    return known.get(stage.module, lambda *_: Work(seconds=5, disk=material.clips * 1e3))(stage, params, material)


def _track(_: Needed, params: Params, material: Material) -> Work:
    seconds = material.seconds * SECONDS["track_faces" if params["track_faces"]["search_every_s"] else "haar"]
    return Work(seconds=seconds, disk=2 * material.seconds * material.fps * 60)


def _crop(stage: Needed, params: Params, material: Material) -> Work:
    block = params["crop_faces"][stage.arguments["crop"]]
    pixels = block["height"] * block["width"] if block["kind"] == "eyes" else block["px"] ** 2
    frames = material.seconds * material.fps
    return Work(seconds=material.seconds * SECONDS["crop_faces"], disk=2 * frames * pixels * 3 * KEPT)


def _align(_: Needed, params: Params, material: Material) -> Work:
    block = params["align_faces"]
    disk = 2 * material.clips * block["frames"] * block["px"] ** 2 * 3 * KEPT
    return Work(seconds=material.clips * SECONDS["align_faces"], disk=disk)


def _extract(stage: Needed, params: Params, material: Material) -> Work:
    feature, where = stage.arguments["feature"], stage.arguments["section"]
    block = section(params, f"{where}.{feature}") or {}
    kind = block.get("extractor", feature)
    rows, columns = extracted(feature, block, material)
    rows *= material.clips
    seconds = material.seconds * SECONDS.get(kind, SECONDS["other"]) / (block.get("every", 1) or 1)
    disk = 2 * rows * columns * (2 if feature == "pool5" else 4)
    if kind.startswith("hub_"):
        return Work(disk=disk, memory=2 * GB, unknown=f"an encoder whose size {where}.{feature} does not say")
    if feature in params["pretrain"]:
        network, _ = source(feature, params)
        return Work(rows * network.operations, disk=disk, memory=GB + 4 * network.parameters)
    return Work(seconds=seconds, disk=disk)


def _pretrain(stage: Needed, params: Params, _: Material) -> Work:
    feature = stage.arguments["feature"]
    block = section(params, f"pretrain.{feature}")
    network, how_many = source(feature, params)
    loop = block["settings"]["loop"]
    root = Path(block["root"])
    examples = how_many(root) if root.is_dir() else 0
    return Work(
        examples * loop["epochs"] * network.operations * (1 + BACKWARD),
        disk=2 * 4 * network.parameters,
        memory=0.6 * GB + network.training_bytes(at_once(loop), 2),
        network=True,
        ways=f"pretrain.{feature}.settings.loop.at_once",
        unknown="" if root.is_dir() else f"without {root}, whose size is not known",
    )


def _fetch(stage: Needed, params: Params, _: Material) -> Work:
    names = section(params, f"fetch_weights.{stage.arguments['feature']}")["weights"]
    return Work(disk=2 * sum(WEIGHTS.get(name, 0.03) for name in names) * GB)  # in the cache, and the stage's copy


def _rank(stage: Needed, params: Params, material: Material) -> Work:
    block = section(params, f"rank.{stage.arguments['feature']}")
    columns, rows = ROWS["pool5"][1], 2 * block["max_rows"]
    # a tree looks at the square root of the columns at every level
    seconds = len(material.folds) * block["trees"] * rows * columns**0.5 * 14 * 2e-9  # assumed
    return Work(seconds=seconds, memory=0.6 * GB + 4 * rows * columns, disk=material.clips * 1e3)


def _segments(stage: Needed, params: Params, material: Material) -> Work:
    feature, where = stage.arguments["feature"], stage.arguments["section"]
    block = section(params, f"{where}.{feature}")
    network, columns, rows_a_clip = on_windows(where, block, params, material)
    windows = material.clips * rows_a_clip
    if block.get("tune") is None:
        return Work(windows * network.operations, disk=2 * windows * columns * 4, memory=GB + 4 * network.parameters)
    tune = block["tune"]
    passes = sum(train * tune["epochs"] * (1 + BACKWARD) + every for train, every in material.folds) * times(block)
    disk = len(material.folds) * windows * columns * 4 + (kept(block, material) + 3) * network.parameters * 4
    memory = 0.6 * GB + network.training_bytes(at_once(tune))
    return Work(passes * rows_a_clip * network.operations, 0, disk, memory, True, f"{where}.{feature}.tune.at_once")


def _clip_features(stage: Needed, params: Params, material: Material) -> Work:
    feature = stage.arguments["feature"]
    network, columns, rows = on_crops(section(params, f"clip_features.{feature}"), feature, params)
    disk = 2 * material.clips * rows * columns * 2
    return Work(material.clips * network.operations, 0, disk, GB + 4 * network.parameters)


def _end_to_end(stage: Needed, params: Params, material: Material) -> Work:
    name = stage.arguments["network"]
    block = section(params, f"end_to_end.{name}")
    network = fine_tuned(block, name, params, material.classes)
    learned = block["iterations"] * max(values(block["batch"])) * (1 + BACKWARD) * times(block)
    looks = block["iterations"] // block["judge_every"]
    clips = sum(learned + looks * (every - train) for train, every in material.folds)
    memory = 0.6 * GB + network.training_bytes(at_once(block))
    disk = (kept(block, material) + 3) * 4 * network.parameters
    return Work(clips * network.operations, 0, disk, memory, True, f"end_to_end.{name}.at_once")


def _joint(stage: Needed, params: Params, material: Material) -> Work:
    block = section(params, f"fuse_features.{stage.arguments['name']}")
    _, columns, rows = on_windows("segments_audio", params["segments_audio"]["anet"], params, material)
    width = columns + on_windows("segments_video", params["segments_video"]["vnet"], params, material)[1]
    settings = block.get("settings") or {}
    layers = [width, *settings.get("layers", ())]
    network = dense_cost(layers)
    epochs = settings.get("epochs", 0) + settings.get("pretrain_epochs", 0)
    examples = sum(train for train, _ in material.folds) * rows * epochs * times(block)
    disk = len(material.folds) * (material.clips * rows * layers[-1] * 4 + 4 * network.parameters)
    memory = GB + material.clips * rows * width * 8 + network.training_bytes(settings.get("batch", 1))
    return Work(examples * network.operations * (1 + BACKWARD), 0, disk, memory, bool(settings))


def _train(stage: Needed, params: Params, material: Material) -> Work:
    name = stage.arguments["classifier"]
    block = section(params, f"train.{name}")
    rows, columns = shape_of(stage.arguments["feature"], params, material)
    trained = sum(train for train, _ in material.folds)
    if "epochs" not in block:
        return Work(seconds=trained * columns * len(values(block.get("c", 1))) * 3e-6, memory=GB)
    network = sequence_network(name, block, rows, columns, material)
    candidates = prod(len(values(value)) for key, value in block.items() if key != "seeds")
    passes = trained * block["epochs"] * (candidates - 1 + times(block)) * (1 + BACKWARD)
    return Work(passes * network.operations, 0, 0, GB + network.training_bytes(at_once(block), 2), True)
