"""How Erlang prints octets, because RabbitMQ's reply texts contain them.

Theory
------
When octets do not form a frame, RabbitMQ quotes them to the peer the way Erlang prints a binary: as text
when every octet is a printable Latin-1 character (``<<"abc">>``), as numbers otherwise (``<<0,50,0,10>>``),
``<<>>`` when there are none. The text is then sent as it is: octets, not UTF-8. It quotes at most 16 octets
and says whether that was all of them. Clients print these texts and people search the web for them, so they
are reproduced letter by letter (CODEC-02 … CODEC-05).
"""

from __future__ import annotations

__all__ = ["erlang_binary", "frame_snippet"]

QUOTED_OCTETS = 16  # RabbitMQ quotes no more of a payload (CODEC-03)

ESCAPES = {
    0x08: b"\\b", 0x09: b"\\t", 0x0A: b"\\n", 0x0B: b"\\v", 0x0C: b"\\f", 0x0D: b"\\r",
    0x1B: b"\\e", 0x22: b'\\"', 0x5C: b"\\\\",
}  # fmt: skip
PRINTABLE = frozenset(range(0x20, 0x7F)) | frozenset(range(0xA0, 0x100)) | frozenset(ESCAPES)


def erlang_binary(octets: bytes) -> str:
    """`octets` as Erlang's ``~p`` prints them (CODEC-03)."""
    if not octets:
        return "<<>>"
    if PRINTABLE.issuperset(octets):
        quoted = b"".join(ESCAPES.get(octet, bytes((octet,))) for octet in octets)
        return '<<"' + quoted.decode("utf-8", "surrogateescape") + '">>'
    return f"<<{','.join(map(str, octets))}>>"


def frame_snippet(type: int, payload: bytes) -> str:
    """The part that all of RabbitMQ's complaints about a frame share: ``type 8, all octets = <<"xx">>``."""
    extent = "all" if len(payload) <= QUOTED_OCTETS else f"first {QUOTED_OCTETS}"
    return f"type {type}, {extent} octets = {erlang_binary(payload[:QUOTED_OCTETS])}"
