"""How those who take part are called: by the names that people gave them.

Theory
------
The protocol's own names are for machines: ``waiter:49152``, ``amq.ctag-Ej4n…``. A reader knows the programs.
So a connection is called by its client, unless that has given it a name of its own, and a consumer by its
program. Where several have the same at the same time, the later ones are numbered: "barista", "barista 2". Who
comes back after an end has its old name again.

A client on a real socket comes from an address that says nothing; then the name that it gives itself is the
program's. A consumer tag is told where somebody chose it.

Pictures and sentences both ask here, so what is one thing has one name. Without records nothing of this is
known, and the names are as good as one record allows.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.keys import client_host, consumer_key
from amqplab.trace.recorder import Record
from amqplab.trace.words import quoted

__all__ = ["Names", "as_start", "party"]

PLAIN_NAME = re.compile(r"[\w.:-]+")
MADE_TAG = re.compile(r"amq\.ctag-|ctag\d+\.[0-9a-f]{8}")
"""Tags that the broker made, or the library of a client."""
OVER = ("CLOSED", "TIME-WAIT")


def party(name: str) -> str:
    """A host or program in a sentence: plain if it is a word, else in quotes. The broker gets its article."""
    if name == "broker":
        return "the broker"
    return name if PLAIN_NAME.fullmatch(name) else quoted(name)


def as_start(words: str) -> str:
    """The words at the beginning of a sentence; a name stays as it was given."""
    return f"T{words[1:]}" if words.startswith("the ") else words


@lru_cache(maxsize=1024)
def is_address(host: str) -> bool:
    """Whether it is an IP address, and no name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class Names:
    """The names of clients, connections and consumers, from a whole recording."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.called: dict[str, str] = {}
        """Connection, or key of a consumer -> its name, with a number if it needs one."""
        self._given: dict[str, str] = {}  # connection -> the name that its client gave to it
        self._base: dict[str, str] = {}  # of what is called -> its name without the number
        self._taken: dict[tuple[str, str], str] = {}
        self._numbered: set[str] = set()  # clients of which there were several connections at a time
        self._consumers: dict[str, list[str]] = {}
        for record in records:
            connection = getattr(record.event, "connection", None)
            if connection is not None and connection not in self.called:
                self._call("connection", connection, self.client_name(connection))
            read = READERS.get(type(record.event))
            if read is not None:
                read(self, record, record.event)

    # --- one method per kind of record -------------------------------------------------------------------

    def _opened(self, record: Record, event: e.ConnectionOpened) -> None:
        if event.client_name:
            self._given[event.connection] = event.client_name
            self._call("connection", event.connection, event.client_name)

    def _closing(self, record: Record, event: e.ConnectionClosing) -> None:
        self._let_go("connection", event.connection)

    def _closed(self, record: Record, event: e.ConnectionClosed) -> None:
        self._let_go("connection", event.connection)
        for key in self._consumers.pop(event.connection, ()):
            self._let_go("consumer", key)

    def _tcp_changed(self, record: Record, event: e.TcpStateChanged) -> None:
        if event.state in OVER and record.where == client_host(event.connection):
            self._let_go("connection", event.connection)

    def _added(self, record: Record, event: e.ConsumerAdded) -> None:
        key = consumer_key(event.connection, event.channel, event.consumer_tag)
        self._consumers.setdefault(event.connection, []).append(key)
        self._call("consumer", key, self.client_name(event.connection))

    def _removed(self, record: Record, event: e.ConsumerRemoved) -> None:
        self._let_go("consumer", consumer_key(event.connection, event.channel, event.consumer_tag))

    def _call(self, kind: str, key: str, name: str) -> None:
        """Give `key` the name, with a number if another of its kind has it now."""
        self._let_go(kind, key)
        number, unique = 1, name
        while (kind, unique) in self._taken:
            number += 1
            unique = f"{name} {number}"
        self._taken[kind, unique] = key
        self._base[key], self.called[key] = name, unique
        if number > 1 and kind == "connection":
            self._numbered.add(name)

    def _let_go(self, kind: str, key: str) -> None:
        """It is gone, so another may have its name."""
        taken = kind, self.called.get(key, "")
        if self._taken.get(taken) == key:
            del self._taken[taken]

    # --- questions ---------------------------------------------------------------------------------------

    def program(self, connection: str) -> str:
        """The program that a connection belongs to: a host, or what a client at an address calls itself."""
        host = client_host(connection)
        return self._given.get(connection, host) if is_address(host) else host

    def client_name(self, connection: str) -> str:
        """The bare name of a connection's client; of one at an address that has none, where it comes from."""
        program = self.program(connection)
        return connection if is_address(program) else program

    def client(self, connection: str) -> str:
        """A connection's client, in a sentence."""
        return party(self.client_name(connection))

    def connection(self, connection: str) -> str:
        """A connection, by its client; by its own name or with a number, if it has one."""
        name, which = self.client_name(connection), self._which(connection)
        return f"connection {which} of {party(name)}" if which else f"the connection of {party(name)}"

    def lane(self, connection: str, channel: int) -> str:
        """A channel, by the client of its connection."""
        whose = self.connection(connection) if self._which(connection) else self.client(connection)
        return f"channel {channel} of {whose}"

    def _which(self, connection: str) -> str:
        """What tells a connection from others of its client; "" if nothing needs to."""
        base, name = self._base.get(connection, ""), self.client_name(connection)
        if base not in ("", name):
            return quoted(self.called[connection])
        number = self._number(connection)
        return str(number) if number > 1 or base in self._numbered else ""

    def _number(self, key: str) -> int:
        rest = self.called[key][len(self._base[key]) :] if key in self.called else ""
        return int(rest) if rest else 1

    def consumer(self, connection: str, channel: int, tag: str) -> str:
        """A consumer, by its program, and by its tag if somebody chose one."""
        client = self.client(connection)
        if tag not in ("", self.client_name(connection)) and not MADE_TAG.match(tag):
            return f"consumer {quoted(tag)} of {client}"
        number = self._number(consumer_key(connection, channel, tag))
        name = f"{client} {number}" if number > 1 else client
        return name if "consumer" in client.lower() else f"consumer {name}"


READERS: dict[type[e.Event], Callable[[Names, Record, Any], None]] = {
    e.ConnectionOpened: Names._opened,
    e.ConnectionClosing: Names._closing,
    e.ConnectionClosed: Names._closed,
    e.TcpStateChanged: Names._tcp_changed,
    e.ConsumerAdded: Names._added,
    e.ConsumerRemoved: Names._removed,
}
