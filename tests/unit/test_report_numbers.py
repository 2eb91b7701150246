"""Numbers for people."""

import math

import pytest

from irm_bench.presentation import numbers


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0"),
        (1234.5, 3, "1,230"),
        (1234.5, 5, "1,234.5"),
        (0.012345, 3, "0.0123"),
        (-0.012345, 2, "−0.012"),
        (9.999, 2, "10"),
        (0.99999, 3, "1.00"),
        (1.234e-7, 2, "1.2\u2009×\u200910⁻⁷"),
        (math.nan, 3, "none"),
        (math.inf, 3, "∞"),
        (-math.inf, 3, "−∞"),
    ],
)
def test_significant_digits(value: float, digits: int, text: str) -> None:
    assert numbers.significant(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(50000, "50,000"), (0.001, "0.001"), (1e-5, "10⁻⁵"), (-4.0, "−4"), (0.0, "0"), (2.5, "2.5")],
)
def test_settings_are_shown_as_they_were_written(value: float, text: str) -> None:
    assert numbers.plain(value) == text


def test_an_interval_says_how_many_digits_are_worth_showing() -> None:
    assert numbers.interval(0.23449, 0.2333, 0.2357) == ("0.234", "0.233", "0.236")
    assert numbers.interval(1.9389, 1.93, 1.95) == ("1.94", "1.93", "1.95")
    assert numbers.interval(12345.6, 12000, 12700) == ("12,346", "12,000", "12,700")


def test_an_interval_without_width_or_value_has_digits_too() -> None:
    assert numbers.interval(1.0, 1.0, 1.0) == ("1.000", "1.000", "1.000")
    assert numbers.interval(0.0, 0.0, 0.0) == ("0", "0", "0")
    assert numbers.interval(0.5, math.nan, math.nan)[0] == "0.5000"


def test_no_negative_zero() -> None:
    assert numbers.fixed(-0.0001, 2) == "0.00"
