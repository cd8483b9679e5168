"""Every fact of the catalogue has a conversation, or a reason why it has none.

Theory
------
The catalogue numbers what a client can observe of RabbitMQ: ``CONN-07`` is one fact. A test that shows a fact
carries its number in its name. So what is shown can be counted, and what is not shown must say why.
"""

from __future__ import annotations

import re
from pathlib import Path

from conformance_page import PAGE, page

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
"""How many facts each section has, as far as they are built."""

ELSEWHERE = {
    "CONN-34": "takes a damaged node; a virtual host here is either there or not",
    "CONN-53": "blocking by an alarm: LIMIT-02 to LIMIT-08",
    "CONN-54": "says what a client should do; tests/client",
    "BASIC-12": "takes 128 MiB of traffic on each broker; tests/broker has ours with a lower limit",
    "BASIC-24": "concerns mirrored queues and streams",
    "BASIC-34": "how much waits for a socket is each broker's own affair; tests/net/test_back_pressure.py",
    "BASIC-52": "says what client libraries do by convention; tests/client",
    "LIMIT-01": "says when a node raises an alarm; ours is raised by whoever drives the broker",
    "LIMIT-09": "says what publishers and consumers had better do",
    "LIMIT-10": "TCP back-pressure without any frame; tests/net/test_back_pressure.py",
    "LIMIT-11": "how much waits for a socket is each broker's own affair; tests/net/test_back_pressure.py",
    "LIMIT-14": "takes 128 MiB of traffic on each broker; tests/broker has ours with a lower limit",
    "PERM-19": "revoked rights are remembered for a while, for how long depends on hibernation",
    "PERM-20": "shown by CONN-30: nothing after connection.open asks for the virtual host",
    "TX-09": "says what is not promised",
    "DUR-14": "users, permissions and virtual hosts of ours come from the configuration, each time",
}


def shown() -> set[str]:
    """The facts named by the tests of this folder."""
    sources = (path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    names = re.findall(r"^def (test_\w+)", "\n".join(sources), re.MULTILINE)
    return {
        f"{section}-{number}" for name in names for section, number in re.findall(r"([A-Z]+)_(\d\d)", name)
    }


def test_every_fact_is_shown_or_has_a_reason() -> None:
    facts = {f"{section}-{number:02}" for section, last in LAST.items() for number in range(1, last + 1)}
    assert facts - shown() == set(ELSEWHERE)
    assert shown() <= facts


def test_the_page_about_conformance_is_up_to_date() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "run python tests/support/conformance_page.py"
