"""One rounding: once, half away from zero, the same for fractions and percentages."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.decimals import decimal, p_value, percent, points


@pytest.mark.parametrize(
    ("right", "clips", "text"),
    [(16, 84, "0.190"), (71, 126, "0.563"), (33, 80, "0.413"), (1, 16, "0.063"), (3, 16, "0.188"), (2, 3, "0.667")],
)
def test_shares_of_clips(right, clips, text):
    assert decimal(right / clips) == text
    assert percent(right / clips) == f"{Decimal(text) * 100:.1f} %", "the same decimals as a percentage"


@given(clips=st.integers(1, 5000), data=st.data(), places=st.integers(0, 4))
def test_a_share_is_rounded_as_the_fraction_that_it_is(clips, data, places):
    right = data.draw(st.integers(0, clips))
    scaled = Fraction(right, clips) * 10**places
    whole = scaled.numerator * 2 // scaled.denominator  # half up, in whole numbers
    expected = Decimal((whole + 1) // 2).scaleb(-places).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    assert decimal(right / clips, places) == str(expected)


def test_what_is_no_figure_and_what_is_nothing():
    assert [decimal(nan), percent(nan), points(nan), p_value(nan)] == ["-"] * 4
    assert [decimal(inf), decimal(-inf)] == ["inf", "-inf"]
    assert [decimal(-0.0001), points(-0.00001), points(0.0)] == ["0.000", "+0.0", "+0.0"]
    assert decimal(1e300, 0) == "1" + "0" * 300
    assert [points(0.0125), points(-0.0125)] == ["+1.3", "-1.3"]
    assert [p_value(0.0004), p_value(0.0005)] == ["< 0.001", "0.001"]
