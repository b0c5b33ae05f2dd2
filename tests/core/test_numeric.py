"""The heap that `pipeline.core.numeric` sets up: large arrays have pages of their own, whatever was freed before."""

import os
import subprocess
import sys

import pytest

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
