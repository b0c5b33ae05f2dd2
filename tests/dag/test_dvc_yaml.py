"""dvc.yaml against the code: no forgotten dependency, no setting that is not read, no artifact path elsewhere."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from dvc.repo import Repo

from helpers.project import ROOT, Project
from pipeline.core import plugins
from pipeline.core.numeric import NUMERIC
from pipeline.core.settings import section
from pipeline.engine.code_digest import all_digests, imported_files, module_files

# Which plugins a stage loads by name: stage script -> (plugin kind, what names them). `{x}` is an argument of the
# stage, a dotted key is looked up in params.yaml, `*` stands for all of the kind, or of several kinds.
DYNAMIC = {
    "prepare": ("corpora", "*"),
    "track_faces": ("detectors crops", "*"),
    "align_faces": ("detectors", "*"),
    "crop_faces": ("crops", "*"),
    "pretrain": ("sources", "pretrain.{feature}.source"),
    "extract": ("extractors", "{feature}"),
    "segments": ("segment_networks", "{section}.{feature}.network"),
    "fuse_features": ("fusion_networks", "*"),
    "clip_features": ("clip_networks", "*"),
    "end_to_end": ("clip_networks", "*"),
    "train": ("classifiers", "{classifier}"),
    "fuse": ("fusion", "*"),
    "robustness": ("fusion", "*"),
}


def loaded_plugins(stage, params) -> list[str]:
    """Return the dotted names of the plugins' modules."""
    kinds, choice = DYNAMIC[script(stage)]
    if choice == "*":
        return [plugins.module_name(kind, name) for kind in kinds.split() for name in plugins.names(kind)]
    name = choice.format(**arguments(stage))
    named = section(params, name) if "." in name else plugins.renamed(params).get(name, name)
    return [plugins.module_name(kinds, named)]


pytestmark = pytest.mark.xdist_group("dvc-yaml")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("dvc-yaml") / "project")


@pytest.fixture(scope="module")
def stages(project):
    with Repo(os.fspath(project.root)) as repo:
        yield {stage.name: stage for stage in repo.index.stages}


def script(stage) -> str:
    return re.search(r"-m stages\.(\w+)", stage.cmd)[1]


def arguments(stage) -> dict[str, str]:
    words = shlex.split(stage.cmd)
    return {a[2:]: b for a, b in itertools.pairwise(words) if a.startswith("--")}


def code_keys(stage) -> list[str]:
    """Return the keys of code.json that a stage depends on."""
    return [key for dep in stage.deps if dep.def_path == "code.json" for key in dep.params]


def covered_files(stage, params) -> set[str]:
    """Return the files behind the digests that a stage depends on."""
    digests, found = all_digests(params), set()
    for key in code_keys(stage):
        kind, _, name = key.partition(".")
        assert kind in digests, key
        assert not name or name in digests[kind], key
        for each in [name] if name else digests[kind]:
            plugin = plugins.renamed(params).get(each, each) if kind == "extractors" else each
            found |= files_of(f"stages.{each}" if kind == "stages" else plugins.module_name(kind, plugin))
    return found


def needed_files(stage, params) -> set[str]:
    loaded = loaded_plugins(stage, params) if script(stage) in DYNAMIC else []
    return set().union(*(files_of(name) for name in (f"stages.{script(stage)}", *loaded)))


@cache
def files_of(module: str) -> frozenset[str]:
    return frozenset(path.relative_to(ROOT).as_posix() for path in imported_files(module_files(module)))


def test_stages_are_there(stages):
    names = {name.split("@")[0] for name in stages}
    assert {
        "code",
        "generate",
        "prepare",
        "track_faces",
        "pretrain",
        "fetch_weights",
        "extract",
        "rank",
        "select",
        "fuse",
        "report",
    } <= names
    assert {"report@demo-huang2017", "report@demo-zhang2017"} <= set(stages)
    assert not [name for name in names if "2017" in name], "a system is params, no stage"
    assert 8 <= len(names) <= 25  # docs/decisions/0007: it is instances that cost time


def test_the_digests_of_a_stage_cover_all_the_code_that_it_can_reach(stages, project):
    params = project.params
    for name, stage in stages.items():
        if name != "code":
            missing = needed_files(stage, params) - covered_files(stage, params)
            assert not missing, f"dvc.yaml: {name} rests on {sorted(missing)}, which none of its digests covers"


def test_an_instance_depends_on_its_own_plugin_alone(stages):
    assert code_keys(stages["train@demo-huang2017-lld147-svm"]) == ["stages.train", "classifiers.svm"]
    assert code_keys(stages["extract@demo-lld147"]) == ["stages.extract", "extractors.lld147"]
    assert code_keys(stages["pretrain@a60"]) == ["stages.pretrain", "sources.phones", "detectors"]


def test_no_stage_but_code_depends_on_a_file_of_code(stages):
    for name, stage in stages.items():
        deps = {dep.def_path.split("/")[0] for dep in stage.deps}
        assert bool(deps & {"pipeline", "stages"}) == (name == "code"), name


