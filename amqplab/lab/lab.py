"""The laboratory: what a lesson touches.

Theory
------
A :class:`Lab` is one simulated world, the record of what happened in it, and the list of what was done to
it. There are two ways to act in it, freely mixed:

    cell by cell   ``channel = lab.connect("producer").channel()``: pika's own calls. Each drives virtual
                   time until its answer is there.
    as programs    ``@lab.program("consumer")`` above an ``async def``; ``lab.run()`` lets them live.

Time moves only in such calls. Between them the world stands still: look at it (:mod:`amqplab.lab.views`),
break it (``lab.cut("producer")``), or change its past (``lab.fork(at=…, do=…)``).
"""

from __future__ import annotations

import contextlib
import io
import itertools
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from amqplab.client.calls import call_text
from amqplab.client.parameters import parameters_from
from amqplab.client.waiting import describe
from amqplab.lab.breaking import Breaking
from amqplab.lab.errors import LabError, listed
from amqplab.lab.faces import LabConnection
from amqplab.lab.faults import Fault, fault_from_button
from amqplab.lab.fork import Do, Intervention, fork
from amqplab.lab.html_summary import html_summary
from amqplab.lab.inputs import Inputs, recorded
from amqplab.lab.links import KEEP, changed
from amqplab.lab.live import LiveServer, Opening, open_live
from amqplab.lab.programs import BROKER_URL, Program, ProgramFunction, begin, begin_again
from amqplab.lab.report import RunReport, report_on
from amqplab.lab.world import BROKER_HOST, CLOSED, PATIENCE_NS, World
from amqplab.sim.segment import LinkProfile
from amqplab.trace import events as e
from amqplab.trace.moments import Moment, is_named
from amqplab.trace.recorder import Record, because
from amqplab.trace.units import Time, as_nanoseconds
from amqplab.trace.until import Goal, goal_for, next_step
from amqplab.trace.words import duration

__all__ = ["Lab"]

LITTLE_NS = 5 * 10**9
"""How long a history may go on after a change at its end: time for TCP to notice."""

LONG_NS = 300 * 10**9
"""The same where somebody has fallen silent: time for heartbeats to notice."""

MANY = 20_000
"""Records after which a history is long enough, whatever has been noticed."""


