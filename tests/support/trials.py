"""Many small trials at once: what does a broker do when *this* comes in *that* state?

Theory
------
A trial brings one connection into a state, says one thing, and writes down what follows. Silence is no
observation: one would have to wait for its end. So each trial asks a question behind its input, one that a
broker in good health answers. The trial is over when the answer has come, or the connection has ended;
whether that was at once or after the three seconds for bad peers is part of what is written down.

Thousands of such waits would take long one after the other. They pass together: many trials are under way at
any time, and all are listened to in turns.

RabbitMQ's parts are processes, and a client that asks too early hears them in any order. So a question waits
where it must (:attr:`State.instead`), and is repeated (:attr:`State.again`) until everybody has spoken; its
answers are not written down.
"""

from __future__ import annotations

import re
import select
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from peer import Peer
from playing import GENERATED

from amqplab.wire.frames import FRAME_HEADER, FRAME_METHOD, encode_method
from amqplab.wire.methods import Channel, Connection, Method, decode_method

__all__ = ["Input", "State", "Trial", "differences", "outcomes"]

AT_ONCE_S = 2.0
LIMIT_S = 15.0
TOGETHER = 600  # connections at a time
STARTED_AT_ONCE = 20
POLL_MS = 10
STEP_S = 0.25  # of virtual time
REOPEN = encode_method(1, Channel.Open()) + encode_method(1, Channel.Flow(active=True))
FREE_AND_REOPEN = encode_method(1, Channel.CloseOk()) + REOPEN


@dataclass(frozen=True)
class State:
    """How to get there, what to ask there, and what the answer is.

    `legal` is the input that has the same kind of answer as the question. `instead` is what to ask behind
    some inputs; if that is nothing, the input has an answer that says enough. `again` is what else to ask,
    question by question. `reopening` is what makes the channel usable after a close-ok.
    """

    name: str
    enter: Callable[[Any], Peer]
    question: bytes
    answer: type[Method]
    legal: str = ""
    instead: Mapping[str, bytes] = field(default_factory=dict)
    again: tuple[bytes, ...] = ()
    reopening: bytes = REOPEN


class Input(NamedTuple):
    """Something to say."""

    name: str
    octets: bytes


class Trial:
    """One input in one state."""

    def __init__(self, broker: Any, state: State, said: Input) -> None:
        self.peer = state.enter(broker)
        self.told: list[str] = []
        self.done = False
        self._names: dict[str, str] = {}
        self._answer = state.answer
        self._own_answers = int(said.name == state.legal)
        self._again = list(state.again)
        self._reopening = state.reopening
        self._question = state.instead.get(said.name, state.question)
        self.peer.send_octets(said.octets)
        self.peer.send_octets(self._question)
        self.restart()

    def restart(self) -> None:
        """From now on it counts how long an answer takes."""
        self._since = self.peer.pipe.now()

    @property
    def waited(self) -> float:
        """Seconds since the input."""
        return self.peer.pipe.now() - self._since

    def listen(self) -> None:
        """Take in what has come."""
        peer = self.peer
        peer._read(STEP_S, may_end=True)
        frames, peer._frames = peer._frames, []
        for frame in frames:
            if not self.done:
                self._frame(*frame)
        if not self.done and peer.ended:
            self._end(f"{peer.ended} {'at once' if self.waited < AT_ONCE_S else 'late'}")

    def give_up(self) -> None:
        """Nothing comes any more."""
        if not self.done and self.waited > LIMIT_S:
            self._end("silence")

    def _end(self, how: str) -> None:
        if self.peer._octets:
            self.told.append(f"{self.peer._octets!r}")
        self.told.append(how)
        self.done = True

    def _frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == FRAME_METHOD:
            self._method(channel, decode_method(payload))
        elif kind == FRAME_HEADER:
            self._tell(channel, f"header of {struct.unpack('>Q', payload[4:12])[0]}")
        else:
            self._tell(channel, f"body {payload!r}")

    def _method(self, channel: int, method: Any) -> None:
        """Write it down, and do what a client has to do about it."""
        if type(method) is self._answer:
            self._answered()
            return
        self._tell(channel, f"{method.name} {tuple(method)}")
        if isinstance(method, Connection.Close):
            self.peer.send(Connection.CloseOk())
        elif isinstance(method, Channel.Close):
            self.peer.send_octets(FREE_AND_REOPEN)
        elif isinstance(method, Channel.CloseOk) and not self._question:
            self.peer.send_octets(self._reopening)
        self.done = isinstance(method, Connection.CloseOk)

    def _answered(self) -> None:
        if self._own_answers:
            self._own_answers -= 1
            self.told.append("the same answer as the question's")
        elif self._again:
            self.peer.send_octets(self._again.pop(0))
        else:
            self.told.append("goes on")
            self.done = True

    def _tell(self, channel: int, line: str) -> None:
        line = GENERATED.sub(lambda found: self._names.setdefault(found[0], f"{found[1]}…"), line)
        self.told.append(f"channel {channel}: " + re.sub(r"\s+", " ", line))


def outcomes(trials: Iterable[tuple[Any, Callable[[], Trial]]]) -> dict[Any, list[str]]:
    """What each trial leads to, by its key."""
    told: dict[Any, list[str]] = {}
    busy: dict[Any, Trial] = {}
    waiting = iter(trials)
    while True:
        for key, begin in islice(waiting, min(STARTED_AT_ONCE, TOGETHER - len(busy))):
            busy[key] = begin()
        if not busy:
            return told
        for trial in _heard(busy.values()):
            trial.listen()
        for key, trial in list(busy.items()):
            trial.give_up()
            if trial.done:
                trial.peer.abort()
                told[key] = busy.pop(key).told


def _heard(trials: Iterable[Trial]) -> list[Trial]:
    """Those for whom something has come, or for whom waiting costs nothing."""
    ready = [trial for trial in trials if trial.peer.pipe.virtual]
    poll = select.poll()
    sockets = {trial.peer.pipe.fileno(): trial for trial in trials if not trial.peer.pipe.virtual}
    for number in sockets:
        poll.register(number, select.POLLIN)
    return ready + [sockets[number] for number, _ in poll.poll(0 if ready else POLL_MS)]


def differences(theirs: Mapping[str, list[str]], ours: Mapping[str, list[str]]) -> str:
    """One paragraph for each input that two brokers answer differently; empty if there is none."""
    return "\n".join(
        f"{name}:\n  RabbitMQ: {theirs[name]}\n  here:     {ours[name]}"
        for name in theirs
        if theirs[name] != ours[name]
    )