def test_how_a_stage_speaks_is_in_no_digest():
    """What surrounds a stage, and the commands, change no result: an edit of the console reruns `code` alone."""
    names = [plugins.module_name(kind, name) for kind in plugins.KINDS for name in plugins.names(kind)]
    names += [f"stages.{path.stem}" for path in (ROOT / "stages").glob("[a-z]*.py")]
    files = set().union(*(files_of(name) for name in names))
    assert not [file for file in files if file.startswith(("pipeline/runner/", "pipeline/cli/"))]
    # and no module of these two is what computes something: nothing below them is reached through them alone
    assert {"pipeline/core/store.py", "pipeline/media/decode.py", "pipeline/fusion/per_fold.py"} <= files


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return the syntax of one file, which most stages reach."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def loads_and_kinds(path: Path) -> tuple[list[ast.expr], list[ast.Assign]]:
    """Return the kinds that a file gives to `plugins.load`, and what it sets KIND to."""
    calls = [node for node in nodes_of(path) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    given = [node for node in nodes_of(path) if isinstance(node, ast.Assign)]
    return (
        [node.args[0] for node in calls if ast.unparse(node.func) == "plugins.load"],
        [node for node in given if ast.unparse(node.targets[0]) == "KIND"],
    )


def test_plugins_loaded_by_name_are_known_to_this_test():
    """A stage whose code calls `plugins.load` must stand in DYNAMIC, or its plugin would be a forgotten dependency."""
    for path in (ROOT / "stages").glob("[a-z]*.py"):
        found = [loads_and_kinds(file) for file in imported_files([path])]
        loads = [load for one, _ in found for load in one]
        kinds = {kind.value for kind in loads if isinstance(kind, ast.Constant)}
        if len(kinds) < len(
            {ast.unparse(kind) for kind in loads}
        ):  # by the KIND of a class: see pipeline/core/pretrained_plugin.py
            kinds |= {node.value.value for _, given in found for node in given}
        expected = set(DYNAMIC[path.stem][0].split()) if path.stem in DYNAMIC else set()
        # what a report imports of `pipeline.systems.params` can name fusion rules, but never loads one
        assert kinds - ({"fusion"} if path.stem == "report" else set()) == expected, path.name


def test_params_are_exactly_what_the_stage_reads(stages):
    for name, stage in stages.items():
        module = __import__(f"stages.{script(stage)}", fromlist=["main"])
        files = [dep for dep in stage.deps if dep.def_path == "params.yaml"]
        if name == "code":  # by the file as a whole: sections with names would stand in dvc.lock once more
            assert len(files) == 1
            continue
        given = {key for dep in files for key in dep.params}
        reads = {key.format(**arguments(stage)) for key in module.main.reads}
        assert given == reads, f"dvc.yaml: {name} is given {sorted(given)}, but reads {sorted(reads)}"


def test_no_stage_depends_on_runtime(stages):
    for name, stage in stages.items():
        if name == "code":  # which takes two seconds, and gives the same digests
            continue
        keys = [key for dep in stage.deps if dep.def_path == "params.yaml" for key in dep.params]
        assert not any(key == "runtime" or key.startswith("runtime.") for key in keys), name


def test_every_declared_setting_is_read_somewhere():
    files = [*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("stages/*.py")]
    nodes = [node for path in files for node in nodes_of(path)]
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    called = [node for node in calls if node.func.id == "getattr"]
    read |= {n.args[1].value for n in called if isinstance(n.args[1], ast.Constant)}
    for path in files:
        for node in nodes_of(path):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(b) in ("Settings", "BaseModel") for b in node.bases):
                for field in (f.target.id for f in node.body if isinstance(f, ast.AnnAssign)):
                    assert field in read, f"{path.relative_to(ROOT)}: {node.name}.{field} is read nowhere"


def test_artifact_paths_stand_in_dvc_yaml_only():
    pattern = re.compile(r"""["'](features|models)/[\w.{]""")
    for path in [*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("stages/*.py")]:
        found = pattern.findall(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)} names an artifact path; pass it from dvc.yaml"


def test_no_stage_keeps_its_outputs_over_a_run():
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert "persist" not in text


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("[a-z]*.py")), ids=lambda p: p.stem)
def test_stage_scripts_are_thin(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40


def test_numeric_settings_are_in_force_before_numpy():
    """Set after numpy came in, they would hold in worker processes only. Each import ends where the first of these
    libraries is looked for, and begins anew.
    """
    program = (
        "import os, sys, importlib, importlib.abc\n"
        "class Found(BaseException):\n"
        "    pass\n"
        "class Watch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name in ('numpy', 'torch', 'scipy'):\n"
        "            assert os.environ.get('OPENBLAS_CORETYPE') == 'Haswell', name\n"
        "            raise Found\n"
        "sys.meta_path.insert(0, Watch())\n"
        "for name in ('extract', 'train', 'select', 'pretrain', 'track_faces', 'report'):\n"
        "    try:\n"
        "        importlib.import_module(f'stages.{name}')\n"
        "    except Found:\n"
        "        print(name)\n"
        "    for name in [name for name in sys.modules if name.split('.')[0] in ('stages', 'pipeline')]:\n"
        "        del sys.modules[name]\n"
        "    del os.environ['OPENBLAS_CORETYPE']\n"
    )
    environment = {name: value for name, value in os.environ.items() if name not in NUMERIC}
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=ROOT, check=True, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["extract", "train", "select", "pretrain", "track_faces", "report"]
