"""The generated corpora as files: same seed same bytes, layout, and disjoint people."""

import csv
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from pipeline.synthetic import corpus, mp4
from pipeline.synthetic.actions import ACTIONS
from pipeline.synthetic.corpus import DemoSettings, SourceSettings, write_demo, write_sources
from pipeline.synthetic.identity import draw_identity, draw_resting, on_another_day
from pipeline.synthetic.mp4 import write_mp4
from pipeline.synthetic.portrait import load_portrait
from pipeline.synthetic.prosody import EMOTIONS
from pipeline.synthetic.textures import TEXTURES
from pipeline.synthetic.utterance import PHONES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("synthetic")]

DEMO = DemoSettings(seed=3, speakers=1, takes=1, seconds=1.0)
SOME = ("nod", ACTIONS[0])
SOURCES = SourceSettings(
    seed=3, voices=2, utterances=2, identities=2, pictures=3, actions=2, textures=5, texture_pictures=3
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Both corpora, tiny, written by one process, with few of the actions: test_synthetic_actions.py has them all."""
    folder = tmp_path_factory.mktemp("generated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "ACTIONS", SOME)
        write_demo(folder / "demo", DEMO, workers=1)
        write_sources(folder / "sources", SOURCES, workers=1)
        yield folder


def _files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its relative path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.long
def test_two_workers_write_the_same_bytes_as_one(root: Path, tmp_path: Path, two_workers: int) -> None:
    seen: list[int] = []

    def progress(items: Iterable[Any], total: int) -> Iterable[Any]:
        seen.append(total)
        return items

    sources = SOURCES.model_copy(update={"actions": 0})  # they take nine tenths of the time
    write_demo(tmp_path / "demo", DEMO, two_workers, progress)
    write_sources(tmp_path / "sources", sources, two_workers, progress)
    (tmp_path / "sources/GENERATED.txt").unlink()  # says how many actions there are
    left_out = ("sources/actions/", "sources/GENERATED.txt")
    assert _files(tmp_path) == {name: data for name, data in _files(root).items() if not name.startswith(left_out)}
    assert seen == [7, 4 + SOURCES.textures]


@pytest.mark.long
def test_two_workers_write_the_same_actions_as_one(
    tmp_path: Path, two_workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All actions, since other processes do not see which ones the other tests are content with."""
    monkeypatch.setattr(corpus, "ACTIONS", ACTIONS)
    write_sources(tmp_path / "two", SOURCES, two_workers, lambda items, _: items)
    write_sources(tmp_path / "one", SOURCES, 1)
    assert _files(tmp_path / "two") == _files(tmp_path / "one")


@pytest.mark.long
def test_the_pictures_do_not_depend_on_what_the_processor_can_do(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x264 without its assembler code decides as with the best that this processor offers."""
    for clip in sorted(root.glob("demo/*/*.mp4")):
        with av.open(str(clip)) as container:
            frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        write_mp4(tmp_path / "fast.mp4", frames, None)
        with monkeypatch.context() as patch:
            patch.setitem(mp4._X264, "x264-params", mp4._X264["x264-params"] + ":asm=0")
            write_mp4(tmp_path / "plain.mp4", frames, None)
        assert (tmp_path / "fast.mp4").read_bytes() == (tmp_path / "plain.mp4").read_bytes()


def test_another_seed_writes_other_sound(root: Path, tmp_path: Path) -> None:
    settings = SOURCES.model_copy(update={"seed": 4, "identities": 1, "pictures": 1, "actions": 0})
    write_sources(tmp_path, settings, 1)
    assert not (tmp_path / "actions").exists()
    name = "voices/v01/v01_01.wav"
    assert (tmp_path / name).read_bytes() != (root / "sources" / name).read_bytes()


def test_manifest_lists_every_clip(root: Path) -> None:
    rows = _rows(root / "demo" / "manifest.csv")
    assert list(rows[0]) == ["clip_id", "path", "speaker", "emotion", "gender"]
    assert [r["clip_id"] for r in rows] == sorted(r["clip_id"] for r in rows)
    assert {r["emotion"] for r in rows} == set(EMOTIONS)
    clips = {p.relative_to(root / "demo").as_posix() for p in root.glob("demo/*/*")}
    assert clips == {r["path"] for r in rows}
    assert b"\r" not in (root / "demo" / "manifest.csv").read_bytes()


def test_clip_is_an_mp4_of_the_promised_format(root: Path) -> None:
    with av.open(str(root / "demo/s01/s01_anger_1.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 320, 240)
        assert video.average_rate == 25
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 16000, 1)
        pictures = sum(1 for _ in container.decode(video=0))
        assert 22 <= pictures <= 30
        assert float(audio.duration * audio.time_base) == pytest.approx(pictures / 25, abs=0.001)


def test_sound_and_picture_are_in_step(tmp_path: Path) -> None:
    """A flash and a click written at 0.6 s are read back at 0.6 s."""
    frames = np.zeros((25, 64, 64, 3), np.uint8)
    frames[15] = 255
    samples = np.zeros(16000, np.float32)
    samples[9600:9800] = 0.5 * np.sin(0.4 * np.arange(200))
    write_mp4(tmp_path / "a.mp4", frames, samples)
    with av.open(str(tmp_path / "a.mp4")) as container:
        bright = [f.time for f in container.decode(video=0) if f.to_ndarray().mean() > 150]
    with av.open(str(tmp_path / "a.mp4")) as container:
        blocks = [(f.pts, f.to_ndarray()[0]) for f in container.decode(audio=0)]
    sound = np.concatenate([block for _, block in blocks])
    assert bright == [0.6]
    assert blocks[0][0] == 0
    assert int(np.argmax(np.abs(sound) > 0.2)) == pytest.approx(9600, abs=40)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_alignment_covers_every_source_utterance(root: Path) -> None:
    spoken: dict[str, float] = {}
    for line in (root / "sources/voices/phones.ctm").read_text("utf-8").splitlines():
        utterance, channel, start, duration, phone = line.split()
        assert channel == "1"
        assert phone in PHONES
        assert float(start) == pytest.approx(spoken.get(utterance, 0.0), abs=1e-6)
        spoken[utterance] = float(start) + float(duration)
    rows = _rows(root / "sources/voices/speakers.csv")
    assert {r["utterance"] for r in rows} == set(spoken)
    for row in rows:
        info = soundfile.info(root / "sources/voices" / row["path"])
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert 3.0 <= info.duration <= 4.01
        assert spoken[row["utterance"]] == pytest.approx(info.duration, abs=1e-6)


def test_source_people_are_not_demo_people(root: Path) -> None:
    demo = {p.name for p in (root / "demo").iterdir() if p.is_dir()}
    voices = {p.name for p in (root / "sources/voices").iterdir() if p.is_dir()}
    faces = {p.name for p in (root / "sources/faces").iterdir()}
    assert (demo, voices, faces) == ({"s01"}, {"v01", "v02"}, {"f01", "f02"})
    assert sorted(p.name for p in (root / "sources/faces/f01").iterdir()) == [
        "001.png",
        "002.png",
        "003.png",
    ]


def test_every_identity_does_every_action(root: Path) -> None:
    found = {p.relative_to(root / "sources/actions").as_posix() for p in root.glob("sources/actions/*/*")}
    names = [f"{person}_{number}.mp4" for person in ("f01", "f02") for number in (1, 2)]
    assert found == {f"{action}/{name}" for action in SOME for name in names}
    with av.open(str(root / "sources/actions/nod/f01_1.mp4")) as container:
        assert [s.type for s in container.streams] == ["video"]
        video = container.streams.video[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 128, 128)
        assert video.average_rate == 25
        assert 16 <= sum(1 for _ in container.decode(video=0)) <= 20


def test_takes_of_an_action_differ(root: Path) -> None:
    one, other = (root / f"sources/actions/nod/f01_{number}.mp4" for number in (1, 2))
    assert one.read_bytes() != other.read_bytes()


def test_there_are_so_many_textures_with_so_many_pictures(root: Path) -> None:
    found = {p.relative_to(root / "sources/textures").as_posix() for p in root.glob("sources/textures/*/*")}
    assert found == {f"{texture}/00{number}.png" for texture in TEXTURES[:5] for number in (1, 2, 3)}


def test_of_an_identity_the_shape_stays_and_the_rest_is_of_the_day() -> None:
    """Hair, clothes and background tell nobody: a network has to look at the face."""
    portrait, rng = load_portrait(), np.random.default_rng(1)
    person = draw_resting(draw_identity(portrait, "female", rng), rng)
    today, tomorrow = (on_another_day(person, portrait, "female", rng) for _ in range(2))
    assert np.array_equal(today.shape, tomorrow.shape)
    assert np.abs(today.texture[..., :3] - tomorrow.texture[..., :3]).mean() > 5
    assert np.abs(today.background - tomorrow.background).mean() > 5


def test_people_differ_at_rest_in_brows_lids_and_lips() -> None:
    portrait = load_portrait()
    plain = draw_identity(portrait, "female", np.random.default_rng(1))
    rest = [draw_resting(plain, np.random.default_rng(k)).shape[:68] - plain.shape[:68] for k in range(6)]
    assert min(np.abs(one).max() for one in rest) > 2, "px"
    assert all(np.abs(one - other).max() > 2 for one, other in combinations(rest, 2))


def test_folders_say_that_they_are_generated(root: Path) -> None:
    for folder in ("demo", "sources"):
        text = (root / folder / "GENERATED.txt").read_text("utf-8")
        assert "GENERATED" in text
        assert '"seed": 3' in text


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError):
        DemoSettings.model_validate({"speaker": 3})
