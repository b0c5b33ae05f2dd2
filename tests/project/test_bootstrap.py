"""The set-up: one clear line for every failure, nothing to do the second time, and an exact lock file."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "bootstrap.py"
LOCK = ROOT / "requirements.lock"
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture
def bootstrap() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what an outer make or pip's variables would add."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "PIP_"))} | more


def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script with this Python."""
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment(**environment))


def make_venv(python: str, venv: Path) -> subprocess.CompletedProcess[str]:
    """Run `make venv` with a given Python."""
    command = ["make", "--no-print-directory", "venv", f"PYTHON={python}", f"VENV={venv}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=clean_environment())


def our_lines(text: str) -> list[str]:
    """The lines that the script itself wrote."""
    return [line for line in text.splitlines() if line.startswith("set-up: ")]


def write_wheel(folder: Path, name: str, version: str) -> None:
    """Write a wheel with one module, `name`, that knows its version."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(text)}")
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,\n"]))


def installed_version(venv: Path) -> str:
    """What the environment's own interpreter says of the test's package."""
    command = [str(venv / "bin" / "python"), "-c", "import tinypkg; print(tinypkg.VERSION)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_old_python_gets_one_line(tmp_path: Path) -> None:
    stub = tmp_path / "python3.9"
    old = (
        "import runpy, sys; sys.version_info = (3, 9, 18); del sys.argv[0]; runpy.run_path(sys.argv[0], None, "
        "'__main__')"
    )
    stub.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{old}" "$@"\n')
    stub.chmod(0o755)
    result = make_venv(str(stub), tmp_path / "venv")
    assert result.returncode != 0
    (line,) = our_lines(result.stderr)
    assert re.search(r"is Python 3\.9\.18, but 3\.11 or newer is needed.*make repro PYTHON=/path/to/python3\.11", line)
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "venv").exists()


def test_missing_python_gets_one_line(tmp_path: Path) -> None:
    result = make_venv("no-such-python", tmp_path / "venv")
    assert result.returncode != 0
    (line,) = our_lines(result.stderr)
    assert "there is no no-such-python here" in line


def test_the_version_asked_for_is_that_of_pyproject(bootstrap: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=" + ".".join(map(str, bootstrap.MIN_PYTHON))


def test_full_disk_gets_one_line(tmp_path: Path) -> None:
    result = call("--venv", tmp_path / "venv", "--need-gb", 1e9)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert re.search(r"GB are free for .*/venv, 1e\+09 GB are needed: free some", line)
    assert not (tmp_path / "venv" / "bin").exists()


def test_debian_without_venv_gets_one_line(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    assert bootstrap.main(["--venv", str(tmp_path / "venv"), "--need-gb", "0"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"apt install python3.{sys.version_info[1]}-venv" in line


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    result = call("--venv", tmp_path / "home", "--need-gb", 0)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "was not made by make" in line
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years of work"


def test_a_link_to_the_environment_of_another_folder_is_left_alone(bootstrap: ModuleType, tmp_path: Path) -> None:
    theirs, link = tmp_path / "theirs/.venv", tmp_path / ".venv"
    (theirs / "bin").mkdir(parents=True)
    link.symlink_to(theirs)
    for stamp in (bootstrap.wanted_stamp(LOCK, theirs), f"unfinished\npython 3.11\n{theirs}\n"):
        (theirs / bootstrap.STAMP).write_text(stamp)
        done = call("--venv", link)
        expected = f"set-up: {link} is a link to the environment {theirs}: remove the link, or name another: VENV=..."
        assert our_lines(done.stdout + done.stderr)[-1] == expected
        assert done.returncode
        assert (theirs / bootstrap.STAMP).read_text() == stamp
        assert (theirs / "bin").is_dir()
    (theirs / bootstrap.STAMP).write_text(bootstrap.wanted_stamp(LOCK, link))  # a link may lead to one of one's own
    bootstrap.empty_folder(link)
    assert [path.name for path in theirs.iterdir()] == [bootstrap.STAMP]


def test_left_overs_of_a_killed_set_up_go(bootstrap: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "half.py").touch()
    (tmp_path / "lib64").symlink_to("lib")
    (tmp_path / bootstrap.STAMP).write_text(bootstrap.INCOMPLETE)
    bootstrap.empty_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [bootstrap.STAMP]


def test_a_killed_pip_leaves_nothing_to_build_on(bootstrap: ModuleType, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as held:
        with pytest.raises(bootstrap.SetupError, match="killed") as caught:
            bootstrap.run(["sh", "-c", "kill -9 $$"], held.fileno(), "killed")
        assert not isinstance(caught.value, bootstrap.CommandFailed)
        with pytest.raises(bootstrap.CommandFailed, match="gave up"):
            bootstrap.run(["sh", "-c", "exit 1"], held.fileno(), "gave up")


def test_two_set_ups_take_turns(bootstrap: ModuleType, tmp_path: Path) -> None:
    with bootstrap.only_one(tmp_path / "venv.lock"):
        command = [sys.executable, str(SCRIPT), "--venv", str(tmp_path / "venv"), "--need-gb", "1e9"]
        second = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert "another make is setting up" in second.stdout.readline()
        assert second.poll() is None
    assert "GB are needed" in second.communicate(timeout=20)[1]


def test_torch_comes_from_its_own_index(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "run", lambda command, *_: commands.append(list(command)))
    bootstrap.install(tmp_path, LOCK, "file:///cpu", 0)
    first, second = commands
    assert first[-5:-2] == ["--no-deps", "--index-url", "file:///cpu"]
    assert [pin.partition("==")[0] for pin in first[-2:]] == ["torch", "torchvision"]
    assert "--index-url" not in second
    assert second[-2:] == ["-r", str(LOCK)]
    commands.clear()
    bootstrap.install(tmp_path, LOCK, "", 0)
    assert commands == [second]


@pytest.mark.long
def test_set_up_fails_then_succeeds_then_rests_then_follows_the_lock(bootstrap: ModuleType, tmp_path: Path) -> None:
    venv, lock, wheels = tmp_path / "a venv", tmp_path / "tiny.lock", tmp_path / "wheels"
    stamp, arguments = venv / bootstrap.STAMP, ("--venv", venv, "--lock", lock, "--need-gb", 0)
    wheels.mkdir()
    lock.write_text("tinypkg==1.0\n")

    failed = call(*arguments, **OFFLINE)
    assert failed.returncode == 1
    (line,) = our_lines(failed.stderr)
    assert failed.stderr.splitlines()[-1] == line
    assert "check the network or set PIP_INDEX_URL / PIP_FIND_LINKS, then run make again" in line
    assert stamp.read_text().startswith(bootstrap.UNFINISHED)

    write_wheel(wheels, "tinypkg", "1.0")
    online = OFFLINE | {"PIP_FIND_LINKS": str(wheels)}
    made = call(*arguments, **online)
    assert made.returncode == 0, made.stderr
    assert "Successfully installed tinypkg-1.0" in made.stdout
    assert installed_version(venv) == "1.0"
    first_stamp = stamp.read_text()

    started = time.monotonic()
    again = call(*arguments, **OFFLINE)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert time.monotonic() - started < 2

    write_wheel(wheels, "tinypkg", "1.1")
    lock.write_text("tinypkg==1.1\n")
    changed = call(*arguments, **online)
    assert changed.returncode == 0, changed.stderr
    assert installed_version(venv) == "1.1"
    assert stamp.read_text() != first_stamp


def locked() -> dict[str, str]:
    """The lock file's pins by normalised name."""
    lines = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line) for line in lines)
    pins = {str(canonicalize_name(line.partition("==")[0])): line.partition("==")[2] for line in lines}
    assert len(pins) == len(lines)
    return pins


def test_lock_is_exact_and_leaves_the_installers_out() -> None:
    assert not locked().keys() & {"pip", "setuptools", "wheel", "avemotion-pipeline"}


def test_lock_covers_pyproject() -> None:
    project, pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"], locked()
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), text
