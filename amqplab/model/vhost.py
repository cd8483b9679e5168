"""A virtual host: one separate world of exchanges, queues and bindings.

Theory
------
Everything a client declares lives in the virtual host its connection opened; nothing crosses
from one to another (PERM-01). This room keeps the topology and its rules: what vanishes with what. (What may be
declared again is :mod:`amqplab.model.equivalence`'s.)

* Deleting a queue or an exchange removes every binding from and to it (EXCH-15, EXCH-46).
* An auto-delete exchange goes when its last binding *from* it goes (EXCH-17); its own going may take others
  along.
* An auto-delete queue goes when its last consumer leaves (QUEUE-21); an exclusive one with its owner
  (QUEUE-20).

Three things are put off until the command at hand is finished, and done by :meth:`VirtualHost.settle`:
queues that may have something to push (:meth:`touch`), copies on their way to a dead-letter exchange
(:attr:`dying`), and notices to consumers that their queue is gone (:attr:`notices`): the reply to the command
goes first (QUEUE-31, BASIC-56).

`topology` counts every change of exchanges, queues and bindings: what was worked out from the topology, such
as a routing, holds as long as the number stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from amqplab.errors import AccessRefused, NotFound, PreconditionFailed
from amqplab.model.arguments import QueueArguments
from amqplab.model.binding import EXCHANGE, QUEUE, Binding
from amqplab.model.burial import bury
from amqplab.model.consumer import Consumer
from amqplab.model.dead_letter import Dying
from amqplab.model.describe import describe, describe_arguments
from amqplab.model.equivalence import check_exclusive
from amqplab.model.exchange import KINDS, DirectExchange, Exchange, HeadersExchange, TopicExchange
from amqplab.model.queue import Queue
from amqplab.model.quorum import QuorumQueue
from amqplab.model.route_memory import RouteMemory
from amqplab.model.routing import Routing, route
from amqplab.model.stream import StreamQueue
from amqplab.trace import events

if TYPE_CHECKING:
    from amqplab.model.keeper import Keeper
    from amqplab.model.message import Message
    from amqplab.trace.recorder import Report

__all__ = ["VirtualHost"]

MOST_ROUNDS = 32
"""So often in one go dead letters may die again where they got to; the others must have their turn."""
QUEUE_TYPES: dict[str, type[Queue]] = {"classic": Queue, "quorum": QuorumQueue, "stream": StreamQueue}
SECOND = 1_000_000_000  # ns
LETTER_PATIENCE_S = 180


class VirtualHost:
    """The topology of one virtual host. `report` hears of every change, if there is one."""

    def __init__(self, name: str, *, report: Report | None = None) -> None:
        self.name = name
        self.exchanges: dict[str, Exchange] = {}
        self.queues: dict[str, Queue] = {}
        self.topology = 0
        self.notices: list[Callable[[], None]] = []
        self.dying: list[Dying] = []
        self.on_queue_gone: Callable[[Queue, list[Consumer]], None] = lambda queue, consumers: None
        self.watch: Callable[[Queue, int | None], None] = lambda queue, moment: None
        self.on_unrest: Callable[[], None] = lambda: None
        self.keeper: Keeper | None = None
        self.policy_for: Callable[[str, str], Mapping[str, Any]] = lambda kind, name: {}
        self.next_message: Callable[[], int] = lambda: 0
        self.askers: Callable[[Message], list[Any]] = lambda message: []
        self.deliver_replies: Callable[[list[Any], Message], None] = lambda askers, message: None
        self.unix_s: Callable[[int], int] = lambda now: now // SECOND
        self.letter_patience_ns: Callable[[], int] = lambda: LETTER_PATIENCE_S * SECOND
        self._incoming: dict[tuple[str, str], dict[Binding, None]] = {}
        self._touched: dict[Queue, None] = {}
        self._exclusive: dict[str, dict[Queue, None]] = {}  # by the connection that owns them
        self._leaving: list[Exchange] = []
        self._routes = RouteMemory()
        self.report = report
        self._predeclare()

    def _predeclare(self) -> None:
        """The exchanges that every virtual host has from the start (EXCH-01)."""
        self.exchanges[""] = DirectExchange("", durable=True)
        for kind in KINDS.values():
            self.exchanges[f"amq.{kind.type}"] = kind(f"amq.{kind.type}", durable=True)
        self.exchanges["amq.match"] = HeadersExchange("amq.match", durable=True)
        self.exchanges["amq.rabbitmq.trace"] = TopicExchange(
            "amq.rabbitmq.trace", durable=True, internal=True
        )

    def describe(self, kind: str, name: str) -> str:
        """ "queue 'q' in vhost '/'"."""
        return describe(kind, name, self.name)

    # --- looking up ------------------------------------------------------------------------------------

    def exchange(self, name: str) -> Exchange:
        """The exchange of that name; raises 404."""
        found = self.exchanges.get(name)
        if found is None:
            raise NotFound(f"no {self.describe(EXCHANGE, name)}")
        return found

    def queue(self, name: str) -> Queue:
        """The queue of that name; raises 404."""
        found = self.queues.get(name)
        if found is None:
            raise NotFound(f"no {self.describe(QUEUE, name)}")
        return found

    def queue_for(self, name: str, connection: str) -> Queue:
        """The same, for a connection that wants to use it; raises 405 if it is another's (QUEUE-18)."""
        found = self.queue(name)
        check_exclusive(found, connection)
        return found

    # --- exchanges -------------------------------------------------------------------------------------

    def declare_exchange(
        self,
        name: str,
        kind: str,
        *,
        durable: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Mapping[str, Any],
    ) -> Exchange:
        """A new exchange; the caller has checked that the name is free and the kind known."""
        exchange = KINDS[kind](
            name, durable=durable, auto_delete=auto_delete, internal=internal, arguments=arguments
        )
        exchange.apply_policy(self.policy_for(EXCHANGE, name))
        if self.keeper is not None and durable:
            self.keeper.exchange_declared(self.name, exchange)
        self.exchanges[name] = exchange
        self._changed()
        if self.report is not None:
            text = describe_arguments(arguments)
            self.report(events.ExchangeDeclared, self.name, name, kind, durable, auto_delete, internal, text)
        return exchange

    def delete_exchange(self, name: str, *, if_unused: bool = False, reason: str = "deleted") -> None:
        """Delete an exchange with its bindings; a missing one is no error (EXCH-13)."""
        exchange = self.exchanges.get(name)
        if exchange is None:
            return
        if if_unused and exchange.bindings:
            raise PreconditionFailed(f"{self.describe(EXCHANGE, name)} in use")
        del self.exchanges[name]
        self._changed()
        if self.keeper is not None and exchange.durable:
            self.keeper.exchange_deleted(self.name, exchange)
        for binding in list(exchange.bindings):
            self._drop(binding, exchange)
        self._remove_incoming(EXCHANGE, name)
        if self.report is not None:
            self.report(events.ExchangeDeleted, self.name, name, reason)

    # --- queues ----------------------------------------------------------------------------------------

    def declare_queue(
        self,
        name: str,
        *,
        durable: bool,
        owner: str | None,
        auto_delete: bool,
        arguments: QueueArguments,
        now: int,
    ) -> Queue:
        """A new queue; the caller has checked that the name is free and the arguments are sound."""
        queue = QUEUE_TYPES[arguments.kind](
            self.name,
            name,
            durable=durable,
            owner=owner,
            auto_delete=auto_delete,
            arguments=arguments,
            report=self.report,
        )
        queue.dying = self.dying
        queue.watch = self.watch
        if isinstance(queue, StreamQueue):
            queue.unix_s = self.unix_s
        if self.keeper is not None and durable and owner is None:
            queue.keeper = self.keeper
            self.keeper.queue_declared(queue)
        policy = self.policy_for(QUEUE, name)
        if policy:
            queue.apply_policy(policy, now)
        self.queues[name] = queue
        if owner is not None:
            self._exclusive.setdefault(owner, {})[queue] = None
        self._changed()
        queue.renew(now)
        if self.report is not None:
            self.report(events.QueueDeclared, self.name, name, durable, owner, auto_delete, str(arguments))
        return queue

    def delete_queue(
        self, queue: Queue, *, if_unused: bool = False, if_empty: bool = False, reason: str = "deleted"
    ) -> int:
        """Delete a queue with its bindings and consumers; how many messages were ready (QUEUE-27): in a
        stream, nobody counts them.
        """
        if if_empty and queue.ready:
            raise PreconditionFailed(f"{queue.describe()} not empty")
        if if_unused and queue.consumers:
            raise PreconditionFailed(f"{queue.describe()} in use")
        del self.queues[queue.name]
        if queue.owner is not None:
            self._exclusive[queue.owner].pop(queue)
        queue.deleted = True
        self.watch(queue, None)
        if queue.keeper is not None:
            queue.keeper.queue_deleted(queue)
        self._touched.pop(queue, None)
        self._changed()
        count = 0 if queue.keeps_delivered else len(queue.ready)
        queue.abandon("queue deleted")
        consumers = list(queue.consumers)
        for consumer in consumers:
            queue.unsubscribe(consumer, "queue deleted")
        self.on_queue_gone(queue, consumers)
        self._remove_incoming(QUEUE, queue.name)
        if self.report is not None:
            self.report(events.QueueDeleted, self.name, queue.name, reason)
        return count

    def delete_exclusive_queues(self, connection: str) -> None:
        """The owner is leaving: its exclusive queues go with it (QUEUE-20)."""
        for queue in list(self._exclusive.get(connection, ())):
            if not queue.deleted:
                self.delete_queue(queue, reason="exclusive owner left")
        self._exclusive.pop(connection, None)

    def apply_policies(self, now: int) -> None:
        """Some policy has changed: let everybody have what is theirs now (LIMIT-17)."""
        for exchange in self.exchanges.values():
            exchange.apply_policy(self.policy_for(EXCHANGE, exchange.name))
        for queue in self.queues.values():
            queue.apply_policy(self.policy_for(QUEUE, queue.name), now)
        self._changed()

    # --- bindings --------------------------------------------------------------------------------------

    def add_binding(self, binding: Binding, connection: str) -> None:
        """Bind; a repeated binding is a no-op (EXCH-41). Raises 404, 405, or the source's objections.

        When both ends are missing, the exchange is named (EXCH-42).
        """
        source = self.exchange(binding.source)
        if binding.kind == QUEUE:
            queue = self.queue(binding.destination)
            source.check(binding.arguments)
            check_exclusive(queue, connection)
        else:
            self.exchange(binding.destination)
            source.check(binding.arguments)
        if not source.add(binding):
            return
        self._incoming.setdefault((binding.kind, binding.destination), {})[binding] = None
        self._changed()
        if self.keeper is not None and self._survives(binding):
            self.keeper.bound(self.name, binding)
        if self.report is not None:
            self.report(events.Bound, self.name, *binding[:4], binding.arguments_text)

    def remove_binding(self, binding: Binding, connection: str) -> None:
        """Unbind; nothing of it needs to exist (EXCH-43), but another's exclusive queue is 405 (EXCH-45)."""
        source = self.exchanges.get(binding.source)
        if source is None or binding not in source.bindings:
            return
        if binding.kind == QUEUE:
            check_exclusive(self.queue(binding.destination), connection)
        self._changed()
        if self.keeper is not None and self._survives(binding):
            self.keeper.unbound(self.name, binding)
        self._drop(binding, source)
        self._maybe_auto_delete(source)

    def _survives(self, binding: Binding) -> bool:
        """Both its ends do (DUR-01)."""
        if not self.exchanges[binding.source].durable:
            return False
        if binding.kind == QUEUE:
            return self.queues[binding.destination].keeper is not None
        return self.exchanges[binding.destination].durable

    def keep(self, keeper: Keeper) -> None:
        """From now on tell `keeper` what must survive."""
        self.keeper = keeper
        for queue in self.queues.values():
            if queue.durable and queue.owner is None:
                queue.keeper = keeper

    def bindings(self) -> list[Binding]:
        """Every binding there is, by exchange in order of declaration."""
        return [binding for exchange in self.exchanges.values() for binding in exchange.bindings]

    def _drop(self, binding: Binding, source: Exchange) -> None:
        source.remove(binding)
        incoming = self._incoming.get((binding.kind, binding.destination))
        if incoming is not None:
            incoming.pop(binding, None)
            if not incoming:
                del self._incoming[binding.kind, binding.destination]
        if self.report is not None:
            self.report(events.Unbound, self.name, *binding[:4], binding.arguments_text)

    def _remove_incoming(self, kind: str, destination: str) -> None:
        """The destination is gone: so are the bindings to it, and auto-delete exchanges left without any."""
        for binding in list(self._incoming.get((kind, destination), ())):
            source = self.exchanges.get(binding.source)
            if source is not None:
                self._drop(binding, source)
                self._maybe_auto_delete(source)

    def _maybe_auto_delete(self, exchange: Exchange) -> None:
        """Its going may leave others without any: one after the other, however many there are."""
        if not exchange.auto_delete or exchange.bindings:
            return
        self._leaving.append(exchange)
        if len(self._leaving) > 1:  # one is leaving just now, and has taken this one along
            return
        for one in self._leaving:
            if self.exchanges.get(one.name) is one:
                self.delete_exchange(one.name, reason="auto-delete")
        self._leaving.clear()

    # --- routing and pushing ---------------------------------------------------------------------------

    def route(
        self,
        exchange: str,
        routing_key: str,
        extra_keys: tuple[str, ...] = (),
        headers: Mapping[str, Any] | None = None,
    ) -> Routing:
        """Where a message goes now. Answers that depend on exchange and key alone are remembered."""
        if not extra_keys:
            known = self._routes.known.get((exchange, routing_key))
            if known is not None:
                return known
        routing = route(self.exchanges, self.queues, exchange, routing_key, extra_keys, headers)
        if not extra_keys and not routing.headers_read:
            self._routes.remember(routing)
        return routing

    def _changed(self) -> None:
        self.topology += 1
        self._routes.forget()

    def touch(self, queue: Queue) -> None:
        """The queue may have something to push when the command at hand is finished."""
        self._touched[queue] = None

    def look(self, queue: Queue, now: int) -> None:
        """The moment has come that the queue asked to be looked at."""
        if queue.look(now):
            self.delete_queue(queue, reason="expired")

    def settle(self, now: int) -> None:
        """A command is finished: push what can be pushed, bury the dead, tell what has to be told.

        Dead letters may go round for ever. So after many rounds the rest is left for a moment later, which
        :attr:`on_unrest` is asked for.
        """
        for _ in range(MOST_ROUNDS):
            if not self.unsettled:
                return
            while self._touched:
                queue = next(iter(self._touched))
                del self._touched[queue]
                queue.pump(now)
            self.bury_dying(now)
            notices, self.notices = self.notices, []
            for notice in notices:
                notice()
        if self.unsettled:
            self.on_unrest()

    def bury_dying(self, now: int) -> None:
        """Send what has died to where dead letters go."""
        dying = self.dying[:]
        self.dying.clear()
        for one in dying:
            bury(self, one, now)

    @property
    def unsettled(self) -> bool:
        """Whether :meth:`settle` has something to do."""
        return bool(self._touched or self.dying or self.notices)

    def __repr__(self) -> str:
        return f"<VirtualHost {self.name!r}: {len(self.exchanges)} exchanges, {len(self.queues)} queues>"


def check_name(kind: str, name: str) -> None:
    """Refuse names that are the broker's own (EXCH-11, QUEUE-04)."""
    if name.startswith("amq."):
        raise AccessRefused(f"{kind} name '{name}' contains reserved prefix 'amq.*'")
