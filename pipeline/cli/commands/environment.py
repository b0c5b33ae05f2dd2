"""Print the variables that workers of a Dask cluster need.

They keep floats equal on all machines (one thread, one set of kernels) and tell Python where this project is.

examples:
  python -m pipeline environment
  env $(python -m pipeline environment) dask worker tcp://head:8786 --nthreads 1
"""

from __future__ import annotations


def run() -> str:
    from pipeline.core.numeric import HEAP, NUMERIC
    from pipeline.engine.code_digest import ROOT

    return " ".join(f"{name}={value}" for name, value in {**NUMERIC, **HEAP, "PYTHONPATH": str(ROOT)}.items())
