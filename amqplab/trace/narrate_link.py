"""Sentences for what happens between the programs and the wire (calls, segments, frames, commands), and on
the disk.

Theory
------
See :mod:`amqplab.trace.narrate`. Every function here tells one kind of event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.context import Arrival, Context
from amqplab.trace.intervention_words import intervention_words
from amqplab.trace.keys import client_host
from amqplab.trace.names import as_start, party
from amqplab.trace.recorder import Record
from amqplab.trace.repeat_words import repeated_words
from amqplab.trace.repeats import Taken
from amqplab.trace.words import (
    METHOD_WORDS,
    OPENED_WORDS,
    TCP_STATE_WORDS,
    count,
    duration,
    messages_named,
    numbered,
    quoted,
)
from amqplab.wire.dialects import dialect_named
from amqplab.wire.dissect import summarise
from amqplab.wire.frames import (
    FRAME_BODY,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_PROTOCOL_HEADER,
    read_frame,
)

__all__ = ["IN_CONTEXT", "SENTENCES", "cargo_words", "publishes_named", "sentence_end", "taken_words"]


# --- programs and calls ----------------------------------------------------------------------------------


def program_started(record: Record, event: e.ProgramStarted) -> str:
    at = "" if event.program == record.where else f" at {party(record.where)}"
    return f"The program {party(event.program)} starts to run{at}."


def program_finished(record: Record, event: e.ProgramFinished, known: Context) -> str:
    program = f"The program {party(event.program)}"
    if event.outcome == "returned" and record.seq in known.goes_on:
        return f"The function of the program {party(event.program)} has returned; what it has left running goes on."
    if event.outcome == "returned":
        many = known.stays_open.get(record.seq, 0)
        kept = (
            ""
            if not many
            else f"; its process stays, and keeps {'its connection' if many == 1 else f'{many} connections'}"
        )
        return f"{program} is finished, because its function returned{kept}."
    if event.outcome == "cancelled":
        return f"{program} was cancelled before its end."
    return f"{program} stops with an error: {sentence_end(event.outcome)}"


def call_made(record: Record, event: e.CallMade) -> str:
    return f"{as_start(party(record.where))} calls {event.call}."


def message_handled(record: Record, event: e.MessageHandled, known: Context) -> str:
    sent = known.handed_out.get((event.connection, event.channel, event.delivery_tag))
    what = f"delivery {event.delivery_tag} of channel {event.channel}"
    if sent is not None:
        what = f"message {sent.message}"
    return f"The code of {party(record.where)} has finished with {what}."


def note_made(record: Record, event: e.NoteMade) -> str:
    return f"{as_start(party(record.where))} notes: {quoted(event.text)}."


def intervened(record: Record, event: e.Intervened) -> str:
    """What was done from outside: no program's call, no timer's work, and nothing that the broker found out."""
    return f"The lab steps in: {intervention_words(event)}."


def check_failed(record: Record, event: e.CheckFailed) -> str:
    return f"The invariant {quoted(event.check)} is broken: {sentence_end(event.detail)}"


# --- TCP -------------------------------------------------------------------------------------------------


def tcp_state_changed(record: Record, event: e.TcpStateChanged) -> str:
    words = TCP_STATE_WORDS.get(event.state, "its TCP goes on")
    if event.state == "ESTABLISHED" and record.where == client_host(event.connection):
        words = OPENED_WORDS
    return f"The TCP of {party(record.where)} is now {event.state}: {words}."


def segment_sent(record: Record, event: e.SegmentSent, known: Context) -> str:
    subject = f"{as_start(party(record.where))} sends segment {event.number}{cargo_words(record, known)}"
    again = again_words(event, known)
    flags = event.flags.split("|")
    size = len(event.payload)
    if "RST" in flags:
        return f"{subject}{again} with {event.flags}: {RESET_WORDS[known.resets.get(event.number, '')]}."
    if "SYN" in flags:
        consent = "it agrees to connect and" if "ACK" in flags else "it asks for a connection and"
        first = f"from {(event.sequence + 1) % 2**32}, because the SYN itself takes {event.sequence}"
        return f"{subject}{again} with {event.flags}: {consent} numbers its bytes {first}."
    if size:
        last = (event.sequence + size - 1) % 2**32
        fin = " and FIN, because they are the last" if "FIN" in flags else ""
        numbers = f"sequence numbers {event.sequence} to {last}"
        asks = ", to ask whether there is room again" if event.number in known.probes else ""
        return f"{subject}{again} with {count(size, 'byte')}{fin}{asks}: {numbers}."
    if "FIN" in flags:
        return f"{subject}{again} with {event.flags}: it has nothing more to send."
    if event.window == 0:
        return f"{subject} with ACK and a window of 0: it has no room for more bytes."
    return f"{subject} with {event.flags}: it has everything before {event.acknowledgement}."


RESET_WORDS = {
    "": "for it there is no such connection, or it gives it up",
    "unknown": "for it there is no such connection",
    "given up": "it gives the connection up, and forgets it at once",
}
"""What an RST means, by what its sender knows of the connection."""


def sent_again(record: Record, event: e.SegmentSent, known: Context) -> str:
    """The same of a segment that brings again what the other end misses, for who counts no bytes."""
    subject = f"{as_start(party(record.where))} sends segment {event.number}{cargo_words(record, known)}"
    return f"{subject}{again_words(event, known).rstrip(',')}."


def again_words(event: e.SegmentSent, known: Context) -> str:
    """Of a segment that is sent again: whose bytes it carries, and why."""
    if not event.retransmission:
        return ""
    again = known.again.get(event.number)
    if again is None:
        return " again, because it was not acknowledged,"
    return f", which {'has' if again.part else 'is'} {repeated_words(again)},"


def segment_arrived(record: Record, event: e.SegmentArrived, known: Context) -> str:
    taken = "" if event.number in known.useless else ", and TCP takes it"
    return f"Segment {event.number} arrives at {party(record.where)}{taken}."


def segment_lost(record: Record, event: e.SegmentLost, known: Context) -> str:
    why = LOSS_WORDS.get(event.reason, event.reason)
    segment = f"Segment {event.number}{cargo_words(record, known)} is lost, because {why}"
    noticed = NOTICED_WORDS[known.unanswered.get(event.number, "")]
    return f"{segment}; nobody is told{noticed}."


NOTICED_WORDS = {
    "": ": its sender has to notice by itself",
    "ACK": ", and it is not sent again: any later acknowledgement says the same",
    "RST": ", and it is not sent again: its sender knows of no such connection",
    "gone": ", and it is not sent again: its sender knows of no such connection any more",
}
"""Who finds out that a segment was lost, by what is never acknowledged in it."""

LOSS_WORDS = {
    "loss": "the link loses some segments",
    "on purpose": "somebody asked for this loss",
    "the link is cut": "the link was cut",  # when it left, or since: it may be healed by now
    "the link is half open": "the link was half open",
}


def segment_discarded(record: Record, event: e.SegmentDiscarded, known: Context) -> str:
    """That it arrives was told already: nothing comes twice."""
    segment = f"segment {event.number}{cargo_words(record, known)}"
    why = USELESS_WORDS.get(event.reason, event.reason)
    return f"The TCP of {party(record.where)} throws {segment} away: {why}."


USELESS_WORDS = {"a duplicate": "a copy of what it has already"}


def timed_out(record: Record, event: e.RetransmissionTimedOut, known: Context) -> str:
    host, time = party(event.host), duration(event.rto_ns)
    if record.seq in known.probing:
        return f"For {time} nobody told {host} that there is room again, so its TCP asks with one byte."
    nothing, cargo = f"What {host} sent was not acknowledged within {time}", cargo_words(record, known)
    taken = known.taken_for_lost.get(record.seq)
    if taken is None or not taken.segments:
        return f"{nothing}, so TCP takes what waits for one{cargo} for lost."
    them = "it" if len(taken.segments) == 1 else "them"
    sends = f"sends {them}" if taken.all_sent else f"begins to send {them}"
    if (found := known.cargo.get(record.seq)) and found.carriers != taken.segments:
        cargo = f",{cargo} in {numbered('segment', found.carriers)},"
    lost = f"{numbered('segment', taken.segments)}{cargo}"
    return f"{nothing}, so TCP takes {lost} for lost and {sends} again{arrived_words(taken, host)}."


def arrived_words(taken: Taken, host: str) -> str:
    """TCP knows of acknowledgements only: what it takes for lost may have arrived."""
    if not taken.arrived:
        return ""
    which, one = numbered("segment", taken.arrived), len(taken.segments) == 1
    if taken.arrived != taken.carriers:  # they were lost, but not what brought their bytes again
        whose = (
            f"the bytes of {which}"
            if taken.arrived != taken.segments
            else f"{'its' if one else 'their'} bytes"
        )
        return f"; {whose} had arrived in {numbered('segment', taken.carriers)}, but {host} does not know"
    if taken.arrived == taken.segments:
        which = "it" if one else "they"
    return f"; {which} had arrived, but {host} does not know"


def cargo_words(record: Record, known: Context) -> str:
    """What was in the segment, if that is known: " with part of message 1"."""
    cargo = known.cargo.get(record.seq)
    if cargo is None:
        return ""
    part = "part of " if cargo.part else ""
    unnumbered = "a message" if cargo.unnumbered == 1 else f"{cargo.unnumbered} messages"
    words = [messages_named(cargo.messages)] if cargo.messages else []
    words += [unnumbered] if cargo.unnumbered else []
    if words:
        return f" with {part}{' and '.join(words)}"
    others = Counter(
        "the protocol header" if one == "protocol-header" else one for one in cargo.others
    ).items()
    return f" with {' and '.join(name if many == 1 else count(many, name) for name, many in others)}"


def window_closed(record: Record, event: e.WindowClosed) -> str:
    host = party(event.host)
    return f"The receive buffer of {host} is full, because its program does not read: the sender must stop."


def window_opened(record: Record, event: e.WindowOpened) -> str:
    return f"{as_start(party(event.host))} reads again and has room, so the sender may go on."


# --- frames and commands ---------------------------------------------------------------------------------


def frame_sent(record: Record, event: e.FrameSent) -> str:
    noun, content = frame_words(event.data)
    return f"{as_start(party(event.host))} hands {noun} to TCP: {content}."


def frame_received(record: Record, event: e.FrameReceived) -> str:
    noun, content = frame_words(event.data)
    return f"{as_start(party(event.host))} has now received {noun}: {content}."


def frame_words(data: bytes) -> tuple[str, str]:
    """A frame as a noun, and what is in it."""
    type, channel, _ = read_frame(data)
    if type == FRAME_PROTOCOL_HEADER:
        return "the protocol header", summarise(data)
    if type == FRAME_HEARTBEAT:
        return "a heartbeat frame", "it keeps a silent connection from being taken for dead"
    return f"{FRAME_WORDS.get(type, 'a frame')} of channel {channel}", summarise(data)


FRAME_WORDS = {
    FRAME_METHOD: "a method frame",
    FRAME_HEADER: "a content header frame",
    FRAME_BODY: "a body frame",
}


def command_sent(record: Record, event: e.CommandSent, known: Context) -> str:
    kept = known.kept_back.get(record.seq)
    if not kept:
        return f"{as_start(party(event.host))} has sent {command_words(event)}."
    return f"{as_start(party(event.host))} hands TCP {command_words(event)}; TCP {KEPT_BACK[kept]}."


KEPT_BACK = {
    "all": "cannot send any of it yet",
    "a part": "can send only a part of it for now",
    "never": "sends nothing of it, because in this very instant it is over with the connection here",
}


def command_received(record: Record, event: e.CommandReceived, known: Context) -> str:
    arrival = known.arrivals.get(record.seq)
    if arrival is not None:
        return arrival_words(arrival, known)
    return f"{as_start(party(event.host))} now has all of {command_words(event)}."


def arrival_words(arrival: Arrival, known: Context) -> str:
    """What has come to a client, and what follows for it."""
    who = known.names.client(arrival.connection)
    message = messages_named(arrival.messages).capitalize() if arrival.messages else "A message"
    if arrival.kind == "return":
        because = f" with {arrival.reply}" if arrival.reply else ""
        return f"{message} is back at its publisher {who}{because}: no queue was to get it."
    if arrival.kind == "confirm":
        return confirm_words(arrival, who, known)
    if arrival.kind == "reply":
        return f"{message} arrives at {who} as a reply, which needs no acknowledgement."
    if arrival.no_ack:
        return f"{message} arrives at {who}; with no_ack it was settled when the broker sent it."
    return f"{message} arrives at {who}, who has yet to acknowledge it."


def confirm_words(arrival: Arrival, who: str, known: Context) -> str:
    """The publisher hears of its publishes."""
    which = publishes_named(arrival.publishes, arrival.tag, multiple=arrival.multiple)
    if arrival.messages:
        which += f" ({messages_named(arrival.messages)})"
    if arrival.positive:
        return f"The confirm of {which} arrives at {who}: {taken_words(arrival.messages, known)}."
    them = "them" if len(arrival.messages) > 1 else "it"
    return f"The refusal of {which} arrives at {who}: the broker could not take {them}."


def publishes_named(open_ones: tuple[int, ...], number: int, *, multiple: bool) -> str:
    """The publishes that a confirm is about: those which were still open, if that is known."""
    if open_ones:
        return numbered("publish", open_ones, "es")
    return f"all open publishes up to {number}" if multiple else f"publish {number}"


def taken_words(messages: tuple[int, ...], known: Context) -> str:
    """What a confirm means. Of what is for no queue, it is that the broker has found that out."""
    nowhere = tuple(message for message in messages if message in known.unroutable)
    if not nowhere:
        return "the broker has taken responsibility"
    if nowhere == messages:
        it, they = ("it", "it is") if len(nowhere) == 1 else ("them", "they are")
        return f"no queue is to get {it}, and with that {they} settled"
    return (
        f"the broker has taken responsibility, except for {messages_named(nowhere)}, which no queue is to get"
    )


def command_words(event: e.CommandSent | e.CommandReceived) -> str:
    """A command with its place, its size and its meaning."""
    if event.name in ("protocol-header", "heartbeat"):
        name = "the protocol header" if event.name == "protocol-header" else "a heartbeat"
        return f"{name}, which {METHOD_WORDS[event.name]}"
    size = count(len(event.frames), "frame")
    meaning = METHOD_WORDS.get(event.name, "is a method that AMQP 0-9-1 does not know")
    return f"{event.name} (channel {event.channel}, {size}), which {meaning}"


def unit_sent(record: Record, event: e.UnitSent) -> str:
    return f"{as_start(party(event.host))} hands {unit_words(event)} to TCP."


def unit_received(record: Record, event: e.UnitReceived) -> str:
    return f"{as_start(party(event.host))} has now received {unit_words(event)}."


def unit_words(event: e.UnitSent | e.UnitReceived) -> str:
    """A unit of another protocol: what it is, and how large."""
    size, title = count(len(event.data), "byte"), dialect_named(event.dialect).title(event.data)
    if event.dialect == "http":
        kind = "response" if title[:1].isdigit() else "request"
        return f"{size} of HTTP body" if title == "body" else f"the HTTP {kind} {quoted(title)} ({size})"
    if event.dialect == "websocket":
        return f"a WebSocket frame ({title}, {size})"
    return f"{size} of a protocol that is not known here"


def bytes_unreadable(record: Record, event: e.BytesUnreadable) -> str:
    place = f"From byte {event.offset} on {party(event.host)} finds no AMQP frame"
    detail = event.detail.replace("octet", "byte")  # the standard's word, in a report
    return f"{place}, so nothing after it can be read: {sentence_end(detail)}"


# --- the disk --------------------------------------------------------------------------------------------


def disk_writing(record: Record, event: e.DiskWriting) -> str:
    what = f"{count(event.octets, 'byte')} to the file {quoted(event.file)}"
    return f"{as_start(party(record.where))} writes {what}; a crash could still take them away."


def disk_synced(record: Record, event: e.DiskSynced) -> str:
    what = f"{count(event.octets, 'byte')} of the file {quoted(event.file)}"
    return f"The disk of {party(record.where)} has synced {what}: they survive every crash."


def disk_failed(record: Record, event: e.DiskFailed) -> str:
    what = f"{count(event.octets, 'byte')} for the file {quoted(event.file)}"
    return f"The disk of {party(record.where)} could not take {what}: {sentence_end(event.reason)}"


def disk_forgot(record: Record, event: e.DiskForgot) -> str:
    what = f"{event.kept} of {count(event.octets, 'byte')} of the file {quoted(event.file)}"
    return f"The disk of {party(record.where)} keeps {what}, because the crash came before the sync."


def sentence_end(text: str) -> str:
    """Somebody else's words at the end of a sentence: with one full stop, and more than one word."""
    text = "the connection was reset" if text == "reset" else text
    return text if text.endswith((".", "!", "?")) else f"{text}."


