"""Numbers for people: as many digits as the interval allows, a true minus, thousands in groups."""

import math

THIN = "\u2009"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def significant(value: float, digits: int = 3) -> str:
    """``value`` with so many significant digits: ``1,234``, ``0.0123``, ``1.2 × 10⁻⁷``."""
    if not math.isfinite(value):
        return "none" if math.isnan(value) else ("−∞" if value < 0 else "∞")
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if exponent < -4 or exponent >= 9:
        mantissa = fixed(value / 10.0**exponent, digits - 1)
        return f"{mantissa}{THIN}×{THIN}10{str(exponent).translate(SUPERSCRIPTS)}"
    return fixed(round(value, digits - 1 - exponent), max(0, digits - 1 - exponent))


def fixed(value: float, decimals: int) -> str:
    """``value`` with so many decimals."""
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.removeprefix("-")
    return text.replace("-", "−")


def plain(value: float) -> str:
    """A setting as it was written: ``0.001``, ``50,000``."""
    if math.isfinite(value) and float(value).is_integer() and abs(value) < 1e9:
        return fixed(value, 0)
    if math.isfinite(value) and 1e-4 <= abs(value) < 1e9:
        return f"{value:,.10g}".replace("-", "−")
    return significant(value, 3).replace(f"1.00{THIN}×{THIN}", "")


def digits(value: float, low: float, high: float, most: int = 5) -> int:
    """Digits worth showing: half the interval's width to one digit, at most ``most``."""
    half = (high - low) / 2
    if not (math.isfinite(half) and half > 0 and value and math.isfinite(value)):
        return min(4, most)
    worth = math.floor(math.log10(abs(value))) - math.floor(math.log10(half)) + 1
    return max(2, min(most, worth))


def interval(value: float, low: float, high: float) -> tuple[str, str, str]:
    """Estimate and bounds, all with the same number of decimals."""
    n = digits(value, low, high)
    largest = max(abs(v) for v in (value, low, high) if math.isfinite(v))
    if not largest or math.floor(math.log10(largest)) < -4 or largest >= 1e9:
        return significant(value, n), significant(low, n), significant(high, n)
    scale = abs(value) or largest
    decimals = max(0, n - 1 - math.floor(math.log10(scale)))
    return fixed(value, decimals), fixed(low, decimals), fixed(high, decimals)
