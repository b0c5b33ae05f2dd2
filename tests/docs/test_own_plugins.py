"""The files that the pages own-*.md show: the contract test of their kind over each, and each really used."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.docs import PLUGINS, blocks, file_of, plugin, settings_of, text_of
from helpers.media import tone, write_media
from helpers.project import ROOT, SMALL, Project
from helpers.shipped import shipped
from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core import plugins
from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.posteriors import read_table
from pipeline.core.settings import parse
from pipeline.core.store import FeatureFile, joined
from pipeline.core.store_writer import write_features
from pipeline.corpora import _tables
from pipeline.manifest.settings import CorpusParams
from pipeline.media.audio_blocks import Audio
from pipeline.media.decode import read_audio
from pipeline.systems.params import SystemParams
from pipeline.training.datasets import Dataset

PLACES = {
    "tests/corpora/test_corpora_contract.py": "MINIATURES",
    "tests/helpers/classifiers.py": "SETTINGS",
}
CONTRACTS = (
    "tests/corpora/test_corpora_contract.py",
    "tests/features/extractors/test_extractor_contract.py",
    "tests/classification/classifiers/test_classifier_contract.py",
    "tests/fusion/rules/test_fusion_contract.py",
)


def written(root: Path) -> None:
    """Write the four files of the pages into a copy of the project."""
    for page, path in PLUGINS.values():
        (root / path).write_text(file_of(page, path), encoding="utf-8")


def with_line(root: Path, page: str) -> None:
    """Add the line that a page wants in a contract test."""
    for block in blocks(text_of(page)):
        for path, name in PLACES.items():
            if block.above == f"`{name}` of `{path}`:":
                text = (root / path).read_text(encoding="utf-8")
                changed, count = re.subn(
                    rf"^({name}\b.* = {{)$", rf"\1\n    {block.text.strip()}", text, flags=re.MULTILINE
                )
                assert count == 1, path
                (root / path).write_text(changed, encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code and its contract tests with the four files of the pages."""
    root = tmp_path_factory.mktemp("docs") / "project"
    for name in ("pipeline", "stages", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("golden"))
    for name in ("pyproject.toml", "weights.lock", "params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, root / name)
    written(root)
    for page, _ in PLUGINS.values():
        with_line(root, page)
    return root


@pytest.mark.long
def test_the_files_keep_the_contracts_of_their_kinds(copy: Path) -> None:
    names = [Path(path).stem for _, path in PLUGINS.values()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CONTRACTS, "-k", " or ".join(names)]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 40, done.stdout[-500:]


def test_the_files_keep_the_rules_of_style(copy: Path) -> None:
    files = [path for _, path in PLUGINS.values()]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", *files], cwd=copy, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_adapter_lists_clips(tmp_path: Path) -> None:
    adapter = plugin("corpora", tmp_path)
    root = tmp_path / "voices"
    for name in ("anna_joy_1", "anna_unclear_1", "ben_anger_2"):
        (root / "deeper").mkdir(parents=True, exist_ok=True)
        (root / "deeper" / f"{name}.wav").write_bytes(b"")
    found = {clip.clip_id: (clip.speaker, adapter.LABELS[clip.emotion]) for clip in adapter.clips(root)}
    assert found == {
        "anna_joy_1": ("anna", "happy"),
        "anna_unclear_1": ("anna", "left_out"),
        "ben_anger_2": ("ben", "anger"),
    }
    (root / "notes.wav").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"notes\.wav: not named"):
        list(adapter.clips(root))


