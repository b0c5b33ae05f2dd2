"""Stop runs of a small project hundreds of times, and start again: `python -m benchmarks.stops [STOPS [AIMED [SEED]]]`.

The project has three stages of 30 short clips each, run by DVC as the real one is. Each stop is SIGINT, SIGTERM or
SIGKILL to the whole process group: AIMED of them at the moment at which DVC writes dvc.lock, the others at random while
stages run. Every second start is plain `dvc repro`, the others `scripts/repro.py`. A start works where it ends with 0,
or goes on until it is stopped in its turn. What is asked for: every start works, no clip that was finished is computed
again, and whenever a run comes to its end, its files have the bytes of a run that nothing happened to.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks.engine import corpus
from pipeline.core.clip import write_manifest
from pipeline.core.ledger import Entry, write_ledger
from pipeline.engine.clip_cache import ClipCache
from pipeline.engine.journal import read_journal
from pipeline.runner.lock_file import fault

ROOT = Path(__file__).resolve().parents[1]
FEATURES = ("mfcc39", "logmel", "lld147")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
BALLAST = 800
"""Settings that every stage reads, so that DVC takes as long to write dvc.lock as for the real project's 230 kB."""
COMMAND = (
    "python -m stages.extract --corpus c --section extract --feature {0} --manifest features/c/manifest.csv "
    "--upstream features/c/prepare.ledger.csv --out features/c/{0}.h5 --ledger features/c/{0}.ledger.csv"
)


class Outcome(NamedTuple):
    """What became of one start: stopped by us, or its exit code; how dvc.lock was left; what was printed."""

    code: int | None
    lock: str
    printed: str


