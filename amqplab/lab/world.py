"""One run of the simulated world: its clock, its network, its broker, and the processes that live in it.

Theory
------
A world is built from a seed and nothing else. It holds

    the loop       an asyncio event loop on virtual time: everything that happens is one of its callbacks
    the network    hosts and links; a tap on each end of each connection shows every octet to the recorder
    the broker     the sans-I/O broker on its asyncio adapter, listening at the host "broker", port 5672
    processes      programs and the cells' own connections, one process for each host

and it is driven from outside, one callback after the other, by :meth:`World.drive`, until something is
reached or nothing is left to do. Between two callbacks the world stands still, and only there is it ever
changed by hand (:mod:`amqplab.lab.changes`).

"Nothing is left to do" needs care, because two connected peers send heartbeats for ever. A world is *quiet*
when no callback is due, no octet is under way or unacknowledged, and every timer that is still set belongs
to that housekeeping and not to a program.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from amqplab.broker.broker import Broker
from amqplab.client.protocol import ClientProtocol
from amqplab.client.waiting import Waiting
from amqplab.lab.changes import Change, Changes, check_going, telling
from amqplab.lab.checks import Checks
from amqplab.lab.errors import LabError, NothingMoreComes
from amqplab.lab.interrupts import Interrupts
from amqplab.lab.processes import PROCESS, AtHome, Process
from amqplab.lab.progress import Progress
from amqplab.lab.randomness import Randomness
from amqplab.net.server import BrokerServer
from amqplab.net.tapped import TappedProtocol
from amqplab.sim.loop import SimLoop
from amqplab.sim.network import Network
from amqplab.sim.segment import LinkProfile
from amqplab.trace.events import Event
from amqplab.trace.recorder import CAUSE, Recorder, because
from amqplab.trace.tap import Tap
from amqplab.trace.until import Goal

__all__ = ["BROKER_HOST", "BROKER_PORT", "CLOSED", "PATIENCE_NS", "World", "waiting_for"]

P = ParamSpec("P")
BROKER_HOST = "broker"
BROKER_PORT = 5672


HOUSEKEEPING = (BrokerServer, ClientProtocol, Change)
"""Who sets timers that alone keep no world going: heartbeats, the broker's deadlines, changes to come."""

HELD = ("ESTABLISHED", "CLOSE-WAIT")
"""The states in which a program still has its connection."""

PATIENCE_NS = 3_600 * 10**9
"""How much virtual time a call, or a run without a given end, may take: an hour."""

MOST_ROUNDS = 10
"""How often closing looks again for tasks that were made by closing others."""

CLOSED = "This lab is closed: make a new one with Lab(seed=…)."

MOST_IN_AN_INSTANT = 1_000_000
"""Callbacks without time passing, after which somebody is taken to run in a circle."""


