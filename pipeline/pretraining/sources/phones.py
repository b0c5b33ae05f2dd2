"""Source task of a60 and a1024: name the phone of every frame, Huang et al. 2017, section 3.1.

Corpus layout:
    speakers.csv    utterance, path, speaker (further columns are ignored); or the settings `sounds` and `speaker`
    phones.ctm      utterance channel start duration phone: NIST CTM, times in s; or a .TextGrid (Praat) or .PHN (TIMIT)
                    beside each sound, see the setting `alignment`
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, field_validator

from pipeline.audio.spectral import MfccParams
from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.ledger import Entry
from pipeline.core.settings import Settings
from pipeline.engine.parallel import ordered_map
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.pretraining.sources._shared.alignments import Span, reader
from pipeline.pretraining.sources._shared.utterances import Utterance, find, held_out, with_one_group
from pipeline.pretraining.sources._shared.voices import Voice, frame_table, in_context, read_voice
from pipeline.training.fitting import accuracy, fit
from pipeline.training.task import Examples, LoopParams, Run, Task, Trained


class Params(Settings):
    """Corpus, network and training."""

    mfcc: MfccParams = Field(description="frames of the input; equal to extract.mfcc39")
    context: int = Field(ge=0, description="frames of context to either side")
    hidden: int = Field(
        ge=8,
        description="nodes of hidden layers 1 to 5; the demo has half the paper's to stay short {Huang 3.1, Fig. 3: "
        "1024}",
    )
    last: int = Field(
        ge=2,
        description="nodes of hidden layer 6, the feature {Huang 3.1, Fig. 3b: 60 for *.a60.*} {Huang 3.1, Fig. 3a: "
        "1024 for *.a1024.*}",
    )
    bottleneck: bool = Field(description="hidden layer 6 is linear and narrow")
    held_out_speakers: Annotated[int, Field(ge=1)] | Annotated[list[str], Field(min_length=1)] = Field(
        description="never trained on: so many, the last ones by name, or these"
    )
    alignment: Literal["ctm", "textgrid", "phn"] = Field("ctm", description="format of the phone alignment")
    tier: str = Field("phones", min_length=1, description="tier of a TextGrid that holds the phones")
    sounds: str = Field("**/*.wav", pattern="^[^/]", description="sound files below the root, without a speakers.csv")
    speaker: str | None = Field(None, description="regular expression on a sound's path; its group is the speaker")
    phones: list[str] | None = Field(None, min_length=2, description="all phones that may occur; null = those that do")
    rename: dict[str, str | None] = Field({}, description="phone -> phone of the set, or null: its frames are left out")
    loop: LoopParams = Field(description="training")

    _speaker_has_one_group = field_validator("speaker")(with_one_group)

    @field_validator("phones")
    @classmethod
    def _has_no_double(cls, phones: list[str] | None) -> list[str] | None:
        if phones and len(set(phones)) < len(phones):
            raise ValueError(f"names a phone twice: {', '.join(sorted({p for p in phones if phones.count(p) > 1}))}")
        return phones


def _utterances(root: Path, params: Params) -> list[Utterance]:
    return find(root, params.sounds, params.speaker, by_stem=params.alignment == "ctm")


def speakers(root: Path, params: Params) -> set[str]:
    """Return the names of all speakers of the source corpus."""
    return {utterance.speaker for utterance in _utterances(root, params) if utterance.speaker}


def _aligned(
    root: Path, params: Params, utterances: Sequence[Utterance], stage: str
) -> tuple[list[tuple[Utterance, list[Span]]], list[Entry]]:
    """Return the utterances that have an alignment, phones renamed, and the ledger entries of the others."""
    read = reader(params.alignment, root, params.tier, utterances)
    found, failed = [], []
    for utterance in utterances:
        try:
            if not utterance.speaker:
                raise ClipError("no_input", "the `speaker` pattern finds nobody in its path")
            renamed = [(start, end, params.rename.get(phone, phone)) for start, end, phone in read(utterance)]
        except ClipError as error:
            failed.append(Entry(utterance.name, stage, "failed", error.reason, error.detail))
            continue
        spans = [(start, end, phone) for start, end, phone in renamed if phone is not None]
        for start, _, phone in spans:
            if params.phones is not None and phone not in params.phones:
                raise CorpusError(
                    f"{root}: utterance '{utterance.name}' has the phone '{phone}' at {start:g} s, which is not in the "
                    "setting `phones`; add it there, or map it in `rename` (null leaves its frames out)"
                )
        found.append((utterance, spans))
    return found, failed


def _examples(
    voices: list[Voice], rows: list[np.ndarray], phones: list[str], chosen: list[bool], none: str
) -> Examples:
    """Return the labelled frames of the chosen voices: their rows in the frame table, and their phones."""
    inputs, labels = [], []
    for voice, row, wanted in zip(voices, rows, chosen, strict=True):
        if wanted:
            named = voice.labels >= 0
            index = np.array([phones.index(phone) for phone in voice.phones], np.int64)
            inputs.append(row[named])
            labels.append(index[voice.labels[named]])
    if not inputs:
        raise CorpusError(f"{none} is left, see the ledger of this stage; mend the corpus or held_out_speakers")
    return Examples(torch.from_numpy(np.concatenate(inputs)), torch.from_numpy(np.concatenate(labels)))


def _read(root: Path, params: Params, run: Run) -> tuple[list[Voice], list[Entry], set[str]]:
    """Return the usable utterances, the ledger and the speakers to hold out."""
    utterances = _utterances(root, params)
    out = held_out(root, {u.speaker for u in utterances if u.speaker}, params.held_out_speakers)
    items, failed = _aligned(root, params, utterances, run.stage)
    read = partial(read_voice, root, params.mfcc, run.stage)
    results = list(ordered_map(read, items, run.workers, "reading voices", "utterance"))
    return [voice for voice, _ in results if voice], sorted([*failed, *(entry for _, entry in results)]), out


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train the speech DNN on frame-level phone labels."""
    voices, ledger, out = _read(root, params, run)
    run.on_ledger(ledger)
    phones = params.phones or sorted({phone for voice in voices for phone in voice.phones})
    if len(phones) < 2:
        raise CorpusError(f"{root}: {len(phones)} phones in all alignments; a source task needs 2 at least")
    table, rows = frame_table(voices, params.context)
    judged = [voice.speaker in out for voice in voices]
    learn = _examples(voices, rows, phones, [not chosen for chosen in judged], f"{root}: no utterance to learn from")
    held = _examples(voices, rows, phones, judged, f"{root}: no utterance to hold out")
    del voices, rows  # the table has all of it
    shape: dict[str, Any] = {"inputs": table.shape[1] * (2 * params.context + 1), "hidden": params.hidden}
    shape |= {"last": params.last, "phones": len(phones), "bottleneck": params.bottleneck}

    def prepare(rows: torch.Tensor, _: bool) -> torch.Tensor:
        return in_context(table, rows, params.context)

    torch.manual_seed(params.loop.seed)
    task = Task(SpeechDNN(**shape), learn, held, prepare, __name__, params.model_dump(), {"frames": table})
    state, history = fit(task, params.loop, run)
    reached = accuracy(task.network, held, params.loop.batch, prepare, run)
    config = {"network": shape, "context": params.context, "mfcc": params.mfcc.model_dump(), "phones": phones}
    return Trained(state, config, history, _metrics(reached, learn, held, len(phones)), ledger)


def _metrics(reached: float, learn: Examples, held: Examples, phones: int) -> dict[str, float]:
    always = float((held.labels == torch.bincount(learn.labels).argmax()).double().mean())
    return {
        "held_out_frame_accuracy": round(reached, 4),
        "most_frequent_phone": round(always, 4),
        **({"times_most_frequent_phone": round(reached / always, 4)} if always else {}),
        "frames": len(learn.labels),
        "held_out_frames": len(held.labels),
        "phones": phones,
    }
