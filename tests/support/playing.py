"""Playing a conversation to a broker, and writing down what each client sees.

Theory
------
After every step the player waits until the broker has come to rest: a round trip on every channel, then
questions to every queue, several times, because in RabbitMQ a queue is a process of its own and a dead letter
may have two of them to pass. What the clients saw meanwhile is one :class:`Seen`.

Two brokers that are both right need not say the same in the same order. What the protocol leaves open is
taken out: names that the broker invents become numbers, delivery tags disappear, publisher confirms become a
set, deliveries of different consumers are kept apart, times become "then".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from conversations import CONNECTIONS, EXCHANGES, QUEUES, Step
from peer import Peer

from amqplab.wire.frames import FRAME_BODY, FRAME_HEADER, encode_content, encode_method
from amqplab.wire.methods import METHODS, Basic, Channel, Connection, Exchange, Queue, decode_method
from amqplab.wire.properties import Properties
from amqplab.wire.table import Table, Timestamp, type_name

__all__ = ["Seen", "play"]

BY_NAME = {method.name: method for method in METHODS.values()}
PROBE = 1000  # the first of the channels on which queues are asked
GENERATED = re.compile(r"(amq\.(?:gen|ctag)-|amq\.rabbitmq\.reply-to\.)[A-Za-z0-9_+/=.-]{22,}")
NAMES = ("queue", "exchange", "source", "destination", "consumer_tag", "routing_key")


class Seen(NamedTuple):
    """What one step led to: by "connection/channel" the lines seen there, and the state of every queue."""

    lines: dict[str, tuple[str, ...]]
    queues: dict[str, str]


REPLY, CONFIRM, CANCEL = "a reply", "confirm", "cancelled"
ROUNDS = 3


class Outstanding(NamedTuple):
    body: bytes
    tag: int
    source: str


class Side:
    """One connection of the conversation."""

    def __init__(self, broker: Any, number: int, suffix: str) -> None:
        self.broker = broker
        self.number = number
        self.suffix = suffix
        self.generated: dict[str, str] = {}
        self.connect()

    def connect(self) -> None:
        self.peer: Peer = self.broker.connect(channels=0, tune=(2047, 131072, 0))
        self.channels: set[int] = set()
        self.outstanding: dict[int, list[Outstanding]] = {}
        self.no_ack: set[tuple[int, str]] = set()
        self.expected: dict[int, int] = {}  # confirms: by channel, how many publishes since confirm.select
        self.confirmed: dict[int, set[int]] = {}
        self.probes: dict[int, str] = {}
        self.partial: dict[int, tuple[Any, bytes, int, bytes]] = {}
        self.transactional: set[int] = set()
        self.lines: dict[int, list[tuple[str, str]]] = {}
        self.asking: set[int] = set()
        self.flowing: set[int] = set()

    # --- in ------------------------------------------------------------------------------------------------

    def read_until(self, done: Any, limit_s: float = 10.0) -> None:
        """Take frames in until `done()` or the connection has ended."""
        peer = self.peer
        deadline = peer.pipe.now() + limit_s
        while not done() and not peer.ended:
            if not peer._frames:
                peer._read(deadline - peer.pipe.now(), may_end=True)
                assert peer.ended or peer._frames or peer.pipe.now() < deadline, "the broker keeps silent"
            self.take_frames()

    def take_frames(self) -> None:
        """Look at the frames that have come."""
        frames, self.peer._frames = self.peer._frames, []
        for kind, channel, payload in frames:
            self._frame(kind, channel, payload)

    def _frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == FRAME_HEADER:
            method, _, _, _ = self.partial[channel]
            (size,) = struct.unpack(">Q", payload[4:12])
            self.partial[channel] = (method, payload[12:], size, b"")
        elif kind == FRAME_BODY:
            method, header, size, body = self.partial[channel]
            self.partial[channel] = (method, header, size, body + payload)
        else:
            method = decode_method(payload)
            if method.has_content:
                self.partial[channel] = (method, b"", -1, b"")
            else:
                self._method(channel, method)
            return
        method, header, size, body = self.partial[channel]
        if len(body) == size:
            del self.partial[channel]
            self._message(channel, method, header, body)

    def _method(self, channel: int, method: Any) -> None:
        if channel >= PROBE:
            self._answered(channel, method)
        elif isinstance(method, Channel.FlowOk):
            self.flowing.discard(channel)
        elif isinstance(method, Basic.Ack | Basic.Nack):
            self._confirm(channel, method)
        else:
            self.see(channel, self.show(method), CANCEL if isinstance(method, Basic.Cancel) else REPLY)
            if isinstance(method, Channel.Close):
                self.peer.send(Channel.CloseOk(), channel=channel)
                self.forget(channel)
            elif isinstance(method, Connection.Close):
                self.peer.send(Connection.CloseOk())
                self.peer.abort()

    def _message(self, channel: int, method: Any, header: bytes, body: bytes) -> None:
        source = getattr(method, "consumer_tag", "get")
        if isinstance(method, Basic.Deliver | Basic.GetOk) and (channel, source) not in self.no_ack:
            self.outstanding.setdefault(channel, []).append(Outstanding(body, method.delivery_tag, source))
        properties = Properties.decode(header)
        group = f"delivered to {self.clean(source)}" if isinstance(method, Basic.Deliver) else REPLY
        self.see(channel, f"{self.show(method)} {self.clean(properties)} {body!r}", group)

    def _confirm(self, channel: int, method: Any) -> None:
        done = self.confirmed.setdefault(channel, set())
        first = 1 if method.multiple else method.delivery_tag
        for number in range(first, method.delivery_tag + 1):
            if number not in done:
                done.add(number)
                self.see(channel, f"{method.name} {number:06}", CONFIRM)

    def _answered(self, channel: int, method: Any) -> None:
        name = QUEUES[channel - PROBE]
        if isinstance(method, Queue.DeclareOk):
            self.probes[channel] = f"{method.message_count} ready, {method.consumer_count} consumers"
        elif isinstance(method, Channel.Close):
            self.probes[channel] = f"{name}: {method.reply_code}"
            self.peer.send(Channel.CloseOk(), Channel.Open(), channel=channel)
            return
        self.asking.discard(channel)

    def see(self, channel: int, line: str, group: str = REPLY) -> None:
        """Write a line down, among those it has an order with."""
        self.lines.setdefault(channel, []).append((group, line))

    def told(self, channel: int, word: str) -> int:
        """How many such lines there are."""
        return sum(line.startswith(word) for _, line in self.lines.get(channel, ()))

    def forget(self, channel: int) -> None:
        """The channel is no more."""
        self.channels.discard(channel)
        for kept in (self.outstanding, self.expected, self.confirmed, self.partial):
            kept.pop(channel, None)
        self.no_ack = {one for one in self.no_ack if one[0] != channel}
        self.transactional.discard(channel)
        self.flowing.discard(channel)

    # --- looks ---------------------------------------------------------------------------------------------

    def show(self, method: Any) -> str:
        """The method without what is free to vary."""
        shown = {name: self.clean(getattr(method, name)) for name in method.domains}
        shown.pop("delivery_tag", None)
        return f"{method.name} {shown}"

    def clean(self, value: Any) -> Any:
        """A value with invented names numbered and times forgotten."""
        if isinstance(value, Timestamp):
            return "then"
        if isinstance(value, str):
            value = GENERATED.sub(self._numbered, value.replace(self.suffix, ""))
            return value
        if isinstance(value, Properties):
            return {name: self.clean(one) for name, one in value.set_fields().items()}
        if isinstance(value, Table):
            pairs = [(name, self.typed(one)) for name, one in value.pairs]
            return sorted(pairs, key=lambda pair: pair[0])
        if isinstance(value, list):
            return [self.typed(one) for one in value]
        return value

    def _numbered(self, found: re.Match[str]) -> str:
        return self.generated.setdefault(found[0], f"{found[1]}{len(self.generated)}")

    def typed(self, value: Any) -> Any:
        """A table's value with its type."""
        return (type_name(value), self.clean(value))

    # --- out -----------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Say goodbye properly, so that exclusive queues are gone when this returns."""
        if not self.peer.ended:
            self.lines = {}
            self.peer.send(Connection.Close(reply_code=200, reply_text="done"))
            self.read_until(lambda: self.told(0, "connection.close") > 0)
            self.peer.abort()

    def ensure(self, channel: int) -> None:
        """The channel is open, on an open connection."""
        if self.peer.ended:
            self.connect()
        if channel not in self.channels:
            self.peer.send(Channel.Open(), channel=channel)
            self.channels.add(channel)

    def pause(self, seconds: float) -> None:
        """Take in what comes within that time."""
        peer = self.peer
        if not peer.ended:
            peer._read(seconds, may_end=True)
            self.take_frames()

    def settle(self) -> None:
        """Wait for the broker's last words on what this connection said."""
        self.round_trip()
        self.read_until(lambda: not self._unconfirmed())

    def _unconfirmed(self) -> bool:
        return any(len(self.confirmed.get(one, ())) < many for one, many in self.expected.items())

    def round_trip(self) -> None:
        """A question and answer on every open channel."""
        if self.peer.ended:
            return
        self.flowing = set(self.channels)
        for channel in sorted(self.channels):
            self.peer.send(Channel.Flow(active=True), channel=channel)
        self.read_until(lambda: not self.flowing)

    def ask(self) -> None:
        """A question to every queue, answered."""
        if self.peer.ended:
            return
        for at in range(len(QUEUES)):
            channel = PROBE + at
            if channel not in self.probes:
                self.peer.send(Channel.Open(), channel=channel)
                self.probes[channel] = ""
                self.asking.add(channel)
        self.read_until(lambda: not self.asking)
        if self.peer.ended:
            return
        for at, name in enumerate(QUEUES):
            self.asking.add(PROBE + at)
            self.peer.send(Queue.Declare(queue=name + self.suffix, passive=True), channel=PROBE + at)
        self.read_until(lambda: not self.asking)

    def do(self, step: Step, body: bytes) -> None:
        """Say what the step says."""
        self.ensure(step.channel)
        if step.action == "connection.close":
            self.peer.send(Connection.Close(reply_code=200, reply_text="bye"))
            self.read_until(lambda: self.told(0, "connection.close") > 0)
            self.peer.abort()
            return
        if step.action == "channel.close":
            self.peer.send(Channel.Close(reply_code=200, reply_text="bye"), channel=step.channel)
            self.read_until(lambda: self.told(step.channel, "channel.close") > 0)
            self.forget(step.channel)
            return
        self.peer.send_octets(b"".join(self.octets(step, body)))

    def octets(self, step: Step, body: bytes) -> Iterator[bytes]:
        """The frames of a step."""
        options = dict(step.options)
        channel = step.channel
        if step.action == "basic.publish":
            yield self._publish(channel, options, body)
            return
        if "which" in options:
            tag = self._pick(channel, options)
            if tag is None:
                return
            options["delivery_tag"] = tag
        for name in NAMES:
            if name in options:
                options[name] = self.suffixed(options[name])
        if "arguments" in options:
            options["arguments"] = {name: self.suffixed(one) for name, one in options["arguments"].items()}
        self._note(step.action, channel, options)
        yield encode_method(channel, BY_NAME[step.action](**options))

    def _note(self, action: str, channel: int, options: dict[str, Any]) -> None:
        """What the player has to know later of what it says now."""
        if action in ("basic.consume", "basic.get"):
            if options["no_ack"] and options.get("consumer_tag") == "":
                options["consumer_tag"] = "t2"  # or its deliveries could not be told from others
            one = (channel, options.get("consumer_tag", "get"))
            (self.no_ack.add if options["no_ack"] else self.no_ack.discard)(one)
        elif action == "confirm.select" and channel not in self.transactional:
            self.expected.setdefault(channel, 0)
        elif action == "tx.select" and channel not in self.expected:
            self.transactional.add(channel)
        elif action == "basic.recover" and options["requeue"]:
            self.outstanding.pop(channel, None)

    def suffixed(self, name: Any) -> Any:
        """A name of the pools, made this conversation's own."""
        ours = isinstance(name, str) and len(name) == 2 and name[0] in "qx" and name[1].isdigit()
        return name + self.suffix if ours else name

    def _publish(self, channel: int, options: dict[str, Any], body: bytes) -> bytes:
        headers = options.pop("headers")
        if headers is not None:
            headers = {name: self._deep(one) for name, one in headers.items()}
        properties = Properties(headers=headers, **options.pop("properties"))
        body = body * options.pop("size")
        for name in ("exchange", "routing_key"):
            options[name] = self.suffixed(options[name])
        if channel in self.expected:
            self.expected[channel] += 1
        return encode_content(channel, Basic.Publish(**options), properties, body, 131072)

    def _deep(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._deep(one) for one in value]
        if isinstance(value, dict):
            return {name: self._deep(one) for name, one in value.items()}
        return self.suffixed(value)

    def _pick(self, channel: int, options: dict[str, Any]) -> int | None:
        """The delivery tag that a step means, and how far it is allowed to reach."""
        which = options.pop("which")
        held = sorted(self.outstanding.get(channel, ()))
        if which < 0:
            return 0 if options.get("multiple") else 999
        if not held:
            return None
        if len({one.source for one in held}) > 1 or channel in self.transactional:
            options.pop("multiple", None)  # what it covers would depend on who was served first
        chosen = held[which % len(held)]
        kept = [one for one in held if one.tag != chosen.tag]
        if options.get("multiple"):
            kept = [one for one in held if one.tag > chosen.tag]
        self.outstanding[channel] = kept
        return chosen.tag


