"""What `pipeline.core.numeric` sets up: kernels that do not depend on the processor, and the heap, in which large
arrays have pages of their own, whatever was freed before.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from helpers import numeric_program
from helpers.project import ROOT
from pipeline.core.numeric import HEAP, NUMERIC

PROGRAM = """
import ctypes
{first}
import numpy as np

class Info(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]

info = ctypes.CDLL(None).mallinfo2
info.restype = Info
np.ones(20_000_000, np.uint8)  # glibc now holds arrays of up to 20 MB for small
before = info().hblks
kept = np.ones(4_000_000, np.uint8)
print(info().hblks - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
@pytest.mark.parametrize(("first", "mapped"), [("import stages", "1"), ("", "0")])
def test_large_arrays_are_no_part_of_the_heap(first, mapped):
    environment = {name: value for name, value in os.environ.items() if name not in {**HEAP, **NUMERIC}}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(first=first)],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == mapped


def test_workers_inherit_it():
    assert {name: os.environ[name] for name in HEAP} == {name: str(value) for name, value in HEAP.items()}


FREE = {name: value for name, value in os.environ.items() if name not in {**HEAP, **NUMERIC}}


def test_numpy_takes_no_kernel_beyond_avx2():
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    beyond = [name for name in __cpu_dispatch__ if "512" in name or name == "X86_V4"]
    assert beyond or not any("X86" in name for name in __cpu_dispatch__), "numpy has other names now"
    assert not any(__cpu_features__[name] for name in beyond)


def test_what_numpy_does_not_know_or_the_processor_lacks_is_no_error():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import stages, numpy"],
        cwd=ROOT, env=FREE, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""


def computed(folder, parts: str, by: Sequence[str] = (), **changed: str) -> dict[str, str]:
    """Return what tests/helpers/numeric_program.py computes in the numeric environment, with changes; "" = not set.

    `by` is what runs the interpreter.
    """
    environment = {**FREE, **NUMERIC, **changed, "PYTHONPATH": os.fspath(ROOT)}
    program, out = ROOT / "tests/helpers/numeric_program.py", folder / "found.json"
    subprocess.run(
        [*by, sys.executable, os.fspath(program), os.fspath(out), *parts.split()],
        cwd=ROOT, env={name: value for name, value in environment.items() if value}, check=True,
    )  # fmt: skip
    return json.loads(out.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("own", "taken"), [({}, "COMPATIBLE"), ({"MKL_CBWR": "AVX2"}, "AVX2")])
def test_ones_own_choice_of_matrix_products_is_left(own, taken):
    done = subprocess.run(
        [sys.executable, "-c", "import os, stages; print(os.environ['MKL_CBWR'])"],
        cwd=ROOT, env=FREE | own, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == taken


def differing(one: dict[str, str], other: dict[str, str]) -> set[str]:
    return {name for name in one if one[name] != other[name]}


@pytest.mark.slow
def test_stages_give_the_same_bytes_with_and_without_avx_512_in_numpy(tmp_path):
    """Where a processor has no AVX-512 both are the same, and this tells nothing. Posteriors go to tables of six
    decimals; their last bits may differ at a temperature. Without it is what this process itself computes.
    """
    with_it = computed(tmp_path, "stages", NPY_DISABLE_CPU_FEATURES="")
    assert differing(with_it, numeric_program.stages()) <= {"svm tempered"}


BY_BLAS = {"float32 product", "float64 product", "mfcc39", "logmel", "svm planes", "svm pairwise", "svm tempered"}
"""What rests on OpenBLAS: its kernel is fixed by OPENBLAS_CORETYPE."""
BEYOND_AVX2 = [f"float{bits} {name}" for bits in (32, 64) for name in ("exp", "log", "log10", "log1p", "softmax")]


CPU = Path("/proc/cpuinfo")
HAS_512 = CPU.is_file() and "avx512f" in CPU.read_text(encoding="utf-8")
WITH_512 = pytest.mark.skipif(not HAS_512, reason="this processor has no AVX-512")


@pytest.mark.long
@pytest.mark.parametrize(
    ("changed", "may_differ"),
    [
        pytest.param({"OPENBLAS_CORETYPE": "Zen"}, set(), id="an AMD processor's OpenBLAS"),
        pytest.param({"OPENBLAS_CORETYPE": "SkylakeX"}, BY_BLAS, id="OpenBLAS with AVX-512", marks=WITH_512),
        pytest.param({"ATEN_CPU_CAPABILITY": "default"}, set(), id="PyTorch without AVX2"),
        pytest.param(
            {"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "", "MKL_CBWR": ""},
            set(),
            id="and with AVX-512",
            marks=WITH_512,
        ),
    ],
)
def test_which_bytes_rest_on_which_variable(tmp_path, changed, may_differ):
    own = computed(tmp_path, "elementary stages torch")
    found = differing(own, computed(tmp_path, "elementary stages torch", **changed))
    assert {name for name in found if not name.startswith("torch ")} <= may_differ
    if not any(name.startswith("ATEN") for name in changed):
        assert not any(name.startswith("torch ") for name in found)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="needs qemu-x86_64 (Debian: qemu-user)")
@pytest.mark.parametrize("processor", ["Haswell", "EPYC-Rome"])
def test_networks_have_equal_bytes_on_processors_of_intel_and_amd(tmp_path, processor):
    """On emulated ones and on this one; QEMU 7.2 itself computes oneDNN's LSTM wrongly."""
    emulated = computed(tmp_path, "torch", by=("qemu-x86_64", "-cpu", processor))
    found = differing(computed(tmp_path, "torch"), emulated)
    assert found <= {"torch lstm"}
    by_vendor = computed(tmp_path, "torch", MKL_CBWR="AVX2")
    assert {"torch product", "torch dense"} <= differing(by_vendor, emulated), "so MKL_CBWR does what it should"


@pytest.mark.long
def test_with_avx_512_in_numpy_elementary_functions_have_other_last_bits(tmp_path):
    """Where the processor has it: so the variable does what it should."""
    free = computed(tmp_path, "elementary", NPY_DISABLE_CPU_FEATURES="")
    assert bool(set(BEYOND_AVX2) & differing(computed(tmp_path, "elementary"), free)) == HAS_512
