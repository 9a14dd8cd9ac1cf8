"""Shares, rates and probabilities as texts that never round to a certainty they are not."""

from __future__ import annotations

LEAST = 1e-9  # of a probability


def percent(value: float, digits: int = 1) -> str:
    """A share of 1 as a percentage; 100 % and 0 % are what is exactly so.

    .996 → "99.6%"; with digits=0 ">99%", of .004 "<1%"
    """
    return _honest(value, f"{value:.{digits}%}", f"{{:.{digits}f}}%", 100.0, digits)


def probability(value: float) -> str:
    """A probability as a percentage: whatever floats round it to, it is no certainty."""
    return percent(min(max(value, LEAST), 1 - LEAST))


def share(value: float, digits: int = 4) -> str:
    """The same as a number between 0 and 1: .99998 → ">0.9999"."""
    return _honest(value, f"{value:.{digits}f}", f"{{:.{digits}f}}", 1.0, digits)


def _honest(value: float, text: str, form: str, whole: float, digits: int) -> str:
    step = 10.0**-digits
    if value < 1 and text == form.format(whole):
        return f">{form.format(whole - step)}"
    if value > 0 and text == form.format(0.0):
        return f"<{form.format(step)}"
    return text
