"""Lesson 01, the packet-level view: what the notes say, line by line, beside what a run says.

Theory
------
The lesson follows notes that walk through one publish, from TCP's handshake to ``basic.ack``. Each of their
lines is a claim about octets, so each can be asked of a run: the row of a claim reads the frame that it is
about and gives what stands there. Where the two agree the row says so, and where they do not it says what is
different. Nothing here knows the answers; a run in which the header frame announced 13 octets would show 13.

The same questions go to any run with a publish and an acknowledged delivery in it, pika's included. What a
run cannot show (the segments of a real socket are the operating system's) is shown as "-".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from amqplab.lab.lab import Lab
from amqplab.trace.dissection import Dissection
from amqplab.trace.events import CommandReceived, CommandSent, Routed, SegmentSent
from amqplab.trace.recorder import Record
from amqplab.trace.table import Rows

__all__ = ["NoteRow", "beside_the_notes"]

SAME = "the same"
UNSEEN = "-"


class NoteRow(NamedTuple):
    """One line of the notes: what it is about, what they say, what the run says, and whether that agrees."""

    step: str
    notes: str
    run: str
    verdict: str


class Reading:
    """A run, and where in it the publisher and the receiver of the message are."""

    def __init__(self, lab: Lab, producer: str, consumer: str) -> None:
        self._lab = lab
        self._hosts = {"producer": producer, "consumer": consumer}

    def command(self, name: str, of: str = "producer") -> Record:
        """The first command of that name on a connection of the `of`, where it was sent if that was seen."""
        host = self._hosts[of]
        kinds = (CommandSent, CommandReceived)
        found: list[Record] = [record for kind in kinds for record in self._lab.find(kind, name=name)]
        found = [record for record in found if _connection(record).rpartition(":")[0] == host]
        return found[0] if found else self._lab.first(name)

    def frame(self, name: str, number: int = 1, of: str = "producer") -> Dissection:
        """One frame of that command, dissected."""
        return self._lab.dissect(self.command(name, of), frame=number)

    def handshake(self) -> str:
        """The flags of the connection's first three segments."""
        host = self._hosts["producer"]
        segments: list[Any] = [record.event for record in self._lab.find(SegmentSent)]
        flags = [one.flags for one in segments if one.connection.rpartition(":")[0] == host][:3]
        return ", ".join(flags) or UNSEEN

    def routing(self) -> str:
        """What the exchange made of the message."""
        routed: Any = self._lab.first(Routed).event
        return f"{len(routed.matched)} matches: queue {', '.join(routed.queues)}"


def _connection(record: Record) -> str:
    return str(getattr(record.event, "connection", ""))


class Claim(NamedTuple):
    """A line of the notes, and the question that it is to a run. `answers` are the answers it agrees with."""

    step: str
    says: str
    ask: Callable[[Reading], str]
    answers: tuple[str, ...]
    otherwise: str = "different"


def _sent(name: str, of: str = "producer") -> Callable[[Reading], str]:
    """Was there such a command at all?"""
    return lambda run: f"{name}, channel {run.frame(name, of=of).field('channel')}"


def _method(name: str, *fields: str, of: str = "producer") -> Callable[[Reading], str]:
    def ask(run: Reading) -> str:
        frame = run.frame(name, of=of)
        return ", ".join(f"{field}={frame.field(field)!r}" for field in fields)

    return ask


def _header(field: str, *, name: str = "basic.publish", of: str = "producer") -> Callable[[Reading], str]:
    def ask(run: Reading) -> str:
        value = run.frame(name, 2, of).field(field)
        return "absent" if value is None else str(value)

    return ask


def _body(name: str, of: str) -> Callable[[Reading], str]:
    return lambda run: str(run.frame(name, 3, of).field("body"))


def _login(run: Reading) -> str:
    response = run.frame("connection.start-ok").field("response")
    return "user and password" if "guest" in str(response) else str(response)


def _limits(run: Reading) -> str:
    tune = run.frame("connection.tune")
    channels, octets, seconds = (tune.field(name) for name in ("channel-max", "frame-max", "heartbeat"))
    return f"{channels} channels, {octets} octets, {seconds} s"


