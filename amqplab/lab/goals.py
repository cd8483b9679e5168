"""How far to run: a time, the next event of a kind, the next use of a method, or a condition.

Theory
------
A goal reads the record stream like everybody else. The lab runs one callback of the event loop after
the other and stops as soon as the goal says that it is reached; so a run never stops in the middle of a
callback, and a goal never changes what happens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqplab.lab.errors import LabError, suggestion
from amqplab.lab.units import as_nanoseconds
from amqplab.trace import events as e
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.words import duration
from amqplab.trace.zoom import ZOOMS, kinds_at
from amqplab.wire.methods import METHODS

__all__ = ["Goal", "event_class", "goal_for", "next_step"]

METHOD_NAMES = frozenset(method.name for method in METHODS.values()) | {"protocol-header", "heartbeat"}
"""What a recorded command is called: by its method, or by the one of the two that are no method."""

EVENT_CLASSES = {kind.__name__: kind for kind in e.Event.__subclasses__()}


class Goal:
    """Something to run until: a record of one of `kinds` (any, if empty) that passes `test`, or a time.

    ``text`` says in words what is waited for; ``reached`` is the seq of the record that reached it.
    """

    def __init__(
        self,
        text: str,
        kinds: tuple[type[e.Event], ...] = (),
        test: Callable[[Record], object] | None = None,
        when: int | None = None,
    ) -> None:
        self.text = text
        self.when = when
        self.reached: int | None = None
        self.kinds = frozenset(kinds)
        self._test = test

    def see(self, recorder: Recorder, seq: int) -> None:
        """Read one new record."""
        if self.reached is not None or (self.kinds and recorder.kind_of(seq) not in self.kinds):
            return
        if self._test is None or self._test(recorder[seq]):
            self.reached = seq


def next_step(unit: str) -> Goal:
    """The goal of one step of `unit`: the next record of that size. Raises LabError for an unknown unit."""
    if unit not in ZOOMS:
        raise LabError(f"There is no step called {unit!r}: the steps are {', '.join(ZOOMS)}.")
    return Goal(unit, kinds_at(unit))


def event_class(name: str) -> type[e.Event]:
    """The event class of that name. Raises LabError, with a suggestion, if there is none."""
    if name not in EVENT_CLASSES:
        raise LabError(f"There is no event called {name!r}.{suggestion(name, EVENT_CLASSES)}")
    return EVENT_CLASSES[name]


def goal_for(until: Any) -> Goal:
    """The goal that `until` describes.

    A time ("5 ms"), a method ("basic.ack": sent by anyone), an event ("Delivered", or its class), or a
    function of a record. Raises LabError for anything else.
    """
    if isinstance(until, type) and issubclass(until, e.Event):
        return Goal(until.__name__, (until,))
    if isinstance(until, str) and until.strip()[:1].isalpha():
        return _named(until)
    if callable(until):
        return Goal("record that fits the condition", (), until)
    when = as_nanoseconds(until, "time to run until")
    return Goal(f"time {duration(when)}", when=when)


def _named(name: str) -> Goal:
    if name in EVENT_CLASSES:
        return Goal(name, (EVENT_CLASSES[name],))
    if name in METHOD_NAMES:
        return Goal(name, (e.CommandSent,), lambda record: getattr(record.event, "name", None) == name)
    near = suggestion(name, METHOD_NAMES | set(EVENT_CLASSES))
    raise LabError(
        f"{name!r} is no time like '5 ms', no method like 'basic.deliver', no event like 'Delivered'.{near}"
    )
