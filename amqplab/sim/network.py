"""Hosts and the links between them: what carries segments, delays them and loses them.

Theory
------
A network is a set of hosts by name and, for each pair, two directions that carry segments
(:mod:`amqplab.sim.link`). It finds the end that a segment is for, and reports what becomes of it.

Every fault a learner can cause is a change of state here, and who hears of it follows from who is left to
speak:

    a segment lost     nobody; its sender repeats it
    a cut cable        nobody, both ways: what is on the cable is lost, and so is all that follows until it is
                       mended. Both ends are there, and repeat what they said until they lose patience
    a power failure    nobody: what the machine has sent still arrives, what comes to it meets no one. Once it
                       is back it knows of no connection, and says so (RST) to whoever still talks to it
    a killed process   everybody: the kernel lives on and closes the connections (FIN), or resets those where
                       something lay unread, because nobody will read it now (RFC 2525 section 2.17)
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from amqplab.sim.clock import Clock
from amqplab.sim.link import CUT, HALF_OPEN, INJECTED, Direction
from amqplab.sim.listener import SimServer, SimSocket
from amqplab.sim.segment import LinkProfile, Segment, endpoint_name
from amqplab.sim.tcp import Endpoint
from amqplab.sim.transport import SimTransport
from amqplab.trace.events import SegmentArrived, SegmentDiscarded, SegmentLost, SegmentSent
from amqplab.trace.recorder import ACTOR, CAUSE, because
from amqplab.trace.report import ReportAt

if TYPE_CHECKING:
    from amqplab.sim.loop import SimLoop

__all__ = ["Network"]

FIRST_EPHEMERAL_PORT = 49152
NO_POWER = "the machine is off"
WrapProtocol = Callable[[asyncio.BaseProtocol, str, str], asyncio.BaseProtocol]


class Network:
    """All hosts and links of one simulation."""

    def __init__(self, loop: SimLoop, seed: int = 0, profile: LinkProfile | None = None) -> None:
        self.loop = loop
        loop.network = self
        self.seed = seed
        self.default_profile = profile or LinkProfile()
        self.listeners: dict[tuple[str, int], SimServer] = {}
        self.endpoints: dict[tuple[str, str], Endpoint] = {}
        self.wrap_protocol: WrapProtocol | None = None
        self._directions: dict[tuple[str, str], Direction] = {}
        self._ports: dict[str, int] = {}
        self._segments = 0
        self._doomed: dict[int, int | None] = {}  # number of a segment -> the record of who picked it out
        self._off: dict[str, int | None] = {}  # host without power -> the record of who took it

    @property
    def clock(self) -> Clock:
        """The loop's clock."""
        return self.loop.clock

    @property
    def report(self) -> ReportAt | None:
        """``report(host, EventClass, *fields)``, or None while nothing is recorded."""
        recorder = self.loop.recorder
        return None if recorder is None else recorder.record

    # --- links ----------------------------------------------------------------------------------------

    def _direction(self, source: str, destination: str) -> Direction:
        key = source, destination
        found = self._directions.get(key)
        if found is None:
            found = self._directions[key] = Direction(
                self.default_profile, f"{self.seed}/{source}/{destination}"
            )
        return found

    def profile(self, source: str, destination: str) -> LinkProfile:
        """How segments from `source` to `destination` fare."""
        return self._direction(source, destination).profile

    def set_link(self, a: str, b: str, profile: LinkProfile, *, both: bool = True) -> None:
        """Give the link from `a` to `b` (and back, unless told otherwise) a profile, from now on."""
        self._direction(a, b).profile = profile
        if both:
            self._direction(b, a).profile = profile
        for endpoint in self.endpoints.values():
            endpoint.profile = self.profile(endpoint.host, endpoint.remote.rpartition(":")[0])

    # --- connecting -----------------------------------------------------------------------------------

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str | None, port: int | None, **options: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Open a connection from the running program's host; OSError when it is refused or nobody answers."""
        if options.get("ssl"):
            raise NotImplementedError("The simulated link carries no TLS; connect with an amqp:// address.")
        if host is None or port is None:
            raise ValueError("A simulated connection needs a host and a port.")
        local = endpoint_name(ACTOR.get(), self._next_port(ACTOR.get()))
        endpoint = self._endpoint(local, local, endpoint_name(host, int(port)))
        waiter = self.loop.create_future()
        waiter.waiting_for = f"a TCP connection to {endpoint.remote}"  # type: ignore[attr-defined]

        def resolve(error: OSError | None = None) -> None:
            if waiter.done():
                return
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

        endpoint.on_connected = resolve
        endpoint.on_lost = resolve
        endpoint.connect()
        try:
            await waiter
        except BaseException:
            endpoint.abort()
            raise
        return self._attach(endpoint, factory)

    async def listen(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str | None, port: int | None, **_: Any
    ) -> SimServer:
        """Take connections at (host, port); the host is the running program's own when not given."""
        name = host or ACTOR.get()
        key = (name, int(port or self._next_port(name)))
        if key in self.listeners:
            raise OSError(98, f"error while attempting to bind on address {key}: address already in use")
        self.listeners[key] = SimServer(self.loop, self.listeners, *key, factory)
        return self.listeners[key]

    def _next_port(self, host: str) -> int:
        port = self._ports.get(host, FIRST_EPHEMERAL_PORT)
        self._ports[host] = port + 1
        return port

    def _endpoint(self, connection: str, local: str, remote: str) -> Endpoint:
        seed = hashlib.sha256(f"{self.seed}/{local}>{remote}".encode()).digest()
        endpoint = Endpoint(self, connection, local, remote, int.from_bytes(seed[:4], "big"))
        self.endpoints[local, remote] = endpoint
        return endpoint

    def _attach(
        self, endpoint: Endpoint, factory: Callable[[], asyncio.BaseProtocol]
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        inner = factory()
        outer = inner
        if self.wrap_protocol is not None:
            outer = self.wrap_protocol(inner, endpoint.connection, endpoint.host)
        local, remote = _address(endpoint.local), _address(endpoint.remote)
        extra = {
            "sockname": local,
            "peername": remote,
            "socket": SimSocket(local, remote),
            "connection": endpoint.connection,
        }
        transport = SimTransport(self.loop, endpoint, outer, extra)
        outer.connection_made(transport)
        if outer is not inner:  # a wrapper that watches writes has a transport of its own to hand out
            return getattr(outer, "transport", None) or transport, inner
        return transport, inner

    def forget(self, endpoint: Endpoint) -> None:
        """The endpoint is closed; segments for it are answered by RST from now on."""
        self.endpoints.pop((endpoint.local, endpoint.remote), None)

    # --- carrying segments ----------------------------------------------------------------------------

    def transmit(self, segment: Segment) -> None:
        """Send one segment on its way."""
        self._segments += 1
        segment.number = self._segments
        source, destination = segment.source.rpartition(":")[0], segment.destination.rpartition(":")[0]
        way = self._direction(source, destination)
        departs, arrives = way.times(segment, self.clock.now)
        lost, order = way.fate(segment, self._doomed)
        seq = self._report_sent(segment, source, departs, None if lost else arrives)
        if lost:
            if seq is not None:
                half_way = (departs + arrives) // 2
                self.clock.at(half_way, self._report_lost, segment, destination, lost, seq, order)
            return
        segment.departs = departs
        way.last_arrival = arrives
        self.clock.at(arrives, self._arrive, segment, destination, seq)

    def _report_sent(self, segment: Segment, host: str, departs: int, arrives: int | None) -> int | None:
        recorder = self.loop.recorder
        if recorder is None:
            return None
        return recorder.record(
            host, SegmentSent, segment.connection, segment.number,
            segment.source, segment.destination, segment.flags,
            segment.seq & 0xFFFF_FFFF, segment.ack & 0xFFFF_FFFF, segment.window, segment.payload,
            segment.retransmission, departs, arrives,
        )  # fmt: skip

    def _report_lost(
        self, segment: Segment, host: str, reason: str, sent: int | None, order: int | None
    ) -> None:
        """It was `sent` in that record, and is lost because of `order`, if that is somebody's."""
        recorder = self.loop.recorder
        if recorder is not None and sent is not None:
            with because(sent if order is None else order):
                recorder.record(host, SegmentLost, segment.connection, segment.number, reason)

    def _arrive(self, segment: Segment, host: str, cause: int | None) -> None:
        if segment.number in self._doomed:  # it was picked out when it was under way already
            self._report_lost(segment, host, INJECTED, cause, self._doomed.pop(segment.number))
            return
        if host in self._off:
            self._report_lost(segment, host, NO_POWER, cause, self._off[host])
            return
        recorder = self.loop.recorder
        if recorder is None or cause is None:
            self._take(segment)
            return
        with because(cause):
            endpoint = self.endpoints.get((segment.destination, segment.source))
            seq = recorder.record(host, SegmentArrived, segment.connection, segment.number)
            with because(seq):
                useless = self._take(segment, endpoint)
                if useless:
                    recorder.record(host, SegmentDiscarded, segment.connection, segment.number, useless)

    def _take(self, segment: Segment, endpoint: Endpoint | None = None) -> str | None:
        if endpoint is None:
            endpoint = self.endpoints.get((segment.destination, segment.source))
        if endpoint is not None:
            return endpoint.segment_arrived(segment)
        if "RST" in segment.flags:
            return "no such connection"
        listener = self.listeners.get(_address(segment.destination))
        if segment.flags == "SYN" and listener is not None:
            self._accept(segment, listener)
            return None
        self.refuse(segment)
        return "no such connection"

    def refuse(self, segment: Segment) -> None:
        """Answer by RST (RFC 9293 section 3.10.7.1): with the number that the other end waits for, if it said which;
        else with an acknowledgement of what it sent.
        """
        end = segment.seq + segment.length
        flags, seq, ack = ("RST", segment.ack, 0) if "ACK" in segment.flags else ("RST|ACK", 0, end)
        self.transmit(Segment(segment.connection, segment.destination, segment.source, flags, seq, ack, 0))

    def _accept(self, segment: Segment, listener: SimServer) -> None:
        endpoint = self._endpoint(segment.connection, segment.destination, segment.source)
        endpoint.on_connected = lambda: self._accepted(endpoint, listener)
        endpoint.accept(segment)

    def _accepted(self, endpoint: Endpoint, listener: SimServer) -> None:
        self._attach(endpoint, listener.factory)

    # --- faults ---------------------------------------------------------------------------------------

    def lose_segment(self, number: int) -> None:
        """The segment with this number is lost, even if it is under way already. Numbers are the same in
        every run of a seed.
        """
        self._doomed[number] = CAUSE.get()

    def lose_next(
        self, source: str, destination: str, count: int = 1, losable: Callable[[Segment], bool] | None = None
    ) -> None:
        """The next `count` segments from `source` to `destination` (of those `losable` accepts) are lost."""
        way = self._direction(source, destination)
        way.lose_next, way.losable, way.losing_by = count, losable, CAUSE.get()

    def cut(self, a: str, b: str, *, both: bool = True) -> None:
        """Nothing passes from `a` to `b` (and back) any more, and neither is told. What is on it is lost."""
        ways = ((a, b), (b, a)) if both else ((a, b),)
        how = CUT if both else HALF_OPEN
        for way in ways:
            direction = self._direction(*way)
            direction.cut, direction.cut_how, direction.cut_by = True, how, CAUSE.get()
        self._lose_what_is_under_way(how, lambda segment: _hosts(segment) in ways)

    def _lose_what_is_under_way(self, reason: str, chosen: Callable[[Segment], bool]) -> None:
        for _, ticket, call, arguments in list(self.clock.planned()):
            if call == self._arrive and chosen(arguments[0]):
                self.clock.cancel(ticket)
                segment, host, cause = arguments
                self._report_lost(segment, host, reason, cause, CAUSE.get())

    def half_open(self, a: str, b: str) -> None:
        """Nothing passes from `a` to `b`; the way back still works."""
        self.cut(a, b, both=False)

    def heal(self, a: str, b: str) -> None:
        """Segments pass again, both ways."""
        self._direction(a, b).cut = self._direction(b, a).cut = False

    def power_off(self, host: str) -> None:
        """`host` loses power: its connections and its listening ports are gone without a word, and it is
        silent until :meth:`power_on`.
        """
        self._off[host] = CAUSE.get()
        self._stop_listening(host)
        now = self.clock.now
        self._lose_what_is_under_way(
            NO_POWER, lambda one: _hosts(one)[0] == host and one.departs > now
        )  # what waited in its own queue
        for endpoint in self._ends_at(host):
            endpoint.vanish()
            endpoint.detach()

    def power_on(self, host: str) -> None:
        """`host` is back: it knows nothing of its old connections, and says so to whoever still uses them."""
        self._off.pop(host, None)

    def has_power(self, host: str) -> bool:
        """Whether anybody is there."""
        return host not in self._off

    def reaches(self, source: str, destination: str) -> bool:
        """Whether what one endpoint sends reaches another, if no segment is lost."""
        hosts = source.rpartition(":")[0], destination.rpartition(":")[0]
        return self.has_power(hosts[0]) and not self._direction(*hosts).cut

    def crash(self, host: str) -> None:
        """`host` fails and is back in no time: its connections are forgotten, its programs listen again."""
        listening = {address: one for address, one in self.listeners.items() if address[0] == host}
        self.power_off(host)
        self.power_on(host)
        self.listeners.update(listening)

    def kill(self, host: str) -> None:
        """The process at `host` is killed: its kernel ends its connections for it."""
        self._stop_listening(host)
        for endpoint in self._ends_at(host):
            endpoint.orphan()

    def _ends_at(self, host: str) -> list[Endpoint]:
        return [one for one in self.endpoints.values() if one.host == host]

    def _stop_listening(self, host: str) -> None:
        for address in [one for one in self.listeners if one[0] == host]:
            del self.listeners[address]

    def reset(self, connection: str, host: str | None = None) -> None:
        """The end of `connection` at `host` (the client's, if not given) sends RST, as when somebody ends a socket
        from outside (``ss --kill``): its own program hears that it was aborted, the other end's that its peer did it.
        """
        for endpoint in [one for one in self.endpoints.values() if one.connection == connection]:
            if endpoint.host == (host or connection.rpartition(":")[0]):
                lost = endpoint.on_lost
                endpoint.abort()
                lost(ConnectionAbortedError(103, "Software caused connection abort"))


def _hosts(segment: Segment) -> tuple[str, str]:
    """From where to where."""
    return segment.source.rpartition(":")[0], segment.destination.rpartition(":")[0]


def _address(endpoint: str) -> tuple[str, int]:
    host, _, port = endpoint.rpartition(":")
    return host, int(port)
