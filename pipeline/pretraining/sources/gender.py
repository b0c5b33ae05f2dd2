"""Source task of the speech DNN: tell female from male voices, Ouyang et al. 2017, section 4.2 and 6.3.

Corpus layout: speakers.csv (utterance, path, speaker, gender) or manifest.csv (clip_id, path, speaker, gender), in both
optional start and end, s; further columns are ignored. Gender is female or male, f or m. The paper takes LibriSpeech:
1000 hours of 1201 female and 1283 male speakers, 85 % of the data to learn from and 15 % to validate on. Here whole
speakers are held out, as many of either gender as their share asks for.

Input are the 88 functionals of eGeMAPS of each utterance, with zero mean and unit variance over the training rows
(`pipeline/audio/egemaps.py`, also for what costs an utterance: too_short, silent, no_voice). No gender: no_input. They
take 30 ms per second of sound on one core, so the rows of a run that is stopped are kept in a folder beside its
checkpoint until it has ended; the training itself takes seconds to minutes, and starts over.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from pipeline.audio.egemaps import EgemapsParams, columns, functionals
from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.files import file_digest
from pipeline.core.ledger import Entry
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures
from pipeline.engine.clip_cache import ClipCache, cache_key
from pipeline.engine.code_digest import code_digest
from pipeline.engine.parallel import ordered_map
from pipeline.media.decode import read_audio
from pipeline.networks.tanh_dnn import TanhDNN
from pipeline.pretraining.sources._shared.utterances import Utterance, find_with_gender
from pipeline.training.cntk_schedule import AdjustedRate, fit
from pipeline.training.datasets import Scaler
from pipeline.training.task import Examples, Run, Trained

GENDERS = ("female", "male")
"""The classes, in this order."""


class Params(Settings):
    """Input, network and training; the defaults are the paper's."""

    egemaps: EgemapsParams = Field(EgemapsParams.model_validate({}), description="input; equal to extract.egemaps")
    hidden: int = Field(256, ge=2, description="nodes of each hidden layer {Ouyang 4.2: 256}")
    layers: int = Field(2, ge=1, description="hidden layers {Ouyang 4.2: 2}")
    held_out: float = Field(
        0.15, gt=0, le=0.5, description="share of either gender's speakers held out {Ouyang 4.2: 0.15}"
    )
    loop: AdjustedRate = Field(AdjustedRate.model_validate({"learning_rate": 0.004}), description="training")


@dataclass(frozen=True)
class _Voices:
    """Rows (R, 88) of some utterances, with the genders (R,) and the speakers (R) of their voices."""

    rows: np.ndarray
    genders: np.ndarray
    speakers: list[str]
    part: str = "train"

    def of(self, names: set[str], part: str) -> _Voices:
        """Return the rows of these speakers."""
        chosen = np.array([speaker in names for speaker in self.speakers])
        left = [speaker for speaker in self.speakers if speaker in names]
        return _Voices(self.rows[chosen], self.genders[chosen], left, part)

    @property
    def examples(self) -> Examples:
        """What the loop takes."""
        return Examples(torch.from_numpy(self.rows), torch.from_numpy(self.genders))


def speakers(root: Path, _: Params) -> set[str]:
    """Return the names of all speakers of the source corpus."""
    return {utterance.speaker for utterance in find_with_gender(root)}


def _rows(
    root: Path, params: EgemapsParams, kept: Path | None, stage: str, utterance: Utterance
) -> tuple[np.ndarray | None, Entry]:
    """Return the rows of one utterance, computed or from `kept`, None where it failed, and its ledger entry."""
    try:
        if utterance.gender not in GENDERS:
            raise ClipError("no_input", f"gender '{utterance.gender}' is neither female nor male")
        found = _found(root / utterance.path, [utterance.start, utterance.end], params, kept)
    except ClipError as error:
        return None, Entry(utterance.name, stage, "failed", error.reason, error.detail)
    return found.values[found.mask], Entry(utterance.name, stage)


