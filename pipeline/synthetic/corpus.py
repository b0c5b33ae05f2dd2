"""Writes the generated demo corpus and the generated sources for transfer learning.

Both are generated, for trying the pipeline, and no evidence about people. Every item draws from its own generator,
seeded with the corpus's seed and the item's place, so the files do not depend on the number of workers or their order.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import joblib
import numpy as np
import soundfile
from pydantic import BaseModel

from pipeline.synthetic.actions import ACTIONS, action_clip
from pipeline.synthetic.clip import draw_person, make_clip
from pipeline.synthetic.face import FaceRenderer, Frame
from pipeline.synthetic.identity import Identity, draw_identity, draw_resting, on_another_day
from pipeline.synthetic.mp4 import write_mp4
from pipeline.synthetic.portrait import load_portrait
from pipeline.synthetic.prosody import EMOTIONS, Gender, draw_voice
from pipeline.synthetic.settings import DemoSettings, SourceSettings
from pipeline.synthetic.source_items import source_image, source_utterance
from pipeline.synthetic.textures import TEXTURES, texture_image
from pipeline.synthetic.voice import RATE_HZ

__all__ = ["DemoSettings", "Progress", "SourceSettings", "write_demo", "write_sources"]

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

# First number after the seed: keeps demo speakers, demo clips, source voices and source faces on streams of their own,
# so that no source speaker is a demo speaker. Actions are done by the source faces.
_SPEAKER, _CLIP, _VOICE, _FACE, _ACTION, _TEXTURE = range(6)


def _gender(index: int) -> Gender:
    """Women and men take turns."""
    return "male" if index % 2 else "female"


def _run(calls: list[Any], workers: int, progress: Progress | None) -> list[Any]:
    """Results of delayed calls, in order, from ``workers`` processes."""
    results = joblib.Parallel(n_jobs=workers, return_as="generator", batch_size=1)(calls)
    return list(progress(results, len(calls)) if progress else results)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    """UTF-8 with ``\\n`` line ends on every system."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _write_table(path: Path, header: str, rows: Iterable[tuple[str, ...]]) -> None:
    """Sorted CSV of names and paths, which need no quotes."""
    _write_lines(path, [header, *(",".join(row) for row in sorted(rows))])


def _write_notice(root: Path, what: str, settings: BaseModel) -> None:
    """GENERATED.txt."""
    notice = f"""\
This folder is GENERATED: {what}. No person was recorded for it.
It is for trying the pipeline. Results on it say nothing about people.

Voices: random syllables from a source-filter synthesizer (pulses, noise, formant
resonators) with prosody scaled from published figures; see pipeline/synthetic.
Faces: the portrait skimage.data.astronaut() (NASA, public domain), warped and
recoloured; expressions follow FACS action units.

Settings: {json.dumps(settings.model_dump(), sort_keys=True)}"""
    _write_lines(root / "GENERATED.txt", [notice])


def _demo_clip(root: Path, settings: DemoSettings, speaker: int, emotion: int, take: int) -> None:
    """Generates and writes one clip."""
    cv2.setNumThreads(1)
    person = draw_person(_gender(speaker), np.random.default_rng([settings.seed, _SPEAKER, speaker]))
    rng = np.random.default_rng([settings.seed, _CLIP, speaker, emotion, take])
    seconds = settings.seconds * float(rng.uniform(0.9, 1.2))
    frames, utterance = make_clip(person, EMOTIONS[emotion], seconds, settings, rng)
    write_mp4(root / _clip_path(speaker, emotion, take), frames, utterance.samples)


def _clip_path(speaker: int, emotion: int, take: int) -> str:
    """Path of a clip below the corpus's root."""
    name = f"s{speaker + 1:02d}"
    return f"{name}/{name}_{EMOTIONS[emotion]}_{take + 1}.mp4"


def write_demo(root: Path, settings: DemoSettings, workers: int, progress: Progress | None = None) -> None:
    """Writes ``<speaker>/<speaker>_<emotion>_<take>.mp4``, manifest.csv and GENERATED.txt.

    Clips are 320 x 240, 25 frames/s, with 16 kHz mono audio. The manifest's paths are relative to ``root``.
    """
    items = [(s, e, t) for s in range(settings.speakers) for e in range(len(EMOTIONS)) for t in range(settings.takes)]
    rows = []
    for s, e, t in items:
        path = Path(_clip_path(s, e, t))
        (root / path.parent).mkdir(parents=True, exist_ok=True)
        rows.append((path.stem, path.as_posix(), path.parent.name, EMOTIONS[e], _gender(s)))
    _run([joblib.delayed(_demo_clip)(root, settings, *item) for item in items], workers, progress)
    _write_table(root / "manifest.csv", "clip_id,path,speaker,emotion,gender", rows)
    _write_notice(root, "a demo audio-visual emotion corpus", settings)


