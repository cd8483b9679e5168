"""Times, rates and shares as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqplab.lab import LabError
from amqplab.trace.units import UNITS_NS, as_nanoseconds, as_rate, as_share, as_text


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("5 ms", 5_000_000),
        ("5ms", 5_000_000),
        (" 1.5  s ", 1_500_000_000),
        ("0.1 ms", 100_000),
        (".5 us", 500),
        ("3 µs", 3_000),
        ("3 \N{MICRO SIGN}s", 3_000),
        ("2 min", 120_000_000_000),
        ("1 h", 3_600_000_000_000),
        ("1_000 ns", 1_000),
        (0, 0),
        (timedelta(milliseconds=7), 7_000_000),
    ],
)
def test_a_time_is_read_exactly(text: str, nanoseconds: int) -> None:
    assert as_nanoseconds(text) == nanoseconds


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (5, "The latency 5 has no unit: write '5 ms' or '5 s'."),
        (0.25, "The latency 0.25 has no unit: write '0.25 ms' or '0.25 s'."),
        ("-5 ms", "The latency '-5 ms' is negative: time only moves forward here, give 0 or more."),
    ],
)
def test_a_wrong_time_is_answered_with_what_to_type(wrong: str, sentence: str) -> None:
    with pytest.raises(LabError) as caught:
        as_nanoseconds(wrong, "latency")
    assert str(caught.value) == sentence


@pytest.mark.parametrize("wrong", ["soon", "5", "5 apples", "", "ms", None, True, "5 m s", "1 s 2 ms"])
def test_what_is_no_time_is_refused(wrong: str) -> None:
    with pytest.raises(LabError, match="is no time: write"):
        as_nanoseconds(wrong)


def test_rates_are_bits_per_second() -> None:
    assert as_rate("1 Mbit/s") == 1_000_000
    assert as_rate("1.5 kB/s") == 12_000
    assert as_rate(None) is None


@pytest.mark.parametrize("wrong", ["fast", "1 mb", 1000, "0 bit/s", "-1 kbit/s"])
def test_a_wrong_rate_is_refused(wrong: str) -> None:
    with pytest.raises(LabError, match="bandwidth"):
        as_rate(wrong)


def test_shares_may_be_percentages() -> None:
    assert as_share("2 %") == as_share(0.02) == as_share("0.02") == 0.02
    assert as_share(0) == 0.0
    assert as_share("100%") == 1.0


@pytest.mark.parametrize("wrong", [2, "200 %", -0.1, "often", None, True])
def test_a_wrong_share_is_refused(wrong: float) -> None:
    with pytest.raises(LabError, match="loss"):
        as_share(wrong)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_printed_time_reads_back_as_itself(nanoseconds: int) -> None:
    assert as_nanoseconds(as_text(nanoseconds)) == nanoseconds


@given(st.integers(min_value=0, max_value=10**6), st.sampled_from(sorted(UNITS_NS)))
def test_every_unit_scales_whole_numbers_exactly(count: int, unit: str) -> None:
    assert as_nanoseconds(f"{count} {unit}") == count * UNITS_NS[unit]
