"""An asyncio event loop on the simulated clock.

Theory
------
asyncio is a contract: whoever can run callbacks in order, run them later, and connect protocols to
transports *is* an event loop. This one does it in virtual time. ``asyncio.sleep(3600)`` plans a call for
3600 simulated seconds from now; when nothing is due before it, the clock jumps there. ``create_connection``
gives a simulated TCP link. The loop never waits, opens no socket and starts no thread, and ordinary ``async
def`` code, including whole third-party clients, cannot tell.

Two things go beyond the contract:

* **Causes.** Each handle remembers the record that was being processed when it was planned, and restores it
  when it runs, inside its own context. So a task that was waiting for a future wakes up *because of* what
  resolved the future.
* **Deadlocks.** A real loop with nothing to do waits for the outside world. Here is no outside world: nothing
  left to do means that whoever still waits will wait for ever, and :class:`Deadlock` says who and for what.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from asyncio import events
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any, TypeVar

from amqplab._running import without_running_loop
from amqplab.sim.clock import Clock
from amqplab.sim.deadlock import Deadlock, waiting_tasks
from amqplab.trace.recorder import CAUSE, Recorder, Report

__all__ = ["Deadlock", "SimLoop"]

T = TypeVar("T")
NANOSECONDS = 1_000_000_000


class _Handle(asyncio.TimerHandle):
    """A planned callback, with the cause that it was planned under."""

    __slots__ = ("_cause", "ticket")

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: SimLoop,
        context: contextvars.Context | None,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self._cause = CAUSE.get()
        self.ticket: int | None = None

    def run(self) -> None:
        """Make the call, unless it was cancelled or its process stands still."""
        self.ticket = None
        if self._cancelled:
            return
        hold = self._loop.hold  # type: ignore[attr-defined]
        if hold is not None and hold(self):
            return
        context: contextvars.Context = self._context  # type: ignore[attr-defined]
        if context.get(CAUSE) != self._cause:
            context.run(CAUSE.set, self._cause)
        self._run()

    def cancel(self) -> None:
        """Take the call back."""
        if self.ticket is not None:
            self._loop.clock.cancel(self.ticket)  # type: ignore[attr-defined]
            self.ticket = None
        super().cancel()


class SimLoop(asyncio.AbstractEventLoop):
    """The event loop of virtual time. `recorder` keeps what happens; None records nothing.

    `hold`, when set, is asked before each call: ``hold(handle)`` is true if the call must not be made now. It
    has the handle then, and may give it back with :meth:`resume`. That is how a process freezes.
    """

    def __init__(self, *, recorder: Recorder | None = None) -> None:
        self.clock = Clock()
        self.recorder = recorder
        self.report_for: Callable[[str], Report] | None = None
        self.network: Any = None
        self.hold: Callable[[_Handle], bool] | None = None
        self._running = False
        self._stopping = False
        self._closed = False
        self._debug = False
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._task_factory: Any = None
        self._exception_handler: Callable[[Any, dict[str, Any]], object] | None = None
        self._generators: dict[Any, None] = {}
        self._failure: BaseException | None = None

    # --- time -----------------------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds."""
        return self.clock.now / NANOSECONDS

    def time_ns(self) -> int:
        """Virtual nanoseconds, exact."""
        return self.clock.now

    # --- planning calls -------------------------------------------------------------------------------

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Plan a call for now, after all that is due."""
        self._check_open()
        handle = _Handle(self.clock.now / NANOSECONDS, callback, args, self, context)
        handle.ticket = self.clock.soon(handle.run)
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Plan a call for `delay` seconds from now."""
        return self._plan(self.clock.now + round(delay * NANOSECONDS), callback, args, context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Plan a call for the virtual time `when`, in seconds."""
        return self._plan(round(when * NANOSECONDS), callback, args, context)

    def _plan(
        self,
        when: int,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None,
    ) -> _Handle:
        self._check_open()
        handle = _Handle(when / NANOSECONDS, callback, args, self, context)
        handle.ticket = self.clock.at(when, handle.run)
        return handle

    def resume(self, handle: _Handle) -> None:
        """Plan a call that was held back, for now."""
        if not handle.cancelled():
            handle.ticket = self.clock.soon(handle.run)

    def planned(self) -> Iterator[tuple[object, bool]]:
        """Whose calls are planned, in no order: (owner, whether it is a timer or callback of asyncio's).

        The owner of a bound method is its object, and that of a function is the function. What is not
        asyncio's was planned on the clock itself: by the network, for octets and for TCP.
        """
        for _, _, call, _ in self.clock.planned():
            handle = getattr(call, "__self__", call)
            if isinstance(handle, _Handle):
                callback = handle._callback  # type: ignore[attr-defined]
                yield getattr(callback, "__self__", callback), True
            else:
                yield handle, False

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """The same as call_soon: there is only one thread."""
        return self.call_soon(callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """asyncio's hook; the clock's timer was told already."""

    # --- running --------------------------------------------------------------------------------------

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        """Run until `future` is done, and return its result; raises :class:`Deadlock` when that cannot be."""
        self._check_open()
        fresh = not asyncio.isfuture(future)
        with without_running_loop():
            task: asyncio.Future[T] = asyncio.ensure_future(future, loop=self)  # type: ignore[arg-type]
        try:
            self._run(task.done)
        except BaseException:
            if fresh and task.done() and not task.cancelled():
                task.exception()
            raise
        if not task.done():
            raise Deadlock(waiting_tasks(self._tasks, self.clock.now))
        return task.result()

    def run_forever(self) -> None:
        """Run until :meth:`stop` is called or nothing is left to do."""
        self._run(lambda: False)

    def run_until(self, when: int) -> None:
        """Run everything planned up to and including `when` ns; then it is `when`."""
        clock = self.clock
        self._run(lambda: (due := clock.next_time()) is None or due > when)
        if not self._stopping and clock.now < when:
            clock.run(when)

    def run_while(self, going: Callable[[], bool]) -> None:
        """Make calls as long as `going()`, which is asked between two of them, and something is planned."""
        self._run(lambda: not going())

    def run_one(self) -> bool:
        """Make one planned call; False when nothing is planned."""
        return self._run(None)

    def _run(self, done: Callable[[], bool] | None) -> bool:
        """Make calls until `done()`; exactly one when `done` is None. Returns whether one was made."""
        if self._running:
            raise RuntimeError(
                "This simulated loop is already running: a program must `await`, not run the loop."
            )
        made = False
        run_one = self.clock.run_one
        self._stopping = False
        hooks = sys.get_asyncgen_hooks()
        with without_running_loop():
            self._running = True
            events._set_running_loop(self)
            sys.set_asyncgen_hooks(firstiter=None, finalizer=self._close_generator)
            try:
                if done is None:
                    made = run_one()
                else:
                    while not self._stopping and not done() and run_one():
                        made = True
            finally:
                sys.set_asyncgen_hooks(*hooks)
                events._set_running_loop(None)
                self._running = False
                self._stopping = False
        return made

    def _close_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        """An async generator was dropped, as by leaving an ``async for`` loop: let it run its ``finally``."""
        if not self._closed:
            self.call_soon(lambda: self.create_task(generator.aclose()))  # made only if it is going to run

    def stop(self) -> None:
        """Return from the run after the call that is being made."""
        self._stopping = True

    def is_running(self) -> bool:
        """Whether a run is on."""
        return self._running

    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def close(self) -> None:
        """Forget everything that was planned."""
        if self._running:
            raise RuntimeError("Cannot close a running event loop")
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("Event loop is closed")

    # --- tasks and futures ----------------------------------------------------------------------------

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:  # type: ignore[override]
        """A task of this loop; remembered until it is done, for the deadlock report."""
        self._check_open()
        if self._task_factory is not None:
            task: asyncio.Task[T] = self._task_factory(self, coro, **options)
        else:
            name = options.pop("name", None) or f"task-{len(self._tasks) + 1}"
            task = asyncio.Task(coro, loop=self, name=name, **options)
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)

    def tasks(self) -> list[asyncio.Task[Any]]:
        """Tasks that are not done, oldest first."""
        return list(self._tasks)

    def set_task_factory(self, factory: Any) -> None:
        """As in asyncio."""
        self._task_factory = factory

    def get_task_factory(self) -> Any:
        """As in asyncio."""
        return self._task_factory

    # --- the world outside ----------------------------------------------------------------------------

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        """Connect over the simulated network; the local host is that of the running program."""
        return await self.network.connect(protocol_factory, host, port, **options)

    async def create_server(
        self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        """Listen on the simulated network."""
        return await self.network.listen(protocol_factory, host, port, **options)

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """Every name is its own address."""
        import socket

        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """There are no threads: the function runs here and now."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    async def shutdown_asyncgens(self) -> None:
        """Async generators are closed as they are dropped; none is tracked."""

    # --- errors ---------------------------------------------------------------------------------------

    def get_debug(self) -> bool:
        """As in asyncio."""
        return self._debug

    def set_debug(self, enabled: bool) -> None:
        """As in asyncio."""
        self._debug = enabled

    def get_exception_handler(self) -> Any:
        """As in asyncio."""
        return self._exception_handler

    def set_exception_handler(self, handler: Any) -> None:
        """As in asyncio."""
        self._exception_handler = handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As in asyncio: the handler that was set, or the default one."""
        if self._exception_handler is not None:
            self._exception_handler(self, context)
        else:
            self.default_exception_handler(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log, without addresses."""
        from logging import getLogger

        error = context.get("exception")
        getLogger("amqplab.sim").error("%s", context.get("message"), exc_info=error)

    def __repr__(self) -> str:
        return f"<SimLoop at {self.clock.now} ns>"