def play(broker: Any, steps: list[Step], suffix: str, *, careful: bool = False) -> list[Seen]:
    """What the clients see, step by step. `suffix` makes the conversation's names its own; `careful` waits
    longer for the broker to come to rest.
    """
    sides = [Side(broker, number, suffix) for number in range(CONNECTIONS)]
    seen = []
    try:
        for at, step in enumerate(steps):
            for side in sides:
                side.lines = {}
            sides[step.connection].do(step, bytes((97 + at,)))
            _rest(sides, 3 * ROUNDS if careful else ROUNDS, 0.02 if careful else 0.0)
            seen.append(_seen(sides))
    finally:
        for side in sides:
            side.leave()
        if not broker.virtual:
            _tidy(broker, suffix)
    return seen


def _rest(sides: list[Side], rounds: int, pause_s: float) -> None:
    for _ in range(rounds):
        for side in sides:
            side.round_trip()
        for side in sides:
            side.ask()
        if pause_s:
            for side in sides:
                side.pause(pause_s)
    for side in sides:
        side.settle()


def _seen(sides: list[Side]) -> Seen:
    lines: dict[str, tuple[str, ...]] = {}
    queues: dict[str, str] = {}
    for side in sides:
        for channel, some in sorted(side.lines.items()):
            free = [pair for pair in some if pair[0] in (CONFIRM, CANCEL)]
            fixed = [pair for pair in some if pair[0] not in (CONFIRM, CANCEL)]
            told = sorted(fixed, key=lambda pair: pair[0]) + sorted(free)
            lines[f"{side.number}/{channel}"] = tuple(line for _, line in told)
        for channel, state in sorted(side.probes.items()):
            queues[f"{QUEUES[channel - PROBE]} for {side.number}"] = state
    return Seen(lines, queues)


def _tidy(broker: Any, suffix: str) -> None:
    """Leave nothing behind on a broker that goes on living."""
    with broker.connect(tune=(2047, 131072, 0)) as peer:
        for name in QUEUES:
            peer.call(Queue.Delete(queue=name + suffix), Queue.DeleteOk)
        for name in EXCHANGES:
            peer.call(Exchange.Delete(exchange=name + suffix), Exchange.DeleteOk)
