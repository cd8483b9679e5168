"""The broker: a pure machine, bytes and the time in, effects out.

Theory
------
A :class:`Broker` knows no socket, clock, file or random source. Whoever drives it tells it what
happened, always with the time in integer nanoseconds, and carries out the effects it returns
(:mod:`amqplab.broker.effects`):

    connected(connection, now)          a TCP connection was accepted
    received(connection, data, now)     octets came in
    disconnected(connection, now)       the TCP connection is gone
    tick(now)                           the moment of the last WakeAt has come
    persisted(token, now)               the disk has it
    writable(connection, on, now)       the socket is full, or has room again

The same object therefore serves sockets, the simulation, and tests that call it by hand. It is one
single-threaded machine: what RabbitMQ does in many processes happens here one command after the other, in an
order that RabbitMQ could have chosen.

Rooms: a :class:`Session` per connection and :class:`Channel` per channel speak the protocol; a
:class:`VirtualHost` holds what they are about. All output of one call leaves as one chunk per connection.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from amqplab.broker import (  # noqa: F401 (imported for the handlers they register)
    channel_methods,
    consume,
    exchange_methods,
    handshake,
    publish,
    queue_methods,
    settle,
    transaction,
)
from amqplab.broker.access import Fading, Users
from amqplab.broker.alarms import RESOURCES
from amqplab.broker.channel import Channel
from amqplab.broker.config import BrokerConfig, Permission
from amqplab.broker.durability import JournalKeeper, restore
from amqplab.broker.effects import Effect, Send, WakeAt
from amqplab.broker.guesses import Guesses
from amqplab.broker.names import Names
from amqplab.broker.outage import lose_power
from amqplab.broker.reply_to import askers_of_letter, deliver_replies
from amqplab.broker.session import Session
from amqplab.broker.timers import MILLISECOND, SECOND, Deadline, Deadlines
from amqplab.broker.watermarks import Watermarks
from amqplab.errors import ConnectionForced, UsageError
from amqplab.model.policies import Policies
from amqplab.model.policy import Policy
from amqplab.model.queue import Queue
from amqplab.model.vhost import VirtualHost
from amqplab.trace import events
from amqplab.trace.recorder import CAUSE, because

if TYPE_CHECKING:
    from amqplab.model.journal_state import State
    from amqplab.trace.recorder import Report

__all__ = ["Broker"]


class Broker:
    """One broker. `unique` yields 16 octets for each generated name; by default they come from a counter, so
    that the same conversation gives the same names. A `durable` one asks for a disk by Persist effects, and
    waits for it where a client does.
    """

    fast_lane = True
    """Whether new channels get one (:mod:`amqplab.broker.fastlane`)."""

    def __init__(
        self,
        *,
        report: Report | None = None,
        unique: Callable[[], bytes] | None = None,
        config: BrokerConfig | None = None,
        durable: bool = False,
    ) -> None:
        self.config = config or BrokerConfig()
        self.report = report
        self.users = Users(self.config.users)
        self.epoch_ns = 0  # Unix time when `now` is 0: for what is stamped with the time of day
        self.deadlines = Deadlines()
        self.guesses = Guesses(self.deadlines)
        self.watches: dict[Queue, Deadline] = {}
        self.policies = Policies(self.config.policies, report)
        self.keeper = JournalKeeper(self) if durable else None
        self.vhosts = {name: self._new_vhost(name) for name in self.config.vhosts}
        self.stopped: set[str] = set()  # virtual hosts that nobody may enter
        self.sessions: dict[str, Session] = {}
        self.now = 0
        self.last_message = 0
        self.writers: list[Session] = []
        self.confirming: dict[Channel, None] = {}
        self.later: list[Effect] = []
        self.alarms: set[str] = set()  # the resources that run low: "memory", "disk"
        self.watermarks = Watermarks()
        self.reply_channels: dict[str, Channel] = {}  # by the address that answers go to
        self.names = Names(unique)
        self._told_wake: int | None = None

    def _new_vhost(self, name: str) -> VirtualHost:
        vhost = VirtualHost(name, report=self.report)
        vhost.on_queue_gone = partial(consume.queue_gone, self, vhost)
        vhost.watch = partial(self._watch_queue, vhost)
        vhost.on_unrest = self._settle_soon
        vhost.keeper = self.keeper
        vhost.policy_for = partial(self.policies.definition, name)
        vhost.next_message = self.number_message
        vhost.askers = partial(askers_of_letter, self)
        vhost.deliver_replies = deliver_replies
        vhost.letter_patience_ns = lambda: self.config.dead_letter_timeout_ms * MILLISECOND
        vhost.unix_s = lambda now: (self.epoch_ns + now) // SECOND
        if self.policies:
            vhost.apply_policies(0)  # to the exchanges that are there from the start
        return vhost

    # --- what happened ---------------------------------------------------------------------------------

    def connected(
        self, connection: str, now: int, *, loopback: bool = True, certified: str | None = None
    ) -> list[Effect]:
        """A TCP connection was accepted; `connection` is its name, unique for the life of the broker.
        `certified` is the user that a verified client certificate names (CONN-21).
        """
        self.now = now
        self.sessions[connection] = Session(self, connection, now, loopback, certified)
        return self._effects()

    def received(self, connection: str, data: bytes, now: int) -> list[Effect]:
        """Octets arrived, in any pieces. Octets for a connection that is gone are ignored."""
        self._come_to(now)
        session = self.sessions.get(connection)
        if session is not None:
            session.received(data)
            self._settle()
        return self._effects()

    def gathers(
        self, connection: str, channel: int, method: bytes, header: bytes, largest: int, now: int
    ) -> bool:
        """Whether the frames of this content, given one by one, would lead to nothing before the last.

        `method` and `header` are payloads, `largest` is the size of the largest. Whoever shows a learner
        which frame led to what may give us all of them at once then.
        """
        session = self.sessions.get(connection)
        if session is None or self.alarms or (self._told_wake is not None and self._told_wake <= now):
            return False
        for vhost in self.vhosts.values():
            if vhost.unsettled:
                return False
        return session.gathers(channel, method, header, largest)

    def disconnected(self, connection: str, now: int, reason: str = "reset") -> list[Effect]:
        """The peer ended the TCP connection, or the network did."""
        self.now = now
        session = self.sessions.get(connection)
        if session is not None:
            session.gone(session.ending_reason or reason)
            self._settle()
        return self._effects()

    def all_disconnected(self, now: int, reason: str) -> list[Effect]:
        """All TCP connections are gone at the same moment, so that nobody takes what others drop."""
        self.now = now
        for session in list(self.sessions.values()):
            session.gone(session.ending_reason or reason)
        self._settle()
        return self._effects()

    def tick(self, now: int) -> list[Effect]:
        """Time has come to the last WakeAt, or beyond; harmless at any other time."""
        self._come_to(now)
        return self._effects()

    def persisted(self, token: int, now: int) -> list[Effect]:
        """What the Persist effect with this token asked for is safe on disk."""
        self._come_to(now)
        if self.keeper is not None:
            self.keeper.persisted(token)
            self._settle()
        return self._effects()

    def writable(self, connection: str, on: bool, now: int) -> list[Effect]:
        """The connection takes no more octets for now, or (`on`) takes them again. Meanwhile nothing is
        delivered to its consumers (BASIC-34); replies still go out.
        """
        self.now = now
        session = self.sessions.get(connection)
        if session is not None:
            session.stall(not on)
            if on:
                session.gate.drain()
            self._settle()
        return self._effects()

    def shutdown(self, now: int) -> list[Effect]:
        """Tell every open connection that the broker stops (CONN-62); reset those that never opened."""
        self.now = now
        for connection in list(self.sessions):
            self._force(connection, "broker forced connection closure with reason 'shutdown'")
        return self._effects()

    def close_connection(self, connection: str, text: str, now: int) -> list[Effect]:
        """An operator ends one connection (CONN-63)."""
        self.now = now
        self._force(connection, text)
        return self._effects()

    def power_lost(self, now: int) -> None:
        """The machine lost its power and nobody hears of it: be what is left on the disk."""
        lose_power(self, now)

    def delete_vhost(self, name: str, now: int) -> list[Effect]:
        """An operator deletes a virtual host and all that it holds (CONN-64). KeyError if unknown."""
        self.now = now
        vhost = self.vhosts[name]
        self._empty(vhost)
        self.stopped.discard(name)
        for queue in vhost.queues.values():
            self._watch_queue(vhost, queue, None)
        del self.vhosts[name]
        return self._effects()

    def stop_vhost(self, name: str, now: int) -> list[Effect]:
        """A virtual host fails alone: its clients are told, and nobody enters it any more while this broker
        runs (CONN-34). KeyError if unknown.
        """
        self.now = now
        self._empty(self.vhosts[name])
        self.stopped.add(name)
        return self._effects()

    def _empty(self, vhost: VirtualHost) -> None:
        for session in list(self.sessions.values()):
            if session.opened and session.vhost is vhost:
                self._force(session.connection, f"vhost '{vhost.name}' is down")

    def delete_user(self, name: str, now: int) -> list[Effect]:
        """An operator deletes a user (CONN-65). KeyError if unknown."""
        self.now = now
        self.users.remove(name)
        for session in list(self.sessions.values()):
            if session.opened and session.user.name == name:
                self._force(session.connection, f"user '{name}' is deleted")
        return self._effects()

    def set_permissions(self, user: str, vhost: str, permission: Permission | None, now: int) -> list[Effect]:
        """An operator changes a user's rights in a virtual host, or takes them all (None). They hold from now
        on, also for open connections, but for what their channels remember (PERM-19); and those stay open
        even where they could no longer be opened (PERM-20). KeyError if the user is unknown.
        """
        self._come_to(now)
        changed = self.users.permit(user, vhost, permission)
        for session in self.sessions.values():
            if session.opened and session.user.name == user:
                session.user = changed
                if session.vhost.name == vhost:
                    Fading(session, changed)
        return self._effects()

    def set_alarm(self, resource: str, active: bool, now: int) -> list[Effect]:
        """ "memory" or "disk" runs low, or no longer does: publishers are stopped meanwhile (LIMIT-01)."""
        if resource not in RESOURCES:
            raise UsageError(f"There is no alarm for {resource!r}: it is one of {', '.join(RESOURCES)}.")
        self._come_to(now)
        if active is not (resource in self.alarms):
            (self.alarms.add if active else self.alarms.discard)(resource)
            if self.report is not None:
                self.report(events.AlarmChanged, resource, active)
            if not self.alarms:
                for session in list(self.sessions.values()):
                    session.gate.unblock()
                self._settle()
        return self._effects()

    def set_watermarks(self, memory: int | None, free_disk: int | None, now: int) -> list[Effect]:
        """An operator says how many octets of memory may be used and how many of the disk must be free; None
        is no mark. What was measured last is judged anew (LIMIT-01).
        """
        self.watermarks.memory, self.watermarks.free_disk = memory, free_disk
        return self._judge(now)

    def measured(self, memory: int | None, free_disk: int | None, now: int) -> list[Effect]:
        """So many octets of memory are used, so many of the disk are free; None where nobody knows. Raises
        and ends alarms where there are watermarks (LIMIT-01).
        """
        self.watermarks.measured(memory, free_disk)
        return self._judge(now)

    def _judge(self, now: int) -> list[Effect]:
        effects: list[Effect] = []
        for resource, low in self.watermarks.changes():
            effects += self.set_alarm(resource, low, now)
        return effects

    def set_policy(self, policy: Policy, now: int) -> list[Effect]:
        """An operator sets a policy, or replaces the one of that name. It holds from now on (LIMIT-17)."""
        self._come_to(now)
        self.policies.set(policy)
        return self._apply_policies(policy.vhost, now)

    def clear_policy(self, vhost: str, name: str, now: int, *, operator: bool = False) -> list[Effect]:
        """An operator takes a policy back. KeyError if there is none of that name."""
        self._come_to(now)
        self.policies.clear(vhost, name, operator)
        return self._apply_policies(vhost, now)

    def _apply_policies(self, vhost: str, now: int) -> list[Effect]:
        self._come_to(now)
        if vhost in self.vhosts:
            self.vhosts[vhost].apply_policies(now)
            self._settle()
        return self._effects()

    def restore(self, state: State, now: int) -> list[Effect]:
        """Begin with everything that survived in a journal; for a broker that has nothing yet. What expired
        in the meantime goes at once (DUR-11).
        """
        self.now = now
        for vhost in self.vhosts.values():
            vhost.keeper = None  # what comes from the journal need not go back into it
        restore(self, state, now)
        for vhost in self.vhosts.values():
            vhost.keeper = self.keeper
        self._settle()
        return self._effects()

    def _force(self, connection: str, text: str) -> None:
        session = self.sessions.get(connection)
        if session is None:
            return
        if session.opened:
            session.fail(ConnectionForced(text))
        else:
            session.abort("closed by operator")
        self._settle()

    # --- what to do about it ---------------------------------------------------------------------------

    def _come_to(self, now: int) -> None:
        """Time went on to `now`: what was due by then happens first."""
        self.now = now
        if self._told_wake is not None and self._told_wake <= now:
            self.deadlines.run(now)
            with because(None):
                self._settle()

    def _settle(self) -> None:
        for vhost in self.vhosts.values():
            if vhost.unsettled:
                vhost.settle(self.now)

    def _settle_soon(self) -> None:
        """Something would take long to settle, or for ever: others come first (after a deadline all is
        settled that can be).
        """
        cause = CAUSE.get()

        def go_on(now: int) -> None:
            with because(cause):
                self._settle()

        self.deadlines.at(self.now + MILLISECOND, go_on)

    def _effects(self) -> list[Effect]:
        """Everything that came of one call: the confirms due, one chunk per connection, the rest, the
        timer.
        """
        if self.confirming:
            for channel in self.confirming:
                channel.flush_confirms()
            self.confirming.clear()
        effects: list[Effect] = []
        if self.keeper is not None:
            persist = self.keeper.take()
            if persist is not None:
                effects.append(persist)
        if self.writers:
            effects += [Send(one.connection, one.take_output()) for one in self.writers if one.out]
            self.writers.clear()
        if self.later:
            effects += self.later
            self.later.clear()
        earliest = self.deadlines.earliest()
        if earliest != self._told_wake:
            self._told_wake = earliest
            effects.append(WakeAt(earliest))
        return effects

    # --- for the sessions ------------------------------------------------------------------------------

    def forget(self, session: Session) -> None:
        """The connection is gone."""
        self.sessions.pop(session.connection, None)

    def connections(self, *, vhost: str | None = None, user: str | None = None) -> int:
        """How many connections are open, in a virtual host or of a user."""
        return sum(
            1
            for one in self.sessions.values()
            if one.opened
            and (vhost is None or one.vhost.name == vhost)
            and (user is None or one.user.name == user)
        )

    def channels_of(self, user: str) -> int:
        """How many channels a user has, on all connections."""
        return sum(
            len(one.channels) for one in self.sessions.values() if one.opened and one.user.name == user
        )

    def number_message(self) -> int:
        """The next message's number."""
        self.last_message += 1
        return self.last_message

    def _watch_queue(self, vhost: VirtualHost, queue: Queue, moment: int | None) -> None:
        """The queue wants to be looked at then, and no longer at the moment it named before."""
        before = self.watches.pop(queue, None)
        if before is not None:
            before.cancel()
        if moment is not None:
            self.watches[queue] = self.deadlines.at(moment, partial(self._look, vhost, queue))

    def _look(self, vhost: VirtualHost, queue: Queue, now: int) -> None:
        del self.watches[queue]
        vhost.look(queue, now)
