"""Items of the source corpora: utterances of source voices, images of source faces."""

import cv2
import numpy as np

from pipeline.synthetic import expression as ex
from pipeline.synthetic.face import FaceRenderer, Frame, Pose, face_box
from pipeline.synthetic.portrait import LANDMARKS
from pipeline.synthetic.prosody import EMOTIONS, Voice, draw_prosody
from pipeline.synthetic.voice import Utterance, speak

IMAGE_PX = 100
BOX_MARGIN = 1.2  # the tracker enlarges the detection by this before it cuts


def source_utterance(voice: Voice, strength: float, rng: np.random.Generator) -> Utterance:
    """3 to 4 seconds of random syllables with a random emotion's prosody, mildly."""
    prosody = draw_prosody(str(rng.choice(EMOTIONS)), strength, 0.5, rng)
    return speak(voice, prosody, float(rng.uniform(3.0, 4.0)), rng)


def _random_pose(rng: np.random.Generator) -> Pose:
    """A pose within about 15 degrees."""
    roll, yaw, pitch = rng.normal(0.0, 1.0, 3).clip(-2, 2) * [0.05, 0.12, 0.07]
    shift = rng.normal(0.0, 2.0, 2)
    return Pose(roll, yaw, pitch, float(rng.uniform(0.96, 1.04)), (shift[0], shift[1]))


def _relight(image: Frame, rng: np.random.Generator) -> Frame:
    """Another gain, contrast and ramp of brightness on an image (h, w, 3)."""
    y, x = (np.linspace(-0.5, 0.5, size, dtype=np.float32) for size in image.shape[:2])
    across, down = rng.normal(0.0, [0.25, 0.18])
    ramp = rng.uniform(0.75, 1.15) * (1 + across * x[None, :] + down * y[:, None])
    return np.asarray(np.clip(image * ramp[..., None], 0, 255).astype(np.uint8))


def source_image(renderer: FaceRenderer, rng: np.random.Generator) -> Frame:
    """A face as a tracker would cut it, (100, 100, 3) RGB: random expression, pose, light."""
    strength = float(rng.uniform(0.0, 0.15))
    units = ex.draw_apex(str(rng.choice(EMOTIONS)), strength, 0.4, rng)
    units += rng.uniform(0, 0.2) * ex.SPEECH
    pose = _random_pose(rng)
    left, top, side = face_box(renderer.vertices(units, pose)[:LANDMARKS])
    # The detector's boxes jump between fixed sizes and places; so does the cut, a little.
    centre = np.array([left + side / 2, top + side / 2]) + rng.normal(0.0, 0.02 * side, 2)
    scale = IMAGE_PX / (side * BOX_MARGIN * float(rng.uniform(0.94, 1.08)))
    offset = IMAGE_PX / 2 - scale * centre
    cut = np.array([[scale, 0.0, offset[0]], [0.0, scale, offset[1]]])
    image = cv2.warpAffine(renderer.render(units, pose), cut, (IMAGE_PX, IMAGE_PX), borderMode=cv2.BORDER_REPLICATE)
    return _relight(np.asarray(image), rng)
