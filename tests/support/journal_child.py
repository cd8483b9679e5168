"""A process of its own that appends numbered messages to a journal and prints those reported safe.

    python journal_child.py DIR FIRST

It goes on until it is killed; a compaction is nearly always under way.
"""

from __future__ import annotations

import asyncio
import sys

from amqplab.model.journal_entries import (
    QueueDeclared,
    Standing,
    StoredMessage,
    removed,
    stored,
)
from amqplab.net.journal_files import JournalDirectory

KEPT = 50
"""How many messages stay in the queue; older ones are removed again."""


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(path: str, first: int) -> None:
    journal, state, _ = JournalDirectory.open(path, compact_octets=20_000)
    if "/" not in state.vhosts:
        journal.append([QueueDeclared("/", "q").encode()], int)
    say("open")
    number = first
    while True:
        for _ in range(number % 7 + 1):
            message = StoredMessage(number, "", "q", b"\x10\x00\x02", b"%d" % number)
            entries = [stored("/", message, [Standing("q", number)])]
            if number - first >= KEPT:
                entries.append(removed("/", "q", [number - KEPT]))
            journal.append(entries, lambda number=number: say(str(number)))
            number += 1
        await asyncio.sleep(0.0005)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
