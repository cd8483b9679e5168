"""What survives: the entries of a journal folded into a state, and a state written down anew.

Theory
------
Recovery is a fold: begin with nothing, and let every entry change it, in order. It is the broker's own
history once more, without everything that left no trace::

    State
      settings      name → value
      vhosts        name → KeptVhost
        exchanges     name → ExchangeDeclared
        queues        name → KeptQueue: QueueDeclared, and copies by place
        bindings      an ordered set

The fold is patient: an entry about a queue that is not there changes nothing. So it also works on what is
left of a damaged journal.

A broker that ends without a word leaves no record of which copies were in somebody's hands. So when a run
begins, and the one before it did not end in good order, all copies in classic queues may have been handed
out (DUR-07); quorum queues keep their counts.

The journal only grows, what it stands for does not. **Compaction** writes down the state anew: the same state
in as few entries as there are things in it. The law that is tested is ``replay(compact(state)) == state``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from amqplab.model.binding import EXCHANGE, QUEUE, Binding
from amqplab.model.journal_entries import (
    Begun,
    Bound,
    Entry,
    ExchangeDeclared,
    ExchangeDeleted,
    Purged,
    QueueDeclared,
    QueueDeleted,
    Removed,
    Returned,
    Setting,
    Standing,
    Stopped,
    Stored,
    StoredMessage,
    Unbound,
    VhostDeclared,
    VhostDeleted,
)
from amqplab.model.queue_types import queue_type_of

__all__ = ["KeptCopy", "KeptQueue", "KeptVhost", "State", "compact", "replay"]

PREDECLARED = "amq."


@dataclass(slots=True)
class KeptCopy:
    """A copy that survives. All copies of a message share the one `message`."""

    message: StoredMessage
    place: int
    expires_ms: int | None = None
    returned: int = 0
    redelivered: bool = False
    died: str = ""


@dataclass(slots=True)
class KeptQueue:
    """A queue that survives; `copies` by place."""

    declared: QueueDeclared
    copies: dict[int, KeptCopy] = field(default_factory=dict)

    @property
    def in_order(self) -> list[KeptCopy]:
        """The copies as they stand in the queue (DUR-10)."""
        return [self.copies[place] for place in sorted(self.copies)]

    @property
    def next_place(self) -> int:
        """The place for the next copy, behind all that survive."""
        return max(self.copies, default=-1) + 1

    @property
    def is_classic(self) -> bool:
        """Neither a quorum queue nor a stream."""
        return queue_type_of(self.declared.arguments) == "classic"


@dataclass(slots=True)
class KeptVhost:
    """A virtual host and what of it survives. The exchanges that every virtual host has are not listed."""

    exchanges: dict[str, ExchangeDeclared] = field(default_factory=dict)
    queues: dict[str, KeptQueue] = field(default_factory=dict)
    bindings: dict[Binding, None] = field(default_factory=dict)

    def has(self, kind: str, name: str) -> bool:
        """Whether a binding may end here."""
        if kind == QUEUE:
            return name in self.queues
        return name in self.exchanges or name.startswith(PREDECLARED)

    def unbind_all(self, kind: str, name: str) -> None:
        """A queue or an exchange goes, and takes its bindings along."""
        self.bindings = {
            one: None
            for one in self.bindings
            if (one.kind, one.destination) != (kind, name) and (kind == QUEUE or one.source != name)
        }


@dataclass(slots=True)
class State:
    """All that survives. `run` is the number of the last run, `stopped` whether it ended in good order,
    `messages` the highest number a message ever had.
    """

    vhosts: dict[str, KeptVhost] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    run: int = 0
    stopped: bool = True
    messages: int = 0

    @property
    def copies(self) -> int:
        """How many copies there are, in all queues."""
        return sum(len(queue.copies) for vhost in self.vhosts.values() for queue in vhost.queues.values())

    def apply(self, entry: Entry) -> None:
        """One entry happens. What it speaks of need not be there."""
        match entry:
            case Stored():
                self._store(entry)
            case Removed(vhost, queue, places):
                copies = self._copies(vhost, queue)
                for place in places:
                    copies.pop(place, None)
            case Returned(vhost, queue, places):
                copies = self._copies(vhost, queue)
                for copy in (copies[place] for place in places if place in copies):
                    copy.redelivered = True
                    copy.returned += 1
            case Purged(vhost, queue, kept):
                copies = self._copies(vhost, queue)
                for place in copies.keys() - set(kept):
                    del copies[place]
            case Begun():
                self._begin(entry)
            case Stopped():
                self.stopped = True
            case Setting(key, value):
                self.settings.pop(key, None)
                if value is not None:
                    self.settings[key] = value
            case _:
                self._change_topology(entry)

    def _change_topology(self, entry: Entry) -> None:
        match entry:
            case VhostDeclared(vhost):
                self._vhost(vhost)
            case VhostDeleted(vhost):
                self.vhosts.pop(vhost, None)
            case ExchangeDeclared(vhost, name):
                self._vhost(vhost).exchanges.setdefault(name, entry)
            case ExchangeDeleted(vhost, name):
                self._vhost(vhost).exchanges.pop(name, None)
                self._vhost(vhost).unbind_all(EXCHANGE, name)
            case QueueDeclared(vhost, name):
                self._vhost(vhost).queues.setdefault(name, KeptQueue(entry))
            case QueueDeleted(vhost, name):
                self._vhost(vhost).queues.pop(name, None)
                self._vhost(vhost).unbind_all(QUEUE, name)
            case Bound(vhost, binding):
                there = self._vhost(vhost)
                if there.has(EXCHANGE, binding.source) and there.has(binding.kind, binding.destination):
                    there.bindings[binding] = None
            case Unbound(vhost, binding):
                self._vhost(vhost).bindings.pop(binding, None)

    def _vhost(self, name: str) -> KeptVhost:
        """An entry in a virtual host says that it is there."""
        found = self.vhosts.get(name)
        if found is None:
            found = self.vhosts[name] = KeptVhost()
        return found

    def _copies(self, vhost: str, queue: str) -> dict[int, KeptCopy]:
        found = self._vhost(vhost).queues.get(queue)
        return found.copies if found is not None else {}

    def _store(self, entry: Stored) -> None:
        message = entry.message
        self.messages = max(self.messages, message.number)
        for queue, place, expires_ms, returned, redelivered, died in entry.standing:
            copy = KeptCopy(message, place, expires_ms, returned, redelivered, died)
            self._copies(entry.vhost, queue)[place] = copy

    def _begin(self, begun: Begun) -> None:
        """A file or a run begins. A file that says everything anew begins with nothing."""
        if begun.anew:
            self.vhosts, self.settings = {}, {}
        elif begun.run > self.run and not self.stopped:
            self._suspect_all()
        self.run = begun.run
        self.stopped = False
        self.messages = max(self.messages, begun.messages)

    def _suspect_all(self) -> None:
        """The run before ended without a word (DUR-07)."""
        for vhost in self.vhosts.values():
            for queue in vhost.queues.values():
                if queue.is_classic:
                    for copy in queue.copies.values():
                        copy.redelivered = True


def replay(entries: Iterable[Entry], state: State | None = None) -> State:
    """The state after these entries; `state` goes on if given, else all begins with nothing."""
    state = State() if state is None else state
    for entry in entries:
        state.apply(entry)
    return state


def compact(state: State, segment: int = 1, replaces: int = 0) -> Iterator[Entry]:
    """The same state in as few entries as it takes, the first of which is a Begun that starts anew."""
    yield Begun(segment, 0, True, replaces, state.run, state.messages)
    for key, value in state.settings.items():
        yield Setting(key, value)
    for name, vhost in state.vhosts.items():
        yield VhostDeclared(name)
        yield from vhost.exchanges.values()
        for queue in vhost.queues.values():
            yield queue.declared
        for binding in vhost.bindings:
            yield Bound(name, binding)
        yield from _messages(name, vhost)
    if state.stopped:
        yield Stopped()


def _messages(name: str, vhost: KeptVhost) -> Iterator[Stored]:
    """Each message once, with all the queues of the virtual host it stands in."""
    where: dict[StoredMessage, list[Standing]] = {}
    for queue_name, queue in vhost.queues.items():
        for copy in queue.in_order:
            facts = (copy.expires_ms, copy.returned, copy.redelivered, copy.died)
            where.setdefault(copy.message, []).append(Standing(queue_name, copy.place, *facts))
    for message, standing_in in where.items():
        yield Stored(name, message, tuple(standing_in))
