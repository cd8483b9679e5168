"""Change the past: run again from the seed, do one thing differently, and keep both runs.

Theory
------
The past is never edited. A fork is a second lab with the same seed, to which the same inputs are done in
the same order (:mod:`amqplab.lab.inputs`), with one intervention scheduled for its moment. Up to that
moment both runs must be the same, record for record. This is not believed but compared, before anything is
changed: if a program looked at the wall clock, drew unseeded chance, or read a variable that the first run
had changed, the fork says which record differed, and does not go on.

After the intervention the inputs go on as they came. What a cell did next it does next here, too, although
it may now fail, or take longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

from amqplab.lab.errors import LabError
from amqplab.lab.faults import Fault
from amqplab.lab.inputs import Inputs
from amqplab.lab.world import World
from amqplab.trace.diff import first_difference
from amqplab.trace.recorder import Recorder

__all__ = ["Divergence", "Intervention", "fork"]

Do = Fault | Callable[[Any], Any]
"""A fault, or a function of the new lab."""


class Forkable(Protocol):
    """What a fork needs of a lab."""

    interventions: list[Intervention]
    forked_at: int | None
    was_live: bool
    _inputs: Inputs
    _world: World

    @property
    def recorder(self) -> Recorder:
        """Everything that happened to it."""

    def intervene(self, fault: Fault) -> None:
        """Let `fault` happen."""


class Divergence(LabError):
    """The same inputs did not lead to the same past."""


class Intervention(NamedTuple):
    """One change of the past: what, and right after which record or at which time (ns)."""

    do: Do
    seq: int | None
    at: int | None


def fork(parent: Forkable, child: Forkable, intervention: Intervention, inputs: int) -> None:
    """Repeat the run of `parent`, as far as its first `inputs` led, on the fresh lab `child`, with one intervention
    more than it had.
    """
    _refuse_what_cannot_be_repeated(parent, inputs)
    failures: list[Exception] = []

    def intervene() -> None:
        try:
            _compare(parent, child)
            child.forked_at = len(child.recorder)
            _do(child, intervention.do)
        except Exception as error:
            failures.append(error)
            raise

    for earlier in _still_to_be_found(parent, intervention):
        child.interventions.append(earlier)
        child._world.schedule(
            partial(_do, child, earlier.do), seq=earlier.seq, at=earlier.at, ends=_ends(earlier.do)
        )
    child.interventions.append(intervention)
    child._world.schedule(intervene, seq=intervention.seq, at=intervention.at, ends=_ends(intervention.do))
    awake, parent._inputs.closed_for = parent._inputs.closed_for, ASLEEP
    try:
        for _ in child._inputs.replay(parent._inputs.done[:inputs], child):
            if failures:
                raise failures[0]
        child._world.changes.make(all_of_them=True)
    finally:
        parent._inputs.closed_for = awake


def _still_to_be_found(parent: Forkable, new: Intervention) -> Iterator[Intervention]:
    """The interventions that `parent` had. After the new one records are no longer the same: what was done after a
    later record is done at that record's time instead.
    """
    for earlier in parent.interventions:
        if earlier.seq is not None and _comes_after(parent, earlier.seq, new):
            yield Intervention(earlier.do, None, parent.recorder[earlier.seq].at)
        else:
            yield earlier


def _comes_after(parent: Forkable, seq: int, new: Intervention) -> bool:
    return seq > new.seq if new.seq is not None else parent.recorder[seq].at >= (new.at or 0)


ASLEEP = (
    "This lab is being forked: its callbacks and programs are running in the fork, and must use the channel "
    "that they are given there, not a variable of the first run."
)


def _do(child: Forkable, do: Do) -> None:
    with child._inputs.aside():
        if isinstance(do, Fault):
            child.intervene(do)
        else:
            do(child)


def _ends(do: Do) -> str | None:
    """At which host a process ends by this, if one does."""
    return do.client if isinstance(do, Fault) and do.ends_process else None


def _refuse_what_cannot_be_repeated(parent: Forkable, inputs: int) -> None:
    for entry in parent._inputs.done[:inputs]:
        if entry.cut_short:
            raise LabError(
                f"{entry} was interrupted from the keyboard, at a moment that cannot be found again. "
                "Run the cells once more in a new Lab, then fork that one."
            )
    if parent.was_live:
        raise LabError(
            "Real clients took part in this run, and nobody can make them do the same again. "
            "Fork a lab that has not served."
        )


def _compare(parent: Forkable, child: Forkable) -> None:
    """Both pasts must be the same, up to now."""
    known = parent.recorder[: len(child.recorder)]
    difference = first_difference(known, child.recorder)
    if difference is not None:
        raise Divergence(
            "The past did not repeat itself, so there is nothing to fork. Something depends on more than the "
            "seed: the wall clock, unseeded random numbers, or a variable that the first run has changed.\n"
            f"{difference}"
        )
