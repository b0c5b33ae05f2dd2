"""Corpora of one folder per class, and the training on them, of pictures and of clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import nn

from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.ledger import Entry
from pipeline.core.settings import Settings
from pipeline.engine.parallel import ordered_map
from pipeline.training.fitting import accuracy, fit
from pipeline.training.task import Examples, LoopParams, Run, Task, Trained


@dataclass(frozen=True)
class Corpus:
    """Examples to learn from and held out, uint8, RGB; the classes that have any; the ledger."""

    learn: Examples
    held: Examples
    classes: list[str]
    ledger: list[Entry]


class Kind(NamedTuple):
    """What a corpus is of: a class and several, what lies in a folder, why a class fails, and the figure reached."""

    one: str
    many: str
    pieces: str
    too_few: str
    figure: str

    def folders(self, root: Path) -> list[Path]:
        """Return the folders of a corpus, sorted; CorpusError where there are fewer than two."""
        found = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")) if root.is_dir() else []
        if len(found) < 2:
            needed = f"the source corpus needs one folder per {self.one}, 2 at least"
            raise CorpusError(f"{root}: {len(found)} {self.one} folders; {needed}")
        return found

    def paths(self, root: Path, suffixes: tuple[str, ...]) -> list[PurePosixPath]:
        """Return the visible files with one of some suffixes, in any letter case, relative to `root`, sorted."""
        files = [path for folder in self.folders(root) for path in sorted(folder.iterdir())]
        wanted = [path for path in files if path.suffix.lower() in suffixes and not path.name.startswith(".")]
        return [PurePosixPath(path.relative_to(root)) for path in wanted]

    def speakers(self, root: Path, _: Settings) -> set[str]:
        """Return the names of all classes of the source corpus, any of which may be a person's."""
        return {folder.name for folder in self.folders(root)}


CLASSES = Kind("class", "classes", "pictures", "too_few_pictures", "held_out_accuracy")
IDENTITIES = Kind("identity", "identities", "pictures", "too_few_pictures", "held_out_identity_accuracy")
CLIPS = Kind("class", "classes", "clips", "no_input", "held_out_accuracy")


def read(
    root: Path,
    kind: Kind,
    suffixes: tuple[str, ...],
    load: Callable[[Path], np.ndarray],
    hold_out: Callable[[list[PurePosixPath]], set[PurePosixPath]],
    run: Run,
) -> Corpus:
    """Return training and held-out examples, of classes that have two that can be read.

    `load` reads a file, or raises the ClipError that costs it; `hold_out` chooses among those that were read. `run` is
    told of the ledger before a corpus is refused.

    Raises:
        CorpusError: fewer than two such classes
    """
    paths = kind.paths(root, suffixes)
    read_one = partial(_read, root, load, run.stage)
    results = list(ordered_map(read_one, paths, run.workers, f"reading {kind.pieces}", kind.pieces[:-1]))
    counts = Counter(path.parent.name for path, (found, _) in zip(paths, results, strict=True) if found is not None)
    few = [folder.name for folder in kind.folders(root) if counts[folder.name] < 2]
    kept = {path: found for path, (found, _) in zip(paths, results, strict=True) if path.parent.name not in few}
    found = {path: example for path, example in kept.items() if example is not None}
    ledger = [entry for path, (_, entry) in zip(paths, results, strict=True) if entry.reason or path in kept]
    for name in few:
        detail = f"{counts[name]} readable; every {kind.one} needs 2, one to learn from and one to hold out"
        ledger.append(Entry(name, run.stage, "failed", kind.too_few, detail))
    run.on_ledger(ledger)
    classes = sorted({path.parent.name for path in found})
    if len(classes) < 2:
        raise CorpusError(
            f"{root}: {len(classes)} {kind.many} with 2 readable {kind.pieces}; the source task needs 2 at least, "
            "its ledger names what is wrong"
        )
    held = hold_out(list(found))
    learn, judged = ([path for path in found if (path in held) == side] for side in (False, True))
    return Corpus(_examples(found, learn, classes), _examples(found, judged, classes), classes, ledger)


def _read(
    root: Path, load: Callable[[Path], np.ndarray], stage: str, path: PurePosixPath
) -> tuple[np.ndarray | None, Entry]:
    try:
        return load(root / path), Entry(path.as_posix(), stage)
    except ClipError as error:
        return None, Entry(path.as_posix(), stage, "failed", error.reason, error.detail)


def _examples(
    found: Mapping[PurePosixPath, np.ndarray], chosen: Sequence[PurePosixPath], classes: list[str]
) -> Examples:
    labels = torch.tensor([classes.index(path.parent.name) for path in chosen])
    return Examples(torch.from_numpy(np.stack([found[path] for path in chosen])), labels)


class Augmented(Protocol):
    """Settings of a training that changes its examples."""

    @property
    def loop(self) -> LoopParams:
        """Of the training."""

    def changed(self, examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return examples as floats, changed at random."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return all settings."""


def learn(
    kind: Kind,
    corpus: Corpus,
    params: Augmented,
    run: Run,
    code: str,
    network: nn.Module,
    normalise: Callable[[torch.Tensor], torch.Tensor],
    shape: Mapping[str, Any],
    taken: Mapping[str, Any] | None = None,
) -> Trained:
    """Train a network on examples, changed at random, as `normalise` makes them its input.

    `code` is the dotted name of the source's module, `shape` builds the network again, `taken` says what it takes.
    """
    generator = torch.Generator().manual_seed(params.loop.seed)

    def prepare(examples: torch.Tensor, training: bool) -> torch.Tensor:
        return normalise(params.changed(examples, generator) if training else examples)

    settings, drawn = params.model_dump(mode="json"), {"augmentation": generator}
    task = Task(network, corpus.learn, corpus.held, prepare, code, settings, generators=drawn)
    state, history = fit(task, params.loop, run)
    metrics = {
        kind.figure: round(accuracy(network, corpus.held, params.loop.batch, prepare, run), 4),
        "chance": round(1 / len(corpus.classes), 4),
        kind.pieces: len(corpus.learn.labels),
        f"held_out_{kind.pieces}": len(corpus.held.labels),
    }
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    config = {"network": shape, kind.many: corpus.classes, **({"input": taken} if taken else {})}
    return Trained(state, config, history, metrics, corpus.ledger)
