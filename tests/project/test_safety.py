"""Nothing that comes from outside is run: no pickle, no other protocol, no path out of a folder, no text as markup."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.project import ROOT
from pipeline.core.clip import Clip
from pipeline.manifest import build as corpus
from pipeline.manifest.build import read_corpus
from pipeline.manifest.settings import CorpusParams

FILES = sorted([*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("stages/*.py"), *ROOT.glob("scripts/*.py")])
UNPICKLING = {
    "pickle.load",
    "pickle.loads",
    "joblib.load",
    "cloudpickle.load",
    "cloudpickle.loads",
    "dill.load",
    "pd.read_pickle",
    "np.fromfile",
}
RUNNING = {"eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "__import__"}


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def keyword(call: ast.Call, name: str) -> str:
    return next((ast.unparse(one.value) for one in call.keywords if one.arg == name), "")


def unsafe(name: str, call: ast.Call) -> bool:
    return (
        name in UNPICKLING | RUNNING
        or keyword(call, "shell") == "True"
        or (name == "torch.load" and keyword(call, "weights_only") != "True")
        or (name == "np.load" and keyword(call, "allow_pickle") != "False")
    )


def test_no_file_unpickles_or_runs_what_it_reads() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}" for path in FILES for name, call in calls(path) if unsafe(name, call)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    ["pickle.load(f)", "eval(x)", "run(x, shell=True)", "torch.load(f)", "np.load(f)", "np.load(f, allow_pickle=True)"],
)
def test_what_is_unsafe_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(line)
    assert [unsafe(*one) for one in calls(tmp_path / "a.py")] == [True]


def test_one_file_opens_media_and_without_any_protocol() -> None:
    opening = [
        (path.name, call)
        for path in FILES
        if "av.open" in path.read_text(encoding="utf-8")
        for name, call in calls(path)
        if name == "av.open" and keyword(call, "mode") != "'w'"
    ]
    reading = [
        (name, call) for name, call in opening if not (len(call.args) > 1 and ast.unparse(call.args[1]) == "'w'")
    ]
    assert [name for name, _ in reading] == ["decode.py"]
    assert "'protocol_whitelist': 'none'" in keyword(reading[0][1], "options")


def test_every_page_escapes_what_it_is_given() -> None:
    made = [
        (path, call)
        for path in FILES
        for name, call in calls(path)
        if name.split(".")[-1] in ("Environment", "Template")
    ]
    assert made
    for path, call in made:
        assert keyword(call, "autoescape") == "True", f"{path}:{call.lineno}"
    templates = list(ROOT.glob("pipeline/**/templates/*.html"))
    assert len(templates) > 8
    for template in templates:
        assert "|safe" not in template.read_text(encoding="utf-8").replace(" ", "")
    trusted = {
        path.relative_to(ROOT).as_posix()
        for path in FILES
        for name, _ in calls(path)
        if name.split(".")[-1] == "Markup"
    }
    assert trusted == {"pipeline/reporting/html/page.py", "pipeline/reporting/overview/pages.py"}, (
        "two constants, and sections that our templates have made"
    )


@pytest.mark.parametrize("path", ["../out.wav", "a/../../out.wav", "/etc/passwd"])
@pytest.mark.parametrize("used", [True, False])
def test_no_adapter_leads_out_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, used: bool
) -> None:
    clip = Clip("c1", path, "s1", "anger" if used else "other")
    adapter = SimpleNamespace(
        LABELS={"anger": "anger", "other": "left_out"},
        clips=lambda root: iter([Clip("c0", "a.wav", "s", "anger"), clip]),
    )
    monkeypatch.setattr(corpus, "load_adapter", lambda *_: adapter)
    (tmp_path.parent / "out.wav").write_bytes(b"\0outside")
    clips, entries = read_corpus("toy", CorpusParams(root=str(tmp_path)), 1)
    assert [(clip.path, clip.digest) for clip in clips] == [("a.wav", ""), ("", "")][: 1 + used]
    assert [entry.reason for entry in entries] == ["missing_file", "bad_path"][: 1 + used]
