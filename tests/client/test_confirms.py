"""The ledger of publish numbers, against the plainest model of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab.client.confirms import ConfirmLedger

STEP = st.one_of(
    st.just("publish"),
    st.tuples(st.integers(0, 12), st.booleans()),
)


@given(st.lists(STEP, max_size=40))
@settings(max_examples=300)
def test_each_number_is_settled_once_in_order_and_multiple_means_all_up_to(steps: list[object]) -> None:
    ledger = ConfirmLedger()
    outstanding: set[int] = set()
    published = 0
    for step in steps:
        if step == "publish":
            published += 1
            assert ledger.published(None) == published
            outstanding.add(published)
            continue
        tag, multiple = step  # type: ignore[misc]
        if multiple:
            expected = sorted(number for number in outstanding if tag == 0 or number <= tag)
        else:
            expected = [tag] if tag in outstanding else []
        assert list(ledger.settle(tag, multiple)) == expected
        outstanding -= set(expected)
        assert set(ledger.outstanding) == outstanding


def test_a_returned_publish_is_found_once_and_forgotten_when_settled() -> None:
    ledger = ConfirmLedger()
    looks = ("x", "k", b"body")
    assert [ledger.published(None), ledger.published(looks), ledger.published(looks)] == [1, 2, 3]
    assert [ledger.returned(looks), ledger.returned(looks), ledger.returned(looks)] == [2, 3, 0]
    ledger.settle(0, True)
    assert ledger.published(looks) == 4
    assert ledger.returned(looks) == 4
    assert ledger.returned(("x", "other", b"body")) == 0