def _source_voice(root: Path, settings: SourceSettings, speaker: int) -> list[str]:
    """Writes one voice's utterances; returns their lines of the CTM."""
    name = f"v{speaker + 1:02d}"
    folder = root / "voices" / name
    folder.mkdir(parents=True, exist_ok=True)
    voice = draw_voice(_gender(speaker), np.random.default_rng([settings.seed, _VOICE, speaker]))
    lines = []
    for k in range(settings.utterances):
        rng = np.random.default_rng([settings.seed, _VOICE, speaker, k + 1])
        utterance = source_utterance(voice, settings.strength_voice, rng)
        stem = f"{name}_{k + 1:02d}"
        soundfile.write(folder / f"{stem}.wav", utterance.samples, RATE_HZ, subtype="PCM_16")
        lines += [f"{stem} 1 {s.start_s:.3f} {s.duration_s:.3f} {s.phone}" for s in utterance.alignment]
    return lines


def _source_identity(settings: SourceSettings, index: int) -> Identity:
    """One of the source faces."""
    return draw_identity(load_portrait(), _gender(index), np.random.default_rng([settings.seed, _FACE, index]))


def _source_face(root: Path, settings: SourceSettings, index: int) -> list[str]:
    """Writes one identity's images; returns no lines."""
    cv2.setNumThreads(1)
    folder = root / "faces" / f"f{index + 1:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    portrait, gender = load_portrait(), _gender(index)
    person = draw_resting(_source_identity(settings, index), np.random.default_rng([settings.seed, _FACE, index, 0]))
    for k in range(settings.pictures):
        rng = np.random.default_rng([settings.seed, _FACE, index, k + 1])
        image = source_image(FaceRenderer(portrait, on_another_day(person, portrait, gender, rng)), rng)
        _write_png(folder / f"{k + 1:03d}.png", image)
    return []


def _source_actions(root: Path, settings: SourceSettings, index: int) -> list[str]:
    """Writes one identity's clips of actions; returns no lines."""
    cv2.setNumThreads(1)
    portrait, gender, identity = load_portrait(), _gender(index), _source_identity(settings, index)
    for number, action in enumerate(ACTIONS):
        folder = root / "actions" / action
        folder.mkdir(parents=True, exist_ok=True)
        for k in range(settings.actions):
            rng = np.random.default_rng([settings.seed, _ACTION, index, number, k])
            today = on_another_day(identity, portrait, gender, rng)
            write_mp4(folder / f"f{index + 1:02d}_{k + 1}.mp4", action_clip(today, action, rng), None)
    return []


def _source_texture(root: Path, settings: SourceSettings, index: int) -> list[str]:
    """Writes one texture's pictures; returns no lines."""
    folder = root / "textures" / TEXTURES[index]
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(settings.texture_pictures):
        rng = np.random.default_rng([settings.seed, _TEXTURE, index, k])
        _write_png(folder / f"{k + 1:03d}.png", texture_image(TEXTURES[index], rng))
    return []


def _write_png(path: Path, image: Frame) -> None:
    """Lossless."""
    ok, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not ok:
        raise RuntimeError(f"could not encode {path.parent.name}/{path.name} as PNG")
    path.write_bytes(png.tobytes())


def write_sources(root: Path, settings: SourceSettings, workers: int, progress: Progress | None = None) -> None:
    """Writes voices/ (WAV, phones.ctm, speakers.csv), faces/ and textures/ (PNG), actions/ (MP4 without
    audio, ``<action>/<identity>_<number>.mp4``) and GENERATED.txt.

    ``phones.ctm`` has NIST CTM lines: utterance, channel 1, start and duration in seconds, phone. Paths in
    ``speakers.csv`` are relative to ``root``.
    """
    kinds = [
        (_source_voice, settings.voices),
        (_source_face, settings.identities),
        (_source_texture, settings.textures),
    ]
    kinds += [(_source_actions, settings.identities)] if settings.actions else []
    calls = [joblib.delayed(write)(root, settings, index) for write, count in kinds for index in range(count)]
    _write_lines(root / "voices" / "phones.ctm", [line for part in _run(calls, workers, progress) for line in part])
    rows = []
    for s in range(settings.voices):
        name = f"v{s + 1:02d}"
        for k in range(settings.utterances):
            stem = f"{name}_{k + 1:02d}"
            rows.append((stem, f"{name}/{stem}.wav", name, _gender(s)))
    _write_table(root / "voices" / "speakers.csv", "utterance,path,speaker,gender", rows)
    _write_notice(root, "voices, faces, textures and actions for the source tasks of transfer learning", settings)
