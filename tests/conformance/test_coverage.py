"""Every fact of the catalogue has a conversation with each broker.

Theory
------
The catalogue numbers what a client can observe of RabbitMQ: ``CONN-07`` is one fact. A test that shows a fact
carries its number in its name. So what is shown can be counted: every fact to RabbitMQ, to our broker in
virtual time and to our server on a socket.
"""

from __future__ import annotations

from conformance_page import BROKERS, PAGE, collected, page, proofs

LAST = {
    "CODEC": 55,
    "CONN": 66,
    "CHAN": 21,
    "EXCH": 46,
    "QUEUE": 73,
    "BASIC": 69,
    "CONF": 13,
    "TX": 13,
    "DLX": 18,
    "DUR": 15,
    "LIMIT": 19,
    "PERM": 21,
    "QUORUM": 18,
    "STREAM": 6,
    "CLIENT": 13,
    "REF": 6,
    "WIRE": 27,
}
"""How many facts each section has, as far as they are built; clusters are not."""


def facts() -> set[str]:
    """All of them."""
    return {f"{section}-{number:02}" for section, last in LAST.items() for number in range(1, last + 1)}


def test_every_fact_is_shown_to_all_three() -> None:
    found = proofs(collected())
    assert {fact for fact, _ in found} == facts()
    assert [fact for fact in sorted(facts()) if not all(found[fact, broker] for broker in BROKERS)] == []


def test_the_page_about_conformance_is_up_to_date() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "run python tests/support/conformance_page.py"
