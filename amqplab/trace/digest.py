"""The digest of a run: one number that says whether two runs were the same.

Theory
------
A simulation is deterministic if the same seed and the same programs give the same stream, on every Python and
every platform. To compare streams, each record is rendered as one line of ASCII that depends on nothing but
its content, and the lines are hashed:

    12 1500000 "broker" <11 Published vhost="/" message=1 … mandatory=false … sequence=1

that is: seq, time in ns, place, cause ("-" for none), event, its fields in order. Text is written as JSON
writes it, with everything outside ASCII escaped; octets as ``x"0a0b"``; no float ever appears in a record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from amqplab.trace.events import Event
from amqplab.trace.recorder import Record

__all__ = ["digest", "field_names", "render"]


def field_names(kind: type[Event]) -> tuple[str, ...]:
    """The names of an event class's fields, in order."""
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = tuple(field.name for field in fields(kind))  # type: ignore[arg-type]
    return names


_NAMES: dict[type[Event], tuple[str, ...]] = {}


def render(record: Record) -> str:
    """One record as one line of ASCII."""
    seq, at, where, cause, event = record
    kind = type(event)
    words = [str(seq), str(at), render_value(where), "-" if cause is None else f"<{cause}", kind.__name__]
    words += [f"{name}={render_value(getattr(event, name))}" for name in field_names(kind)]
    return " ".join(words)


def render_value(value: Any) -> str:
    """One value of a field. Raises TypeError for a value that no event may hold."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=True)
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes):
        return f'x"{value.hex()}"'
    if isinstance(value, tuple):
        return f"({','.join(render_value(one) for one in value)})"
    raise TypeError(f"a record holds {type(value).__name__}, which does not print the same everywhere")


def digest(records: Iterable[Record]) -> str:
    """The SHA-256, in hexadecimal, of the rendered stream; a Recorder is such an iterable."""
    total = hashlib.sha256()
    for record in records:
        total.update(render(record).encode("ascii"))
        total.update(b"\n")
    return total.hexdigest()
