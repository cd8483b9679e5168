"""Ack first: what was handed out for acknowledgement is forgotten only after its basic.ack.

Theory
------
Delivery tags count up on each channel, and an acknowledgement names one, or (multiple) all up to one. A message
may be forgotten once for each tag so named. A rollback takes the acknowledgements of its transaction back.
"""

from __future__ import annotations

from amqplab.lab.checks.check import Check, Complaint, Lane
from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record, Recorder
from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import read_frame
from amqplab.wire.methods import Basic, decode_method

__all__ = ["AckFirst"]


class AckFirst(Check):
    """Acknowledged means: a basic.ack that covers the delivery tag came in on that very channel."""

    name = "ack first"
    sentence = "A message handed out for acknowledgement is forgotten only after its basic.ack."

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self._acks: dict[Lane, Acks] = {}
        self._highest: dict[Lane, int] = {}
        self.takes = {Basic.Ack.prefix: self._take_ack}
        self.reads = {
            e.CommandReceived: self._command,
            e.Delivered: self._delivered,
            e.Acknowledged: self._acknowledged,
            e.ChannelOpened: self._opened,
            e.ModeSelected: self._mode_selected,
            e.TransactionEnded: self._transaction_ended,
        }

    def _opened(self, record: Record, event: e.ChannelOpened) -> Complaint:
        lane = (event.connection, event.channel)
        self._acks.pop(lane, None)
        self._highest.pop(lane, None)
        return None

    def _delivered(self, record: Record, event: e.Delivered) -> Complaint:
        lane = (event.connection, event.channel)
        expected = self._highest.get(lane, 0) + 1
        self._highest[lane] = event.delivery_tag
        if event.delivery_tag == expected:
            return None
        return f"delivery tag {event.delivery_tag} on {lane}, where {expected} was next"

    def _command(self, record: Record, event: e.CommandReceived) -> Complaint:
        if event.name == "basic.ack" and event.frames and 0 <= event.frames[0] < len(self._recorder):
            octets = getattr(self._recorder[event.frames[0]].event, "data", b"")
            self._take_ack(event.connection, event.host, octets)
        return None

    def _take_ack(self, connection: str, host: str, octets: bytes) -> None:
        if host == client_host(connection):
            return  # a confirm
        _, channel, payload = read_frame(octets)
        try:
            ack = decode_method(payload)
        except DecodeError:
            return  # the broker will say so
        if not isinstance(ack, Basic.Ack):
            return
        lane = (connection, channel)
        self._acks_on(lane).came(ack.delivery_tag, ack.multiple, self._highest.get(lane, 0))

    def _acks_on(self, lane: Lane) -> Acks:
        return self._acks.setdefault(lane, Acks())

    def _mode_selected(self, record: Record, event: e.ModeSelected) -> Complaint:
        if event.mode == "tx":
            self._acks_on((event.connection, event.channel)).begin()
        return None

    def _transaction_ended(self, record: Record, event: e.TransactionEnded) -> Complaint:
        acks = self._acks_on((event.connection, event.channel))
        acks.end(undone=event.outcome != "committed")
        return None

    def _acknowledged(self, record: Record, event: e.Acknowledged) -> Complaint:
        if self._acks_on((event.connection, event.channel)).spend(event.delivery_tag):
            return None
        return f"message {event.message} (tag {event.delivery_tag}) was forgotten without a basic.ack"


class Acks:
    """The basic.acks that came in on one channel, as far as no message was forgotten for them yet."""

    def __init__(self) -> None:
        self._single: set[int] = set()
        self._up_to = 0
        self._before: tuple[set[int], int] | None = None  # what stood when the transaction began

    def came(self, tag: int, multiple: bool, highest: int) -> None:
        """One basic.ack; with `multiple` it covers all up to `tag`, and 0 means the `highest` so far."""
        if multiple:
            self._up_to = max(self._up_to, tag or highest)
        else:
            self._single.add(tag)

    def begin(self) -> None:
        """A transaction: what comes now may be undone."""
        self._before = set(self._single), self._up_to

    def end(self, *, undone: bool) -> None:
        """The transaction is over, and the next one begins."""
        if undone and self._before is not None:
            self._single, self._up_to = self._before
        self.begin()

    def spend(self, tag: int) -> bool:
        """The message with this tag is forgotten: was there an ack for it?"""
        if tag in self._single:
            self._single.remove(tag)
            return True
        return tag <= self._up_to
