"""Partial utterances as Resemblyzer takes them (`hparams.py`, `audio.py` and `voice_encoder.py` of its code, 0.1.4)."""

import numpy as np

from pipeline.audio.spectral import AUDIO_HZ

FRAME, HOP, BANDS, FRAMES = 400, 160, 40, 160
"""Samples of a Hann window, samples from one to the next, mel bands, and frames of one partial utterance, 1.6 s."""
PARTIAL = FRAMES * HOP
REACH = FRAME // 2
"""Samples that the first frame sees of what lies before its partial utterance."""
SPAN = (FRAMES - 1) * HOP + FRAME
"""Samples that the frames of a partial utterance see."""
LEVEL_DB = -30.0
"""Root mean square, dB below full scale, that a quieter clip is raised to."""


def speaker_mel(samples: np.ndarray) -> np.ndarray:
    """Return (T, 40) float32, the power in each mel band of each frame, the first of which begins with the samples:
    160 frames for the `SPAN` samples from `REACH` before a partial utterance on.
    """
    import librosa

    power = librosa.feature.melspectrogram(
        y=samples.astype(np.float32), sr=AUDIO_HZ, n_fft=FRAME, hop_length=HOP, n_mels=BANDS, center=False
    )
    return np.ascontiguousarray(power.T, np.float32)


def gain(square: float) -> float:
    """Return what a clip is multiplied by whose samples have this mean square, above 0; never less than 1."""
    return float(max(1.0, 10 ** (LEVEL_DB / 20) / np.sqrt(square)))
