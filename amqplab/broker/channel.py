"""A channel: one conversation within a connection.

Theory
------
A connection carries many channels, numbered by the client. Each is a strict sequence of
commands (CHAN-15) with its own delivery tags, consumers, prefetch windows, confirm numbers and transaction
(CHAN-14). This room keeps that state, assembles incoming frames into commands, hands each to its handler (see
:mod:`amqplab.broker.registry`), and is the one place where an error becomes a close:

    SoftError   → channel.close; consumers leave, and everything is ignored until close-ok (CHAN-07, CHAN-10)
    HardError   → connection.close with this method's ids (CONN-45)
    Crash       → connection.close 541, bare (CONN-46)

What is legal in which state is a table, ``states.CHANNEL``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.broker.access import Access
from amqplab.broker.confirms import Confirms
from amqplab.broker.decoding import decode_known, look_up
from amqplab.broker.delivery import DeliveryWriter
from amqplab.broker.patience import Patience
from amqplab.broker.registry import CHANNEL_HANDLERS, CONTENT_HANDLERS, Crash
from amqplab.broker.reply_to import ReplyConsumer, unsubscribe
from amqplab.broker.states import CHANNEL
from amqplab.errors import (
    AMQPError,
    ChannelError,
    CommandInvalid,
    HardError,
    InternalError,
    NotFound,
)
from amqplab.model.consumer import Consumer, SharedWindow
from amqplab.model.ledger import Ledger, Outstanding
from amqplab.model.stream import StreamQueue
from amqplab.trace import events
from amqplab.wire import methods
from amqplab.wire.content import Command, ContentAssembler
from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import FRAME_METHOD, encode_method

if TYPE_CHECKING:
    from amqplab.broker.fastlane import Lane
    from amqplab.broker.session import Session
    from amqplab.broker.transaction import Transaction
    from amqplab.model.message import Copy
    from amqplab.model.queue import Queue

__all__ = ["NAMING_A_QUEUE", "Channel"]

NAMING_A_QUEUE = (
    methods.Queue.Bind,
    methods.Queue.Unbind,
    methods.Queue.Purge,
    methods.Queue.Delete,
    methods.Basic.Get,
    methods.Basic.Consume,
)
"""The methods whose queue may be left empty (CHAN-19)."""


class Channel:
    """One channel of one session. `state` is a row of ``states.CHANNEL``."""

    def __init__(self, session: Session, number: int) -> None:
        self.session = session
        self.broker = session.broker
        self.connection = session.connection
        self.number = number
        self.vhost = session.vhost
        self.access = Access(session.user, session.vhost.name)
        self.report = session.report
        self.state = "unopened"
        self.assembler = ContentAssembler(self.broker.config.max_message_size)
        self.ledger = Ledger()
        self.consumers: dict[str, Consumer] = {}
        self.prefetch = 0
        self.window = SharedWindow(session.stalled)
        self.committing = False  # tx.commit waits for the disk
        self.reply_consumer: ReplyConsumer | None = None
        self.confirms: Confirms | None = None
        self.transaction: Transaction | None = None
        self.last_queue = ""
        self.lane: Lane | None = None
        self.lane_key = FRAME_METHOD.to_bytes(1, "big") + number.to_bytes(2, "big")
        self.patience = Patience(self, self.broker.config.consumer_timeout_ms)
        self._next_tag = 1
        self._method: methods.Method = methods.Channel.Open()

    # --- in --------------------------------------------------------------------------------------------

    def frame(self, kind: int, payload: bytes) -> None:
        """A frame of this channel arrived; raises the decoding errors of :mod:`amqplab.wire`.

        A method is decoded as soon as its frame is there, before any content follows (CODEC-30). Where none
        is due it is still looked up, and only then out of place.
        """
        if kind == FRAME_METHOD and not self.assembler.idle:
            look_up(payload)
        command = self.assembler.feed(kind, payload)
        if kind == FRAME_METHOD:
            self._method = decode_known(payload)
        if command is not None:
            self.command(self._method, command)

    def gathers(self, method: bytes, header: bytes) -> bool:
        """Whether this method and header, if they came now, would only be kept."""
        if not self.assembler.gathers(method, header):
            return False
        try:
            decode_known(method)
        except (AMQPError, DecodeError):
            return False
        return True

    def command(self, method: methods.Method, command: Command) -> None:
        """A whole command arrived: do what the table says."""
        row = CHANNEL[self.state]
        action = row.get(method.name) or row["other"]
        try:
            if action == "handle":
                self._handle(method, command)
            elif action == "ignore":
                self._complete_name(method)
            else:
                self._transition(action, method)
        except AMQPError as error:
            self.fail(error, method)
        except Crash:
            self.session.fail(InternalError())
        if self.vhost.unsettled:
            self.vhost.settle(self.broker.now)

    def _handle(self, method: methods.Method, command: Command) -> None:
        if self.committing:
            raise ChannelError("unexpected command while processing 'tx.commit'")  # TX-10
        if command.header is None:
            handler = CHANNEL_HANDLERS.get(type(method))
            if handler is not None:
                return handler(self, method)
        else:
            content_handler = CONTENT_HANDLERS.get(type(method))
            if content_handler is not None:
                return content_handler(self, method, command)
        raise CommandInvalid("unimplemented method")

    def _transition(self, action: str, method: methods.Method) -> None:
        """One of the actions of ``states.CHANNEL`` other than "handle" and "ignore"."""
        if action == "open":
            self.state = "open"
            if self.report is not None:
                self.report(events.ChannelOpened, self.connection, self.number)
            self.reply(methods.Channel.OpenOk())
        elif isinstance(method, methods.Channel.Close) and action == "close":
            self._close_by_client(method)
        elif action == "close-ok":
            self.session.write(encode_method(self.number, methods.Channel.CloseOk()))
        elif action == "forget":
            self.session.forget_channel(self)
        elif action == "503":
            raise CommandInvalid("unimplemented method")
        elif action == "504 second":
            raise ChannelError("second 'channel.open' seen")
        else:
            self._complete_name(method)
            raise ChannelError("expected 'channel.open'")

    def _complete_name(self, method: methods.Method) -> None:
        """RabbitMQ completes an empty queue name before it looks at the channel's state, and complains if it
        cannot: also on a channel that is not open, and once more on one that is closing.
        """
        if isinstance(method, NAMING_A_QUEUE):
            self.queue_name(method.queue)

    # --- out -------------------------------------------------------------------------------------------

    def reply(self, method: methods.Method) -> None:
        """Send a method, after the confirms that are due."""
        self.flush_confirms()
        self.session.write(encode_method(self.number, method))

    def deliver(self, consumer: Consumer, copy: Copy) -> int:
        """Hand a copy to the client (:class:`amqplab.model.consumer.Recipient`)."""
        tag = self._next_tag
        self._next_tag = tag + 1
        if not consumer.no_ack:
            self.ledger.add(Outstanding(tag, consumer.queue, copy, consumer, self.broker.now))
            if self.patience.idle:
                self.patience.begin(self.broker.now)
        self.session.push(consumer.wire.parts(copy.message, tag, copy.redelivered), len(copy.message.body))
        return tag

    def delivery_writer(self, consumer_tag: str) -> DeliveryWriter:
        """What writes deliveries to a new consumer."""
        return DeliveryWriter(self.number, consumer_tag, self.session.frame_max)

    def take_tag(self) -> int:
        """The next delivery tag, used up."""
        tag = self._next_tag
        self._next_tag = tag + 1
        return tag

    @property
    def next_tag(self) -> int:
        """The tag that the next delivery will get."""
        return self._next_tag

    def flush_confirms(self) -> None:
        """Send the acks and nacks that are due."""
        confirms = self.confirms
        if confirms is None or not confirms.pending or self.state != "open":
            return
        for sequence, multiple, positive in confirms.flush():
            if positive:
                method: methods.Method = methods.Basic.Ack(delivery_tag=sequence, multiple=multiple)
            else:
                method = methods.Basic.Nack(delivery_tag=sequence, multiple=multiple, requeue=True)
            self.session.write(encode_method(self.number, method))
            if self.report is not None:
                self.report(events.Confirmed, self.connection, self.number, sequence, multiple, positive)

    # --- names -----------------------------------------------------------------------------------------

    def queue_name(self, name: str) -> str:
        """An empty queue argument means the channel's last declared queue (CHAN-19, CHAN-20)."""
        if name:
            return name
        if not self.last_queue:
            raise NotFound("no previously declared queue")
        return self.last_queue

    def queue(self, name: str) -> Queue:
        """The queue a method names, if this connection may use it; raises 404 or 405."""
        return self.vhost.queue_for(name, self.connection)

    # --- settling --------------------------------------------------------------------------------------

    def settled(self, settled: list[Outstanding]) -> None:
        """Deliveries left the client's hands: give their windows room, and let blocked consumers rejoin."""
        window = self.window
        was_full = window.full
        count = 0
        for _, queue, _, consumer, _ in settled:
            if consumer is not None:
                count += 1
                consumer.regain()
                if consumer.blocked and queue.consumers.rejoin(consumer):
                    self._serve_again(consumer)
        window.release(count)
        if was_full and not window.full:
            self.unblock_consumers()

    def _serve_again(self, consumer: Consumer) -> None:
        """A consumer has room again. What a queue pushes comes after the command; what a reader reads from a
        log, its channel reads at once.
        """
        queue = consumer.queue
        if isinstance(queue, StreamQueue):
            queue.read_on(consumer)
        else:
            self.vhost.touch(queue)

    def unblock_consumers(self) -> None:
        """The shared window has room again, or its limit is gone."""
        for queue in dict.fromkeys(one.queue for one in self.consumers.values() if one.blocked):
            if queue.consumers.unblock(self):
                self.vhost.touch(queue)

    # --- the end ---------------------------------------------------------------------------------------

    def fail(self, error: AMQPError, method: methods.Method | None = None) -> None:
        """Turn an error into the close it asks for."""
        if method is not None and not error.class_id:
            error.class_id, error.method_id = method.ids
        if isinstance(error, HardError):
            self.session.fail(error)
            return
        self.flush_confirms()
        if self.report is not None:
            self.report(
                events.ChannelClosing, self.connection, self.number, "broker", error.code, error.reply_text
            )
        self.session.write(
            encode_method(
                self.number,
                methods.Channel.Close(
                    reply_code=error.code,
                    reply_text=error.reply_text,
                    class_id=error.class_id,
                    method_id=error.method_id,
                ),
            )
        )
        self.state = "closing"
        self.release("channel closed", consumed_queues_only=True)

    def _close_by_client(self, method: methods.Channel.Close) -> None:
        if self.report is not None:
            self.report(
                events.ChannelClosing,
                self.connection,
                self.number,
                "client",
                method.reply_code,
                method.reply_text,
            )
        self.flush_confirms()
        self.release("channel closed")
        self.session.write(encode_method(self.number, methods.Channel.CloseOk()))
        self.session.forget_channel(self)

    def release(self, reason: str, *, consumed_queues_only: bool = False) -> None:
        """Consumers leave and unacked copies return (CHAN-10 … CHAN-12).

        With `consumed_queues_only`, copies from queues that the channel did not consume from at this moment
        (it used basic.get, or has cancelled) stay in the client's hands until the channel is forgotten.
        """
        self.end_transaction()
        unsubscribe(self)
        self.patience.end()
        consumed = list(self.consumers.values())
        self.consumers.clear()
        for consumer in consumed:
            consumer.queue.unsubscribe(consumer, reason)
        queues = dict.fromkeys(consumer.queue for consumer in consumed)
        for queue in queues:
            if queue.unused and not queue.deleted:
                self.vhost.delete_queue(queue, reason="auto-delete")
            elif not queue.deleted:
                queue.renew(self.broker.now)
                self.vhost.touch(queue)
        outstanding = self.ledger.settle_all()
        if consumed_queues_only:
            self.ledger.restore([one for one in outstanding if one.queue not in queues])
            outstanding = [one for one in outstanding if one.queue in queues]
        self.requeue(outstanding, reason)
        self.confirms = None

    def end_transaction(self, outcome: str = "rolled back") -> None:
        """The end of the channel is an implicit rollback (TX-12); without power there is nothing to roll back."""
        if self.transaction is not None:
            self.ledger.restore(self.transaction.noted())
            if self.report is not None and not self.transaction.is_empty:
                self.report(events.TransactionEnded, self.connection, self.number, outcome)
            self.transaction = None

    def requeue(self, outstanding: list[Outstanding], reason: str) -> None:
        """Give copies back to their queues, each queue's in one go; deleted queues take nothing back."""
        by_queue: dict[Queue, list[Copy]] = {}
        for one in outstanding:
            by_queue.setdefault(one.queue, []).append(one.copy)
        for queue, copies in by_queue.items():
            if not queue.deleted:
                queue.requeue(copies, reason, self.broker.now)
                self.vhost.touch(queue)

    def report_lost(self, queue: Queue) -> None:
        """A queue was deleted while the client holds copies from it: they end with it (QUEUE-30)."""
        for one in self.ledger:
            if one.queue is queue and not queue.keeps_delivered:
                queue.lose(one.copy, "queue deleted")
