"""The journeys of messages: which leg, from where to where, between which two records.

Theory
------
The broker's own events are moments: *published*, *routed*, *enqueued*, *delivered*, *acknowledged*. To show a
message move, the view needs what lies between two moments; that is a leg:

    publish   the publisher hands the frames over      ->  Published
    route     Routed                                   ->  Enqueued, once per queue
    drop      Unroutable or Discarded                  ->  the gutter
    deliver   Delivered                                ->  the consumer has the whole command
    ack       the consumer sends basic.ack             ->  Acknowledged (or Rejected)
    return    Returned                                 ->  the publisher has basic.return
    confirm   Confirmed                                ->  the publisher has basic.ack
    letter    DeadLettered                             ->  the dead-letter exchange

Which frames belong to which message is found by *causes*: the chain from Published back to the frame whose
arrival made it. What the broker sends is found by its delivery tag.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.keys import consumer_key, escape, exchange_key, queue_key
from amqplab.trace.participants import Participants
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Command, Traffic
from amqplab.wire.methods import Basic

__all__ = ["Flight", "Flights"]

CAUSE_STEPS = 8
TOLD_APART = {"basic.deliver", "basic.get-ok", "basic.ack", "basic.nack", "basic.return"}


@dataclass
class Flight:
    """One leg. `source` and `target` are keys of nodes or connections; `edges` the bindings followed; `end`
    is None when it never got there.
    """

    kind: str
    message: int
    start: int
    end: int | None
    source: str
    target: str
    command: int | None = None
    edges: list[str] = field(default_factory=list)
    note: str = ""


class Flights:
    """All legs of one recording; also links frames and commands to messages in `traffic`."""

    def __init__(self, records: list[Record], participants: Participants, traffic: Traffic) -> None:
        self.records = records
        self.participants = participants
        self.traffic = traffic
        self.legs: list[Flight] = []
        self._routes: dict[int, e.Routed] = {}
        self._routed_at: dict[int, int] = {}
        self._sequences: dict[tuple[str, int, int], int] = {}
        self._outgoing = self._index_outgoing()
        handlers = {
            e.Published: self._published,
            e.Routed: self._routed,
            e.Enqueued: self._enqueued,
            e.Unroutable: self._unroutable,
            e.Discarded: self._discarded,
            e.Delivered: self._delivered,
            e.Replied: self._replied,
            e.Acknowledged: self._settled,
            e.Rejected: self._settled,
            e.Returned: self._returned,
            e.Confirmed: self._confirmed,
            e.DeadLettered: self._dead_lettered,
        }
        for record in records:
            handle = handlers.get(type(record.event))
            if handle is not None:
                handle(record, record.event)
        self._link()

    # --- finding commands --------------------------------------------------------------------------------

    def _index_outgoing(self) -> dict[tuple[str, int, str, int], list[Command]]:
        """What the broker sent, by connection, channel, kind and tag (0 where there is none)."""
        found: dict[tuple[str, int, str, int], list[Command]] = {}
        for command in self.traffic.commands:
            if command.up or command.sent is None:
                continue
            method = self.traffic.method_of(command) if command.name in TOLD_APART else None
            if isinstance(method, Basic.Deliver | Basic.GetOk):
                key = ("deliver", method.delivery_tag)
            elif isinstance(method, Basic.Ack | Basic.Nack):
                key = ("confirm", method.delivery_tag)
            elif isinstance(method, Basic.Return):
                key = ("return", 0)
            else:
                continue
            found.setdefault((command.connection, command.channel, *key), []).append(command)
        return found

    def _sent_after(self, seq: int, connection: str, channel: int, kind: str, tag: int) -> Command | None:
        waiting = self._outgoing.get((connection, channel, kind, tag), [])
        for command in waiting:
            if command.sent is not None and command.sent > seq:
                waiting.remove(command)
                return command
        return None

    def _command_behind(self, record: Record) -> Command | None:
        """The command whose arrival caused this record."""
        cause = record.cause
        for _ in range(CAUSE_STEPS):
            if cause is None:
                return None
            if cause in self.traffic.command_at:
                return self.traffic.commands[self.traffic.command_at[cause]]
            if cause in self.traffic.frame_at:
                number = self.traffic.frames[self.traffic.frame_at[cause]].command
                return None if number is None else self.traffic.commands[number]
            cause = self.records[cause].cause
        return None

    # --- one method per moment ---------------------------------------------------------------------------

    def _published(self, record: Record, event: e.Published) -> None:
        if event.sequence:
            self._sequences[event.connection, event.channel, event.sequence] = event.message
        command = self._command_behind(record)
        self._add("publish", event.message, self._start_of(command, record.seq), record.seq,
                  event.connection, exchange_key(event.vhost, event.exchange), command)  # fmt: skip

    def _start_of(self, command: Command | None, fallback: int) -> int:
        if command is None:
            return fallback
        first = self.traffic.frames[command.frames[0]]
        return next(seq for seq in (first.sent, first.received, fallback) if seq is not None)

    def _routed(self, record: Record, event: e.Routed) -> None:
        self._routes[event.message] = event
        self._routed_at[event.message] = record.seq

    def _enqueued(self, record: Record, event: e.Enqueued) -> None:
        route = self._routes.get(event.message)
        if route is None or event.queue not in route.queues:
            return
        queue = queue_key(event.vhost, event.queue)
        self._add("route", event.message, self._routed_at[event.message], record.seq,
                  exchange_key(event.vhost, route.exchange), queue,
                  edges=self._path(event.vhost, route, queue))  # fmt: skip

    def _path(self, vhost: str, route: e.Routed, queue: str) -> list[str]:
        """The matched bindings from the exchange to this queue, the fewest there are."""
        chosen = set(route.matched) | {("", "queue", name, name) for name in route.queues}
        matched: dict[str, list[tuple[str, str]]] = {}
        for edge in self.participants.edges.values():
            if edge.match in chosen and edge.key.startswith(f"binding/{escape(vhost)}/"):
                matched.setdefault(edge.source, []).append((edge.target, edge.key))
        paths: list[tuple[str, list[str]]] = [(exchange_key(vhost, route.exchange), [])]
        seen: set[str] = set()
        for node, path in paths:
            if node == queue:
                return path
            if node not in seen:
                seen.add(node)
                paths += [(target, [*path, key]) for target, key in matched.get(node, [])]
        return []

    def _unroutable(self, record: Record, event: e.Unroutable) -> None:
        note = "returned" if event.returned else "unroutable"
        self._add("drop", event.message, record.seq, record.seq + 1,
                  exchange_key(event.vhost, event.exchange), "lost", note=note)  # fmt: skip

    def _discarded(self, record: Record, event: e.Discarded) -> None:
        self._add("drop", event.message, record.seq, record.seq + 1, queue_key(event.vhost, event.queue),
                  "lost", note=event.reason)  # fmt: skip

    def _dead_lettered(self, record: Record, event: e.DeadLettered) -> None:
        self._add("letter", event.message, record.seq, record.seq + 1, queue_key(event.vhost, event.queue),
                  exchange_key(event.vhost, event.exchange), note=event.reason)  # fmt: skip

    def _delivered(self, record: Record, event: e.Delivered) -> None:
        command = self._sent_after(record.seq, event.connection, event.channel, "deliver", event.delivery_tag)
        end = command.received if command else None
        target = consumer_key(event.connection, event.channel, event.consumer_tag)
        self._add("deliver", event.message, record.seq, end, queue_key(event.vhost, event.queue),
                  event.connection, command, note=target)  # fmt: skip

    def _replied(self, record: Record, event: e.Replied) -> None:
        command = self._sent_after(record.seq, event.connection, event.channel, "deliver", event.delivery_tag)
        self._add("deliver", event.message, record.seq, command.received if command else None,
                  exchange_key(event.vhost, ""), event.connection, command, note="reply")  # fmt: skip

    def _settled(self, record: Record, event: e.Acknowledged | e.Rejected) -> None:
        command = self._command_behind(record)
        if command is None or not command.up:
            return
        kind = "ack" if isinstance(event, e.Acknowledged) else "reject"
        self._add(kind, event.message, self._start_of(command, record.seq), record.seq, event.connection,
                  queue_key(event.vhost, event.queue), command)  # fmt: skip

    def _returned(self, record: Record, event: e.Returned) -> None:
        command = self._sent_after(record.seq, event.connection, event.channel, "return", 0)
        route = self._routes.get(event.message)
        source = exchange_key(event.vhost, route.exchange if route else "")
        self._add("return", event.message, record.seq, command.received if command else None, source,
                  event.connection, command, note=event.text)  # fmt: skip

    def _confirmed(self, record: Record, event: e.Confirmed) -> None:
        key = (event.connection, event.channel, event.sequence)
        command = self._sent_after(record.seq, event.connection, event.channel, "confirm", event.sequence)
        note = ("" if event.positive else "nack ") + str(event.sequence) + ("…" if event.multiple else "")
        self._add("confirm", self._sequences.get(key, 0), record.seq, command.received if command else None,
                  "broker", event.connection, command, note=note)  # fmt: skip

    # --- links -------------------------------------------------------------------------------------------

    def _add(
        self, kind: str, message: int, start: int, end: int | None, source: str, target: str,
        command: Command | None = None, edges: list[str] | None = None, note: str = "",
    ) -> None:  # fmt: skip
        number = None if command is None else command.number
        self.legs.append(Flight(kind, message, start, end, source, target, number, edges or [], note))

    def _link(self) -> None:
        for leg in self.legs:
            if leg.command is None or not leg.message:
                continue
            command = self.traffic.commands[leg.command]
            if leg.message not in command.messages:
                command.messages.append(leg.message)
            for number in command.frames:
                frame: Any = self.traffic.frames[number]
                if leg.message not in frame.messages:
                    frame.messages.append(leg.message)
