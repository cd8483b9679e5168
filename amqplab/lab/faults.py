"""What can go wrong, as values: a fault is a thing to say, to repeat, and to compare.

Theory
------
Networks lose packets, cables are cut, processes die or stop without dying. The protocol's rules make sense
only against these, so a lab must be able to do each of them at an exact moment. A fault is a frozen value,
so that the same one can be done live (``lab.cut("producer")``) or at any moment of the past
(``lab.fork(at=…, do=Cut("producer"))``).

What differs is who notices, and when:

    LoseNext, LoseSegment   one segment vanishes; TCP notices by itself and sends it again
    Cut                     nothing passes in either direction, nobody is told; Heal lets all pass again
    HalfOpen                the same towards one side only: one end hears, the other does not
    Reset                   one end is told at once, the other by an RST: the connection is gone
    Kill                    the client's process ends; its operating system lives on and tells the other side
                            at once: FIN, or RST if something lay unread
    PowerOff                the machine loses power: silence, whatever is sent to it, until PowerOn. Then it
                            knows nothing of its connections, answers who still uses them with RST, and
                            starts its programs again. Also for the broker's machine
    Freeze                  the process stands still: it reads nothing and sends no heartbeat, but its
                            operating system acknowledges octets until the receive window is full; Thaw
    Alarm                   the broker is told that its memory or disk runs low, or no longer: it stops who
                            publishes, and goes on with who consumes

A cut, a half-open link, a freeze and a power failure are silence. Silence is not an error until somebody's
timer says so: TCP's, which repeats for a quarter of an hour, or heartbeats, which are there to be quicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from amqplab.broker.alarms import RESOURCES
from amqplab.lab.errors import LabError

if TYPE_CHECKING:
    from amqplab.lab.world import World

__all__ = [
    "Alarm",
    "Crash",
    "Cut",
    "Fault",
    "Freeze",
    "HalfOpen",
    "Heal",
    "Kill",
    "LoseNext",
    "LoseSegment",
    "PowerOff",
    "PowerOn",
    "Reset",
    "Thaw",
    "fault_from_button",
]

TO_BROKER, FROM_BROKER = "to broker", "from broker"


@dataclass(frozen=True)
class Fault:
    """Base of all faults. `client` is the host that it happens to."""

    client: str
    for_the_broker: ClassVar[bool] = False
    """Whether it may happen to the broker's host, too."""
    ends_process: ClassVar[bool] = False
    """Whether the process there ends by it."""

    @property
    def action(self) -> str:
        """What was done, in a word or two, as the record shows it."""
        return type(self).__name__.lower()

    @property
    def detail(self) -> str:
        """What else there is to know about it."""
        return ""

    @property
    def words(self) -> str:
        """The fault and its victim, as a branch of history is named: "freeze barista"."""
        return f"{self.action} {self.client}"

    def check(self, world: World) -> None:
        """Raise LabError if it makes no sense in `world`, now."""

    def befall(self, world: World) -> None:
        """Do it to `world`, now."""
        raise TypeError(f"{type(self).__name__} does nothing")


@dataclass(frozen=True)
class LoseNext(Fault):
    """The link loses the next `count` segments of one `direction`; of those that carry something, for a mere
    acknowledgement is repeated by the next one, and nobody would notice.
    """

    count: int = 1
    direction: str = TO_BROKER

    def __post_init__(self) -> None:
        if self.count < 1:
            raise LabError(f"Losing {self.count} segments does nothing: give 1 or more.")
        if self.direction not in (TO_BROKER, FROM_BROKER):
            raise LabError(f"The direction is {TO_BROKER!r} or {FROM_BROKER!r}, not {self.direction!r}.")

    @property
    def action(self) -> str:
        return "lose next"

    @property
    def detail(self) -> str:
        return f"{self.count} {self.direction}"

    def befall(self, world: World) -> None:
        ends = (self.client, world.broker_host)
        source, destination = ends if self.direction == TO_BROKER else ends[::-1]
        world.network.lose_next(source, destination, self.count, lambda segment: segment.length > 0)


@dataclass(frozen=True)
class LoseSegment(Fault):
    """One segment, named by its number, is lost on its way."""

    number: int = 0

    @property
    def action(self) -> str:
        return "lose segment"

    @property
    def detail(self) -> str:
        return f"segment {self.number}"

    @property
    def words(self) -> str:
        return f"lose segment {self.number}"

    def befall(self, world: World) -> None:
        world.network.lose_segment(self.number)


