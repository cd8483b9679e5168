"""How those who take part are called: by the names that people gave them.

Theory
------
The protocol's own names are for machines: ``waiter:49152``, ``amq.ctag-Ej4n…``. A reader knows the programs.
So a connection is called by its client, and a consumer by its program. A consumer tag is told only where
somebody chose it, or where two consumers of one program would be taken for each other.

A client on a real socket comes from an address that says nothing; then the name that it gives itself is
better. Without records nothing of this is known, and the names are as good as one record allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record
from amqplab.trace.words import quoted

__all__ = ["Names", "as_start", "party"]

PLAIN_NAME = re.compile(r"[\w.:-]+")
MADE_TAG = re.compile(r"amq\.ctag-|ctag\d+\.[0-9a-f]{8}")
"""Tags that the broker made, or the library of a client."""

TAG_SHOWN = 13


def party(name: str) -> str:
    """A host or program in a sentence: plain if it is a word, else in quotes. The broker gets its article."""
    if name == "broker":
        return "the broker"
    return name if PLAIN_NAME.fullmatch(name) else quoted(name)


def as_start(words: str) -> str:
    """The words at the beginning of a sentence; a name stays as it was given."""
    return f"T{words[1:]}" if words.startswith("the ") else words


class Names:
    """The names of clients, connections and consumers, from a whole recording."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._called: dict[str, str] = {}
        self._connections: dict[str, list[str]] = {}
        self._present: dict[str, set[tuple[str, int, str]]] = {}
        self._crowded: set[str] = set()
        for record in records:
            event = record.event
            if isinstance(event, e.ConnectionOpened):
                self._opened(event)
            elif isinstance(event, e.ConsumerAdded):
                self._added(event)
            elif isinstance(event, e.ConsumerRemoved):
                place = (event.connection, event.channel, event.consumer_tag)
                self._present.get(self.client_name(event.connection), set()).discard(place)

    def _opened(self, event: e.ConnectionOpened) -> None:
        if event.client_name and event.connection[:1].isdigit():
            self._called[event.connection] = event.client_name
        connections = self._connections.setdefault(self.client_name(event.connection), [])
        if event.connection not in connections:
            connections.append(event.connection)

    def _added(self, event: e.ConsumerAdded) -> None:
        client = self.client_name(event.connection)
        present = self._present.setdefault(client, set())
        present.add((event.connection, event.channel, event.consumer_tag))
        if len(present) > 1:
            self._crowded.add(client)

    def client_name(self, connection: str) -> str:
        """The bare name of a connection's client."""
        if connection in self._called:
            return self._called[connection]
        return connection if connection[:1].isdigit() else client_host(connection)

    def client(self, connection: str) -> str:
        """A connection's client, in a sentence."""
        return party(self.client_name(connection))

    def connection(self, connection: str) -> str:
        """A connection, by its client; with a number if the client has several."""
        of = self._connections.get(self.client_name(connection), [])
        if len(of) > 1 and connection in of:
            return f"connection {of.index(connection) + 1} of {self.client(connection)}"
        return f"the connection of {self.client(connection)}"

    def lane(self, connection: str, channel: int) -> str:
        """A channel, by the client of its connection."""
        of = self._connections.get(self.client_name(connection), [])
        if len(of) > 1 and connection in of:
            return f"channel {channel} of {self.connection(connection)}"
        return f"channel {channel} of {self.client(connection)}"

    def consumer(self, connection: str, tag: str) -> str:
        """A consumer, by its program."""
        client = self.client(connection)
        if tag and not MADE_TAG.match(tag) and tag != self.client_name(connection):
            return f"consumer {quoted(tag)} of {client}"
        if tag and self.client_name(connection) in self._crowded:
            return f"consumer {quoted(tag if len(tag) <= TAG_SHOWN else f'{tag[:TAG_SHOWN]}…')} of {client}"
        return client if "consumer" in client.lower() else f"consumer {client}"
