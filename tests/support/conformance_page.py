"""Writes docs/conformance.md: which facts of RabbitMQ's behaviour are proved, and against whom.

    python tests/support/conformance_page.py

Theory
------
The catalogue of behaviour has numbers, and the conformance tests carry them in their names. So what is proved
can be read off the tests that there are: for every number, how many tests show it to RabbitMQ itself, to our
broker in virtual time, and to our server on a socket. The page is made from what pytest collects, and a test
fails when it is not up to date.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

__all__ = ["BROKERS", "PAGE", "collected", "page", "proofs"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance.md"
TESTS = ROOT / "tests" / "conformance"
BROKERS = ("rabbitmq", "in-memory", "amqplab")
NAMES = {
    "CODEC": "Wire format",
    "CONN": "Connections",
    "CHAN": "Channels",
    "EXCH": "Exchanges",
    "QUEUE": "Queues",
    "BASIC": "Publishing, consuming, acknowledging",
    "CONF": "Publisher confirms",
    "TX": "Transactions",
    "DLX": "Dead letters",
    "PERM": "Virtual hosts and permissions",
    "DUR": "Durability",
    "LIMIT": "Limits, alarms, policies",
    "QUORUM": "Quorum queues",
    "STREAM": "Streams",
    "CLIENT": "What a well-behaved client does",
    "REF": "Reply codes",
    "WIRE": "One session, octet for octet",
}
HEAD = """\
# Conformance

What a client can observe of RabbitMQ 3.10 is a catalogue of numbered facts. Each line here is one of them:
how many tests show it to **RabbitMQ** itself, to our broker in **virtual** time, and to our server on a
**socket**. It is the same test each time, so what RabbitMQ passes and we pass is the same behaviour. The few
facts without a test say why, and [differences.md](differences.md) says more.

Beside these tests there is chance: `python tests/support/differing.py` makes up conversations, sensible and
not, on two connections with two channels each, plays them to RabbitMQ and to us, and compares what clients
see after every step. A hundred of them are part of every test run.

Made by `python tests/support/conformance_page.py`.
"""


@cache
def collected() -> tuple[str, ...]:
    """The node ids of all conformance tests."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(TESTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(line for line in done.stdout.splitlines() if "::" in line)


def proofs(nodes: Iterable[str]) -> Counter[tuple[str, str]]:
    """(fact, broker) → how many tests."""
    found: Counter[tuple[str, str]] = Counter()
    for node in nodes:
        name, _, parameters = node.rpartition("::")[2].partition("[")
        shown_to = [broker for broker in BROKERS if re.search(rf"\b{broker}\b", parameters)]
        for section, number in re.findall(r"([A-Z]+)_(\d\d)", name):
            found.update((f"{section}-{number}", broker) for broker in shown_to)
    return found


def page() -> str:
    """The whole page."""
    sys.path.insert(0, str(TESTS))
    from test_coverage import ELSEWHERE, LAST

    found = proofs(collected())
    parts = [HEAD]
    for section, last in sorted(LAST.items(), key=lambda pair: list(NAMES).index(pair[0])):
        facts = [f"{section}-{number:02}" for number in range(1, last + 1)]
        parts.append(f"\n## {section}: {NAMES[section]}\n")
        parts.append("| fact | RabbitMQ | virtual | socket | |\n|---|---|---|---|---|")
        for fact in facts:
            counts = " | ".join(str(found[fact, broker] or "–") for broker in BROKERS)
            parts.append(f"| {fact} | {counts} | {ELSEWHERE.get(fact, '')} |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
