"""Breaking things in the running world: each fault as a method of the lab.

Theory
------
A fault done live is an input like any other: it is recorded as an ``Intervened``, and a fork of the lab does
it again at its place. To do one at an exact moment of the past, see ``lab.fork(at=…, do=…)``.
"""

from __future__ import annotations

from amqplab.lab.errors import LabError, suggestion
from amqplab.lab.faults import (
    Alarm,
    Cut,
    Fault,
    Freeze,
    HalfOpen,
    Heal,
    Kill,
    LoseNext,
    LoseSegment,
    PowerOff,
    PowerOn,
    Reset,
    Thaw,
)
from amqplab.lab.inputs import recorded
from amqplab.lab.live import LiveServer
from amqplab.lab.views import Views
from amqplab.lab.world import BROKER_HOST
from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record, because

__all__ = ["Breaking"]


class Breaking(Views):
    """The part of a lab that knows its clients by name, and what can happen to them."""

    _known: dict[str, None]
    _servers: list[LiveServer]

    @property
    def clients(self) -> tuple[str, ...]:
        """The names of all hosts but the broker's."""
        return tuple(self._known)

    def _hosts(self) -> tuple[str, ...]:
        return (BROKER_HOST, *self._known)

    def _learn(self, client: str) -> None:
        """Learn the name of a client."""
        self._check_name(client)
        self._known.setdefault(client)

    def _check_name(self, client: str) -> None:
        if not isinstance(client, str) or not client or any(c in client for c in ":/@ \n"):
            raise LabError(f"{client!r} is no name for a client: use a word such as 'producer'.")
        if client == BROKER_HOST:
            raise LabError(
                "The name 'broker' is taken by the broker itself: call your client something else."
            )

    def _check_known(self, client: str) -> None:
        if client not in self._known:
            names = ", ".join(map(repr, self._known)) or "none yet"
            raise LabError(
                f"There is no client called {client!r} in this lab (there is: {names})."
                f"{suggestion(client, self._known) or ' Make it with lab.connect(…) or lab.program(…).'}"
            )

    def _check_victim(self, fault: Fault) -> None:
        """Raise LabError if this fault cannot happen to whom it names."""
        if fault.client != BROKER_HOST or not fault.for_the_broker:
            self._check_known(fault.client)
        elif self._is_live():
            raise LabError("Real clients are connected to this broker: close the server first.")

    def _is_live(self) -> bool:
        """Whether the broker is on a real socket now."""
        return any(server.is_open for server in self._servers)

    @recorded
    def intervene(self, fault: Fault) -> None:
        """Let `fault` happen, now. The methods below are shorter ways to say it."""
        self._check_victim(fault)
        fault.check(self._world)
        with because(self._world.report("lab", e.Intervened, fault.action, fault.client, fault.detail)):
            fault.befall(self._world)

    def lose_next(self, client: str, count: int = 1, direction: str = "to broker") -> None:
        """The next `count` segments of this client's link that carry octets are lost."""
        self.intervene(LoseNext(client, count, direction))

    def lose(self, segment: Record | int) -> None:
        """This segment (its record, or its number) is lost on its way."""
        self.intervene(self._segment(segment))

    def cut(self, client: str) -> None:
        """Nothing passes between this client and the broker any more; nobody is told."""
        self.intervene(Cut(client))

    def heal(self, client: str) -> None:
        """Everything passes again."""
        self.intervene(Heal(client))

    def half_open(self, client: str, direction: str = "to broker") -> None:
        """Nothing passes in this direction."""
        self.intervene(HalfOpen(client, direction))

    def reset(self, client: str) -> None:
        """This client's connections are reset at its end; the broker learns it by RST."""
        self.intervene(Reset(client))

    def power_off(self, host: str) -> None:
        """The machine (a client's, or "broker") loses power; nobody is told, and nobody answers."""
        self.intervene(PowerOff(host))

    def power_on(self, host: str) -> None:
        """The machine is back: it knows nothing of its connections, and starts its programs again."""
        self.intervene(PowerOn(host))

    def crash(self, client: str) -> None:
        """The old name of :meth:`power_off`."""
        self.intervene(PowerOff(client))

    def kill(self, client: str) -> None:
        """The client's process ends at once; its operating system closes its connections, or resets them if
        something lay unread.
        """
        self.intervene(Kill(client))

    def freeze(self, client: str) -> None:
        """The client's process stands still."""
        self.intervene(Freeze(client))

    def thaw(self, client: str) -> None:
        """The frozen process goes on where it stopped."""
        self.intervene(Thaw(client))

    def raise_alarm(self, resource: str = "memory") -> None:
        """The broker is told that its "memory" or "disk" runs low: it stops reading from who publishes."""
        self.intervene(Alarm(resource=resource))

    def clear_alarm(self, resource: str = "memory") -> None:
        """The broker is told that it has enough of this again."""
        self.intervene(Alarm(resource=resource, active=False))

    def note(self, text: str) -> None:
        """Leave a remark in the record; the stage shows it as a milestone."""
        self._note(text)

    @recorded
    def _note(self, text: str) -> None:
        self._world.report("lab", e.NoteMade, str(text))

    def _segment(self, segment: Record | int) -> LoseSegment:
        number = getattr(segment.event, "number", None) if isinstance(segment, Record) else segment
        for record in self.find(e.SegmentSent, number=number):
            sent = record.event
            assert isinstance(sent, e.SegmentSent)
            ends = client_host(sent.source), client_host(sent.destination)
            return LoseSegment(ends[0] if ends[1] == BROKER_HOST else ends[1], sent.number)
        raise LabError(f"{segment!r} is no segment of this run: give the record of a SegmentSent.")
