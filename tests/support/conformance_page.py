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
MOST_PHRASES = 3
HEAD = """\
# Conformance

What a client can observe of RabbitMQ 3.10 is a catalogue of numbered facts. Each line here is one of them:
how many tests show it to **RabbitMQ** itself, to our broker in **virtual** time, and to our server on a
**socket**, and what the names of these tests say. It is the same test each time, so what RabbitMQ passes and
we pass is the same behaviour. Where the two differ, [differences.md](differences.md) says how.

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


def told(nodes: Iterable[str]) -> dict[str, str]:
    """fact → what its tests say of it: the names of those that show the fewest other facts beside it."""
    found: dict[str, dict[str, int]] = {}
    for node in nodes:
        name = node.rpartition("::")[2].partition("[")[0].removeprefix("test_")
        facts = re.findall(r"[A-Z]+_\d\d(?=_|$)", name)
        words = re.sub(r"[A-Z]+_\d\d(_|$)", "", name).replace("_", " ")
        for fact in facts:
            found.setdefault(fact.replace("_", "-"), {})[words] = len(facts)
    return {fact: "; ".join(_most_specific(phrases)) for fact, phrases in found.items()}


def _most_specific(phrases: dict[str, int]) -> list[str]:
    fewest = min(phrases.values())
    return [words for words, facts in phrases.items() if facts == fewest][:MOST_PHRASES]


def page() -> str:
    """The whole page."""
    sys.path.insert(0, str(TESTS))
    from test_coverage import LAST

    found, says = proofs(collected()), told(collected())
    parts = [HEAD]
    for section, last in sorted(LAST.items(), key=lambda pair: list(NAMES).index(pair[0])):
        facts = [f"{section}-{number:02}" for number in range(1, last + 1)]
        parts.append(f"\n## {section}: {NAMES[section]}\n")
        parts.append("| fact | RabbitMQ | virtual | socket | shown |\n|---|---|---|---|---|")
        for fact in facts:
            counts = " | ".join(str(found[fact, broker] or "–") for broker in BROKERS)
            parts.append(f"| {fact} | {counts} | {says.get(fact, '')} |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
