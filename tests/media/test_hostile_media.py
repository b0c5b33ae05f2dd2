"""What cameras, phones, archives and people do to clips: each has its line in every ledger, and no other clip notices.

The stages run as dvc.yaml spells them, without DVC. `helpers_hostile` makes the clips.
"""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from helpers import warm
from helpers.hostile import FILES, LARGE_AT, LONG, ORDINARY, UNICODE, write_corpus
from helpers.project import ROOT
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.store import FeatureFile

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hostile")]

PICTURES = ("track_faces", "align_faces")
CROPS = "crop_faces:square100"
SOUNDS = ("extract:mfcc39", "extract:lld147", "extract:logmel", "extract:egemaps")
STAGES = (*PICTURES, CROPS, *SOUNDS)
NAMES = dict(zip(STAGES, ("faces", "aligned", "square100", "mfcc39", "lld147", "logmel", "egemaps"), strict=True))
"""Stage -> the name of its feature file and its ledger."""

PARALLEL = "track_faces"
"""The stage that runs with two workers here; the others run two at a time with one."""

INVALID = "Invalid data found when processing input"


def pictures(line: str) -> dict[str, str]:
    """The line of the stages that look at the pictures."""
    return dict.fromkeys(PICTURES, line)


def sound(line: str) -> dict[str, str]:
    """The line of the stages that listen."""
    return dict.fromkeys(SOUNDS, line)


def no_media(why: str = "") -> dict[str, str]:
    """The lines of a file that FFmpeg does not know."""
    return dict.fromkeys(STAGES, f"failed decode_error: {INVALID}{why}")


def no_file(line: str, reason: str = "missing_file") -> dict[str, str]:
    """The lines of a file that is not there, or holds no media."""
    return {"prepare": f"failed {reason}: {line}", **dict.fromkeys(STAGES, f"failed {reason}: after prepare")}


PARTLY = f"degraded decode_error: part of it could not be decoded ({INVALID})"
LESS = "; also decode_error: 0.3? s of audio decoded, 0.?? s declared by the file"
NO_FACE = {"track_faces": "failed no_face: in none of 16 frames", "align_faces": "failed no_face: in none of 8 frames"}


def films(line: str) -> dict[str, str]:
    """Return the line of what reads the video, also where there is a face."""
    return dict.fromkeys((*PICTURES, CROPS), line)


def ends(kind: str, at: str, until: str) -> str:
    return f"degraded unequal_length: the {kind} ends at {at} s, the other streams at {until} s"


EXPECTED: dict[str, dict[str, str]] = {
    "zero_bytes": no_file("an empty file, 0 bytes; copy or download it again", "not_media"),
    "zero_bytes_too": no_file("an empty file, 0 bytes; copy or download it again", "not_media"),
    "cut_head": no_media(),
    "cut_head_stream": {  # no key frame is left; every frame of sound is one
        **pictures(f"failed decode_error: {INVALID}"),
        **sound("degraded decode_error: the file is cut, its last packet has 94 of the 188 bytes of the others"),
    },
    "cut_tail_index": no_media(": cut, with * of the * bytes that it declares; download or copy it again"),
    "cut_middle": {  # FFmpeg hides what is wrong with pictures of H.264
        **films("degraded decode_error: 0.40 s of video decoded, 0.70 s declared by the file"),
        **sound(PARTLY + LESS),
    },
    "cut_middle_flv": sound(PARTLY),
    "cut_tail": {
        **films("degraded decode_error: 0.52 s of video decoded, 0.64 s declared by the file"),
        **sound(PARTLY + LESS),
    },
    "text": no_file("text (*); put the recording itself in its place", "not_media"),
    "folder": no_file("folder.mp4"),
    "no_audio": sound("absent no_audio"),
    "no_video": pictures("absent no_video"),
    "cover_art": pictures("absent no_video"),
    "one_frame": films(ends("video", "0.04", "0.64"))
    | {"align_faces": "degraded too_short: 1 frame*, of which 8 are taken; also unequal_length: *"},
    "three_frames": films(ends("video", "0.12", "0.64"))
    | {"align_faces": "degraded too_short: 3 frames, of which 8 are taken; also unequal_length: *"},
    "sound_of_5_ms": sound("failed too_short: 0.005 s of audio"),
    "sound_of_60_ms": sound(ends("audio", "0.06", "0.64"))
    | {"extract:lld147": "failed too_short: *", "extract:egemaps": "failed too_short: *"},
    "silence": sound("failed silent: digital silence"),
    "six_channels": sound("ok : note: 5.1 audio mixed 0.21 0.21 0.29 0 0.15 0.15"),
    "one_pixel": NO_FACE,
    "large_4k": films(ends("video", "0.08", "0.64"))
    | {"align_faces": "degraded too_short: 2 frames, of which 8 are taken; also unequal_length: *"},
    "late_sound": films(ends("video", "0.64", "0.94")),
    "many_faces": films(ends("video", "0.32", "0.64")),
    "leaves_and_returns": sound(ends("audio", "0.64", "1.00")),
    "no_timestamps": sound("absent no_audio"),
    "link_dangling": no_file("a link that leads to no file"),
    "link_loop": no_file("a link that leads to no file"),
    "link_out": no_file(
        "a link that leads out of the corpus; set follow_links: true in its settings to read it, or remove it",
        "outside_link",
    ),
    "no_face": NO_FACE,
    "half_a_face": NO_FACE,
}
"""Clip -> stage -> line of the ledger, `*` for any words. What is not named is `ok`, so is what is left of a clip that
was cut.
"""

