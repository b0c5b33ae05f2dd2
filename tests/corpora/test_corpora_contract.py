"""What every corpus plugin keeps to, tried on a miniature of each corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import ModuleType

import audformat
import pytest

from helpers.media import tone, write_media
from pipeline.core import plugins
from pipeline.core.clip import EMOTIONS, EXTRA_EMOTIONS, SPLITS, Clip, check_clip_id, check_unique
from pipeline.core.errors import CorpusError, SettingsError
from pipeline.core.settings import parse
from pipeline.corpora import LEFT_OUT
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams, protocol_of
from pipeline.protocols.settings import ProtocolParams

TABLE = "clip_id,path,speaker,emotion\ns1_a,clips/s1_a.mp4,s1,anger\ns2_b,clips/s2_b.mp4,s2,neutral\n"


def manifest(root: Path) -> list[str]:
    """A manifest of two clips; returns their files."""
    (root / "manifest.csv").write_text(TABLE)
    return ["clips/s1_a.mp4", "clips/s2_b.mp4"]


def demo(root: Path) -> list[str]:
    """What `generate@demo` leaves behind."""
    (root / "GENERATED.txt").write_text("generated\n")
    return manifest(root)


def baum1s(root: Path) -> list[str]:
    """The table and four films, one of a label that is not used and one that the table lacks."""
    (root / "Annotations_BAUM1s.csv").write_text(
        "Clip Name,Emotion\nS001_015,Anger\nS002_015,Happiness\nS002_006,Neutral\n"
    )
    return [
        f"BAUM1s_MP4 - All/{name[:4].lower()}/{name}.mp4" for name in ("S001_015", "S002_015", "S002_006", "S002_007")
    ]


def baum1a(root: Path) -> list[str]:
    """The table and four films, one of a label that is not used and one that the table lacks."""
    (root / "Annotations_BAUM1a.csv").write_text(
        "Clip Name,Emotion\nS001_001,Anger\nS002_002,Happiness\nS001_004,Intrest\n"
    )
    return [
        f"BAUM1a_MP4_all/{name[:4].lower()}/{name}.mp4" for name in ("S001_001", "S002_002", "S001_004", "S002_008")
    ]


def cheavd(root: Path) -> list[str]:
    """A table of the training side, a folder of a class, and a test film without a class."""
    (root / "train_label.txt").write_text("001 angry\n002 worried\n")
    return ["train/001.avi", "train/002.avi", "val/happy/001.avi", "test/001.avi"]


def audformat_tables(root: Path) -> list[str]:
    """A database of three files, one without an emotion."""
    files = ["wav/a.wav", "wav/b.wav", "wav/c.wav"]
    mine = audformat.Database("mini")
    for name, values in {"emotion": ["anger", None, "happiness"], "speaker": ["x", "x", "y"]}.items():
        mine.schemes[name] = audformat.Scheme("str")
        mine[name] = audformat.Table(audformat.filewise_index(files))
        mine[name][name] = audformat.Column(scheme_id=name)
        mine[name][name].set(values)
    mine.save(str(root))
    return files


def iemocap(root: Path) -> list[str]:
    """A table of two turns, one of a label that is not used, and three recordings, one of which it lacks."""
    table = root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    table.parent.mkdir(parents=True)
    rows = (("F000", "ang"), ("M000", "exc"))
    table.write_text(
        "".join(f"[6.29 - 8.23]\tSes01F_impro01_{turn}\t{label}\t[2.5, 2.5, 2.5]\n" for turn, label in rows)
    )
    return [f"Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_{turn}.wav" for turn in ("F000", "M000", "M001")]


def meld(root: Path) -> list[str]:
    """The three tables, each of one utterance, and their films."""
    for side, speaker, emotion in (("train", "Joey", "joy"), ("dev", "Ross", "anger"), ("test", "Rachel", "neutral")):
        (root / f"{side}_sent_emo.csv").write_text(
            f"Speaker,Emotion,Dialogue_ID,Utterance_ID\n{speaker},{emotion},0,0\n"
        )
    return [
        "train_splits/dia0_utt0.mp4",
        "dev_splits_complete/dia0_utt0.mp4",
        "output_repeated_splits_test/final_videos_testdia0_utt0.mp4",
    ]


MINIATURES: dict[str, Callable[[Path], list[str]]] = {
    "manifest_csv": manifest,
    "demo": demo,
    "ravdess": lambda _: [
        "Actor_01/01-01-01-01-01-01-01.mp4",
        "Actor_01/02-01-01-01-01-01-01.mp4",
        "Actor_01/03-01-01-01-01-01-01.wav",
        "Actor_24/03-01-05-02-02-02-24.wav",
        "Actor_24/03-02-05-02-02-02-24.wav",
    ],
    "emodb": lambda _: ["wav/03a01Fa.wav", "wav/16b10Wb.wav", "wav/08a02Na.wav"],
    "tess": lambda _: [
        "OAF_Fear/OAF_back_fear.wav",
        "OAF_neutral/OA_bite_neutral.wav",
        "a/YAF_food_ps.wav",
        "b/YAF_food_ps.wav",
    ],
    "savee": lambda _: ["AudioVisualClip/DC/a01.avi", "AudioData/DC/a01.wav", "AudioData/KL/su15.wav"],
    "cremad": lambda _: [
        "VideoFlash/1001_DFA_ANG_XX.mp4",
        "VideoFlash/1001_IEO_HAP_LO.mp4",
        "VideoFlash/1002_ITH_NEU_XX.mp4",
    ],
    "rml": lambda _: ["rml-1/s1/an1.avi", "rml-1/s2/English/ha2.avi", "rml-1/s2/Mandarin/ha2.avi", "rml-2/s8/su10.avi"],
    "enterface05": lambda _: [
        "subject 1/anger/sentence 1/s1_an_1.avi",
        "subject 6/anger/s6_an.avi",
        "subject 11/anger/sentence 1/s12_an_1.avi",
        "subject 12/happiness/sentence 5/s12_ha_5.avi",
    ],
    "baum1s": baum1s,
    "baum1a": baum1a,
    "cheavd": cheavd,
    "iemocap": iemocap,
    "meld": meld,
    "audformat": audformat_tables,
    "afew": lambda _: [
        "Train_AFEW/Angry/000046280.avi",
        "Val_AFEW/Happy/000046280.avi",
        "Test_vid_Distribute/000029320.avi",
        "Test_AFEW/Sad/000029400.avi",
    ],
}
"""corpus -> what makes its tables in a folder and returns its media files, without which a new plugin fails here"""


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A film of 0.1 s."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    return write_media(path, [0, 40, 80], tone(0.1), codecs=("libx264", "aac")).read_bytes()


@pytest.fixture(params=plugins.names("corpora"))
def corpus(
    request: pytest.FixtureRequest, tmp_path: Path, media: bytes
) -> Iterator[tuple[str, ModuleType, Path, list[str]]]:
    """Name, plugin, folder and media files of every corpus."""
    assert request.param in MINIATURES, "make a miniature of the new corpus in MINIATURES"
    files = MINIATURES[request.param](tmp_path)
    for number, name in enumerate(files):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(media + bytes(number))
    return request.param, plugins.load("corpora", request.param), tmp_path, files


def test_labels_lead_to_known_emotions(corpus: tuple) -> None:
    _, plugin, _, _ = corpus
    assert plugin.LABELS
    assert {name[6:] for name in getattr(plugin, "EXPECTED", {}) if name.startswith("label:")} <= set(plugin.LABELS)
    assert set(plugin.LABELS.values()) <= {*EMOTIONS, *EXTRA_EMOTIONS, LEFT_OUT}


def test_licence_and_citation_are_given(corpus: tuple) -> None:
    _, plugin, _, _ = corpus
    assert plugin.LICENCE.strip()
    assert plugin.CITATION.strip()
    assert plugin.__doc__.startswith(f"{corpus[0]}: ")


def test_every_file_becomes_a_clip_with_a_relative_path(corpus: tuple) -> None:
    _, plugin, root, files = corpus
    clips = list(plugin.clips(root))
    assert sorted(clip.path for clip in clips) == sorted(files)
    check_unique(clips, "miniature")
    for clip in clips:
        assert isinstance(clip, Clip)
        check_clip_id(clip.clip_id, "miniature")
        assert not PurePosixPath(clip.path).is_absolute()
        assert (root / clip.path).is_file()
        assert clip.speaker
        assert clip.emotion in plugin.LABELS
        assert clip.split in SPLITS
        assert clip.gender in ("", "female", "male")
        assert clip.digest == ""


def test_two_readings_are_equal(corpus: tuple) -> None:
    _, plugin, root, _ = corpus
    assert list(plugin.clips(root)) == list(plugin.clips(root))


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, lambda path: path.write_text("no folder")])
def test_a_folder_that_is_absent_empty_or_a_file(corpus: tuple, make: Callable[[Path], object]) -> None:
    _, plugin, root, _ = corpus
    other = root.parent / f"{root.name}-other"
    make(other)
    with pytest.raises(CorpusError) as caught:
        list(plugin.clips(other))
    assert str(caught.value).startswith(str(other))
    assert "\n" not in str(caught.value)


def test_the_whole_way_to_clips_with_digests(corpus: tuple) -> None:
    name, _, root, files = corpus
    params = CorpusParams.model_validate({"adapter": name, "root": str(root), "protocol": {"name": "none"}})
    clips, entries = read_corpus("mine", params, workers=1)
    assert [clip.clip_id for clip in clips] == sorted(clip.clip_id for clip in clips)
    assert {clip.emotion for clip in clips} <= set(EMOTIONS)
    unused = sum(map(len, left_out("mine", params).values()))
    assert len({clip.digest for clip in clips}) == len(clips) == len(files) - unused
    assert [entry.status for entry in entries] == ["ok"] * len(clips)


def test_the_root_is_all_that_is_written_where_a_protocol_was_published(corpus: tuple) -> None:
    name, plugin, root, _ = corpus
    params = CorpusParams.model_validate({"root": str(root)})
    assert read_corpus(name, params, workers=1)[0]
    if hasattr(plugin, "PROTOCOL"):
        assert protocol_of(name, params) == parse(ProtocolParams, plugin.PROTOCOL, name)
    else:
        with pytest.raises(SettingsError, match=rf"^params.yaml: corpora.{name}.protocol: this setting is missing, "):
            protocol_of(name, params)


def test_every_adapter_stands_in_the_table_of_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "corpora.md").read_text()
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert listed == set(plugins.names("corpora")) - {"demo"}
