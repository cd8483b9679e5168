"""Everything that was done to a lab from outside, kept so that it can be done again.

Theory
------
A simulated world is a function of its seed and of what is done to it: "connect", "publish", "run until 5
ms", "cut this link". Whoever keeps that list can run the same world again and change one thing on the way:
that is what a fork is. Nothing in the world itself needs saving or undoing.

So each method by which a learner touches the world is marked :func:`recorded`. The outermost such call is
one *input*: the object it was called on, its name and its arguments. What a call does in turn, for example
a callback that acknowledges inside ``process_data_events``, is the world's own doing and happens again by
itself.

Objects are named by *handles*, counted in the order in which they came to be: the first connection is
handle 0 in the first run and in every run after it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from amqplab.lab.errors import LabError

__all__ = ["Input", "Inputs", "Touched", "recorded"]

Function = TypeVar("Function", bound=Callable[..., Any])


class Asleep(LabError):
    """This lab may not be touched now."""


@dataclass
class Input:
    """One thing done from outside. `target` is a handle, or None for the lab itself. `made` is the handle of
    what the call returned, if that can be touched in turn. `cut_short` tells of a keyboard interrupt.
    """

    target: int | None
    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    made: int | None = None
    cut_short: bool = False

    def __repr__(self) -> str:
        given = [repr(argument) for argument in self.arguments]
        given += [f"{name}={value!r}" for name, value in self.options.items()]
        return f"{self.method}({', '.join(given)})"


class Touched:
    """Mixin of whatever can be touched from outside: it knows the inputs of its lab."""

    _inputs: Inputs


class Inputs:
    """The list of inputs of one lab, and the objects that they were done to."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self._before = before  # called whenever somebody touches the world
        self._aside = False
        self.done: list[Input] = []
        self._handles: list[Any] = []
        self._inside = False
        self.closed_for: str | None = None
        """Why nothing may be done to this lab now; None if it may."""

    def perform(self, target: Any, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Do `function(target, …)`, and keep it as an input if nothing else is being done."""
        self._before()
        if self._inside:
            return function(target, *args, **kwargs)
        if self.closed_for is not None:
            raise Asleep(self.closed_for)
        entry = Input(self._handle_of(target), name, tuple(map(_kept, args)), _kept(kwargs))
        if not self._aside:
            self.done.append(entry)
        self._inside = True
        try:
            result = function(target, *args, **kwargs)
        except KeyboardInterrupt:
            entry.cut_short = True
            raise
        finally:
            self._inside = False
        if isinstance(result, Touched) and self._handle_of(result) is None:
            entry.made = self._adopt(result)
        return result

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is done meanwhile is no input: it changes the past, and who repeats this run changes it again."""
        before, self._aside = self._aside, True
        try:
            yield
        finally:
            self._aside = before

    def _adopt(self, made: Touched) -> int:
        made._inputs = self
        self._handles.append(made)
        return len(self._handles) - 1

    def _handle_of(self, target: Any) -> int | None:
        for handle, known in enumerate(self._handles):
            if known is target:
                return handle
        return None

    def replay(self, inputs: list[Input], lab: Any) -> Iterator[Input]:
        """Do `inputs`, another lab's, to `lab`, whose own these are; yields each after it is done.

        A call that fails here fails as it would have failed in the cell: that is part of the record, and what
        needs the missing result is left out.
        """
        objects: dict[int | None, Any] = {None: lab}
        for entry in list(inputs):
            target = objects.get(entry.target)
            if target is None:
                continue
            try:
                result = getattr(target, entry.method)(*entry.arguments, **entry.options)
            except Asleep:
                raise
            except Exception:
                result = None
            if entry.made is not None:
                objects[entry.made] = result
            yield entry


def _kept(value: Any) -> Any:
    """An argument as it is now: the cell may change its dictionaries and lists later."""
    return copy.deepcopy(value) if isinstance(value, dict | list) else value


def recorded(function: Function) -> Function:
    """Mark a method of a :class:`Touched` as a way of touching the world."""

    @wraps(function)
    def touching(self: Touched, *args: Any, **kwargs: Any) -> Any:
        return self._inputs.perform(self, function.__name__, function, args, kwargs)

    return touching  # type: ignore[return-value]