def test_the_table_of_the_page_is_read_and_its_mistake_told(tmp_path: Path) -> None:
    text = text_of("own-corpus")
    (table,) = [block.text for block in blocks(text) if block.language == "csv"]
    (tmp_path / "manifest.csv").write_text(table, encoding="utf-8")
    found = list(plugins.load("corpora", "manifest_csv").clips(tmp_path))
    assert [clip.speaker for clip in found] == ["anna", "anna", "ben"]
    (tmp_path / "manifest.csv").write_text(table.replace(",ben,", ",,"), encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        list(plugins.load("corpora", "manifest_csv").clips(tmp_path))
    assert f"error: {caught.value}".replace(str(tmp_path), "/data/mine") in text


def test_the_table_of_columns_is_what_is_read() -> None:
    listed = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (yes|no) \|", text_of("own-corpus"), flags=re.MULTILINE)
    named = {
        answer: [name for cell, given in listed if given == answer for name in re.findall(r"\w+", cell)]
        for answer in ("yes", "no")
    }
    assert tuple(named["yes"]) == _tables.REQUIRED
    assert set(named["no"]) == set(_tables.OPTIONAL)


def test_the_extractor_extracts_a_clip(tmp_path: Path) -> None:
    module = plugin("extractors", tmp_path)
    quiet = np.zeros(AUDIO_HZ // 2, np.float32)
    path = write_media(tmp_path / "clip.wav", sound=np.concatenate([tone(0.5, hz=1000), quiet]))
    extractor = module.Extractor(
        parse(module.Params, settings_of("own-extractor")[0]["extract"]["spectrum"], "spectrum")
    )
    found = joined(extractor(Audio.of(read_audio(path, AUDIO_HZ))))
    heard = found.values[found.mask]
    assert 0.45 < found.mask.mean() < 0.6
    np.testing.assert_allclose(np.median(heard, axis=0), [-9.03, 1000, 1000, 2000], rtol=0.05)
    assert np.isnan(found.values[~found.mask]).all()
    write_features(tmp_path / "spectrum.h5", extractor.meta, [("clip", found)])
    with FeatureFile(tmp_path / "spectrum.h5") as file:
        assert file.read("clip").digest() == found.digest()
    with pytest.raises(ClipError, match="silent"):
        joined(extractor(Audio.of(quiet)))


def test_the_classifier_learns_and_predicts(tmp_path: Path) -> None:
    module = plugin("classifiers", tmp_path)
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 4

    def data(part: str) -> Dataset:
        sequences = [(rng.standard_normal((12, 6)) + 2 * np.eye(6)[label]).astype(np.float32) for label in labels]
        return Dataset([f"c{i:02d}" for i in range(40)], sequences, labels, part)

    classifier = module.Classifier(parse(module.Params, settings_of("own-classifier")[0]["train"]["lda"], "lda"), 4)
    assert [row["shrinkage"] for row in classifier.fit(data("train"), data("val"))] == [0.1, 0.5, 0.9]
    found = classifier.predict(data("test"))
    assert (found.argmax(1) == labels).mean() > 0.9
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_the_rule_goes_by_the_surer_model(tmp_path: Path) -> None:
    module = plugin("fusion", tmp_path)
    params = parse(module.Params, settings_of("own-fusion-rule")[0]["fuse"]["entropy"], "entropy")
    sure, unsure, none = [0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [np.nan] * 3
    scores = np.array([[sure, unsure, none, none], [unsure, sure, sure, none]])
    found = module.fuse(scores, module.fit(params, scores[:, :2], np.array([0, 0])))
    np.testing.assert_array_equal(found[:3].argmax(axis=1), [0, 0, 0])
    np.testing.assert_allclose(found[2], sure)
    assert np.isnan(found[3]).all()
    plain = module.fuse(scores, {"power": 0})
    np.testing.assert_allclose(plain[0], np.mean([sure, unsure], axis=0))


@pytest.mark.parametrize("page", ["own-extractor", "own-classifier", "own-fusion-rule"])
def test_the_lines_for_a_system_suit_it(page: str) -> None:
    system = shipped()["systems"]["huang2017"]
    changes = [block["systems"]["huang2017"] for block in settings_of(page) if "systems" in block]
    assert changes
    for change in changes:
        for key, value in change.items():
            assert set(system[key]) < set(value), "the page's line holds what params.yaml has, and one more"
        parse(SystemParams, {**system, **change}, page)


def test_the_blocks_for_a_corpus_parse() -> None:
    found = [block["corpora"] for block in settings_of("own-corpus")]
    assert [next(iter(block)) for block in found] == ["mine", "voices"]
    for block in found:
        for name, settings in block.items():
            parse(CorpusParams, settings, f"corpora.{name}")


@pytest.mark.long  # what each page promises is tested above, a system of params alone by DVC in tests/dag
def test_dvc_runs_all_four(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    written(project.root)
    voices = tmp_path / "voices"
    voices.mkdir()
    for speaker, hz in (("anna", 200), ("ben", 120), ("carl", 150)):
        for emotion, factor in (("anger", 3), ("sad", 1)):
            for take in (1, 2):
                sound = tone(0.4, hz=hz * factor + 7 * take)
                write_media(voices / f"{speaker}_{emotion}_{take}.wav", sound=sound * (0.2 + 0.2 * factor))
    blocks_ = [block for page, _ in PLUGINS.values() for block in settings_of(page)]
    merged = {
        section: value
        for block in blocks_
        for section, value in block.items()
        if section in ("extract", "train", "fuse")
    }
    project.set(
        {
            **SMALL,
            "runtime.workers": 1,
            "corpora": {"voices": {**settings_of("own-corpus")[1]["corpora"]["voices"], "root": str(voices)}},
            "degrade": {},
            "extract.spectrum": merged["extract"]["spectrum"],
            "train.lda": merged["train"]["lda"],
            "fuse.entropy": merged["fuse"]["entropy"],
            "systems.huang2017": {
                "features": {"spectrum": "audio"},
                "classifiers": ["lda", "svm"],
                "fusions": [],
                "combined": {"both": {"rule": "entropy", "of": ["spectrum-lda", "spectrum-svm"]}},
            },
        }
    )
    assert project.repro("fuse@voices-huang2017") == [
        "code",
        "prepare@voices",
        "extract@voices-spectrum",
        "train@voices-huang2017-spectrum-lda",
        "train@voices-huang2017-spectrum-svm",
        "fuse@voices-huang2017",
    ]
    found = read_table(project.root / "models/voices/huang2017/fusion/predictions.csv")
    assert set(found["model"]) == {"spectrum-lda", "spectrum-svm", "combined-both-entropy"}
    for _, rows in found.groupby("model"):
        assert len(rows) == 12
        assert (rows["emotion"] == rows["predicted"]).sum() >= 10