@dataclass(frozen=True)
class Cut(Fault):
    """Nothing passes between this client and the broker any more; nobody is told."""

    def befall(self, world: World) -> None:
        world.network.cut(self.client, world.broker_host)


@dataclass(frozen=True)
class Heal(Fault):
    """What was cut or half open passes everything again."""

    def befall(self, world: World) -> None:
        world.network.heal(self.client, world.broker_host)


@dataclass(frozen=True)
class HalfOpen(Fault):
    """Nothing passes in one `direction`; the other still works."""

    direction: str = TO_BROKER

    def __post_init__(self) -> None:
        if self.direction not in (TO_BROKER, FROM_BROKER):
            raise LabError(f"The direction is {TO_BROKER!r} or {FROM_BROKER!r}, not {self.direction!r}.")

    @property
    def action(self) -> str:
        return "half-open"

    @property
    def detail(self) -> str:
        return f"nothing passes {self.direction}"

    def befall(self, world: World) -> None:
        ends = (self.client, world.broker_host)
        world.network.half_open(*(ends if self.direction == TO_BROKER else ends[::-1]))


@dataclass(frozen=True)
class Reset(Fault):
    """All of this client's connections are reset: its end learns it at once, the broker's if the RST arrives."""

    def check(self, world: World) -> None:
        world.check_power(self.client)

    def befall(self, world: World) -> None:
        world.reset(self.client)


@dataclass(frozen=True)
class Kill(Fault):
    """The client's process ends in the middle of whatever it did; its operating system says so: FIN, or RST
    if something lay unread.
    """

    ends_process = True

    def check(self, world: World) -> None:
        world.check_process(self.client)

    def befall(self, world: World) -> None:
        world.kill(self.client)


@dataclass(frozen=True)
class PowerOff(Fault):
    """The machine loses power: a client's, or the broker's. Nobody is told."""

    for_the_broker = True
    ends_process = True

    @property
    def action(self) -> str:
        return "power off"

    def befall(self, world: World) -> None:
        world.power_off(self.client)


Crash = PowerOff
"""The old name."""


@dataclass(frozen=True)
class PowerOn(Fault):
    """The machine is back. It knows nothing of its connections, and starts its programs again."""

    for_the_broker = True

    @property
    def action(self) -> str:
        return "power on"

    def befall(self, world: World) -> None:
        world.power_on(self.client)


@dataclass(frozen=True)
class Freeze(Fault):
    """The client's process stands still, as soon as its code waits, until it is thawed. What it had waited for
    meanwhile is there then: its timers run on.
    """

    def check(self, world: World) -> None:
        world.check_process(self.client)

    def befall(self, world: World) -> None:
        world.freeze(self.client)


@dataclass(frozen=True)
class Thaw(Fault):
    """A frozen process goes on where it stopped."""

    def check(self, world: World) -> None:
        world.check_process(self.client)

    def befall(self, world: World) -> None:
        world.thaw(self.client)


@dataclass(frozen=True)
class Alarm(Fault):
    """The broker is told that a resource runs low, or no longer. In a lab its machine has no end of either."""

    client: str = "broker"
    resource: str = "memory"
    active: bool = True
    for_the_broker = True

    def __post_init__(self) -> None:
        if self.resource not in RESOURCES:
            raise LabError(f"There is no alarm for {self.resource!r}: it is one of {', '.join(RESOURCES)}.")

    @property
    def action(self) -> str:
        return "raise alarm" if self.active else "clear alarm"

    @property
    def detail(self) -> str:
        return self.resource

    @property
    def words(self) -> str:
        return f"{'raise' if self.active else 'clear'} the {self.resource} alarm"

    def check(self, world: World) -> None:
        world.check_power(self.client)

    def befall(self, world: World) -> None:
        world.server.apply(world.broker.set_alarm(self.resource, self.active, world.now))


def fault_from_button(fault: Mapping[str, Any]) -> Fault:
    """The fault that a button of the stage stands for: ``{"fault": "cut", "client": "producer", ...}``."""
    client = str(fault.get("client", ""))
    if fault.get("fault") == "lose segment":
        return LoseSegment(client, int(fault["segment"]))
    if fault.get("fault") not in BUTTONS:
        raise LabError(f"There is no fault called {fault.get('fault')!r} here.")
    return BUTTONS[fault["fault"]](client)


BUTTONS: dict[str, type[Fault]] = {
    "cut": Cut,
    "half-open": HalfOpen,
    "heal": Heal,
    "reset": Reset,
    "kill": Kill,
    "power off": PowerOff,
    "power on": PowerOn,
    "crash": PowerOff,
    "freeze": Freeze,
    "thaw": Thaw,
}