class Lab(Breaking):
    """A laboratory, made from a `seed`: the same seed and the same steps give the same octets, everywhere.

    `latency`, `jitter`, `bandwidth` and `loss` describe every link that :meth:`link` says nothing about.
    Without `recording` nothing can be looked at, and runs are several times faster.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        latency: Time = "1 ms",
        jitter: Time = 0,
        bandwidth: str | None = None,
        loss: str | float = 0,
        title: str = "",
        recording: bool = True,
    ) -> None:
        if not isinstance(seed, int):
            raise LabError(f"The seed {seed!r} is no whole number: write for example Lab(seed=1).")
        self.seed = seed
        self.title = title
        self._recording = recording
        self._profile = changed(LinkProfile(), latency, jitter, bandwidth, loss)
        self._world = World(seed, self._profile, recording=recording)
        self._inputs = Inputs(self._world.before_a_call)
        self._known: dict[str, None] = {}
        self._programs: dict[str, Program] = {}
        self._servers: list[LiveServer] = []
        self._stages: weakref.WeakSet[Any] = weakref.WeakSet()
        self.was_live = False
        self.parent: Lab | None = None
        self.branches: list[Lab] = []
        self.interventions: list[Intervention] = []
        self.forked_at: int | None = None
        self.printed = ""
        self._finalizer = weakref.finalize(self, self._world.close)

    @property
    def now(self) -> str:
        """The virtual time, in words."""
        return duration(self._world.now)

    @property
    def broker(self) -> Any:
        """The broker itself, for those who want to see its inside: ``lab.broker.vhosts["/"].queues``."""
        return self._world.broker

    @property
    def checks(self) -> Any:
        """What must be true of a broker at every moment, watched during the run; prints as "all kept", or as what was
        broken.
        """
        return self._world.checks

    @property
    def programs(self) -> dict[str, Program]:
        """The programs by name, and what became of each."""
        return dict(self._programs)

    # --- cell by cell ----------------------------------------------------------------------------------

    @recorded
    def connect(self, client: str, **options: Any) -> LabConnection:
        """Connect from the host `client` to the broker, as pika's BlockingConnection does; virtual time goes
        on until the connection is open. `options` are pika's ConnectionParameters, e.g. ``heartbeat=5``.
        """
        self._learn(client)
        self._world.check_power(client)
        process = self._world.process_at(client)
        process.at_prompt = True
        parameters = parameters_from(BROKER_URL, **options)
        runner = partial(self._world.complete, process)
        seq = self._world.report(client, e.CallMade, call_text("lab.connect", (client,), options))
        with because(seq):
            try:
                connection = LabConnection(parameters, process, runner=runner, inputs=self._inputs)
            except Exception as error:
                if seq is not None and not process.stopped:
                    self._world.report(client, e.CallFailed, seq, describe(error))
                raise
            if seq is not None:
                self._world.report(client, e.CallReturned, seq, describe(connection))
        return connection

    # --- as programs -----------------------------------------------------------------------------------

    def program(self, name: str, *, start: Time = 0) -> Callable[[ProgramFunction], Program]:
        """Make the ``async def`` below this line a program at the host `name`. It begins, `start` from now,
        when time goes on.
        """
        if not isinstance(name, str):
            raise LabError("A program needs the name of its host: write @lab.program('consumer') above it.")
        delay = as_nanoseconds(start, "start")

        def adopt(function: ProgramFunction) -> Program:
            return self._adopt(Program(name, function, delay))

        return adopt

    @recorded
    def _adopt(self, program: Program) -> Program:
        program = Program(program.name, program.function, program.start)  # a fork needs one of its own
        before = self._programs.get(program.name)
        if before is not None:
            self._replace(before, program)
        self._learn(program.name)
        self._world.check_power(program.name)
        self._programs[program.name] = program
        begin(program, self._world)
        self._world.services[program.name] = partial(begin_again, program, self._world)
        return program

    def _replace(self, before: Program, program: Program) -> None:
        same = getattr(before.function, "__qualname__", "") == getattr(program.function, "__qualname__", "")
        if not same:
            raise LabError(f"There is a program called {before.name!r} already: give this one another name.")
        if before.started:
            raise LabError(
                f"The program {before.name!r} has begun already, and the past cannot be typed over: make a "
                "new Lab, or give the new program another name."
            )
        assert before.task is not None
        self._world.abandon(before.task)

    # --- links -----------------------------------------------------------------------------------------

    @recorded
    def link(
        self,
        client: str,
        *,
        latency: Time = KEEP,
        jitter: Time = KEEP,
        bandwidth: str | None = KEEP,
        loss: str | float = KEEP,
    ) -> None:
        """Change the link between `client` and the broker, both ways, from now on; what is not given stays.

        ``lab.link("producer", latency="20 ms", jitter="2 ms", bandwidth="1 Mbit/s", loss="1 %")``
        """
        network = self._world.network
        old = network.profile(client, BROKER_HOST)
        new = changed(old, latency, jitter, bandwidth, loss)
        self._learn(client)
        network.set_link(client, BROKER_HOST, new)

    # --- running ---------------------------------------------------------------------------------------

    @recorded
    def run(self, until: Any = None) -> RunReport:
        """Let time go on: until nothing is left to do but to wait, or `until` a time ("5 ms"), a method
        ("basic.ack"), an event (``Delivered``) or a condition (a function of a record).

        Raises LabError if that never comes, and the error of a program that failed on the way.
        """
        if until is None:
            self._until_quiet()
        else:
            self._until(goal_for(until))
        self._raise_what_programs_raised()
        return report_on(self._world, self._programs)

    @recorded
    def run_for(self, time: Time) -> RunReport:
        """Let just so much virtual time pass: ``lab.run_for("1 s")``."""
        length = as_nanoseconds(time, "time to run for")
        self._until(Goal(duration(length), when=self._world.now + length))
        self._raise_what_programs_raised()
        return report_on(self._world, self._programs)

    @recorded
    def step(self, unit: str = "frame") -> Record:
        """Run to the next "segment", "frame", "command", "milestone" or step of the "story", and return its
        record.
        """
        goal = next_step(unit)
        self._until(goal)
        assert goal.reached is not None
        return self.recorder[goal.reached]

    def _until_quiet(self) -> None:
        world = self._world
        end = world.now + PATIENCE_NS

        def over() -> bool:
            timers_count = any(not program.finished for program in self._programs.values())
            return world.quiet(timers_count=timers_count) or world.now > end

        world.drive(over, what="until quiet")
        if world.now > end:
            raise LabError(
                f"After an hour of virtual time this still goes on: {self._unfinished()}. Give the run an "
                "end, for example lab.run(until='10 s')."
            )

    def _unfinished(self) -> str:
        names = [name for name, program in self._programs.items() if not program.finished]
        return (
            f"the program{'s' * (len(names) > 1)} {', '.join(map(repr, names))}" if names else "the traffic"
        )

    def _until(self, goal: Goal) -> None:
        world = self._world
        if goal.when is not None:
            self._until_time(goal.when)
            return
        self._check_recording()
        end = world.now + PATIENCE_NS
        world.drive_to(goal, end)
        if goal.reached is None:
            raise LabError(f"No {goal.text} came. {report_on(world, self._programs)}")

    def _until_time(self, when: int) -> None:
        world = self._world
        if when < world.now:
            raise LabError(
                f"It is {self.now} already: time only moves forward. To look back use lab.stage() or "
                "lab.table(at=…), to change the past lab.fork(at=…, do=…)."
            )
        clock = world.loop.clock
        world.drive(lambda: (due := clock.next_time()) is None or due > when, what="running", end=when)
        world.run_to(when)

    def _raise_what_programs_raised(self) -> None:
        for program in self._programs.values():
            error = program.error
            if isinstance(error, Exception) and not program.told:
                program.told = True
                error.add_note(f"(in the program {program.name!r})")
                raise error

    # --- changing the past -----------------------------------------------------------------------------

    def fork(self, at: Moment, do: Do) -> Lab:
        """Run again from the seed with one change, and keep both runs: returns the new lab.

        `at` is a moment: a record, its seq, or a name such as "basic.publish" (the change comes right after
        it; but nobody is frozen before his code waits), or a time ("5 ms"). `do` is a fault,
        such as ``Cut("consumer")``, or a function of the new lab. What programs and callbacks print there
        is kept in ``.printed``. Raises LabError if the shared past does not come out the same.
        """
        return self._fork(self._intervention(at, do), len(self._inputs.done))

    def _fork(self, intervention: Intervention, inputs: int) -> Lab:
        """The same, where only the first `inputs` are done again."""
        child = Lab.__new__(type(self))
        Lab.__init__(child, self.seed, title=self.title, recording=self._recording)
        child._start_from(self)
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                fork(self, child, intervention, inputs)
        except BaseException:
            child.close()
            raise
        child.printed = printed.getvalue()
        child.parent = self
        self.branches.append(child)
        return child

    def _intervention(self, at: Moment, do: Do) -> Intervention:
        if not isinstance(do, Fault) and not callable(do):
            raise LabError(
                f"{do!r} cannot be done: give a fault, such as Cut('consumer'), or a function of a lab."
            )
        if isinstance(do, Fault):
            self._check_victim(do)
        self._check_recording()
        if isinstance(at, str) and not is_named(at):
            when = as_nanoseconds(at, "time to fork at")
            if when > self._world.now:
                raise LabError(f"This run ends at {self.now}: there is nothing to change at {at}.")
            return Intervention(do, None, when)
        seq = self._place(at)
        if not 0 <= seq < len(self.recorder):
            raise LabError(f"There is no record {at}: this run has {len(self.recorder)}, from 0 on.")
        return Intervention(do, seq, None)

    def _start_from(self, parent: Lab) -> None:
        """Be what `parent` was before anything was done to it."""
        self._profile = parent._profile
        self._world.network.default_profile = parent._profile
        self._known = dict(parent._known)

    @property
    def branch_name(self) -> str:
        """What this history is called: "original", or what was changed, and when."""
        if self.parent is None or not self.interventions:
            return "original"
        do, seq, at = self.interventions[-1]
        when = duration(self.parent.recorder[seq].at if seq is not None else at or 0)
        return f"{do.words if isinstance(do, Fault) else 'a change'} at {when}"

    @property
    def _breaking(self) -> Callable[[dict[str, Any]], Any]:
        return partial(self._break, len(self.recorder), len(self._inputs.done))

    def _break(self, records: int, inputs: int, fault: dict[str, Any]) -> Lab:
        """A failure button of a stage that shows the run up to so many `records`, which came of so many `inputs`:
        fork at the record that is shown. After all that was done in this run time goes on in the fork, or nobody
        would see what comes of it.
        """
        seq = min(max(0, int(fault["at"])), records - 1)
        child = self._fork(self._intervention(seq, fault_from_button(fault)), inputs)
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            child._go_on()
        return child

    @recorded
    def _go_on(self) -> None:
        """Let time go on until nothing is left to do, or a little has passed since the last who are connected with
        somebody silent have given him up.
        """
        world = self._world
        long, little, many = world.now + LONG_NS, world.now + LITTLE_NS, len(self.recorder) + MANY

        def over() -> bool:
            nonlocal little
            if world.now > long or len(self.recorder) > many:
                return True
            if world.somebody_waits_in_vain():
                little = world.now + LITTLE_NS
                return False
            return world.quiet(timers_count=True) or world.now > little

        world.drive(over)

    def stage(
        self, *, zoom: str = "story", at: Moment = "opening", title: str | None = None, **options: Any
    ) -> Any:
        stage = super().stage(zoom=zoom, at=at, title=title, **options)
        self._stages.add(stage)
        return stage

    stage.__doc__ = Breaking.stage.__doc__

    # --- real clients ----------------------------------------------------------------------------------

    def serve(self, port: int = 5672, *, host: str = "127.0.0.1", name: str = "visitor") -> Opening:
        """Put this lab's broker on a real socket, in the notebook's own event loop:
        ``server = await lab.serve()``, or ``async with lab.serve() as server:``.

        Virtual time keeps pace with real time until the server is closed, and stages of this lab follow.
        What real clients do is recorded like everything else; they appear as `name`, and as `name`-2,
        `name`-3 … where there are more. Port 0 picks a free one: see ``.url``. Raises LabError if the port
        cannot be had.
        """
        self._check_name(name)
        if not isinstance(port, int):
            raise LabError(f"There is no port {port!r}: give a number such as 5672, or 0 for any free one.")
        return Opening(partial(self._serve, port, host, name))

    async def _serve(self, port: int, host: str, name: str) -> LiveServer:
        server = await open_live(self._world, host, port, self._visitor_names(name), self._stages)
        self.was_live = True
        self._servers.append(server)
        return server

    def _visitor_names(self, name: str) -> Iterator[str]:
        for number in itertools.count(1):
            visitor = name if number == 1 else f"{name}-{number}"
            self._known.setdefault(visitor)
            yield visitor

    # --- the end ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave nothing behind: no task, timer or socket. The record can still be looked at."""
        for server in self._servers:
            server.abort()
        for branch in self.branches:
            branch.close()
        self._inputs.closed_for = CLOSED
        self._finalizer()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return html_summary(self)

    def __repr__(self) -> str:
        clients = f"clients {listed(self._known)}" if self._known else "no clients yet"
        past = "" if self.forked_at is None else f", forked at record {self.forked_at}"
        state = ", closed" if self._world.closed else ""
        return f"<Lab seed={self.seed}, {clients}: {len(self.records)} records, {self.now}{past}{state}>"
