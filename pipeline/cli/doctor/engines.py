"""FFmpeg, openSMILE, dlib, OpenCV, torch and the other libraries, each made to do a little of what it is here for.

Every function runs in a process of its own and may raise whatever a broken library raises.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.cli.doctor import Finding, note, ok, wrong
from pipeline.cli.doctor.environment import MAKE, partners, runtime

LIBRARIES = (
    "numpy", "scipy.signal", "pandas", "h5py", "yaml", "pydantic", "joblib", "psutil", "requests", "jinja2",
    "soundfile", "librosa", "skimage.transform", "sklearn.svm", "matplotlib", "praatio", "dvclive", "typer", "rich",
    "distributed", "dvc.repo",
)  # fmt: skip
"""What is imported by the stages and not tried out below."""


def libraries(_: Path) -> list[Finding]:
    """Import the rest of what pyproject.toml names."""
    found = []
    for name in LIBRARIES:
        print(f"importing {name}", file=sys.stderr, flush=True)  # the last words of a process that is killed by it
        try:
            import_module(name)
        except Exception as error:  # noqa: BLE001 - a broken package may raise anything, and shall cost one line
            found.append(wrong(name.split(".")[0], f"cannot be imported ({type(error).__name__}: {error})", MAKE))
    return found or [ok("libraries", f"{len(LIBRARIES)} of them can be imported")]


def ffmpeg(_: Path) -> list[Finding]:
    """Write half a second of MP4 (H.264, AAC), and read it again as the stages do."""
    import av

    from pipeline.media.decode import read_audio, read_frames

    codec = ".".join(map(str, av.library_versions["libavcodec"]))
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        _write_clip(clip)
        pictures, samples = sum(1 for _ in read_frames(clip)), len(read_audio(clip, 16000))
    if pictures != 5 or not 7000 < samples < 10000:
        said = f"libavcodec {codec}: of 5 pictures {pictures} came back, of 8000 samples {samples}"
        return [wrong("FFmpeg", said, MAKE)]
    return [ok("FFmpeg", f"libavcodec {codec} in PyAV {av.__version__}; wrote and read a clip")]


def _write_clip(path: Path) -> None:
    import av
    import numpy as np

    with av.open(os.fspath(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio: Any = container.add_stream("aac", rate=16000, layout="mono")
        for number in range(5):
            picture = np.full((48, 64, 3), 40 * number, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(8000, dtype=np.float32)[None] / 16000)
        sound = av.AudioFrame.from_ndarray(tone.astype(np.float32), format="fltp", layout="mono")
        sound.sample_rate, sound.pts = 16000, 0
        container.mux(audio.encode(sound))
        container.mux(video.encode())
        container.mux(audio.encode())


def opensmile(_: Path) -> list[Finding]:
    """Compute eGeMAPS of half a second of a tone."""
    import numpy as np
    import opensmile as smile

    tone = np.sin(2 * np.pi * 220 * np.arange(8000) / 16000, dtype=np.float32)
    table = smile.Smile(smile.FeatureSet.eGeMAPSv02, smile.FeatureLevel.Functionals).process_signal(tone, 16000)
    if table.shape != (1, 88) or not np.isfinite(table.to_numpy()).all():
        return [wrong("openSMILE", f"of a tone it computed {table.shape[1]} values instead of 88", MAKE)]
    return [ok("openSMILE", f"{smile.__version__}; 88 functionals of a tone")]


def dlib(_: Path) -> list[Finding]:
    """Look for faces in an empty picture."""
    import dlib as library
    import numpy as np

    seen = len(library.get_frontal_face_detector()(np.zeros((120, 160), np.uint8)))
    if seen:
        return [wrong("dlib", f"sees {seen} faces in an empty picture", MAKE)]
    return [ok("dlib", f"{library.__version__}; its detector runs")]


def opencv(_: Path) -> list[Finding]:
    """Make a picture smaller."""
    import cv2
    import numpy as np

    if cv2.resize(np.zeros((40, 40, 3), np.uint8), (20, 20)).shape != (20, 20, 3):
        return [wrong("OpenCV", f"{cv2.__version__} does not resize", MAKE)]
    return [ok("OpenCV", f"{cv2.__version__}; resizes")]


def torch(params: Path) -> list[Finding]:
    """Multiply by torch, load torchvision with or without its operators, and see what there is of CUDA."""
    import torch as library

    from pipeline.networks import torchvision_ops

    found = [partners()]
    if float((library.ones(4, 4) @ library.ones(4, 4)).sum()) != 64:
        found.append(wrong("torch", f"{library.__version__} multiplies wrongly", MAKE))
    torchvision_ops.models()
    if torchvision_ops._declared:
        said = "its operators do not load, their signatures are stood in for, nothing here calls them"
        found.append(note("torchvision", f"imported; {said}"))
    else:
        found.append(ok("torchvision", "imported, and its operators"))
    return [*found, _cuda(library, runtime(params).device)]


def _cuda(library: Any, device: str) -> Finding:
    driver = Path("/proc/driver/nvidia/version").is_file()
    build = f"torch built for CUDA {library.version.cuda}" if library.version.cuda else "torch built without CUDA"
    words = f"{build}, {'a driver' if driver else 'no driver'}"
    if library.version.cuda and library.cuda.is_available():
        return ok("CUDA", f"{words}, {library.cuda.get_device_name()}; runtime.device is {device}")
    if device != "cuda":
        return note("CUDA", f"{words}: networks run on the processor, as runtime.device: {device} says")
    remedy = "install NVIDIA's driver" if library.version.cuda else "make clean, then `make venv` without TORCH_INDEX"
    return wrong("CUDA", f"params.yaml: runtime.device: cuda, but {words}", f"set runtime.device: cpu, or {remedy}")
