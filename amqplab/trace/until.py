"""How far to go: the one grammar of goals, for a run that goes on and for a reader who looks for a record.

Theory
------
``lab.run(until="Delivered")`` and the stage's *run until* mean the same by the same words:

    20 ms              the time, from the start of the run
    basic.ack          the next sending of this method (its arrival, where nobody recorded the sending)
    Delivered          the next event of this kind
    #3                 the next record that changes message 3
    app ready = 2      the next change of the queue 'app' after which it holds two Ready messages; also
                       "unacked" and "total", and < <= >= >
    "tuned"            the next record with these words in its label

In Python it may also be an event's class, or a function of a record. Names may be written in any case.

:func:`parse` says what a text means, as plain values; ``js/goals.js`` does the same for the browser, and both
are held to one table of examples. A goal reads the record stream like everybody else: the lab runs one
callback of the event loop after the other and stops as soon as the goal says that it is reached; so a run
never stops in the middle of a callback, and a goal never changes what happens.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.asking import LabError, suggestion
from amqplab.trace.chapters import STORY_KINDS
from amqplab.trace.draft import Patch, State
from amqplab.trace.fold import step
from amqplab.trace.keys import client_host, message_key, unescape
from amqplab.trace.labels import label_of
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.units import as_nanoseconds
from amqplab.trace.words import duration
from amqplab.trace.zoom import ZOOMS, kinds_at
from amqplab.wire.methods import METHODS

__all__ = ["EVENT_CLASSES", "METHOD_NAMES", "Goal", "event_class", "goal_for", "next_step", "parse"]

METHOD_NAMES = frozenset(method.name for method in METHODS.values()) | {"protocol-header", "heartbeat"}
"""What a recorded command is called: by its method, or by the one of the two that are no method."""

EVENT_CLASSES = {kind.__name__: kind for kind in e.ABOUT}

COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
COUNTS = {"ready": "ready_count", "unacked": "unacked_count", "total": "total"}

MESSAGE = re.compile(r"#(\d+)")
QUEUE = re.compile(rf"(\S.*?) +({'|'.join(COUNTS)}) *({'|'.join(COMPARE)}) *(\d+)", re.IGNORECASE)
LABEL = re.compile(r'"([^"]+)"')

Meaning = tuple[Any, ...]
"""("message", number), ("queue", name, count, sign, number), ("label", words), ("event", name),
("method", name) or ("time", ns)."""

Test = Callable[[Recorder, Record], object]


def parse(text: str) -> Meaning:
    """What a text means. Raises LabError, with a suggestion, if it means nothing."""
    said = text.strip()
    if match := MESSAGE.fullmatch(said):
        return "message", int(match[1])
    if match := QUEUE.fullmatch(said):
        return "queue", match[1], match[2].lower(), match[3], int(match[4])
    if match := LABEL.fullmatch(said):
        return "label", match[1].lower()
    if not said[:1].isalpha():
        return "time", as_nanoseconds(said, "time to run until")
    for kind, names in (("event", EVENT_CLASSES), ("method", METHOD_NAMES)):
        for name in names:
            if name.lower() == said.lower():
                return kind, name
    near = suggestion(said, METHOD_NAMES | set(EVENT_CLASSES))
    raise LabError(
        f"{text!r} is no time like '5 ms', no method like 'basic.deliver', no event like 'Delivered'.{near}"
    )


class Goal:
    """Something to run until: a record of one of `kinds` (any, if empty) that passes `test`, or a time.

    ``text`` says in words what is waited for; ``reached`` is the seq of the record that reached it.
    """

    def __init__(
        self,
        text: str,
        kinds: tuple[type[e.Event], ...] = (),
        test: Test | None = None,
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
        if self._test is None or self._test(recorder, recorder[seq]):
            self.reached = seq


def next_step(unit: str) -> Goal:
    """The goal of one step of `unit`: the next record of that size, or for the story the next record that may
    end one of its steps. Raises LabError for an unknown unit.
    """
    if unit not in ZOOMS:
        raise LabError(f"There is no step called {unit!r}: the steps are {', '.join(ZOOMS)}.")
    return Goal(unit, STORY_KINDS if unit == "story" else kinds_at(unit))


def event_class(name: str) -> type[e.Event]:
    """The event class of that name. Raises LabError, with a suggestion, if there is none."""
    if name not in EVENT_CLASSES:
        raise LabError(f"There is no event called {name!r}.{suggestion(name, EVENT_CLASSES)}")
    return EVENT_CLASSES[name]


def goal_for(until: Any) -> Goal:
    """The goal that `until` describes: a text as above, an event's class, or a function of a record. Raises
    LabError for anything else.
    """
    if isinstance(until, type) and issubclass(until, e.Event):
        return Goal(until.__name__, (until,))
    if isinstance(until, str):
        return GOALS[(meaning := parse(until))[0]](*meaning[1:])
    if callable(until):
        return Goal("record that fits the condition", (), lambda _, record: until(record))
    return at_time(as_nanoseconds(until, "time to run until"))


# --- one for each meaning --------------------------------------------------------------------------------


def at_time(when: int) -> Goal:
    return Goal(f"time {duration(when)}", when=when)


def event_named(name: str) -> Goal:
    return Goal(name, (EVENT_CLASSES[name],))


def labelled(words: str) -> Goal:
    return Goal(f'label with "{words}"', (), lambda _, record: words in label_of(record).lower())


def method_sent(name: str) -> Goal:
    def test(recorder: Recorder, record: Record) -> bool:
        event = record.event
        if getattr(event, "name", None) != name:
            return False
        return isinstance(event, e.CommandSent) or not _was_sent(recorder, record)

    return Goal(name, (e.CommandSent, e.CommandReceived), test)


def _was_sent(recorder: Recorder, received: Record) -> bool:
    """Whether the sending of what was received is in the recording."""
    connection, host = getattr(received.event, "connection", ""), getattr(received.event, "host", "")
    at_client = host == client_host(connection)
    for seq in range(received.seq):
        if recorder.kind_of(seq) is e.FrameSent:
            event = recorder[seq].event
            assert isinstance(event, e.FrameSent)
            if event.connection == connection and (event.host == client_host(connection)) != at_client:
                return True
    return False


def message_changed(number: int) -> Goal:
    states, key = Following(), message_key(number)

    def test(recorder: Recorder, record: Record) -> bool:
        return any(changed == key for changed, _, _ in states.patch_of(recorder, record.seq))

    return Goal(f"record that changes message {number}", (), test)


def queue_holds(queue: str, count: str, sign: str, number: int) -> Goal:
    states, field, compare = Following(), COUNTS[count], COMPARE[sign]

    def test(recorder: Recorder, record: Record) -> bool:
        return any(
            key.startswith("queue/") and unescape(key.split("/")[2]) == queue and compare(new[field], number)
            for key, _, new in states.patch_of(recorder, record.seq)
            if new is not None
        )

    return Goal(f"queue '{queue}' with {count} {sign} {number}", (), test)


class Following:
    """The state, record after record, for a goal that depends on it."""

    def __init__(self) -> None:
        self._state: State = {}
        self._next = 0

    def patch_of(self, recorder: Recorder, seq: int) -> Patch:
        """What record `seq`, which is later than any asked for before, changes in the state."""
        patch: Patch = []
        while self._next <= seq:
            patch = step(self._state, recorder[self._next])
            self._next += 1
        return patch


GOALS: dict[str, Callable[..., Goal]] = {
    "time": at_time,
    "event": event_named,
    "method": method_sent,
    "label": labelled,
    "message": message_changed,
    "queue": queue_holds,
}
