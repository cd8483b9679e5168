"""One end of a TCP connection: a state machine of sequence numbers.

Theory
------
TCP turns a network that loses and delays into a stream of octets, in order, each exactly once. It needs
surprisingly little:

* *Numbers.* Every octet has one. The sender repeats what was not acknowledged; the receiver puts together
  what came, and acknowledges the first octet that it still misses (RFC 9293).
* *A clock.* What is not acknowledged within the retransmission timeout is sent again, and the timeout doubles
  (RFC 6298). Three equal acknowledgements in a row say the same sooner (RFC 5681).
* *Two windows.* The receiver says how much it has room for; the sender also keeps a congestion window of its
  own, which grows with every acknowledgement and shrinks with every loss. When a reader stops reading, its
  window closes to zero, and the writer is stopped, however far away. This is how a broker really holds up a
  publisher.

States are RFC 9293's. TIME-WAIT lasts no time here: a port is never used twice, so no old segment can be
mistaken.

Everything written in one instant is cut into segments together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec

from amqplab.sim.congestion import CongestionWindow
from amqplab.sim.delayed_ack import DelayedAck
from amqplab.sim.outgoing import Outgoing
from amqplab.sim.reassembly import Reassembly
from amqplab.sim.round_trip import RoundTrip, repeats_in
from amqplab.sim.segment import Segment
from amqplab.sim.silly_window import SillyWindow
from amqplab.trace.events import Event, RetransmissionTimedOut, TcpStateChanged, WindowClosed, WindowOpened
from amqplab.trace.recorder import CAUSE, because

if TYPE_CHECKING:
    from amqplab.sim.network import Network

__all__ = ["Endpoint"]

P = ParamSpec("P")


class Endpoint:
    """One end. Calls to the program above: on_connected, on_data, on_eof, on_lost(error or None)."""

    def __init__(self, network: Network, connection: str, local: str, remote: str, isn: int) -> None:
        self.network = network
        self.connection = connection
        self.local = local
        self.remote = remote
        self.host = local.rpartition(":")[0]
        self.profile = network.profile(self.host, remote.rpartition(":")[0])
        self.state = "CLOSED"
        # sending: the first number not yet acknowledged is snd_una, the first not yet sent snd_nxt
        self.iss = self.snd_una = self.snd_nxt = self.snd_max = isn
        self.snd_wnd = self.profile.mss
        self.silly = SillyWindow(self.profile.mss)
        self.outgoing = Outgoing(isn + 1)
        self.fin_wanted = self.fin_sent = False
        self.fin_cause: int | None = None
        self.congestion = CongestionWindow(self.profile.mss, isn)
        # receiving
        self.arrived = Reassembly()
        self.reading = True
        self.owed = DelayedAck(network.clock, self._ack_now)
        # timers
        self.round_trip = RoundTrip()
        self.retries = 0
        self.timer: int | None = None
        self.output_planned = False
        # the program above
        self.on_connected: Callable[[], None] = _nothing
        self.on_data: Callable[[bytes], None] = _nothing
        self.on_eof: Callable[[], None] = _nothing
        self.on_lost: Callable[[OSError | None], None] = _nothing
        self.on_room: Callable[[], None] = _nothing
        self.detached = False

    # --- what the program above asks for --------------------------------------------------------------

    def connect(self) -> None:
        """Send a SYN."""
        self._become("SYN-SENT")
        self._send("SYN", self.snd_nxt)
        self._sent_up_to(self.snd_nxt + 1)

    def write(self, data: bytes) -> None:
        """Take octets to be sent; they leave before this instant is over, as far as the windows allow."""
        self.outgoing.write(data)
        self._plan_output()

    def finish(self) -> None:
        """Send a FIN after everything that was written."""
        self.fin_wanted, self.fin_cause = True, CAUSE.get()
        self._plan_output()

    def abort(self) -> None:
        """Send an RST and forget everything."""
        if self.state not in ("CLOSED", "TIME-WAIT", "SYN-SENT"):
            self._send("RST|ACK", self.snd_nxt)
        self.vanish()

    def vanish(self) -> None:
        """Forget everything without a word."""
        self._stop_timers()
        self.outgoing.clear()
        self.arrived.forget_early()
        if self.state != "CLOSED":
            self._become("CLOSED")
        self.network.forget(self)

    def orphan(self) -> None:
        """The program was killed. What it wrote still goes out, then a FIN; but a RST if it left something
        unread, for the other side must not believe that it was taken (RFC 2525 section 2.17).
        """
        if self.arrived.unread or self.state in ("SYN-SENT", "SYN-RECEIVED"):
            self.abort()
        else:
            self.finish()
        self.detach()

    def detach(self) -> None:
        """The program is gone; whatever still comes is answered by RST if it carries data."""
        self.detached = True
        self.on_data = self.on_eof = self.on_room = self.on_connected = self.on_lost = _nothing

    def pause(self) -> None:
        """Stop handing octets up; the window closes as they pile up."""
        self.reading = False

    def resume(self) -> None:
        """Hand up what piled up, and go on."""
        self.reading = True
        was_closed = self._window() < self.profile.mss
        self._hand_up()
        if was_closed and self._window() >= self.profile.mss and self.state != "CLOSED":
            self._report(WindowOpened, self.connection, self.host)
            self._ack_now()

    @property
    def unsent(self) -> int:
        """Octets that were written and not acknowledged."""
        return len(self.outgoing)

    # --- sending --------------------------------------------------------------------------------------

    def _plan_output(self) -> None:
        if not self.output_planned:
            self.output_planned = True
            self.network.clock.soon(self._planned_output, CAUSE.get())

    def _planned_output(self, cause: int | None) -> None:
        self.output_planned = False
        if cause is None:
            self._output()
        else:
            with because(cause):
                self._output()

    def _output(self) -> None:
        """Send what the windows allow, then perhaps a FIN."""
        if self.state not in ("ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1", "CLOSING", "LAST-ACK"):
            return
        mss = self.profile.mss
        while True:
            waiting = self.outgoing.end - self.snd_nxt
            allowed = self.snd_una + min(self.snd_wnd, self.congestion.size) - self.snd_nxt
            size = min(waiting, mss, allowed)
            if size <= 0 or self.silly.waits(size, min(waiting, mss), self.snd_nxt - self.snd_una):
                break
            self._send_octets(self.snd_nxt, size)
            self._sent_up_to(self.snd_nxt + size)
        if waiting == 0:
            self._send_fin()
        elif self.snd_wnd == 0 and self.timer is None:
            self._start_timer()  # to probe the closed window

    def _send_octets(self, seq: int, size: int) -> bool:
        """Send at most `size` octets from `seq` on; the last ones are pushed. False if there are none."""
        payload = self.outgoing.octets(seq, size)
        is_last = seq + len(payload) == self.outgoing.end
        if payload:
            self._send("PSH|ACK" if is_last else "ACK", seq, payload)
        return bool(payload)

    def _send_fin(self) -> None:
        end = self.outgoing.end
        if self.fin_wanted and self.snd_nxt == end:
            why = max((one for one in (CAUSE.get(), self.fin_cause) if one is not None), default=None)
            with because(why):  # what closed this end, or made room; not what wrote the octets before it
                self._send("FIN|ACK", self.snd_nxt)
                if not self.fin_sent:
                    self.fin_sent = True
                    self._become("LAST-ACK" if self.state == "CLOSE-WAIT" else "FIN-WAIT-1")
            self._sent_up_to(end + 1)

    def _sent_up_to(self, number: int) -> None:
        self.snd_nxt = number
        if number > self.snd_max:
            self.round_trip.sent(number, self.network.clock.now)
            self.snd_max = number
        if self.timer is None:
            self._start_timer()

    def _send(self, flags: str, seq: int, payload: bytes = b"") -> None:
        if "ACK" in flags:
            self.owed.sent()
        again = seq < self.snd_max and (bool(payload) or "SYN" in flags or "FIN" in flags)
        ack = self.arrived.expected if "ACK" in flags else 0
        segment = Segment(
            self.connection, self.local, self.remote, flags, seq, ack, self._window(), payload, again
        )
        self.network.transmit(segment)

    # --- retransmission -------------------------------------------------------------------------------

    def _start_timer(self) -> None:
        if self.timer is not None:
            self.network.clock.cancel(self.timer)
        self.timer = self.network.clock.after(self.round_trip.timeout, self._timed_out)

    def _stop_timers(self) -> None:
        if self.timer is not None:
            self.network.clock.cancel(self.timer)
            self.timer = None
        self.owed.stop()

    def _timed_out(self) -> None:
        self.timer = None
        self.retries += 1
        if self.retries > repeats_in(self.state):
            self._lose(TimeoutError(110, f"Connection timed out: {self.remote} did not answer"))
            return
        with because(None):  # whatever went on when the timer was set
            seq = self._report(RetransmissionTimedOut, self.connection, self.host, self.round_trip.timeout)
        with because(seq):
            self._repeat()
        self._start_timer()

    def _repeat(self) -> None:
        """Send again what was not acknowledged in time."""
        self.round_trip.doubled()
        if self.state == "SYN-SENT":
            self._send("SYN", self.iss)
        elif self.state == "SYN-RECEIVED":
            self._send("SYN|ACK", self.iss)
        elif self.snd_wnd == 0 and self.snd_una == self.snd_nxt:
            self._probe()
        else:
            self.congestion.timed_out(self.snd_nxt - self.snd_una, self.snd_max, self.profile.mss)
            self.snd_nxt = self.snd_una
            self._output()
            if self.snd_nxt == self.snd_una and self.fin_sent:
                self._send_fin()

    def _probe(self) -> None:
        """One octet into a closed window: its answer says whether it is open again."""
        self._send("ACK", self.snd_nxt, self.outgoing.octets(self.snd_nxt, 1))

    # --- receiving ------------------------------------------------------------------------------------

    def segment_arrived(self, segment: Segment) -> str | None:
        """Take one segment; returns why it was of no use, or None."""
        if self.state == "SYN-SENT":
            return self._syn_sent(segment)
        if "RST" in segment.flags:
            self._lose(ConnectionResetError(104, "Connection reset by peer"))
            return None
        if "SYN" in segment.flags:
            return self._repeated_syn(segment)
        self._take_acknowledgement(segment)
        if self.state == "CLOSED" or not segment.length:
            return None
        return self._take_octets(segment)

    def accept(self, segment: Segment) -> None:
        """A SYN came to a listening port: answer it."""
        self.arrived.expected = segment.seq + 1
        self.snd_wnd = segment.window
        self._become("SYN-RECEIVED")
        self._send("SYN|ACK", self.snd_nxt)
        self._sent_up_to(self.snd_nxt + 1)

    def _syn_sent(self, segment: Segment) -> str | None:
        if "RST" in segment.flags:
            why = f"Connect call failed: {self.remote} refused the connection"
            self._lose(ConnectionRefusedError(111, why))
            return None
        if segment.flags != "SYN|ACK" or segment.ack != self.snd_nxt:
            return "not an answer to our SYN"
        self.arrived.expected = segment.seq + 1
        established = self._become("ESTABLISHED")
        self._take_acknowledgement(segment)
        self._ack_now()
        with because(established):
            self.on_connected()
        return None

    def _repeated_syn(self, segment: Segment) -> str | None:
        if self.state == "SYN-RECEIVED":
            self._send("SYN|ACK", self.iss)
        else:
            self._ack_now()
        return "the connection stands already"

    def _take_acknowledgement(self, segment: Segment) -> None:
        if self.state == "SYN-RECEIVED" and segment.ack == self.iss + 1:
            with because(self._become("ESTABLISHED")):
                self.on_connected()
        if self.snd_wnd == 0:  # it lives: a closed window is no failure, however long
            self.retries = 0
        same_window = self.snd_wnd == segment.window
        self.snd_wnd = segment.window
        self.silly.offered(segment.window)
        if segment.ack > self.snd_una:
            self._advance(min(segment.ack, self.snd_max))
        elif (
            segment.ack == self.snd_una and not segment.length and same_window and self.snd_una < self.snd_nxt
        ):
            self._duplicate()
        if not self.output_planned:  # else it comes in this very instant, and with its own cause
            self._output()

    def _advance(self, ack: int) -> None:
        """Octets up to `ack` have arrived over there."""
        has_room = self.outgoing.acknowledged(ack)
        self.round_trip.acknowledged(ack, self.network.clock.now)
        acknowledged = ack - self.snd_una
        self.snd_una = ack
        self.snd_nxt = max(self.snd_nxt, ack)
        self.retries = 0
        if self.congestion.acknowledged(acknowledged, ack, self.profile.mss):
            self._repeat_first()
        if self.timer is not None:
            self.network.clock.cancel(self.timer)
            self.timer = None
        if self.snd_una < self.snd_nxt:
            self._start_timer()
        if self.fin_sent and ack == self.outgoing.end + 1:
            self._fin_acknowledged()
        if has_room:
            self.on_room()

    def _duplicate(self) -> None:
        """The same acknowledgement again."""
        if self.congestion.duplicate(self.snd_nxt - self.snd_una, self.snd_nxt, self.profile.mss):
            self.round_trip.repeated()
            self._repeat_first()

    def _repeat_first(self) -> None:
        if not self._send_octets(self.snd_una, self.profile.mss):
            self._send("FIN|ACK", self.snd_una)
        self._start_timer()

    def _take_octets(self, segment: Segment) -> str | None:
        if self.detached and segment.payload:
            self.network.refuse(segment)
            self.vanish()
            return "no program has its socket open"
        end = segment.seq + segment.length
        expected = self.arrived.expected
        if end <= expected:
            self._ack_now()
            return "a duplicate"
        if segment.seq > expected:
            self.arrived.keep(segment)
            self._ack_now()
            return None
        room = self._window()
        if segment.payload and segment.seq + len(segment.payload) - expected > room:
            self._ack_now()
            return "the window is closed"
        self.arrived.take(segment)
        profile = self.profile
        self.owed.owe(
            len(segment.payload), urgent=self.arrived.has_gap, mss=profile.mss, delay=profile.ack_delay_ns
        )
        self._hand_up()
        return None

    def _hand_up(self) -> None:
        arrived = self.arrived
        if arrived.unread and self.reading and not self.detached:
            self.on_data(arrived.read())
        elif arrived.unread and self._window() < self.profile.mss:
            self._report(WindowClosed, self.connection, self.host)
        if arrived.ended and not arrived.unread and self.state in ("ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"):
            self._fin_arrived()

    def _fin_arrived(self) -> None:
        if self.state == "ESTABLISHED":
            self._ack_now()
            self._become("CLOSE-WAIT")
            self.on_eof()
        elif self.state == "FIN-WAIT-1":
            self._ack_now()
            self._become("CLOSING")
        else:
            self._time_wait()

    def _fin_acknowledged(self) -> None:
        if self.state == "FIN-WAIT-1":
            self._become("FIN-WAIT-2")
        elif self.state == "CLOSING":
            self._time_wait()
        elif self.state == "LAST-ACK":
            self._stop_timers()
            self._become("CLOSED")
            self.network.forget(self)
            self.on_lost(None)

    def _time_wait(self) -> None:
        self._ack_now()
        self._stop_timers()
        self._become("TIME-WAIT")
        self.on_lost(None)

    def _window(self) -> int:
        return max(self.profile.window - len(self.arrived.unread), 0)

    def _ack_now(self) -> None:
        if self.state != "CLOSED":
            self._send("ACK", self.snd_nxt)

    # --- helpers --------------------------------------------------------------------------------------

    def _lose(self, error: OSError) -> None:
        lost = self.on_lost
        self.vanish()
        lost(error)

    def _become(self, state: str) -> int | None:
        """Change the state; returns the seq of its record."""
        self.state = state
        return self._report(TcpStateChanged, self.connection, state)

    def _report(self, kind: Callable[P, Event], /, *fields: P.args, **named: P.kwargs) -> int | None:
        report = self.network.report
        return None if report is None else report(self.host, kind, *fields, **named)

    def __repr__(self) -> str:
        return f"<Endpoint {self.local} to {self.remote} {self.state}>"


def _nothing(*_: object) -> None:
    """Nobody listens."""