SENTENCES: dict[type[e.Event], Callable[[Record, Any], str]] = {
    e.ProgramStarted: program_started,
    e.CallMade: call_made,
    e.NoteMade: note_made,
    e.Intervened: intervened,
    e.CheckFailed: check_failed,
    e.TcpStateChanged: tcp_state_changed,
    e.WindowClosed: window_closed,
    e.WindowOpened: window_opened,
    e.FrameSent: frame_sent,
    e.FrameReceived: frame_received,
    e.BytesUnreadable: bytes_unreadable,
    e.UnitSent: unit_sent,
    e.UnitReceived: unit_received,
    e.DiskWriting: disk_writing,
    e.DiskSynced: disk_synced,
    e.DiskFailed: disk_failed,
    e.DiskForgot: disk_forgot,
}

IN_CONTEXT: dict[type[e.Event], Callable[[Record, Any, Context], str]] = {
    e.ProgramFinished: program_finished,
    e.MessageHandled: message_handled,
    e.SegmentSent: segment_sent,
    e.SegmentArrived: segment_arrived,
    e.SegmentLost: segment_lost,
    e.SegmentDiscarded: segment_discarded,
    e.RetransmissionTimedOut: timed_out,
    e.CommandSent: command_sent,
    e.CommandReceived: command_received,
}
"""Sentences that say more where the records around them are known."""
