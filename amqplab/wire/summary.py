"""One line for one frame, in Wireshark's words, so that the skill of reading it transfers.

Theory
------
Wireshark's info column names the method and the few arguments that tell one such frame from another:
``Basic.Publish x=logs rk=info``. The abbreviations are its own: x exchange, q queue, rk routing key, bk
binding key, dx and sx the destination and source of an exchange binding. The sizes are ours.
"""

from __future__ import annotations

from functools import lru_cache

from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import FRAME_OVERHEAD, split_header_payload
from amqplab.wire.meanings import frame_type_name
from amqplab.wire.method import METHODS, decode_method
from amqplab.wire.properties import Properties
from amqplab.wire.spans import plain_text

__all__ = ["method_title", "summarise"]

LONGEST_KNOWN = 256
"""Octets of a frame that is remembered: few methods and headers are longer, and those might be very long."""

SHOWN: dict[str, tuple[tuple[str, str], ...]] = {
    "connection.open": (("vhost", "virtual_host"),),
    "connection.close": (("reply", "reply_text"),),
    "channel.close": (("reply", "reply_text"),),
    "exchange.declare": (("x", "exchange"),),
    "exchange.delete": (("x", "exchange"),),
    "exchange.bind": (("dx", "destination"), ("sx", "source"), ("bk", "routing_key")),
    "exchange.unbind": (("dx", "destination"), ("sx", "source"), ("bk", "routing_key")),
    "queue.declare": (("q", "queue"),),
    "queue.declare-ok": (("q", "queue"),),
    "queue.bind": (("q", "queue"), ("x", "exchange"), ("bk", "routing_key")),
    "queue.purge": (("q", "queue"),),
    "queue.delete": (("q", "queue"),),
    "queue.unbind": (("q", "queue"), ("x", "exchange"), ("rk", "routing_key")),
    "basic.consume": (("q", "queue"),),
    "basic.publish": (("x", "exchange"), ("rk", "routing_key")),
    "basic.deliver": (("x", "exchange"), ("rk", "routing_key")),
    "basic.get": (("q", "queue"),),
    "basic.get-ok": (("x", "exchange"), ("rk", "routing_key")),
}


def summarise(data: bytes) -> str:
    """One frame, or the protocol header, in one line. Anything else is said to be so; nothing raises."""
    return _known(data) if len(data) <= LONGEST_KNOWN else _told(data)


@lru_cache(maxsize=1 << 14)  # each frame is told of when sent, when read and where its octets are shown
def _known(data: bytes) -> str:
    return _told(data)


def _told(data: bytes) -> str:
    if data[:4] == b"AMQP":
        return "Protocol-Header " + "-".join(map(str, data[5:8])) if len(data) == 8 else "Protocol-Header"
    if len(data) < FRAME_OVERHEAD:
        return _bytes("Incomplete frame", len(data))
    type, payload = data[0], data[7:-1]
    if type == 1:
        return _method(payload)
    if type == 2:
        return _header(payload)
    if type == 3:
        return _bytes("Content-Body", len(payload))
    if type == 8:
        return "Heartbeat"
    return _bytes(f"{frame_type_name(type).capitalize()} {type},", len(payload))


def method_title(name: str) -> str:
    """ "Basic.Get-Ok" for "basic.get-ok"."""
    return name.title()


def _method(payload: bytes) -> str:
    ids = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
    if ids not in METHODS:
        return f"Unknown method {ids[0]}/{ids[1]}"
    name = METHODS[ids].name
    try:
        method = decode_method(payload)
    except DecodeError:
        return f"{method_title(name)} (undecodable)"
    shown = [f"{short}={plain_text(getattr(method, field))}" for short, field in SHOWN.get(name, ())]
    return " ".join([method_title(name), *shown])


def _header(payload: bytes) -> str:
    try:
        _, _, size, octets = split_header_payload(payload)
        properties = Properties.decode(octets)
    except DecodeError:
        return "Content-Header (undecodable)"
    kind = "" if properties.content_type is None else f" type={plain_text(properties.content_type)}"
    return f"Content-Header{kind} size={size}"


def _bytes(what: str, count: int) -> str:
    return f"{what} {count} byte{'' if count == 1 else 's'}"
