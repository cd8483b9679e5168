"""Times, rates and shares as people write them: "5 ms", "1 Mbit/s", "2 %".

Theory
------
Inside, a time is an integer count of nanoseconds: integers add up exactly, floats do not, and a simulation
that is to give the same digest everywhere cannot afford a float's last bit. Outside, a number without a
unit is the classic mistake of this trade (is ``heartbeat=60`` seconds or milliseconds?), so the lab takes
words with units and refuses bare numbers. Zero needs no unit.

Values are read as exact fractions: ``"0.1 ms"`` is 100,000 ns, not 99,999.
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

from amqplab.trace.asking import LabError

__all__ = ["as_nanoseconds", "as_rate", "as_share", "as_text"]

Time = str | int | timedelta
"""A length of time: "5 ms", "1.5 s", a timedelta, or 0."""

UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60 * 1_000_000_000,
    "h": 3_600 * 1_000_000_000,
}
UNITS_BPS = {
    "bit/s": 1,
    "kbit/s": 10**3,
    "Mbit/s": 10**6,
    "Gbit/s": 10**9,
    "B/s": 8,
    "kB/s": 8 * 10**3,
    "MB/s": 8 * 10**6,
}

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*(\S.*?)?\s*")


def _split(text: str) -> tuple[Fraction, str] | None:
    match = _QUANTITY.fullmatch(
        text.replace("_", "").replace("\N{MICRO SIGN}", "µ").replace("\N{GREEK SMALL LETTER MU}", "µ")
    )
    return (Fraction(match[1]), match[2] or "") if match else None


def as_nanoseconds(value: Time, what: str = "time") -> int:
    """`value` in whole nanoseconds. `what` names it in an error, e.g. "latency".

    Raises LabError for a bare number, an unknown unit or a negative time.
    """
    if isinstance(value, timedelta):
        nanoseconds = Fraction(value // timedelta(microseconds=1)) * 1_000
    elif isinstance(value, str):
        parts = _split(value)
        if parts is None or parts[1] not in UNITS_NS:
            raise LabError(
                f"The {what} {value!r} is no time: write a number and a unit, for example '5 ms' "
                f"(units: {', '.join(UNITS_NS)})."
            )
        nanoseconds = parts[0] * UNITS_NS[parts[1]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value != 0:
            raise LabError(f"The {what} {value!r} has no unit: write '{value} ms' or '{value} s'.")
        nanoseconds = Fraction(0)
    else:
        raise LabError(f"The {what} {value!r} is no time: write for example '5 ms'.")
    if nanoseconds < 0:
        raise LabError(f"The {what} {value!r} is negative: time only moves forward here, give 0 or more.")
    return round(nanoseconds)


def as_rate(value: str | None, what: str = "bandwidth") -> int | None:
    """`value` in bits per second; None is unlimited. Raises LabError."""
    if value is None:
        return None
    parts = _split(value) if isinstance(value, str) else None
    if parts is None or parts[1] not in UNITS_BPS:
        raise LabError(
            f"The {what} {value!r} is no rate: write a number and a unit, for example '1 Mbit/s' "
            f"(units: {', '.join(UNITS_BPS)}), or None for an unlimited link."
        )
    rate = round(parts[0] * UNITS_BPS[parts[1]])
    if rate <= 0:
        raise LabError(
            f"The {what} {value!r} would let nothing through: give more than 0, or use lab.cut(...)."
        )
    return rate


def as_share(value: str | float, what: str = "loss") -> float:
    """`value` as a share from 0 to 1: "2 %" and 0.02 are the same. Raises LabError."""
    share: Fraction | None = None
    if isinstance(value, str):
        parts = _split(value)
        if parts is not None and parts[1] in ("%", ""):
            share = parts[0] / (100 if parts[1] == "%" else 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        share = Fraction(value)
    if share is None or not 0 <= share <= 1:
        raise LabError(f"The {what} {value!r} is no share: write '2 %' or 0.02, from 0 to 1.")
    return float(share)


def as_text(nanoseconds: int) -> str:
    """A time for people, exact and the same everywhere: ``"1.5 ms"``, ``"60 s"``, ``"0 s"``."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        if abs(nanoseconds) >= size:
            whole, rest = divmod(abs(nanoseconds), size)
            digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0")
            sign = "-" if nanoseconds < 0 else ""
            return f"{sign}{whole}{'.' + digits if digits else ''} {unit}"
    return f"{nanoseconds} ns" if nanoseconds else "0 s"
