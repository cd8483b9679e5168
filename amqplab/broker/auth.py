"""SASL mechanisms: how a client proves who it is.

Theory
------
connection.start offers mechanisms by name, connection.start-ok picks one and carries the
response as raw octets.

    PLAIN      NUL user NUL password, nothing before, nothing after (CONN-15)
    AMQPLAIN   a field table without its length, with the keys LOGIN and PASSWORD (CONN-19)

EXTERNAL needs no response: a verified TLS certificate has said who the client is. It is offered only where
one was shown (CONN-21).

A mechanism may take more than one round: RABBIT-CR-DEMO, off unless configured, has start-ok name only the
user, asks for the password by connection.secure and reads it from secure-ok (CONN-20).

A response that does not have the form is *malformed*, which RabbitMQ treats as a bad peer (silence, then a
reset), unlike wrong credentials, which are politely refused if the client announced that it understands that.
"""

from __future__ import annotations

from typing import NamedTuple

from amqplab.wire.errors import DecodeError
from amqplab.wire.table import decode_table

__all__ = ["CHALLENGE", "DEMO", "EXTERNAL", "MECHANISMS", "Credentials", "Malformed", "demo_answer"]

DEMO = "RABBIT-CR-DEMO"
EXTERNAL = "EXTERNAL"
CHALLENGE = b"Please tell me your password"
_ANSWER = b"My password is "


class Malformed(Exception):
    """The response does not have the mechanism's form."""


class Credentials(NamedTuple):
    """What a response claims."""

    user: str
    password: str


def plain(response: bytes) -> Credentials:
    """NUL user NUL password."""
    parts = response.split(b"\x00")
    if len(parts) != 3 or parts[0]:
        raise Malformed("PLAIN response is not NUL user NUL password")
    return Credentials(_text(parts[1]), _text(parts[2]))


def amqplain(response: bytes) -> Credentials:
    """A field table without length, with LOGIN and PASSWORD as strings."""
    try:
        table, _ = decode_table(len(response).to_bytes(4, "big") + response, 0)
    except DecodeError as error:
        raise Malformed(f"AMQPLAIN response is no table: {error}") from error
    user, password = table.get("LOGIN"), table.get("PASSWORD")
    if not isinstance(user, str) or not isinstance(password, str):
        raise Malformed("AMQPLAIN response without LOGIN and PASSWORD")
    return Credentials(user, password)


def demo_answer(user: str, response: bytes) -> Credentials:
    """The answer to :data:`CHALLENGE`, from the user that start-ok named (CONN-20)."""
    if not response.startswith(_ANSWER):
        raise Malformed("the answer to the challenge is not 'My password is …'")
    return Credentials(user, _text(response.removeprefix(_ANSWER)))


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


MECHANISMS = {"PLAIN": plain, "AMQPLAIN": amqplain}
"""Mechanism name → how its response is read, for those of one round."""
