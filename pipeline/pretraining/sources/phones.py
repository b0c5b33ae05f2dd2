"""Source task of a60 and a1024: name the phone of every frame, Huang et al. 2017, section 3.1.

Corpus layout:
    speakers.csv    utterance, path, speaker (further columns are ignored); or SPEAKERS.TXT, as LibriSpeech has it; or
                    the settings `sounds` and `speaker`
    phones.ctm      utterance channel start duration phone: NIST CTM, times in s; or a .TextGrid (Praat, Montreal Forced
                    Aligner), .PHN (TIMIT) or .lab (HTK) for each sound, see the settings `alignment` and
                    `alignment_path`

The paper does not say whether its targets are phones or tied states, nor how many. An alignment may have either: its
labels are the classes. Frames lie in a file beside the checkpoint, and are read again in every epoch.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, field_validator
from torch import nn

from pipeline.audio.spectral import MfccParams
from pipeline.core.errors import CorpusError
from pipeline.core.ledger import Entry
from pipeline.engine.parallel import ordered_map
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.pretraining.sources._shared.labels import LabelParams, labelled
from pipeline.pretraining.sources._shared.utterances import Utterance, find, held_out, with_one_group
from pipeline.pretraining.sources._shared.voices import FrameTable, in_context, normalise_by, read_voice
from pipeline.training.fitting import fit, logits
from pipeline.training.task import Examples, LoopParams, Run, Task, Trained


class Params(LabelParams):
    """Corpus, network and training."""

    mfcc: MfccParams = Field(description="frames of the input; equal to extract.mfcc39")
    normalise: Literal["utterance", "corpus"] = Field(
        "utterance",
        description="zero mean and unit variance of the input over each utterance, which takes level and channel away, "
        "and with them what they say of an emotion; or over all training frames. The paper leaves it open",
    )
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
    bottleneck: bool = Field(
        description="hidden layer 6 is linear, also on its way to the softmax; false: a ReLU stands behind it as "
        "behind the others. The paper leaves it open"
    )
    held_out_speakers: Annotated[int, Field(ge=1)] | Annotated[list[str], Field(min_length=1)] = Field(
        description="never trained on: so many, the last ones by name, or these"
    )
    sounds: str = Field("**/*.wav", pattern="^[^/]", description="sound files below the root, without a speakers.csv")
    speaker: str | None = Field(None, description="regular expression on a sound's path; its group is the speaker")
    speeds: list[Annotated[float, Field(ge=0.5, le=2)]] = Field(
        [1.0],
        min_length=1,
        description="training utterances are heard at each of these speeds, which moves pitch, formants and tempo (Ko "
        "et al. 2015: 0.9, 1, 1.1)",
    )
    loop: LoopParams = Field(description="training")

    _speaker_has_one_group = field_validator("speaker")(with_one_group)


def _utterances(root: Path, params: Params) -> list[Utterance]:
    return find(root, params.sounds, params.speaker, by_stem=params.alignment == "ctm")


def speakers(root: Path, params: Params) -> set[str]:
    """Return the names of all speakers of the source corpus."""
    return {utterance.speaker for utterance in _utterances(root, params) if utterance.speaker}


def _read(root: Path, params: Params, run: Run, table: FrameTable) -> tuple[list[str], list[Entry]]:
    """Fill the table with the parts `train` and `held out`, hand the ledger on; return the phones and the ledger."""
    utterances = _utterances(root, params)
    out = held_out(root, {u.speaker for u in utterances if u.speaker}, params.held_out_speakers)
    aligned, phones, ledger = labelled(root, params, utterances, run.stage)
    if aligned and len(phones) < 2:
        raise CorpusError(f"{root}: {len(phones)} phones in all alignments; a source task needs 2 at least")
    items = [(one, spans, (1.0,) if one.speaker in out else params.speeds) for one, spans in aligned]
    read = partial(read_voice, root, params.mfcc, params.normalise == "utterance", run.stage)
    results = ordered_map(read, items, run.workers, "reading voices", "utterance")
    for (utterance, *_), (voices, entry) in zip(items, results, strict=True):
        ledger.append(entry)
        for voice in voices:
            table.add(voice, "held out" if utterance.speaker in out else "train")
    ledger.sort()
    run.on_ledger(ledger)
    return phones, ledger


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train the speech DNN on frame-level phone labels."""
    with FrameTable(params.context, run.checkpoint and run.checkpoint.parent) as table:
        phones, ledger = _read(root, params, run, table)
        learn, held, frames = _part(root, table, "train"), _part(root, table, "held out"), table.frames()
    normal = normalise_by(frames, learn) if params.normalise == "corpus" else None
    shape: dict[str, Any] = {"inputs": frames.shape[1] * (2 * params.context + 1), "hidden": params.hidden}
    shape |= {"last": params.last, "phones": len(phones), "bottleneck": params.bottleneck}

    def prepare(rows: torch.Tensor, _: bool) -> torch.Tensor:
        return in_context(frames, rows, params.context)

    torch.manual_seed(params.loop.seed)
    task = Task(SpeechDNN(**shape), learn, held, prepare, __name__, params.model_dump(), {"frames": frames})
    state, history = fit(task, params.loop, run)
    reached = _judged(task, params.loop.batch, run)
    config = {"network": shape, "context": params.context, "mfcc": params.mfcc.model_dump(), "phones": phones}
    config["normal"] = normal
    return Trained(state, config, history, _metrics(*reached, learn, held, len(phones)), ledger)


def _part(root: Path, table: FrameTable, part: str) -> Examples:
    found = table.examples(part)
    if found is None:
        purpose = {"train": "learn from", "held out": "hold out"}[part]
        remedy = "see the ledger of this stage; mend the corpus or held_out_speakers"
        raise CorpusError(f"{root}: no utterance to {purpose} is left, {remedy}")
    return found


@torch.inference_mode()
def _judged(task: Task, batch: int, run: Run) -> tuple[float, float]:
    """Return the share of held-out frames whose phone the network names, and its mean cross-entropy on them, nats."""
    task.network.eval()
    right, lost = 0, 0.0
    for rows in torch.arange(len(task.held_out.labels)).split(batch):
        found = logits(task.network, task.prepare(task.held_out.inputs[rows], False).to(run.device), run).cpu()
        right += int((found.argmax(1) == task.held_out.labels[rows]).sum())
        lost += float(nn.functional.cross_entropy(found, task.held_out.labels[rows], reduction="sum"))
    return right / len(task.held_out.labels), lost / len(task.held_out.labels)


def _metrics(reached: float, loss: float, learn: Examples, held: Examples, phones: int) -> dict[str, float]:
    """Return the figures; `held_out_loss_by_frequency` is the loss of one who knows only how often each phone comes."""
    known, heard = (part.labels.bincount(minlength=phones).double() for part in (learn, held))
    always = float(heard[known.argmax()] / heard.sum())
    share = (known + 1) / (known + 1).sum()  # none is 0, also of a phone that nobody said
    return {
        "held_out_frame_accuracy": round(reached, 4),
        "most_frequent_phone": round(always, 4),
        **({"times_most_frequent_phone": round(reached / always, 4)} if always else {}),
        "held_out_loss": round(loss, 4),
        "held_out_loss_by_frequency": round(float(-(heard * share.log()).sum() / heard.sum()), 4),
        "frames": len(learn.labels),
        "held_out_frames": len(held.labels),
        "phones": phones,
    }
