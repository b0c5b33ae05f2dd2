"""Two thousand inputs that are derived from the demo by rules: no traceback, no hang, no lie, and no clip that harms
another. `python -m benchmarks.fuzz --one NUMBER` shows one of them again.
"""

from __future__ import annotations

import pytest

from helpers.fuzz.run import fuzz


@pytest.mark.long
def test_nothing_breaks_an_invariant():
    broken = [f"{v.number} ({v.rule}): {'; '.join(v.wrong)}" for v in fuzz(range(2000), 0) if v.wrong]
    assert broken == []
