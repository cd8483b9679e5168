"""The client's machine on an asyncio transport.

Theory
------
The same three lines as on the broker's side: octets from the transport go into the machine, orders that
come out are carried out, news are handed on. It knows nothing of AMQP. Whether the loop is an ordinary one
or the simulated one shows only in where the time comes from.

There are no tasks here. Everything happens in the transport's callbacks, so one chunk from TCP, however many
messages it holds, costs one call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from amqplab.client.effects import CloseTransport, Effect, Send, Silence, WakeAt
from amqplab.client.machine import ClientMachine
from amqplab.client.waiting import DONE, Waiting
from amqplab.trace.recorder import because

__all__ = ["ClientProtocol"]


class ClientProtocol(asyncio.Protocol):
    """Carries octets between `machine` and a transport; calls ``on_news(effect)`` for everything else.

    Before it gives a silent broker up, ``on_silence(connection's name)`` may say so, and returns the seq of its
    record.
    """

    def __init__(
        self,
        machine: ClientMachine,
        loop: asyncio.AbstractEventLoop,
        on_news: Callable[[Effect], None],
        on_silence: Callable[[str], int | None] = lambda name: None,
    ) -> None:
        self.machine = machine
        self.loop = loop
        self.name = ""
        self.ended: Waiting[None] = Waiting("the end of the TCP connection", loop)
        self.now: Callable[[], int] = getattr(loop, "time_ns", None) or time.monotonic_ns
        self._on_news = on_news
        self._on_silence = on_silence
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._full = False
        self._waiting_for_room: list[Waiting[None]] = []

    # --- what the transport tells ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.name = name_of(transport.get_extra_info("sockname"))
        self.apply(self.machine.connected(self.now()))

    def data_received(self, data: bytes) -> None:
        self.apply(self.machine.received(data, self.now()))

    def gathers(self, channel: int, method: bytes, header: bytes, largest: int) -> bool:
        """What a tap asks: may the frames of this content come together?"""
        return self.machine.gathers(channel, method, header, largest)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.resume_writing()
        self.apply(self.machine.disconnected(self.now(), str(exc or "closed by the other side")))
        self._wake(None)
        self.ended.succeed()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        waiting, self._waiting_for_room = self._waiting_for_room, []
        for each in waiting:
            each.succeed()

    # --- what the machine wants done ---

    def apply(self, effects: list[Effect]) -> None:
        """Carry out orders and hand on news, in order."""
        for effect in effects:
            kind = type(effect)
            if kind is Send:
                if self._transport is not None and not self._transport.is_closing():
                    self._transport.write(cast(Send, effect).data)
            elif kind is WakeAt:
                self._wake(cast(WakeAt, effect).when)
            elif kind is CloseTransport:
                self._close(cast(CloseTransport, effect).abort)
            else:
                self._on_news(effect)

    def _close(self, abort: bool) -> None:
        if self._transport is None:
            return
        if abort:
            self._transport.abort()
        else:
            self._transport.close()

    def _wake(self, when: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None:
            delay_ns = max(0, when - self.now())
            with because(None):  # what time brings is nobody's doing
                self._timer = self.loop.call_later(delay_ns / 1e9, self._ring)

    def _ring(self) -> None:
        self._timer = None
        effects = self.machine.tick(self.now())
        silent = any(type(effect) is Silence for effect in effects)
        with because(self._on_silence(self.name) if silent else None):
            self.apply(effects)

    # --- for the faces ---

    def room(self) -> Awaitable[None]:
        """Wait until TCP takes more; usually it does at once."""
        if not self._full:
            return DONE
        waiting: Waiting[None] = Waiting("room in the TCP send buffer", self.loop)
        self._waiting_for_room.append(waiting)
        return waiting

    def abort(self) -> None:
        """End the TCP connection without a word."""
        self._close(abort=True)


def name_of(sockname: Any) -> str:
    """The client's end as it names a connection, "host:port"."""
    if not isinstance(sockname, tuple) or len(sockname) < 2:
        return "local"
    host = f"[{sockname[0]}]" if ":" in str(sockname[0]) else sockname[0]
    return f"{host}:{sockname[1]}"