class Project:
    """A DVC project in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.held = root, root / "held"
        self.lock, self.cache = root / "dvc.lock", ClipCache(root / "cache")
        for folder in ("features/c", "data/c", "held"):
            (root / folder).mkdir(parents=True)
        clips = corpus(root / "data/c", 30, 0.4)
        write_manifest(root / "features/c/manifest.csv", clips)
        write_ledger(root / "features/c/prepare.ledger.csv", [Entry(clip.clip_id, "prepare") for clip in clips])
        for name in ("pipeline", "stages", "scripts"):
            (root / name).symlink_to(ROOT / name)
        runtime = {"clip_cache": "cache", "workers": 1}
        settings = {
            "runtime": runtime,
            "corpora": {"c": {"adapter": "manifest_csv", "root": "data/c"}},
            "extract": {name: {} for name in FEATURES},
            "ballast": {f"number_{n:04d}": n for n in range(BALLAST)},
        }
        (root / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        before, stages = ["features/c/manifest.csv"], {}
        for name in FEATURES:
            outs = [f"features/c/{name}.h5", f"features/c/{name}.ledger.csv"]
            params = [f"extract.{name}", "ballast"]
            stages[name] = {"cmd": COMMAND.format(name), "deps": before, "params": params, "outs": outs}
            before = outs[:1]
        (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
        subprocess.run(["dvc", "init", "--no-scm", "-q"], cwd=root, check=True)
        subprocess.run(["dvc", "config", "cache.type", "hardlink,copy"], cwd=root, check=True)

    def start(self, ours: bool) -> subprocess.Popen[str]:
        """Begin a run, in a process group of its own; what it prints goes to the file `printed`."""
        command = [sys.executable, "scripts/repro.py", "--jobs", "1"] if ours else ["dvc", "repro"]
        with (self.root / "printed").open("w") as file:
            hear = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
            return subprocess.Popen(
                command, cwd=self.root, stdout=file, stderr=file, text=True, start_new_session=True, preexec_fn=hear
            )

    def printed(self) -> str:
        """What the last run has printed until now."""
        return (self.root / "printed").read_text(errors="replace")

    def bytes(self) -> dict[str, bytes]:
        """What a run that came to its end has made."""
        return {path.name: path.read_bytes() for path in sorted((self.root / "features/c").iterdir())}

    def reset(self) -> None:
        """Forget all that was computed."""
        for name in FEATURES:
            for path in (self.root / "features/c").glob(f"{name}.*"):
                path.unlink()
        self.lock.unlink(missing_ok=True)
        for folder in (".dvc/cache", ".dvc/tmp", "cache", "held"):
            shutil.rmtree(self.root / folder, ignore_errors=True)
        self.held.mkdir()

    def entries(self) -> dict[str, int]:
        """Return the entry of every finished clip: name -> inode, each held by a second name, lest its number be given
        to another file.
        """
        found = {}
        for path in self.cache.entries():
            found[path.parent.name + path.name] = number = path.stat().st_ino
            if not (self.held / str(number)).exists():
                os.link(path, self.held / str(number))
        return found

    def again(self, before: dict[str, int], begun_ns: int) -> set[str]:
        """Return the finished clips that were computed again since `entries` gave `before`."""
        written = [path for path in self.cache.root.glob("journal/*/*.jsonl") if path.stat().st_mtime_ns > begun_ns]
        journals = [read_journal(path) for path in written]
        rows = [row for journal in journals if journal for row in journal.rows.values()]
        told = {row.key for row in rows if row.how == "computed" and row.key in before}
        after, heads = self.entries(), {key: self.cache.peek(self.cache.path(key)) for key in before}
        gone = {key for key in before if key not in after}
        new = {key for key in before if after.get(key) != before[key] and (one := heads[key]) and not one.pack}
        return gone | new | told


def being_written(project: Project) -> Callable[[], bool]:
    """Return a function that tells whether dvc.lock is being written, by DVC in place or beside."""
    new, before = project.root / ".dvc/tmp/dvc.lock.new", project.lock.stat().st_size if project.lock.exists() else -1
    new.unlink(missing_ok=True)  # left by an earlier stop

    def now() -> bool:
        size = project.lock.stat().st_size if project.lock.exists() else -1
        return new.exists() or (size != before and size < max(before, 1))

    return now


def stopped(project: Project, ours: bool, number: signal.Signals, aimed: bool, chance: random.Random) -> Outcome:
    """Start a run, stop it, and return what became of it."""
    process, writing = project.start(ours), being_written(project)
    while process.poll() is None and not any(word in project.printed() for word in ("Running stage", "Stage '")):
        time.sleep(0.01)  # it has read dvc.lock
    end = time.monotonic() + (60 if aimed else chance.uniform(0, 4))
    while process.poll() is None and time.monotonic() < end and not (aimed and writing()):
        time.sleep(0.0003)
    if process.poll() is not None:
        return Outcome(process.returncode, "", project.printed())
    os.killpg(process.pid, number)
    process.wait()
    lock = fault(project.lock.read_bytes()) if project.lock.exists() else "none yet"
    return Outcome(None, lock, project.printed())


def main(stops: int = 200, aimed: int = 50, seed: int = 27) -> None:
    """Print a row per way to stop and to start."""
    chance, rows = random.Random(seed), Counter[tuple[str, str]]()
    plan = [(n < aimed, SIGNALS[n % 3], bool(n // 3 % 2)) for n in range(stops)]
    chance.shuffle(plan)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the guards may be at work
        project = Project(Path(folder) / "p")
        assert project.start(True).wait() == 0, project.printed()
        wanted, done = project.bytes(), 0
        project.reset()
        while done < stops:
            at, number, ours = plan[done]
            key, before = f"{'`scripts/repro.py`' if ours else '`dvc repro`'}, {number.name}", project.entries()
            begun_ns, found = time.time_ns(), stopped(project, ours, number, at, chance)
            rows["computed again", key] += len(project.again(before, begun_ns))
            if found.code is None:
                done += 1
                rows["stops", key] += 1
                rows["aimed", key] += at
                rows["left cut off", key] += found.lock not in ("", "none yet")
                continue
            rows["ends", key] += 1
            if found.code or project.bytes() != wanted:
                rows["failed" if found.code else "other bytes", key] += 1
                print(f"{key}: {found.code}: {found.printed[-400:]}", file=sys.stderr)
            project.reset()
        assert project.start(True).wait() == 0, project.printed()
        assert project.bytes() == wanted
    columns = ("stops", "aimed", "left cut off", "failed", "computed again", "ends", "other bytes")
    print(f"| start, stop | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for key in sorted({key for _, key in rows}):
        print(f"| {key} | {' | '.join(str(rows[column, key]) for column in columns)} |")
    print(f"| all | {' | '.join(str(sum(n for (c, _), n in rows.items() if c == column)) for column in columns)} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
