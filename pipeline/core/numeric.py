"""Environment of numeric libraries, so that floats do not depend on the machine; in force once this is imported.

`stages/__init__.py` imports it before any numeric library: what it sets holds in this process as in the workers that
inherit it. Set later, it would hold in the workers only, and one worker would not give the bytes of two.
"""

import os
import sys

# One thread a process keeps floats independent of the machine's core count; kernels of one instruction set keep them
# equal on machines that have more (AVX-512) and on those that do not.
NUMERIC = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MKL_CBWR": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    # threads that wait sleep instead of spinning: on a busy machine two of them took ten times as long
    "OMP_WAIT_POLICY": "PASSIVE",
}
LATE = tuple(name for name, value in NUMERIC.items() if "numpy" in sys.modules and os.environ.get(name) != value)
"""What was set too late here, since numeric libraries had been loaded before: floats may differ in their last bits."""
os.environ.update(NUMERIC)
