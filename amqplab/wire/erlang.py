"""How Erlang prints octets, because RabbitMQ's reply texts contain them.

Theory
------
When octets do not form a frame, RabbitMQ quotes them to the peer the way Erlang prints a term with ``~p``:
a binary as text when every octet is printable (``<<"abc">>``), as numbers otherwise (``<<0,50,0,10>>``), and
``<<>>`` when there are none. Printable means printable in *Latin-1*, so ``<<254>>`` is printed as the octet
254 between quotes, and the reply text is then not UTF-8. At most 16 octets are quoted, and the text says
whether those were all.

``~p`` is a *pretty* printer: lines are 80 columns wide, what does not fit goes on, indented, in the next one.
Clients log these texts and people search the web for them, so they are reproduced letter by letter
(CODEC-02 … CODEC-05); the tests compare them with what Erlang printed.
"""

from __future__ import annotations

__all__ = ["erlang_binary", "frame_complaint", "frame_snippet"]

QUOTED_OCTETS = 16  # RabbitMQ quotes no more of a payload (CODEC-03)
WIDTH = 80  # columns of a line

ESCAPES = {
    0x08: b"\\b", 0x09: b"\\t", 0x0A: b"\\n", 0x0B: b"\\v", 0x0C: b"\\f", 0x0D: b"\\r",
    0x1B: b"\\e", 0x22: b'\\"', 0x5C: b"\\\\",
}  # fmt: skip
PRINTABLE = frozenset(range(0x20, 0x7F)) | frozenset(range(0xA0, 0x100)) | frozenset(ESCAPES)


def erlang_binary(octets: bytes, column: int = 0) -> str:
    """`octets` as ``~p`` prints them at a column of a line."""
    return _text(_binary(octets, column))


def frame_snippet(type: int, payload: bytes) -> str:
    """What RabbitMQ's complaints about a frame share: ``type 8, all octets = <<"xx">>``."""
    return _text(_snippet(type, payload))


def frame_complaint(type: int, payload: bytes, name: str, number: int) -> str:
    """A complaint with a reason: ``type 1, all octets = <<>>: {name,number}``."""
    snippet = _snippet(type, payload) + b": "
    column = len(snippet) - snippet.rfind(b"\n") - 1
    fits = column + len(f"{{{name},{number}}}") < WIDTH - 1
    separator = "," if fits else ",\n" + " " * (column + 1)
    return _text(snippet) + f"{{{name}{separator}{number}}}"


def _snippet(type: int, payload: bytes) -> bytes:
    extent = "all" if len(payload) <= QUOTED_OCTETS else f"first {QUOTED_OCTETS}"
    head = f"type {type}, {extent} octets = ".encode()
    return head + _binary(payload[:QUOTED_OCTETS], len(head))


def _binary(octets: bytes, column: int) -> bytes:
    if octets and PRINTABLE.issuperset(octets):
        return b'<<"' + b"".join(ESCAPES.get(octet, bytes((octet,))) for octet in octets) + b'">>'
    return b"<<" + _numbers(octets, column + 2) + b">>"


def _numbers(octets: bytes, left: int) -> bytes:
    """Numbers with commas, in lines that begin at column `left`; a comma stays with the number before it."""
    lines = [b""]
    for place, octet in enumerate(octets, 1):
        item = b"%d" % octet + (b"," if place < len(octets) else b"")
        if lines[-1] and left + len(lines[-1]) + len(item) >= WIDTH:
            lines.append(b"")
        lines[-1] += item
    return (b"\n" + b" " * left).join(lines)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
