"""What a corpus takes on the disk, place by place, and what its stages cost.

    python -m benchmarks.disk [CLIPS]        375 clips of 2 s if not given (after `make repro`)

Copies the project without its results into a folder, generates clips (in multiples of 42: six speakers, seven
emotions), and makes the features of Huang's system with real DVC, stage by stage, by the networks of `make repro`.
A file with several names counts once: for the first place in the table that has it.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import yaml

SPEAKERS, EMOTIONS, SECONDS = 6, 7, 2.0
TAKEN = (
    "pipeline",
    "stages",
    "dvc.yaml",
    "plan.yaml",
    "weights.lock",
    ".dvcignore",
    "features/.gitignore",
    "models/pretrained",
)
STAGES = (
    "code",
    "prepare@demo",
    "track_faces@demo",
    "crop_faces@demo-square100",
    *(f"extract@demo-{name}" for name in ("lld147", "mfcc39")),
    *(f"extract_speech@demo-{name}" for name in ("a60", "a1024")),
    *(f"extract_face@demo-{name}" for name in ("pool5", "dlib128")),
    "rank@demo-pool5",
    "select@demo-v1024",
    "select@demo-v2048",
)
PLACES = {"features/": "features", "DVC's cache": ".dvc/cache/files", "clip cache": ".cache/clips"}


def main(clips: str = "375") -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory(prefix="disk-") as name:
        root = Path(name)
        count = _project(root, int(clips))
        times = {stage: _repro(root, stage) for stage in STAGES}
        print(f"{count} clips of {SECONDS:g} s\n\n| place | MB a clip | counted already, MB a clip |\n|---|---|---|")
        seen: set[int] = set()
        total = 0.0
        for place, folder in PLACES.items():
            new, old = (size / count / 1e6 for size in sizes((root / folder).rglob("*"), seen))
            total += new
            print(f"| {place} | {new:.2f} | {old:.2f} |")
        print(f"| together | {total:.2f} | |\n")
        _details(root, count)
        print("| stage | s of a core | s |\n|---|---|---|")
        for stage, (used, wall) in times.items():
            print(f"| {stage} | {used:.1f} | {wall:.1f} |")


def _project(root: Path, clips: int) -> int:
    """Make the project with its generated clips, and return their number."""
    for entry in TAKEN:
        (root / entry).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if Path(entry).is_dir() else shutil.copyfile
        copy(entry, root / entry)
    takes = -(-clips // (SPEAKERS * EMOTIONS))
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["generate"]["demo"] |= {"speakers": SPEAKERS, "takes": takes, "seconds": SECONDS}
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    subprocess.run(["dvc", "init", "--quiet", "--no-scm"], cwd=root, check=True)
    shutil.copyfile(".dvc/config", root / ".dvc/config")
    subprocess.run(["dvc", "config", "--local", "core.no_scm", "true"], cwd=root, check=True)
    subprocess.run(
        [sys.executable, "-m", "stages.generate", "--set", "demo", "--out", "data/demo"], cwd=root, check=True
    )
    return SPEAKERS * EMOTIONS * takes


def _repro(root: Path, stage: str) -> tuple[float, float]:
    """Run one stage and return the time that cores worked on it and the time it took, s, DVC's own included."""
    before, begin = _used(), time.perf_counter()
    subprocess.run(["dvc", "repro", "--quiet", "--single-item", stage], cwd=root, check=True, stdout=subprocess.DEVNULL)
    return _used() - before, time.perf_counter() - begin


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def sizes(paths: Iterable[Path], seen: set[int]) -> tuple[int, int]:
    """Return the bytes on the disk of files that are new, and of those that `seen` has; new ones are entered there."""
    found = [0, 0]
    for path in paths:
        if path.is_file() and not path.is_symlink():
            state = path.stat()
            found[state.st_ino in seen] += state.st_blocks * 512
            seen.add(state.st_ino)
    return found[0], found[1]


def _details(root: Path, count: int) -> None:
    """Print every feature file of more than a hundredth of a MB a clip."""
    print("| file | MB a clip |\n|---|---|")
    for path in sorted(root.glob("features/demo/*")):
        if (size := path.stat().st_size / count / 1e6) >= 0.01:
            print(f"| {path.name} | {size:.2f} |")
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