class World:
    """A simulated world, made from `seed` and the `profile` of its links. `recording` False keeps no records
    and sets no taps, which is several times faster.
    """

    broker_host = BROKER_HOST

    def __init__(self, seed: int, profile: LinkProfile, *, recording: bool = True) -> None:
        self.loop = SimLoop()  # type: ignore[abstract]  # it has what asyncio's users call
        self.network = Network(self.loop, seed, profile)
        self.recorder = Recorder(self.loop.time_ns)
        self.checks = Checks(self.recorder)
        self.recording = recording
        if recording:
            self.loop.recorder = self.recorder
            self.loop.report_for = self.recorder.reporter
            self.network.wrap_protocol = self._tapped
        else:
            self.network.wrap_protocol = lambda inner, _, host: AtHome(inner, self.process_at(host))
        self.broker = Broker(report=self.recorder.reporter(BROKER_HOST) if recording else None)
        self.server = BrokerServer(self.broker, loop=self.loop, now=self.loop.time_ns)
        self.processes: dict[str, Process] = {}
        self.loop.hold = self._held_back
        self.changes = Changes(self.recorder, self.loop.clock)
        self._driving = False
        self._randomness = Randomness(seed)
        self.closed = False
        self.services: dict[str, Callable[[], None]] = {BROKER_HOST: self._start_broker}
        """What a machine starts when it gets its power back, by host."""
        self.complete(self.process_at(BROKER_HOST), self._listen())

    async def _listen(self) -> None:
        await self.loop.create_server(self.server.protocol, BROKER_HOST, BROKER_PORT)

    @property
    def now(self) -> int:
        """The virtual time in ns."""
        return self.loop.time_ns()

    def report(
        self, where: str, kind: Callable[P, Event], /, *fields: P.args, **named: P.kwargs
    ) -> int | None:
        """Record one event; None while nothing is recorded."""
        check_going()
        return self.recorder.record(where, kind, *fields, **named) if self.recording else None

    # --- processes -------------------------------------------------------------------------------------

    def process_at(self, host: str) -> Process:
        """The process at `host`; a new one if there is none, or if it is dead."""
        process = self.processes.get(host)
        if process is None or process.dead:
            process = self.processes[host] = Process(host)
        return process

    def _tapped(self, inner: asyncio.BaseProtocol, connection: str, host: str) -> asyncio.BaseProtocol:
        tap = Tap(self.recorder, connection, host)
        return AtHome(TappedProtocol(inner, tap), self.process_at(host))

    def _held_back(self, handle: Any) -> bool:
        """The loop asks before each call: is it made for a process that stands still?"""
        process = handle._context.get(PROCESS)
        if process is None or not process.stopped:
            return False
        if not process.dead:
            process.held.append(lambda: self.loop.resume(handle))
        return True

    def spawn(self, host: str, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task on behalf of the process at `host`; it runs when the world does."""
        task = self.loop.create_task(coroutine, context=self.process_at(host).context(), name=name)
        task.add_done_callback(take_note)
        return task

    def freeze(self, host: str) -> None:
        """The process at `host` stands still from now on; one that is dead does so already."""
        before = self.processes.get(host)
        if before is not None and before.stopped:
            return
        process = self.process_at(host)
        process.frozen = True
        for endpoint in self._ends_at(host):
            if endpoint.reading:
                endpoint.pause()
                process.held.append(endpoint.resume)

    def thaw(self, host: str) -> None:
        """It goes on where it stopped."""
        process = self.process_at(host)
        process.frozen = False
        held, process.held = process.held, []
        for call in held:
            self.loop.clock.soon(self._go_on, CAUSE.get(), call)

    @staticmethod
    def _go_on(thawed: int | None, call: Callable[[], Any]) -> None:
        """Make a call that was held back; it knows its own cause, or else being thawed is one."""
        with because(thawed):
            call()

    def power_off(self, host: str) -> None:
        """The machine at `host` loses power: nothing of it is left, and nobody is told."""
        self._bury(host)
        self.network.power_off(host)
        if host == BROKER_HOST:
            self.server.power_lost()

    def power_on(self, host: str) -> None:
        """The machine is back. It knows nothing of its connections, and starts what it started before."""
        if self.network.has_power(host):
            return
        self.network.power_on(host)
        if host in self.services:
            self.services[host]()

    def _start_broker(self) -> None:
        process = self.process_at(BROKER_HOST)
        self.loop.create_task(self._listen(), context=process.context(), name="listening")
        process.enter(self.server.power_restored)

    def kill(self, host: str) -> None:
        """The process at `host` ends at once; its operating system closes or resets its connections."""
        self._bury(host)
        self.network.kill(host)

    def fail(self, host: str) -> None:
        """The program at `host` has raised an error that nobody caught: with it ends its process, unless that is also
        a notebook's, at its prompt.
        """
        if not self.process_at(host).at_prompt:
            self.kill(host)

    def _bury(self, host: str) -> None:
        process = self.process_at(host)
        process.dead = True
        process.held.clear()

    def reset(self, host: str) -> None:
        """All connections of `host` are reset there, as by an operator: both ends learn it, one of them by RST."""
        for connection in dict.fromkeys(endpoint.connection for endpoint in self._ends_at(host)):
            self.network.reset(connection, host)

    def _ends_at(self, host: str) -> list[Any]:
        return [endpoint for endpoint in self.network.endpoints.values() if endpoint.host == host]

    # --- driving ---------------------------------------------------------------------------------------

    def drive(self, done: Callable[[], bool], *, what: str = "running", end: int | None = None) -> bool:
        """Make callbacks until `done()`, which is asked between two of them. False if nothing was left to do
        before. `what` and `end` (ns) label the progress bar of a run that takes long.
        """
        self._check_standing_still()
        self._driving = True
        try:
            with self._randomness, Interrupts() as interrupts, Progress(what, self.now, end) as progress:
                return self._drive(done, interrupts, progress)
        except KeyboardInterrupt:
            for task in filter(asyncio.Task.done, self.loop.tasks()):
                take_note(task)
            raise
        finally:
            self._driving = False

    def _check_standing_still(self) -> None:
        if self.closed:
            raise LabError(CLOSED)
        if self._driving:
            raise LabError(
                "The world is being driven already: a program, a condition or a fault must not run the lab. "
                "In a program, write 'await'."
            )

    def _drive(self, done: Callable[[], bool], interrupts: Interrupts, progress: Progress) -> bool:
        clock = self.loop.clock
        instant, count = clock.now, 0
        reached = False

        def going() -> bool:
            nonlocal instant, count, reached
            if clock.now != instant:
                instant, count = clock.now, 0
            count += 1
            progress.advance(clock.now)
            reached = done()
            return not (reached or self.changes.due or interrupts.pending or count > MOST_IN_AN_INSTANT)

        while True:
            self.loop.run_while(going)
            if interrupts.pending:
                raise KeyboardInterrupt
            if count > MOST_IN_AN_INSTANT:
                raise LabError(self._runs_in_a_circle())
            if not self.changes.due:
                return reached or done()
            self.changes.make()

    def _runs_in_a_circle(self) -> str:
        return (
            f"Time stands still: {MOST_IN_AN_INSTANT:,} steps were made at one instant. Some program goes "
            "round and round without waiting; let it sleep for a while: 'await asyncio.sleep(0.001)'."
        )

    def complete(self, process: Process, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run `coroutine` on behalf of `process` to its end, and return its result: a cell's blocking call.

        Raises NothingMoreComes if it waits for what nobody will send, and LabError if its process stops.
        """
        try:
            self._check_standing_still()
            self._check_alive(process)
        except LabError:
            coroutine.close()
            raise
        task = self.loop.create_task(coroutine, context=process.context(), name=f"the call at {process.host}")
        end = self.now + PATIENCE_NS
        try:
            self.drive(lambda: task.done() or process.stopped or self._in_vain(task) or self.now > end)
            if task.done():
                return task.result()
            if process.stopped:
                raise LabError(f"The process at {process.host!r} stopped in the middle of this call.")
            raise NothingMoreComes(
                f"This call waits for {waiting_for(task) or 'something'}, and nothing is left in this world "
                "that could bring it."
            )
        finally:
            if process.frozen:
                task.add_done_callback(take_note)  # it stands still, and goes on when it is thawed
            else:
                self.abandon(task)

    def check_process(self, host: str) -> None:
        """Raise LabError if there is no process at `host` that could be ended, stopped, or go on."""
        self.check_power(host)
        process = self.processes.get(host)
        if process is not None and process.dead:
            raise LabError(f"The process at {host!r} is gone: first call lab.connect({host!r}).")

    def _check_alive(self, process: Process) -> None:
        self.check_power(process.host)
        if process.stopped:
            state, cure = ("gone", "connect") if process.dead else ("frozen", "thaw")
            host = process.host
            raise LabError(f"The process at {host!r} is {state}: first call lab.{cure}({host!r}).")

    def check_power(self, host: str) -> None:
        """Raise LabError if nothing can run at `host`."""
        if not self.network.has_power(host):
            raise LabError(f"The machine {host!r} has no power: first call lab.power_on({host!r}).")

    def _in_vain(self, task: asyncio.Task[Any]) -> bool:
        """Whether a cell waits for a message while nobody does anything that could lead to one."""
        due = self.loop.clock.next_time()
        if due is None:
            return True
        if due <= self.now:
            return False
        return self._waits_for_message(task) and self.quiet(timers_count=True)

    @staticmethod
    def _waits_for_message(task: asyncio.Task[Any]) -> bool:
        waiting = awaited(task)
        return isinstance(waiting, Waiting) and waiting.for_message

    def quiet(self, *, timers_count: bool) -> bool:
        """Whether nothing but housekeeping is planned. `timers_count`: are programs' timers something?"""
        due = self.loop.clock.next_time()
        if due is None:
            return True
        if due <= self.now:
            return False
        return all(
            isinstance(owner, HOUSEKEEPING) or (asyncios and not timers_count)
            for owner, asyncios in self.loop.planned()
        )

    def somebody_waits_in_vain(self) -> bool:
        """Whether somebody holds on to a connection on which nothing comes any more, because the other end is silent,
        out of reach, or not there, and does not know it yet.
        """
        silent = {host for host, process in self.processes.items() if process.frozen}
        ends = self.network.endpoints.values()
        there = {(end.local, end.remote) for end in ends}
        return any(
            end.state in HELD and end.host not in silent
            for end in ends
            if end.remote.rpartition(":")[0] in silent
            or not self.network.reaches(end.remote, end.local)
            or (end.remote, end.local) not in there
        )

    def abandon(self, task: asyncio.Task[Any]) -> None:
        """Forget a task that will not be finished, without letting it do anything more."""
        if not task.done():
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            task.add_done_callback(take_note)
            self.loop._forget(task)
            try:
                task.get_coro().close()
            except RuntimeError:
                return  # it awaits something in a `finally`: there is nobody left to wait for

    # --- changes, each at its moment --------------------------------------------------------------------

    def schedule(
        self, action: Callable[[], None], *, seq: int | None, at: int | None, ends: str | None = None
    ) -> None:
        """Do `action` right after record `seq`, or at the time `at` (ns). The process at `ends` ends with it."""
        if ends is not None and self.recording:
            self.loop.report_for = lambda host: telling(self.recorder.reporter(host))
        self.changes.schedule(action, seq=seq, at=at, ends=ends)

    def before_a_call(self) -> None:
        """A cell is about to call something: what was due when its last call ended comes first."""
        if self.changes.due and not self._driving:
            self.changes.make()

    def drive_to(self, goal: Goal, end: int) -> None:
        """Drive until a record reaches `goal`, or the time `end` (ns) is over."""

        def see(seq: int) -> None:
            goal.see(self.recorder, seq)

        self.recorder.observe(see, goal.kinds or None)
        try:
            self.drive(lambda: goal.reached is not None or self.now > end, what=f"until {goal.text}")
        finally:
            self.recorder.ignore(see)

    # --- keeping pace with real time ---------------------------------------------------------------------

    def run_to(self, when: int) -> None:
        """Run everything up to `when` ns."""
        self.loop.run_until(when)

    def next_due(self) -> int | None:
        """When the next callback is planned, in ns."""
        return self.loop.clock.next_time()

    # --- the end -----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave nothing behind: no task, no timer. Nothing more happens, and nothing more is recorded."""
        if self.closed:
            return
        self.closed = True
        self.loop.set_exception_handler(look_away)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # other people's clean-up that cannot be awaited
            for _ in range(MOST_ROUNDS):
                if not (tasks := self.loop.tasks()):
                    break
                for task in tasks:
                    self.abandon(task)
        self.loop.close()


def look_away(loop: SimLoop, context: dict[str, Any]) -> None:
    """An error that was on its way to code that runs no more has nobody to look at it, and that is no trouble."""
    if "future" not in context:
        loop.default_exception_handler(context)


def take_note(task: asyncio.Task[Any]) -> None:
    """Look at how a task ended, so that asyncio does not log it as unseen."""
    if not task.cancelled():
        task.exception()


def waiting_for(task: asyncio.Task[Any]) -> str:
    """What a task waits for, in words; "" if it does not say."""
    return str(getattr(awaited(task), "waiting_for", ""))


def awaited(task: asyncio.Task[Any]) -> object:
    """The future that a task waits for now; None if it does not wait."""
    return getattr(task, "_fut_waiter", None)
