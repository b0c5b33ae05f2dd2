"""Makes the virtual environment that everything else runs in. Called by `make`; needs nothing but Python itself.

A finished environment carries a stamp (the lock file's SHA-256, the Python version, its own path), so calling this
again costs nothing until one of the three changes. The stamp says `incomplete` while work is under way; an
environment that was left in that state (killed half-way) is emptied and made anew, whereas one in which pip itself
gave up is gone on with. A folder without a stamp is never touched.

The syntax stays that of Python 3.6 up to the version check, so an old interpreter still gets the message below.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

MIN_PYTHON = (3, 11)
if sys.version_info < MIN_PYTHON:
    sys.exit(
        f"set-up: {sys.executable} is Python {'.'.join(map(str, sys.version_info[:3]))}, but 3.11 or newer is needed; "
        "name one that is installed: make repro PYTHON=/path/to/python3.11"
    )

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".made-by-make"
INCOMPLETE = "incomplete\n"
UNFINISHED = "unfinished\n"


class SetupError(Exception):
    """One line for the user: what is wrong and what to do."""


class CommandFailed(SetupError):
    """A command ended by itself, in failure: what it did before that can be built on."""


def wanted_stamp(lock: Path, venv: Path) -> str:
    """Return the stamp of an up-to-date environment."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return f"{digest}\npython {sys.version_info[0]}.{sys.version_info[1]}\n{venv}\n"


def read_stamp(venv: Path) -> str:
    """Return the environment's stamp; empty without one."""
    with contextlib.suppress(FileNotFoundError):
        return (venv / STAMP).read_text()
    return ""


def is_ready(venv: Path, wanted: str) -> bool:
    """Tell whether the environment is complete, up to date, and its interpreter still there."""
    return read_stamp(venv) == wanted and (venv / "bin" / "python").exists()


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[int]:
    """Let one set-up run at a time; yield the lock's descriptor, so that a child of ours can go on holding it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: another make is setting up the environment; waiting for it", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def empty_folder(venv: Path) -> None:
    """Make `venv` a folder that holds only an `incomplete` stamp; refuse one that is not ours."""
    if venv.exists() and not read_stamp(venv) and any(venv.iterdir()):
        raise SetupError(f"{venv} exists and was not made by make: move it away, or name another: make repro VENV=...")
    made_at = "".join(read_stamp(venv).splitlines()[2:])
    if venv.is_symlink() and made_at not in ("", str(venv)):  # another checkout's, which may be intact
        raise SetupError(f"{venv} is a link to the environment {made_at}: remove the link, or name another: VENV=...")
    venv.mkdir(parents=True, exist_ok=True)
    (venv / STAMP).write_text(INCOMPLETE)
    for entry in venv.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != STAMP:
            entry.unlink()


def run(command: Sequence[str], held: int, failure: str) -> None:
    """Run a command in the open, holding the lock `held`; raise CommandFailed, or SetupError if it was killed."""
    environment = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    status = subprocess.run(command, pass_fds=(held,), env=environment, check=False).returncode
    if status:
        raise (CommandFailed if status > 0 else SetupError)(failure)


def create(venv: Path, need_gb: float, held: int) -> None:
    """Make an empty environment, with `need_gb` of free disk space for it."""
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):  # as Debian's Python comes
        name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        raise SetupError(
            f"{sys.executable} cannot make virtual environments: install its venv module "
            f"(on Debian and Ubuntu: apt install {name}-venv), then run make again"
        )
    empty_folder(venv)
    free_gb = shutil.disk_usage(venv).free / 1e9
    if free_gb < need_gb:
        raise SetupError(
            f"{free_gb:.1f} GB are free for {venv}, {need_gb:g} GB are needed: "
            "free some, or put the environment on another disk: make repro VENV=/other/disk/venv"
        )
    base = getattr(sys, "_base_executable", sys.executable)
    run([base, "-m", "venv", str(venv)], held, f"`{base} -m venv {venv}` failed, see above; then run make again")


def install(venv: Path, lock: Path, torch_index: str, held: int) -> None:
    """Install the lock file; torch and torchvision from `torch_index` if one is given."""
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install"]
    if torch_index:
        failure = f"pip could not install torch from TORCH_INDEX={torch_index}: check the address and the network"
        pins = [line for line in lock.read_text().splitlines() if line.partition("==")[0] in ("torch", "torchvision")]
        run([*pip, "--no-deps", "--index-url", torch_index, *pins], held, failure + ", then run make again")
    failure = "pip could not install requirements.lock, its reason is above"
    remedy = "check the network or set PIP_INDEX_URL / PIP_FIND_LINKS, then run make again"
    run([*pip, "-r", str(lock)], held, f"{failure}: {remedy}")


def set_up(venv: Path, lock: Path, torch_index: str, need_gb: float, held: int) -> None:
    """Make the environment, or go on with a sound one: unfinished, or of another lock file. Stamp it last."""
    wanted, started = wanted_stamp(lock, venv), time.monotonic()
    print(f"set-up: installing requirements.lock into {venv} (once; takes some minutes)", flush=True)
    python_and_path = wanted.partition("\n")[2]
    if read_stamp(venv).partition("\n")[2] == python_and_path and (venv / "bin" / "python").exists():
        (venv / STAMP).write_text(INCOMPLETE)
    else:
        create(venv, need_gb, held)
    try:
        install(venv, lock, torch_index, held)
    except CommandFailed:
        (venv / STAMP).write_text(UNFINISHED + python_and_path)
        raise
    (venv / STAMP).write_text(wanted)
    print(f"set-up: done in {time.monotonic() - started:.0f} s", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 with the environment ready, else 1 (or 130) after one line on standard error."""
    parser = argparse.ArgumentParser(description="make the virtual environment, unless it is up to date")
    parser.add_argument("--venv", default=".venv", help="folder of the environment")
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements.lock", help="what to install")
    parser.add_argument("--torch-index", default="", help="package index for torch and torchvision alone")
    parser.add_argument("--need-gb", type=float, default=6.0, help="free disk space that a new environment needs")
    args = parser.parse_args(argv)
    venv = Path(os.path.abspath(args.venv))
    try:
        if is_ready(venv, wanted_stamp(args.lock, venv)):
            return 0
        with only_one(venv.with_name(venv.name + ".lock")) as held:
            if not is_ready(venv, wanted_stamp(args.lock, venv)):
                set_up(venv, args.lock, args.torch_index, args.need_gb, held)
    except (SetupError, OSError) as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("set-up: interrupted; run make again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
