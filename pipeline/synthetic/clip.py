"""One clip of the demo corpus: a generated person speaks with a generated emotion."""

import numpy as np
import numpy.typing as npt

from pipeline.synthetic import expression as ex
from pipeline.synthetic.face import FaceRenderer, Frame, Light, Pose
from pipeline.synthetic.identity import Identity, draw_identity
from pipeline.synthetic.portrait import Points, load_portrait
from pipeline.synthetic.prosody import Gender, Voice, draw_prosody, draw_voice
from pipeline.synthetic.settings import DemoSettings
from pipeline.synthetic.voice import RATE_HZ, Utterance, speak

FPS = 25
Person = tuple[Voice, Identity]
_BLINK_S = 0.16  # closing and opening; 0.1-0.4 s is usual
_BLINKS_PER_S = 0.3  # about 17 a minute at rest


def draw_person(gender: Gender, rng: np.random.Generator) -> Person:
    """A random voice and face of one gender."""
    return draw_voice(gender, rng), draw_identity(load_portrait(), gender, rng)


def mouth_opening(samples: npt.NDArray[np.float32], frames: int) -> Points:
    """Opening of the mouth (frames,), 0-1, after the audio level around every frame."""
    hop = RATE_HZ // FPS
    padded = np.zeros(frames * hop)
    padded[: len(samples)] = samples[: frames * hop]
    rms = np.sqrt(np.mean(padded.reshape(frames, hop) ** 2, axis=1))
    relative = np.clip(rms / max(float(np.percentile(rms, 90)), 1e-4), 0.0, 1.0) ** 0.7
    return np.convolve(np.pad(relative, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")


def _blinks(frames: int, rng: np.random.Generator) -> Points:
    """Closure of the eyes (frames,), 0-1."""
    t = np.arange(frames) / FPS
    closure = np.zeros(frames)
    for centre in rng.uniform(0, frames / FPS, rng.poisson(_BLINKS_PER_S * frames / FPS)):
        closure = np.maximum(closure, np.clip(1.3 - 2.6 * np.abs(t - centre) / _BLINK_S, 0, 1))
    return closure


def _drift(frames: int, size: float, rng: np.random.Generator) -> Points:
    """A slow random curve (frames,) of about ``size``: a resting value and two sinusoids."""
    t = np.arange(frames) / FPS
    curve = np.full(frames, float(rng.normal(0.0, 0.6)))
    for hertz in rng.uniform([0.2, 0.6], [0.6, 1.4]):
        curve += rng.normal(0.0, 0.35) * np.sin(2 * np.pi * (hertz * t + rng.random()))
    return np.asarray(size * np.clip(curve, -2.0, 2.0))


def idle_poses(frames: int, rng: np.random.Generator, motion: float = 1.0) -> list[Pose]:
    """Small head motion: a few degrees, a few pixels, ``motion`` times."""
    sizes = (0.035, 0.06, 0.04, 0.012, 2.5, 1.5)
    roll, yaw, pitch, zoom, x, y = (_drift(frames, motion * size, rng) for size in sizes)
    return [Pose(roll[k], yaw[k], pitch[k], 1 + zoom[k], (x[k], y[k])) for k in range(frames)]


def _action_units(emotion: str, opening: Points, manner: DemoSettings, rng: np.random.Generator) -> Points:
    """Action units of every frame, (frames, units): expression, speech and blinks."""
    apex = ex.draw_apex(emotion, manner.strength_face, manner.variation_face, rng)
    units = np.outer(ex.envelope(len(opening), rng), apex)
    units += np.outer(opening * rng.uniform(0.7, 1.3), ex.SPEECH)
    units += np.outer(_blinks(len(opening), rng), ex.single("AU43"))
    return np.asarray(np.clip(units, 0.0, 1.3))


def draw_light(rng: np.random.Generator) -> Light:
    """Light of one take."""
    return Light(float(rng.uniform(0.85, 1.1)), float(rng.normal(0, 0.12)), float(rng.normal(0, 0.08)))


def make_clip(
    person: Person, emotion: str, seconds: float, manner: DemoSettings, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], Utterance]:
    """Frames (t, 240, 320, 3) RGB at 25 frames/s, and audio of the same length at 16 kHz; of the settings strength and
    variation count.
    """
    (voice, identity), frames = person, round(seconds * FPS)
    prosody = draw_prosody(emotion, manner.strength_voice, manner.variation_voice, rng)
    utterance = speak(voice, prosody, frames / FPS, rng)
    units = _action_units(emotion, mouth_opening(utterance.samples, frames), manner, rng)
    renderer = FaceRenderer(load_portrait(), identity, draw_light(rng))
    video: list[Frame] = [
        renderer.render(u, pose) for u, pose in zip(units, idle_poses(frames, rng, manner.motion_face), strict=True)
    ]
    return np.stack(video), utterance
