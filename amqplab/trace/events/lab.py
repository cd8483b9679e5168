"""What the laboratory itself reports: programs, calls, interventions, remarks.

Theory
------
A learner reads a run by the calls of the programs and by what was done to the world around them; both
stand in the stream beside what they caused. A call has one record when it is made and one when it ends.
"""

from __future__ import annotations

from amqplab.trace.events.declaring import Event, event

__all__ = [
    "CallFailed",
    "CallMade",
    "CallReturned",
    "CheckFailed",
    "Intervened",
    "MessageHandled",
    "NoteMade",
    "ProgramFinished",
    "ProgramStarted",
]


@event(chapter="lab", level="milestone", label="program {program} starts")
class ProgramStarted(Event):
    """A program began to run at its host."""

    program: str


@event(chapter="lab", level="milestone", label="program {program}: {outcome}")
class ProgramFinished(Event):
    """A program ended: `outcome` is "returned", "cancelled" or the error's text."""

    program: str
    outcome: str


@event(chapter="lab", level="command", label="{call}", hold=420)
class CallMade(Event):
    """A learner's code called the client: the text is the call as it could be typed."""

    call: str


@event(
    chapter="lab",
    level="command",
    label=lambda end: f"{'returns' if end.awaited else 'is answered:'} {end.result}",
    hold=460,
)
class CallReturned(Event):
    """That call returned; `call_seq` is the seq of its CallMade. If it was not `awaited` where it was made, it had
    given its future then, and here is the answer.
    """

    call_seq: int
    result: str
    awaited: bool = True


@event(
    chapter="lab",
    level="command",
    label=lambda end: f"{'raises' if end.awaited else 'fails:'} {end.error}",
    hold=460,
)
class CallFailed(Event):
    """That call raised; or, if it was not `awaited` where it was made, its answer is an error."""

    call_seq: int
    error: str
    awaited: bool = True


@event(chapter="lab", level="milestone", label="delivery {delivery_tag} handled")
class MessageHandled(Event):
    """A program's own code finished with a delivered message."""

    connection: str
    channel: int
    delivery_tag: int


@event(chapter="lab", level="milestone", label="{text}")
class NoteMade(Event):
    """A remark of the lesson, shown as a milestone."""

    text: str


@event(chapter="lab", level="milestone", label="{action} {target}", mark="act")
class Intervened(Event):
    """Somebody changed the world: a fault injected or healed."""

    action: str
    target: str
    detail: str


@event(chapter="lab", level="milestone", label="{check} is broken", mark="act")
class CheckFailed(Event):
    """An invariant was seen broken."""

    check: str
    detail: str
