"""Profiles over real settings: laid over, taken off to the byte, and nothing of the user's lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.project import ROOT
from pipeline.__main__ import main
from pipeline.cli.settings.profiles import in_use, listed, load, names, plan
from pipeline.cli.settings.sections import check
from pipeline.cli.settings.yaml_edit import differences, edited
from pipeline.core.errors import SettingsError
from pipeline.core.yaml_text import parsed

SHIPPED = (ROOT / "params.yaml").read_text(encoding="utf-8")
MINE = """\
  mine: # my own
    adapter: manifest_csv
    root:   /data/mine
    protocol: {name: loso} # as in the paper

"""


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """The settings and profiles of the project, in a folder of their own."""
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles", ignore=shutil.ignore_patterns(".in_use.json"))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path / "params.yaml"


def use(params: Path, name: str) -> tuple[str, ...]:
    """Use a profile; return what was kept."""
    found = plan(params, name)
    found.write()
    return found.kept


def profile(params: Path, text: str) -> str:
    """Write the profile `own`; return its name."""
    (params.parent / "profiles" / "own.yaml").write_text(text, encoding="utf-8")
    return "own"


def epochs(params: Path) -> int:
    """Return the setting that most tests here change."""
    return parsed(params.read_text(encoding="utf-8"))["train"]["lstm"]["epochs"]


def test_profiles_are_listed_in_columns(params: Path) -> None:
    profile(params, "# what it is for\nreport: {draws: 200}\n")
    (params.parent / "profiles" / "own.yaml").rename(params.parent / "profiles" / "a_name_of_some_length.yaml")
    lines = listed(params).splitlines()
    about = "  a_name_of_some_length  "
    assert [line for line in lines if line.startswith(about)] == [f"{about}what it is for"]
    assert {line[len(about) - 1] for line in lines} == {" "}
    assert all(line[len(about)] != " " for line in lines)


@pytest.mark.parametrize("name", names(ROOT / "params.yaml"))
def test_every_profile_changes_the_shipped_settings_to_valid_ones_and_back(params: Path, name: str) -> None:
    use(params, name)
    check(parsed(params.read_text(encoding="utf-8")))
    assert in_use(params) == name
    use(params, "default")
    assert (params.read_text(encoding="utf-8"), in_use(params)) == (SHIPPED, "default")
    assert load(params, name).about


def test_nothing_that_only_the_demo_needs_remains_in_the_profile_of_a_paper(params: Path) -> None:
    """How narrow networks learn from few clips is no value of a paper, and no test of printed values would find it."""

    def laid(paper: str) -> dict:
        return parsed(plan(params, paper).new)

    assert not laid("huang2017")["pretrain"]["pool5"]["settings"]["batch_norm"]
    ouyang = laid("ouyang2017")["end_to_end"]
    assert {(one["optimiser"], one["new_rate"], one["readout"]) for one in ouyang.values()} == {("sgd", 1, "last")}
    zhang = laid("zhang2017")
    tunes = zhang["segments_audio"]["anet"]["tune"], zhang["segments_video"]["vnet"]["tune"]
    assert {(one["optimiser"], one["learning_rate"], one["new_rate"]) for one in tunes} == {("sgd", 0.001, 1)}


def test_quick_is_shorter_than_the_demo_everywhere_it_says_so() -> None:
    here, quick = parsed(SHIPPED), load(ROOT / "params.yaml", "quick").over
    changed = [path for path in differences({}, quick) if path]
    assert len(changed) >= 8

    def smaller(below: dict, over: dict) -> None:
        for key, value in over.items():
            if isinstance(value, dict):
                smaller(below[key], value)
            else:
                assert value < below[key], key

    smaller(here, quick)


def test_use_changes_the_lines_of_its_settings_alone(params: Path) -> None:
    use(params, profile(params, "# p\ntrain: {lstm: {epochs: 7}}\n"))
    before, after = SHIPPED.splitlines(), params.read_text(encoding="utf-8").splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ("    epochs: 60", "    epochs: 7")
    ]


def test_two_profiles_do_not_add_up(params: Path) -> None:
    use(params, "quick")
    use(params, profile(params, "# p\nreport: {bins: 9}\n"))
    assert epochs(params) == 60
    use(params, "default")
    assert params.read_text(encoding="utf-8") == SHIPPED


def test_the_users_corpora_and_changes_stay(params: Path) -> None:
    mine = SHIPPED.replace("\n# Systems", f"{MINE}# Systems", 1).replace("bins: 15", "bins:   12")
    assert mine != SHIPPED
    params.write_text(mine, encoding="utf-8")
    use(params, "quick")
    assert MINE in params.read_text(encoding="utf-8")
    use(params, "default")
    assert params.read_text(encoding="utf-8") == mine


def test_what_is_added_while_a_profile_is_in_use_stays_and_the_rest_returns(params: Path) -> None:
    use(params, "quick")
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("\n# Systems", f"{MINE}# Systems", 1), encoding="utf-8")
    assert use(params, "default") == ()
    assert params.read_text(encoding="utf-8") == SHIPPED.replace("\n# Systems", f"{MINE}# Systems", 1)


def test_a_setting_of_the_profile_that_was_changed_since_stays_and_is_named(params: Path) -> None:
    use(params, "quick")
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("    epochs: 10", "    epochs: 33", 1), encoding="utf-8")
    assert use(params, "default") == ("train.lstm.epochs",)
    assert params.read_text(encoding="utf-8") == SHIPPED.replace("    epochs: 60", "    epochs: 33", 1)


def test_params_put_back_by_other_means_are_left_alone(params: Path) -> None:
    use(params, "quick")
    params.write_text(SHIPPED, encoding="utf-8")
    assert use(params, "default") == ()
    assert params.read_text(encoding="utf-8") == SHIPPED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trian: {lstm: {epochs: 7}}", "trian: no such section (did you mean 'train'?)"),
        ("train: {lstm: {epocs: 7}}", "train.lstm.epocs: no such setting (did you mean 'epochs'?)"),
        ("train: {lstn: {epochs: 7}}", "no classifiers plugin 'lstn' (did you mean 'lstm'?)"),
        ("pretrain: {a61: {settings: {hidden: 9}}}", "pretrain has no 'a61' yet (did you mean 'a60'?)"),
        ("segments_audio: {anet: {tune: {epoch: 7}}}", "segments_audio.anet.tune.epoch: no such setting"),
        ("track_faces: {detector: har}", "track_faces.detector: no detectors plugin 'har' (did you mean 'haar'?)"),
        ("train: {lstm: {epochs: -1, cells: x}}", "train.lstm.cells: Input should be a valid integer"),
        ("crop_faces: {square100: {kind: sqare}}", "no crops plugin 'sqare' (did you mean 'square'?)"),
        ("remove: [pretrain.alexnett]", "remove: pretrain.alexnett: no such key (did you mean 'alexnet'?)"),
        ("remove: pretrain", "remove: expected a list of keys"),
        ("report: 3", "report: expected a block of settings (got 3)"),
        ("- 1", "expected sections named after the stages"),
    ],
)
def test_what_does_not_exist_is_refused_and_nothing_is_written(params: Path, text: str, words: str) -> None:
    name = profile(params, text)
    with pytest.raises(SettingsError) as error:
        use(params, name)
    assert words in str(error.value)
    assert "profiles/own.yaml" in str(error.value)
    assert "\n" not in str(error.value)
    assert params.read_text(encoding="utf-8") == SHIPPED
    assert in_use(params) == "default"


def test_a_profile_that_does_not_exist(params: Path) -> None:
    with pytest.raises(SettingsError, match=r"no such profile \(did you mean 'quick'\?\)"):
        plan(params, "quik")


def test_removed_blocks_come_back(params: Path) -> None:
    use(params, profile(params, "# p\nremove: [pretrain.a60, degrade.demo_worse, corpora.gone]\n"))
    found = parsed(params.read_text(encoding="utf-8"))
    assert "a60" not in found["pretrain"]
    assert found["pretrain"]["a1024"] == parsed(SHIPPED)["pretrain"]["a1024"]
    use(params, "default")
    assert params.read_text(encoding="utf-8") == SHIPPED


def test_a_damaged_memory_is_said(params: Path) -> None:
    (params.parent / "profiles" / ".in_use.json").write_text("{", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"\.in_use\.json: damaged; move it away"):
        plan(params, "default")


def test_the_command(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> str:
        assert main(["profile", *words, "--params", str(params)]) == 0
        return capsys.readouterr().out

    assert "* default" in said("list")
    assert "train.lstm.epochs: 60 -> 10" in said("show", "quick")
    dry = said("use", "quick", "--dry")
    assert "-    epochs: 60\n+    epochs: 10\n" in dry
    assert params.read_text(encoding="utf-8") == SHIPPED
    assert "params.yaml: quick, " in said("use", "quick")
    assert "* quick" in said("list")
    said("use", "default")
    assert params.read_text(encoding="utf-8") == SHIPPED
    assert "stays as it is" in said("use", "demo", "--dry")


OWN = st.dictionaries(st.sampled_from(["mine", "ours", "größer"]), st.integers(2, 9), max_size=2)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(own=OWN, bins=st.integers(1, 99), name=st.sampled_from(["quick", "demo"]), tail=st.sampled_from(["", "\n# end"]))
def test_use_then_default_is_the_identity_to_the_byte(
    params: Path, own: dict[str, int], bins: int, name: str, tail: str
) -> None:
    target = json.loads(json.dumps(parsed(SHIPPED)))
    for corpus, groups in own.items():
        target["corpora"][corpus] = {
            "adapter": "demo",
            "root": f"data/{corpus}",
            "protocol": {"name": "logso", "groups": groups},
        }
    target["report"]["bins"] = bins
    text = edited(SHIPPED, target) + tail
    params.write_text(text, encoding="utf-8", newline="")
    use(params, name)
    assert set(own) <= set(parsed(params.read_text(encoding="utf-8"))["corpora"])
    use(params, "default")
    assert params.read_bytes() == text.encode()
