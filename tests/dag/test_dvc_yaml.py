"""dvc.yaml against the code: no forgotten dependency, no setting that is not read, no artifact path elsewhere."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from dvc.repo import Repo

from helpers.project import ROOT, Project
from pipeline.core import plugins
from pipeline.core.numeric import NUMERIC
from pipeline.core.settings import section
from pipeline.engine.code_digest import imported_files, module_files

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
    return [plugins.module_name(kinds, section(params, name) if "." in name else name)]


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


def code_deps(stage) -> set[str]:
    return {
        d.def_path
        for d in stage.deps
        if d.def_path.split("/")[0] in ("pipeline", "stages") and not hasattr(d, "params")
    }


def needed_files(stage, params) -> set[str]:
    return files_of(script(stage), tuple(loaded_plugins(stage, params)) if script(stage) in DYNAMIC else ())


@cache
def files_of(script: str, loaded: tuple[str, ...]) -> set[str]:
    files = [ROOT / "stages" / f"{script}.py"]
    for name in loaded:
        files += module_files(name)
    needed = {path.relative_to(ROOT).as_posix() for path in imported_files(files)}
    return needed - {"stages/__init__.py"}  # see test_the_package_of_stages_does_nothing_of_its_own


def test_the_package_of_stages_does_nothing_of_its_own():
    """Every stage imports it, and none has it among its deps: dvc.lock would have four lines more for each."""
    body = ast.parse((ROOT / "stages/__init__.py").read_text(encoding="utf-8")).body
    assert [ast.unparse(node) for node in body[1:]] == ["import pipeline.runner.bootstrap"]


def test_stages_are_there(stages):
    names = {name.split("@")[0] for name in stages}
    assert {
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
    assert 8 <= len(names) <= 25  # docs/decisions/0007: it is instances that cost time


def test_every_file_that_a_stage_rests_on_is_a_dep(stages, project):
    params = project.params
    for name, stage in stages.items():
        deps = code_deps(stage)
        for file in needed_files(stage, params):
            covered = any(file == dep or file.startswith(dep + "/") for dep in deps)
            assert covered, f"dvc.yaml: {name} rests on {file}, which is none of its deps"


def test_no_stage_depends_on_code_that_it_does_not_use(stages, project):
    """Each dep is used by one instance of its stage at least: a matrix has one list of deps for all of them."""
    needed, params = defaultdict(set), project.params
    for name, stage in stages.items():
        needed[name.split("@")[0]] |= needed_files(stage, params)
    for name, stage in stages.items():
        for dep in code_deps(stage):
            if Path(dep).name.startswith("_") and Path(dep).parts[:2] in (
                ("pipeline", "corpora"),
                ("pipeline", "sources"),
            ):
                continue  # what plugins of a kind share: dvc.yaml cannot tell which of them uses it
            used = any(file == dep or file.startswith(dep + "/") for file in needed[name.split("@")[0]])
            assert used, f"dvc.yaml: {name} does not use {dep}"


def test_plugins_loaded_by_name_are_known_to_this_test():
    """A stage whose code calls `plugins.load` must stand in DYNAMIC, or its plugin would be a forgotten dependency."""
    for path in (ROOT / "stages").glob("[a-z]*.py"):
        nodes = [
            node for file in imported_files([path]) for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        ]
        loads = [
            node.args[0] for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "plugins.load"
        ]
        kinds = {kind.value for kind in loads if isinstance(kind, ast.Constant)}
        if len(kinds) < len(
            {ast.unparse(kind) for kind in loads}
        ):  # by the KIND of a class: see pipeline/core/pretrained_plugin.py
            given = [node for node in nodes if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "KIND"]
            kinds |= {node.value.value for node in given}
        expected = set(DYNAMIC[path.stem][0].split()) if path.stem in DYNAMIC else set()
        # what a report imports of `pipeline.systems.params` can name fusion rules, but never loads one
        assert kinds - ({"fusion"} if path.stem == "report" else set()) == expected, path.name


def test_params_are_exactly_what_the_stage_reads(stages):
    for name, stage in stages.items():
        module = __import__(f"stages.{script(stage)}", fromlist=["READS"])
        given = {key for dep in stage.deps if hasattr(dep, "params") for key in dep.params}
        reads = {key.format(**arguments(stage)) for key in module.READS}
        assert given == reads, f"dvc.yaml: {name} is given {sorted(given)}, but reads {sorted(reads)}"


def test_no_stage_depends_on_runtime(stages):
    for name, stage in stages.items():
        keys = [key for dep in stage.deps if hasattr(dep, "params") for key in dep.params]
        assert not any(key == "runtime" or key.startswith("runtime.") for key in keys), name


def test_every_declared_setting_is_read_somewhere():
    files = [*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("stages/*.py")]
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    called = [n for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) == "getattr"]
    read |= {n.args[1].value for n in called if isinstance(n.args[1], ast.Constant)}
    for path, tree in trees.items():
        for node in ast.walk(tree):
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


@pytest.mark.slow
def test_numeric_settings_are_in_force_before_numpy():
    """Set after numpy came in, they would hold in worker processes only."""
    program = (
        "import sys, importlib.abc\n"
        "class Watch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        import os\n"
        "        if name in ('numpy', 'torch', 'scipy'):\n"
        "            assert os.environ.get('OPENBLAS_CORETYPE') == 'Haswell', name\n"
        "sys.meta_path.insert(0, Watch())\n"
        "import stages.extract, stages.train, stages.select, stages.pretrain, stages.track_faces, stages.report\n"
        "assert 'numpy' in sys.modules\n"
    )
    environment = {name: value for name, value in os.environ.items() if name not in NUMERIC}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, env=environment)
