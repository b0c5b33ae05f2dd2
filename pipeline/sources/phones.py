"""Source task of a60: name the phone of every frame, Huang et al. 2017, section 3.1.

Corpus layout:
    speakers.csv    utterance, path, speaker (further columns are ignored)
    phones.ctm      utterance channel start duration phone: NIST CTM, times in s
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from pipeline.core.errors import CorpusError
from pipeline.core.parallel import progress
from pipeline.core.settings import Settings
from pipeline.media import read_sound
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.signal import SOUND_HZ, MfccParams, context, mfcc39, normalise_utterance
from pipeline.training import Examples, LoopParams, Trained, accuracy, fit


class Params(Settings):
    """Network and training."""

    mfcc: MfccParams = Field(description="frames of the input; equal to extract.mfcc39")
    context: int = Field(ge=0, description="frames of context to either side")
    hidden: int = Field(ge=8, description="nodes of hidden layers 1 to 5; the paper has 1024")
    last: int = Field(ge=2, description="nodes of hidden layer 6: 60 for a60, 1024 for a1024")
    bottleneck: bool = Field(description="hidden layer 6 is linear and narrow")
    held_out_speakers: int = Field(ge=1, description="last speakers by name, never trained on")
    loop: LoopParams


Alignment = Mapping[str, list[tuple[float, float, str]]]


def read_ctm(path: Path) -> Alignment:
    """Return utterance -> [(start s, end s, phone)], in time order.

    Raises:
        CorpusError: a line that is not `utterance channel start duration phone`
    """
    if not path.is_file():
        raise CorpusError(f"{path}: no such alignment; the source corpus needs a phones.ctm")
    found: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith(";;"):
            continue
        try:
            utterance, _, start, duration, phone = line.split()[:5]
            found[utterance].append((float(start), float(start) + float(duration), phone))
        except ValueError as error:
            raise CorpusError(f"{path}:{number}: expected 'utterance channel start duration phone', got '{line}'") from error
    return {utterance: sorted(spans) for utterance, spans in found.items()}


def frame_labels(spans: list[tuple[float, float, str]], times: np.ndarray, phones: list[str]) -> np.ndarray:
    """Return the phone index at each time, (T,); -1 where no span covers it."""
    labels = np.full(len(times), -1, np.int64)
    index = {phone: i for i, phone in enumerate(phones)}
    for start, end, phone in spans:
        labels[(times >= start) & (times < end)] = index[phone]
    return labels


def _utterances(root: Path) -> list[dict[str, str]]:
    path = root / "speakers.csv"
    if not path.is_file():
        raise CorpusError(f"{path}: no such file; the source corpus needs utterance, path and speaker columns")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    missing = {"utterance", "path", "speaker"} - set(rows[0] if rows else ())
    if missing:
        raise CorpusError(f"{path}: no rows with the columns {', '.join(sorted(missing))}")
    return sorted(rows, key=lambda row: row["utterance"])


def speakers(root: Path) -> set[str]:
    """Return the names of all speakers of the source corpus."""
    return {row["speaker"] for row in _utterances(root)}


def _examples(root: Path, rows: list[dict[str, str]], alignment: Alignment, phones: list[str], params: Params) -> Examples:
    inputs, labels = [], []
    for row in progress(rows, len(rows), "reading voices", "utterance"):
        values, times = mfcc39(read_sound(root / row["path"], SOUND_HZ), params.mfcc)
        named = frame_labels(alignment.get(row["utterance"], []), times, phones)
        inputs.append(context(normalise_utterance(values), params.context)[named >= 0])
        labels.append(named[named >= 0])
    return Examples(torch.from_numpy(np.concatenate(inputs)), torch.from_numpy(np.concatenate(labels)))


def train(root: Path, params: Params) -> Trained:
    """Train the speech DNN on frame-level phone labels.

    Raises:
        CorpusError: files are missing, or there are too few speakers to hold some out
    """
    rows, alignment = _utterances(root), read_ctm(root / "phones.ctm")
    names = sorted({row["speaker"] for row in rows})
    if len(names) <= params.held_out_speakers:
        raise CorpusError(f"{root}: {len(names)} speakers, of whom {params.held_out_speakers} are to be held out; lower it")
    out = set(names[-params.held_out_speakers :])
    phones = sorted({phone for spans in alignment.values() for _, _, phone in spans})
    learn = _examples(root, [r for r in rows if r["speaker"] not in out], alignment, phones, params)
    held = _examples(root, [r for r in rows if r["speaker"] in out], alignment, phones, params)
    shape: dict[str, Any] = {
        "inputs": learn.inputs.shape[1],
        "hidden": params.hidden,
        "last": params.last,
        "phones": len(phones),
        "bottleneck": params.bottleneck,
    }
    torch.manual_seed(params.loop.seed)
    network = SpeechDNN(**shape)
    state, history = fit(network, learn, held, params.loop, lambda inputs, _: inputs)
    config = {"network": shape, "context": params.context, "mfcc": params.mfcc.model_dump(), "phones": phones}
    return Trained(state, config, history, _metrics(network, learn, held, params))


def _metrics(network: SpeechDNN, learn: Examples, held: Examples, params: Params) -> dict[str, float]:
    counts = torch.bincount(held.labels)
    return {
        "held_out_frame_accuracy": round(accuracy(network, held, params.loop.batch, lambda inputs, _: inputs), 4),
        "most_frequent_phone": round(float(counts.max() / counts.sum()), 4),
        "frames": len(learn.labels),
        "held_out_frames": len(held.labels),
    }
