"""Figures as text: one rounding for the terminal, the pages, the documentation and the tables.

A figure is rounded once, from its full value, and half away from zero in decimals. Python's own formatting rounds the
binary number, so that 0.0125 and 0.0375 part ways, and what was rounded before is rounded twice: 16 of 84 clips,
0.190476, is 0.190, but 0.1905 kept with four decimals is 0.191.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from math import isfinite, isnan

KEPT = 12
"""Decimals that are taken for the figure's own: what lies below is the noise of sums in another order."""


def decimal(value: float, places: int = 3, *, power: int = 0, signed: bool = False) -> str:
    """Return a figure times ten to the `power` with so many decimals, `-` for NaN.

    >>> decimal(16 / 84), decimal(0.0125), decimal(0.0375), decimal(-0.00049), decimal(float("nan"))
    ('0.190', '0.013', '0.038', '0.000', '-')
    >>> decimal(0.0125, 1, power=2, signed=True)
    '+1.3'
    """
    if not isfinite(value):
        return "-" if isnan(value) else str(float(value))
    with localcontext(prec=400, rounding=ROUND_HALF_UP):  # the largest float has 309 digits
        found = Decimal(repr(round(float(value), KEPT))).scaleb(power).quantize(Decimal(1).scaleb(-places))
    return f"{found + 0:{'+' if signed else ''}f}"  # + 0: nothing is -0


def percent(share: float, places: int = 1) -> str:
    """Return a share as `52.3 %`, `-` for NaN."""
    return "-" if isnan(share) else f"{decimal(share, places, power=2)} %"


def p_value(p: float) -> str:
    """Return the p of a test with three decimals; one below 0.0005 as such, and `-` for NaN."""
    return "< 0.001" if p < 0.0005 else decimal(p)


def points(difference: float, places: int = 1) -> str:
    """Return a difference of shares in points of a hundred, with its sign; `-` for NaN."""
    return decimal(difference, places, power=2, signed=True)
