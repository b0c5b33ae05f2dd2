"""Environment of numeric libraries, so that floats do not depend on the machine, and of the heap, so that memory does
not grow with the length of a clip; in force once this is imported.

`stages/__init__.py` imports it before any numeric library: what it sets holds in this process as in the workers that
inherit it. Set later, it would hold in the workers only, and one worker would not give the bytes of two.
"""

import ctypes
import os
import sys
import warnings

# One thread a process keeps floats independent of the machine's core count; kernels of one instruction set keep them
# equal on machines that have more (AVX-512) and on those that do not.
NUMERIC = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # MKL keeps to AVX2 on Intel's processors alone and chooses by itself on others; COMPATIBLE is the same on all, at
    # half the speed of matrix products: who needs speed more than equal bytes sets another value
    "MKL_CBWR": os.environ.get("MKL_CBWR", "COMPATIBLE"),
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    # what numpy has beyond AVX2, from 2.4 on as X86_V4 and before by the older names; with commas, since
    # `env $(python -m pipeline environment)` would be cut at spaces
    "NPY_DISABLE_CPU_FEATURES": "X86_V4,AVX512_ICL,AVX512_SPR,AVX512F,AVX512CD,AVX512_SKX,AVX512_CLX,AVX512_CNL",
    # threads that wait sleep instead of spinning: on a busy machine two of them took ten times as long
    "OMP_WAIT_POLICY": "PASSIVE",
}
LATE = tuple(name for name, value in NUMERIC.items() if "numpy" in sys.modules and os.environ.get(name) != value)
"""What was set too late here, since numeric libraries had been loaded before: floats may differ in their last bits."""
os.environ.update(NUMERIC)
# numpy warns of what it or the processor lacks and thus cannot switch off, which `python -W error` would not survive
warnings.filterwarnings("ignore", "During parsing environment variable: 'NPY_DISABLE_CPU_FEATURES'", ImportWarning)

# glibc raises the size above which an array gets pages of its own to that of the largest array ever freed; from then on
# batches lie between small things that stay, and the heap grows: AlexNet over 6 minutes of windows took a third more.
HEAP = {"MALLOC_MMAP_THRESHOLD_": 1 << 20, "MALLOC_TRIM_THRESHOLD_": 1 << 26}
"""Bytes; workers read it from the environment, this process, which has begun already, is told."""
os.environ.update({name: str(value) for name, value in HEAP.items()})
if (_mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:  # only glibc has it
    _mallopt(-3, HEAP["MALLOC_MMAP_THRESHOLD_"])
    _mallopt(-1, HEAP["MALLOC_TRIM_THRESHOLD_"])
