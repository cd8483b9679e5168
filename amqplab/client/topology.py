"""What a connection has declared, so that it can be declared again.

Theory
------
A broker that was restarted, or a connection that broke, takes things away: transient exchanges and queues,
exclusive queues, every channel, every consumer. To go on as before, a client has to remember what it has
*set up*. That is a small set of facts, and each is one method that the broker has answered with "ok":

    exchange.declare   queue.declare   queue.bind   exchange.bind        of the connection
    basic.qos   basic.consume   confirm.select   tx.select               of one channel

So the memory is a list of methods. Declaring again is sending them again, in the order in which each needs
the one before: exchanges, queues, bindings; then channel by channel its mode, windows and consumers.

Forgetting is as important: what was deleted must not come back. And deleting has consequences that the
broker does not announce, so they are worked out here: a queue or exchange takes its bindings along; an
auto-delete queue goes with its last consumer, an auto-delete exchange with its last binding (EXCH, QUEUE).

A queue that the broker named has no name to ask for again. It is declared anew without a name, and what
refers to it, bindings and consumers, follows to the new name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from amqplab.wire.methods import Basic, Channel, Confirm, Exchange, Method, Queue, Tx
from amqplab.wire.table import Table

__all__ = ["ChannelSetup", "Topology"]

BindingKey = tuple[str, str, str, str, bytes]  # kind, source, destination, routing key, arguments
Binding = Queue.Bind | Exchange.Bind


@dataclass
class ChannelSetup:
    """What one channel was told: its mode, and its windows and consumers in the order they came."""

    mode: Method | None = None
    steps: list[Any] = field(default_factory=list)

    def window(self, qos: Basic.Qos) -> None:
        """A prefetch window. It replaces one of its kind that no consumer was begun with."""
        if self.steps and isinstance(self.steps[-1], Basic.Qos) and self.steps[-1].global_ == qos.global_:
            self.steps.pop()
        self.steps.append(qos)

    @property
    def consumers(self) -> list[Basic.Consume]:
        """Its consumers, oldest first."""
        return [each for each in self.steps if isinstance(each, Basic.Consume)]


class Topology:
    """The memory of one connection. `answered` is told each request that succeeded."""

    def __init__(self) -> None:
        self.exchanges: dict[str, Exchange.Declare] = {}
        self.queues: dict[str, Queue.Declare] = {}
        self.bindings: dict[BindingKey, Binding] = {}
        self.channels: dict[int, ChannelSetup] = {}
        self._last_queue: dict[int, str] = {}

    # --- remembering and forgetting ---

    def answered(self, channel: int, request: Any, reply: Any) -> None:
        """The broker said yes to `request`; `reply` is its answer."""
        if isinstance(request, Queue.Declare):
            self._last_queue[channel] = reply.queue
        elif getattr(request, "queue", None) == "":  # the queue that this channel declared last
            request = request.replace(queue=self._last_queue.get(channel, ""))
        match request:
            case Exchange.Declare(passive=False, exchange=name) if name:
                self.exchanges[name] = request
            case Queue.Declare(passive=False):
                self.queues[reply.queue] = request
            case Queue.Bind() | Exchange.Bind():
                self.bindings[_key(request)] = request
            case Queue.Unbind() | Exchange.Unbind():
                self._unbound(_key(request))
            case Exchange.Delete(exchange=name):
                self.forget_exchange(name)
            case Queue.Delete(queue=name):
                self.forget_queue(name)
            case _:
                self._answered_on(channel, request, reply)

    def _answered_on(self, channel: int, request: Any, reply: Any) -> None:
        match request:
            case Basic.Qos():
                self._setup(channel).window(request)
            case Basic.Consume():
                named = request.replace(consumer_tag=reply.consumer_tag)
                self._setup(channel).steps.append(named)
            case Basic.Cancel(consumer_tag=tag):
                self.forget_consumer(channel, tag)
            case Confirm.Select() | Tx.Select():
                self._setup(channel).mode = request
            case Channel.Open():
                self._setup(channel)

    def _setup(self, channel: int) -> ChannelSetup:
        return self.channels.setdefault(channel, ChannelSetup())

    def forget_queue(self, name: str) -> None:
        """The queue is gone: with it its bindings and its consumers."""
        self.queues.pop(name, None)
        for setup in self.channels.values():
            setup.steps = [s for s in setup.steps if not (isinstance(s, Basic.Consume) and s.queue == name)]
        for key in [key for key in self.bindings if key[0] == "queue" and key[2] == name]:
            self._unbound(key)

    def forget_exchange(self, name: str) -> None:
        """The exchange is gone: with it the bindings from it and to it."""
        self.exchanges.pop(name, None)
        for key in [key for key in self.bindings if key[1] == name]:
            self.bindings.pop(key, None)
        for key in [key for key in self.bindings if key[0] == "exchange" and key[2] == name]:
            self._unbound(key)

    def forget_consumer(self, channel: int, tag: str, *, queue_gone: bool = False) -> None:
        """A consumer has ended; an auto-delete queue goes with its last one. `queue_gone`: it ended because
        its queue was deleted (BASIC-27).
        """
        setup = self._setup(channel)
        ended = [each for each in setup.consumers if each.consumer_tag == tag]
        setup.steps = [step for step in setup.steps if step not in ended]
        for consumer in ended:
            self._left(consumer.queue, queue_gone)

    def forget_channel(self, number: int) -> None:
        """The channel was closed: with it went its consumers."""
        for consumer in self.channels.pop(number, ChannelSetup()).consumers:
            self._left(consumer.queue, False)

    def _left(self, queue: str, gone: bool) -> None:
        declared = self.queues.get(queue)
        if declared is not None and (gone or (declared.auto_delete and not self._is_consumed(queue))):
            self.forget_queue(queue)

    def _is_consumed(self, queue: str) -> bool:
        return any(each.queue == queue for setup in self.channels.values() for each in setup.consumers)

    def _unbound(self, key: BindingKey) -> None:
        """A binding is gone; an auto-delete exchange goes with its last one."""
        self.bindings.pop(key, None)
        source = key[1]
        declared = self.exchanges.get(source)
        if declared is not None and declared.auto_delete and not any(k[1] == source for k in self.bindings):
            self.forget_exchange(source)

    # --- declaring again ---

    def declarations(self) -> Iterator[tuple[str, Any]]:
        """What to send again before any channel is set up, in order, with the name it is kept under."""
        yield from list(self.exchanges.items())
        yield from list(self.queues.items())

    def bindings_again(self) -> list[Binding]:
        """The bindings, those between exchanges first."""
        every = list(self.bindings.values())
        return [b for b in every if isinstance(b, Exchange.Bind)] + [
            b for b in every if isinstance(b, Queue.Bind)
        ]

    def rename_queue(self, old: str, new: str) -> None:
        """The broker chose another name: bindings and consumers follow."""
        if old == new:
            return
        self.queues = {new if name == old else name: declared for name, declared in self.queues.items()}
        renamed = [
            b.replace(queue=new) if isinstance(b, Queue.Bind) and b.queue == old else b
            for b in self.bindings.values()
        ]
        self.bindings = {_key(binding): binding for binding in renamed}
        self._last_queue = {number: new if q == old else q for number, q in self._last_queue.items()}
        for setup in self.channels.values():
            setup.steps = [
                step.replace(queue=new) if isinstance(step, Basic.Consume) and step.queue == old else step
                for step in setup.steps
            ]

    def forget(self, method: Any) -> None:
        """`method` could not be sent again with success: never mind it from now on."""
        match method:
            case Exchange.Declare(exchange=name):
                self.exchanges.pop(name, None)
            case Queue.Declare(queue=name):
                self.queues.pop(name, None)
            case Queue.Bind() | Exchange.Bind():
                self.bindings.pop(_key(method), None)
            case _:
                for setup in self.channels.values():
                    setup.steps = [step for step in setup.steps if step is not method]

    def __repr__(self) -> str:
        return (
            f"<Topology: exchanges {list(self.exchanges)}, queues {list(self.queues)}, "
            f"{len(self.bindings)} bindings, channels {list(self.channels)}>"
        )


def _key(method: Any) -> BindingKey:
    """What makes two bindings the same (BIND): source, destination, key and arguments."""
    arguments = method.arguments if isinstance(method.arguments, Table) else Table(method.arguments or {})
    if isinstance(method, Queue.Bind | Queue.Unbind):
        return "queue", method.exchange, method.queue, method.routing_key, arguments.encode()
    return "exchange", method.source, method.destination, method.routing_key, arguments.encode()