BOXES = {
    "large_4k": (*(np.array(LARGE_AT[::-1]) + 54), *(np.array(LARGE_AT[::-1]) + 159)),
    "many_faces": (276, 176, 451, 351),
    "odd_and_small": (26, 20, 77, 60),
}
"""Where the face lies, px, that counts: the largest one of many."""


class Folder:
    """A project's folder with settings and one corpus, `hostile`, and no artifacts.

    Args:
        root: does not exist yet
        names: of `FILES`
        runtime: settings of `runtime`
        corpus: the corpus's folder, if not one to be made
    """

    def __init__(self, root: Path, names: Sequence[str], corpus: Path | None = None, **runtime: Any) -> None:
        self.root = root
        params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        settings = {name: params[name] for name in ("track_faces", "crop_faces", "align_faces", "extract")}
        settings["track_faces"]["detector"] = settings["align_faces"]["detector"] = "dlib_hog"
        settings["track_faces"]["eyes"] = "detector"
        settings["align_faces"].update(detector_settings={}, frames=8)
        settings["corpora"] = {
            "hostile": {"adapter": "manifest_csv", "root": str(corpus or "data"), "protocol": {"name": "none"}}
        }
        settings["runtime"] = {"workers": 1, "max_failed_fraction": 1.0, **runtime}
        if corpus is None:
            write_corpus(root / "data", names)
        else:
            root.mkdir()
        (root / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def run(self, stage: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run one stage, as DVC does; with options of a process, in one of its own."""
        python = sys.executable if options else warm.folder() / "python"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "HOME": str(self.root)}
        kept = {"cwd": self.root, "capture_output": True, "text": True, "env": environment, "timeout": 300}
        return subprocess.run([python, *arguments(stage)], **kept, **options)

    def set_workers(self, workers: int) -> None:
        path = self.root / "params.yaml"
        path.write_text(
            re.sub("workers: .*", f"workers: {workers}", path.read_text(encoding="utf-8")), encoding="utf-8"
        )

    def ledger(self, stage: str) -> Path:
        return self.root / "features/hostile" / f"{NAMES.get(stage, 'prepare')}.ledger.csv"

    def features(self, stage: str) -> FeatureFile:
        return FeatureFile(self.root / "features/hostile" / f"{NAMES[stage]}.h5")


def arguments(stage: str) -> list[str]:
    """Return the words after `python` of a stage's command in dvc.yaml."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    name, _, feature = stage.partition(":")
    command = (stages[name].get("do") or stages[name])["cmd"]
    for key, value in (
        ("key", "hostile"),
        ("item.corpus", "hostile"),
        ("item.feature", feature),
        ("item.crop", feature),
    ):
        command = command.replace(f"${{{key}}}", value)
    return shlex.split(command)[1:]


def expected(name: str, stage: str) -> str:
    lines = EXPECTED.get(name, {})
    if stage == CROPS:
        status, _, rest = lines.get("track_faces", "ok").partition(" ")
        if status in ("absent", "failed"):
            return f"{status} {rest.partition(':')[0]}: after track_faces"
    return lines.get(stage, "ok")


def lines(path: Path, stage: str) -> dict[str, list[str]]:
    """Return a ledger's lines of one stage by clip, in words."""
    found: dict[str, list[str]] = {}
    for entry in read_ledger(path):
        if entry.stage == stage:
            found.setdefault(entry.clip_id, []).append(words(entry))
    return found


def words(entry: Entry) -> str:
    """Return status, reason and detail; the detail may begin with the name of the clip's own file."""
    detail = entry.detail.removeprefix(f"{FILES[entry.clip_id][0]}: ")
    return f"{entry.status} {entry.reason}: {detail}".rstrip(": ")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, dict[str, subprocess.CompletedProcess[str]]]:
    """The corpus of all clips after every stage, and what each stage printed.

    Both ways of working have to stand these clips; with workers everywhere, loading librosa would take most of the
    time.
    """
    folder = Folder(tmp_path_factory.mktemp("hostile") / "project", list(FILES), workers=1)
    done = {"prepare": folder.run("prepare")}
    folder.set_workers(2)
    done[PARALLEL] = folder.run(PARALLEL)
    folder.set_workers(1)
    others = [stage for stage in STAGES if stage != PARALLEL]
    with ThreadPoolExecutor(2) as threads:
        done.update(zip(others, threads.map(folder.run, others), strict=True))
    return folder, done


@pytest.mark.parametrize("stage", ["prepare", *STAGES])
def test_every_clip_has_its_line_and_nothing_else_is_printed(hostile, stage):
    folder, done = hostile
    assert (done[stage].returncode, done[stage].stderr) == (0, "")
    path = folder.ledger(stage)
    found = lines(path, stage)
    assert found.keys() == FILES.keys()
    wrong = {
        name: line for name, line in found.items() if len(line) != 1 or not fnmatchcase(line[0], expected(name, stage))
    }
    assert wrong == {}
    assert not re.search(r"(^|[\s,'\"])/", path.read_text(encoding="utf-8"), re.MULTILINE), "an absolute path"
    assert done[stage].stdout.startswith(f"{stage}: ")
    assert done[stage].stdout.count("\n") == 1


def test_what_failed_has_no_features_and_all_else_has(hostile):
    folder, _ = hostile
    for stage in STAGES:
        kept = [name for name in FILES if not expected(name, stage).startswith(("absent", "failed"))]
        with folder.features(stage) as file:
            assert sorted(file.clip_ids()) == sorted(kept), stage


def test_faces_lie_where_they_were_put(hostile):
    """Turned, of another size, in other colours, as the largest of many: it is the same face."""
    folder, _ = hostile
    with folder.features("track_faces") as file, folder.features(CROPS) as pictures_of:
        usual = pictures_of.read("ordinary_1").extra["crops"].mean(axis=(0, 1, 2))
        for name in sorted(
            set(file.clip_ids()) - {"ordinary_2", "most_of_a_face", "leaves_and_returns", "odd_and_small"}
        ):
            found = file.read(name)
            assert found.mask.all(), name
            assert np.abs(found.values - BOXES.get(name, (54, 54, 159, 159))).max() < 12, name
            assert np.abs(pictures_of.read(name).extra["crops"].mean(axis=(0, 1, 2)) - usual).max() < 15, name
        small = file.read("odd_and_small")  # of other proportions, so that its crop has other colours
        assert small.mask.all()
        assert np.abs(small.values - BOXES["odd_and_small"]).max() < 12
        cut = file.read("most_of_a_face")
        assert cut.values[:, 0].max() < 0
        away = file.read("leaves_and_returns").mask
        assert away[:7].all()
        assert not away[10:15].any()
        assert away[-7:].all()


def test_pictures_stay_in_step_with_the_sound_where_the_clock_is_wrong(hostile):
    """It goes back by 0.3 s, or forward by three hours, in the middle of 0.64 s."""
    folder, _ = hostile
    with folder.features("track_faces") as faces, folder.features("extract:mfcc39") as sounds:
        for name in ("timestamps_back", "timestamps_jump"):
            seen, heard = faces.read(name).times, sounds.read(name).times
            assert len(seen) == 16, name
            assert seen[-1] == pytest.approx(heard[-1], abs=0.12), name  # one frame, and what AAC puts before the sound


def test_names_links_and_copies_change_nothing(hostile):
    folder, _ = hostile
    for stage in STAGES:
        with folder.features(stage) as file:
            for name in ("name with spaces", UNICODE, LONG, "link_in"):
                assert_equal_features(file, file, "ordinary_1", name)


@pytest.mark.long
def test_clips_alone_have_the_bytes_that_they_have_among_hostile_ones(hostile, tmp_path):
    among, _ = hostile
    alone = Folder(tmp_path / "project", ORDINARY)
    for stage in ("prepare", *STAGES):
        done = alone.run(stage)
        assert (done.returncode, done.stderr) == (0, ""), stage
    for stage in STAGES:
        assert lines(alone.ledger(stage), stage) == {name: ["ok"] for name in ORDINARY}
        with alone.features(stage) as one, among.features(stage) as other:
            for name in ORDINARY:
                assert_equal_features(one, other, name, name)


def assert_equal_features(one: FeatureFile, other: FeatureFile, name: str, same: str) -> None:
    first, second = one.read(name), other.read(same)
    arrays = {"values": first.values, "times": first.times, "mask": first.mask, **first.extra}
    others = {"values": second.values, "times": second.times, "mask": second.mask, **second.extra}
    assert arrays.keys() == others.keys()
    for key, array in arrays.items():
        assert (array.dtype, array.shape) == (others[key].dtype, others[key].shape), f"{one.path.stem}: {same}: {key}"
        assert array.tobytes() == others[key].tobytes(), f"{one.path.stem}: {same}: {key}"


def test_too_many_failures_are_told_in_one_line(hostile, tmp_path):
    folder, _ = hostile
    strict = Folder(
        tmp_path / "project",
        list(FILES),
        corpus=folder.root / "data",
        clip_cache=str(folder.root / ".cache/clips"),
        max_failed_fraction=0.2,
    )
    assert strict.run("prepare").returncode == 0  # 6 of all clips
    done = strict.run("extract:logmel")
    assert done.returncode == 1
    assert done.stdout == ""
    failed = sum(
        line.startswith("failed") for (line,) in lines(folder.ledger("extract:logmel"), "extract:logmel").values()
    )
    begin = f"error: features/hostile/logmel.ledger.csv: {failed} of {len(FILES)} clips failed ("
    end = "), more than runtime.max_failed_fraction=0.2; mend the clips, or raise the setting\n"
    assert done.stderr.startswith(begin)
    assert done.stderr.endswith(end)
    assert done.stderr.count("\n") == 1
    assert strict.ledger("extract:logmel").read_bytes() == folder.ledger("extract:logmel").read_bytes()
    assert not (strict.root / "features/hostile/logmel.h5").exists()


def obey_permissions() -> None:
    """Give up what lets root read every file (capabilities(7)): the numbers are those of Linux's headers."""
    bounding_set_drop, overrides = 24, (1, 2)
    for capability in overrides:
        ctypes.CDLL(None).prctl(bounding_set_drop, capability, 0, 0, 0)


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """How to start a process for which permissions hold."""
    options: dict[str, Any] = {"preexec_fn": obey_permissions} if sys.platform == "linux" and os.geteuid() == 0 else {}
    closed = tmp_path / "closed"
    closed.touch(0)
    look = [sys.executable, "-c", "import sys; open(sys.argv[1]).close()", str(closed)]
    if subprocess.run(look, capture_output=True, **options).returncode == 0:
        pytest.skip("this user may read every file, whatever its permissions")
    return options


def test_a_file_without_read_permission_costs_its_clip(tmp_path, options):
    folder = Folder(tmp_path / "project", ORDINARY)
    file = folder.root / "data" / "ordinary_2.mp4"

    def line(stage: str) -> list[str]:
        done = folder.run(stage, **(options if not file.stat().st_mode & 0o777 else {}))
        assert (done.returncode, done.stderr) == (0, "")
        found = lines(folder.ledger(stage), stage)
        assert (found["ordinary_1"], len(found)) == (["ok"], 2)
        return found["ordinary_2"]

    assert line("prepare") == ["ok"]
    file.chmod(0)  # between two stages
    assert line("extract:lld147") == ["failed unreadable: Permission denied"]
    file.chmod(0o644)
    assert line("extract:lld147") == ["ok"]  # what failed for a reason that is not in the file is tried again
    file.chmod(0)
    assert line("prepare") == ["failed unreadable: ordinary_2.mp4"]