def _found(path: Path, span: list[float | None], params: EgemapsParams, kept: Path | None) -> ClipFeatures:
    if kept is None or not path.is_file():
        return functionals(read_audio(path, AUDIO_HZ, *span), params)
    code = code_digest("pipeline.audio.egemaps", "pipeline.media.decode")
    key = cache_key(input=file_digest(path), span=span, code=code, params=params.model_dump())
    if (before := ClipCache(kept).get(key)) and isinstance(before[0], ClipFeatures):
        return before[0]
    found = functionals(read_audio(path, AUDIO_HZ, *span), params)
    ClipCache(kept).put(key, [found], [])
    return found


def _read(root: Path, params: Params, run: Run, kept: Path | None) -> tuple[_Voices, list[Entry]]:
    utterances, known = find_with_gender(root), dict[str, str]()
    for one in utterances:
        if one.gender in GENDERS and known.setdefault(one.speaker, one.gender) != one.gender:
            raise CorpusError(f"{root}: speaker '{one.speaker}' is female here and male there; mend the table")
    reader = partial(_rows, root, params.egemaps, kept, run.stage)
    rows, genders, names, ledger = [], [], [], []
    results = ordered_map(reader, utterances, run.workers, "reading voices", "utterance")
    for utterance, (found, entry) in zip(utterances, results, strict=True):
        ledger.append(entry)
        if found is not None:
            rows.append(found)
            genders += [GENDERS.index(utterance.gender)] * len(found)
            names += [utterance.speaker] * len(found)
    stacked = np.concatenate(rows) if rows else np.zeros((0, len(columns())), np.float32)
    return _Voices(stacked, np.array(genders, np.int64), names), sorted(ledger)


def _held_out(root: Path, voices: _Voices, share: float, seed: int) -> set[str]:
    """Return who is never trained on: of each gender this share, one at least where there are two."""
    out: set[str] = set()
    for index, gender in enumerate(GENDERS):
        names = sorted({voices.speakers[row] for row in np.flatnonzero(voices.genders == index)})
        if not names:
            raise CorpusError(f"{root}: no usable utterance of a {gender} speaker, see the ledger; mend the corpus")
        order = np.random.default_rng([seed, index]).permutation(len(names))
        out |= {names[i] for i in order[: min(max(1, round(share * len(names))), len(names) - 1)]}
    if not out:
        raise CorpusError(f"{root}: one speaker of either gender, so nobody can be held out; add speakers")
    return out


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train the speech DNN to tell genders."""
    kept = run.checkpoint and run.checkpoint.with_suffix(".rows")
    voices, ledger = _read(root, params, run, kept)
    run.on_ledger(ledger)
    out = _held_out(root, voices, params.held_out, params.loop.seed)
    learn, held = voices.of(set(voices.speakers) - out, "train"), voices.of(out, "val")
    shape: dict[str, Any] = {"inputs": learn.rows.shape[1], "classes": len(GENDERS)}
    shape |= {"hidden": params.hidden, "layers": params.layers}
    torch.manual_seed(params.loop.seed)
    network = TanhDNN(**shape)
    scaler = Scaler.of(learn, learn.rows)
    network.set_scale(scaler.mean, scaler.scale)
    history = fit(network, learn.examples, held.examples, params.loop, run)
    if kept is not None:
        shutil.rmtree(kept, ignore_errors=True)
    config: dict[str, Any] = {"network": shape, "egemaps": params.egemaps.model_dump()}
    config |= {"columns": list(columns()), "genders": list(GENDERS)}
    return Trained(network.state_dict(), config, history, _metrics(network, learn, held), ledger)


@torch.inference_mode()
def _metrics(network: TanhDNN, learn: _Voices, held: _Voices) -> dict[str, float]:
    named = network(held.examples.inputs).argmax(1).numpy()
    return {
        "held_out_gender_accuracy": round(float((named == held.genders).mean()), 4),
        "most_frequent_gender": round(float((held.genders == np.bincount(learn.genders).argmax()).mean()), 4),
        "rows": len(learn.rows),
        "held_out_rows": len(held.rows),
        "speakers": len(set(learn.speakers)),
        "held_out_speakers": len(set(held.speakers)),
    }