def _kind(run: Reading) -> str:
    frame = run.frame("basic.publish", 2)
    return f"type {frame.field('type')}, class {frame.field('class-id')}, weight {frame.field('weight')}"


ABSENT = "only if given"
CLAIMS = (
    Claim("TCP", "SYN, SYN/ACK, ACK", Reading.handshake, ("SYN, SYN|ACK, ACK",)),
    Claim(
        "protocol header",
        "'AMQP' 0x00 0x00 0x09 0x01",
        lambda run: run.frame("protocol-header").octets.hex(" "),
        ("41 4d 51 50 00 00 09 01",),
    ),
    Claim("", "Connection.Start", _sent("connection.start"), ("connection.start, channel 0",)),
    Claim("", "Connection.Start-OK, credentials", _login, ("user and password",)),
    Claim("", "Connection.Tune: channels, size, heartbeat", _limits, ("2047 channels, 131072 octets, 60 s",)),
    Claim("", "Connection.Tune-OK", _sent("connection.tune-ok"), ("connection.tune-ok, channel 0",)),
    Claim(
        "", "Connection.Open: virtual host", _method("connection.open", "virtual-host"), ("virtual-host='/'",)
    ),
    Claim("", "Connection.Open-OK", _sent("connection.open-ok"), ("connection.open-ok, channel 0",)),
    Claim("channel", "Channel.Open, channel 1", _sent("channel.open"), ("channel.open, channel 1",)),
    Claim("", "Channel.Open-OK", _sent("channel.open-ok"), ("channel.open-ok, channel 1",)),
    Claim(
        "1 method frame",
        "type 1, class 60, method 40",
        _method("basic.publish", "type", "class-id", "method-id"),
        ("type=1, class-id=60, method-id=40",),
    ),
    Claim(
        "",
        "exchange logs, routing key info",
        _method("basic.publish", "exchange", "routing-key"),
        ("exchange='logs', routing-key='info'",),
    ),
    Claim(
        "",
        "mandatory False, immediate False",
        _method("basic.publish", "mandatory", "immediate"),
        ("mandatory=False, immediate=False",),
    ),
    Claim(
        "2 header frame",
        "type 2, class 60, weight 0",
        _kind,
        ("type 2, class 60, weight 0",),
    ),
    Claim("", "body size 13", _header("size of body"), ("13",), "one more"),
    Claim("", "content type text/plain", _header("content-type"), ("text/plain",), ABSENT),
    Claim("", "delivery mode 2", _header("delivery-mode"), ("2",), ABSENT),
    Claim("", "priority 0", _header("priority"), ("0",), ABSENT),
    Claim("3 body frame", "Hello, Rabbit!", _body("basic.publish", "producer"), ("Hello, Rabbit!",)),
    Claim("routing", "the exchange looks at its bindings", Reading.routing, ("1 matches: queue app",)),
    Claim("delivery", "basic.deliver", _sent("basic.deliver", "consumer"), ("basic.deliver, channel 1",)),
    Claim("", "header: body size", _header("size of body", name="basic.deliver", of="consumer"), ("14",)),
    Claim("", "body Hello, Rabbit!", _body("basic.deliver", "consumer"), ("Hello, Rabbit!",)),
    Claim(
        "acknowledgement",
        "basic.ack, delivery tag 1",
        _method("basic.ack", "delivery-tag", of="consumer"),
        ("delivery-tag=1",),
    ),
)


def beside_the_notes(lab: Lab, producer: str = "producer", consumer: str = "consumer") -> Rows[NoteRow]:
    """The packet-level view of the notes, line by line, beside what this run says. `producer` and `consumer`
    are the names of the clients in this lab.
    """
    return Rows(_rows(Reading(lab, producer, consumer)), ("step", "notes", "run", "verdict"))


def _rows(run: Reading) -> Iterator[NoteRow]:
    for claim in CLAIMS:
        answer = claim.ask(run)
        verdict = SAME if answer in claim.answers else UNSEEN if answer == UNSEEN else claim.otherwise
        yield NoteRow(claim.step, claim.says, answer, verdict)
