"""Spoiling octets: small accidents that turn something real into something nearly real.

Theory
------
Random octets are refused at the first of them. What finds bugs looks right for a while: a real frame with one
bit turned, a length that lies, a number at the edge of its type, the head of one frame before the tail of
another. All chance comes from one seeded generator, so that the same seed gives the same accidents.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

__all__ = ["cuts", "mutate", "mutate_frame"]

EDGES = {
    1: (0, 1, 2, 0x7F, 0x80, 0xCE, 0xFF),
    2: (0, 1, 0x7FFF, 0x8000, 0xFFFF),
    4: (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 131_064, 4096),
    8: (0, 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1),
}
TAGS = b"tbBsuIilLfdDSATFVx"
HEAD = struct.Struct(">BHI")

Mutation = Callable[[random.Random, bytearray], None]


def turn_a_bit(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)


def set_an_octet(rng: random.Random, data: bytearray) -> None:
    data[rng.randrange(len(data))] = rng.randrange(256)


def set_a_tag(rng: random.Random, data: bytearray) -> None:
    data[rng.randrange(len(data))] = rng.choice(TAGS)


def set_an_edge(rng: random.Random, data: bytearray) -> None:
    width = rng.choice((1, 1, 2, 4, 8))
    if len(data) >= width:
        at = rng.randrange(len(data) - width + 1)
        data[at : at + width] = rng.choice(EDGES[width]).to_bytes(width, "big")


def add_a_little(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    data[at] = (data[at] + rng.choice((-2, -1, 1, 2))) % 256


def leave_out(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 9)]


def cut_off(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


def put_in(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.randrange(1, 5))


def say_twice(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    piece = data[at : at + rng.randrange(1, 33)]
    data[at:at] = piece * rng.choice((1, 1, 1, 2, 8))


MUTATIONS: tuple[Mutation, ...] = (
    turn_a_bit, turn_a_bit, set_an_octet, set_a_tag, set_an_edge, set_an_edge, add_a_little, leave_out,
    cut_off, put_in, say_twice,
)  # fmt: skip


def mutate(rng: random.Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """One to four accidents; one may be to go on as one of the `others` does."""
    spoiled = bytearray(data)
    if others and rng.random() < 0.1:
        other = rng.choice(others)
        spoiled = spoiled[: rng.randrange(len(spoiled) + 1)] + other[rng.randrange(len(other) + 1) :]
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        if not spoiled:
            break
        rng.choice(MUTATIONS)(rng, spoiled)
    return bytes(spoiled)


def mutate_frame(rng: random.Random, frame: bytes, others: Sequence[bytes]) -> bytes:
    """The accident happens inside: type, channel, size and end are those of a frame. Sometimes on another
    channel.
    """
    kind, channel, _ = HEAD.unpack_from(frame)
    payload = mutate(rng, frame[7:-1], others)
    if rng.random() < 0.05:
        channel = rng.choice((0, 1, 2, 2047, 65535))
    return HEAD.pack(kind, channel, len(payload)) + payload + frame[-1:]


def cuts(rng: random.Random, data: bytes) -> list[bytes]:
    """The same octets as they may come from TCP: mostly in one piece, sometimes in a few, or one by one."""
    chance = rng.random()
    if chance < 0.7 or len(data) < 2:
        return [data]
    if chance < 0.72 and len(data) < 200:
        return [data[at : at + 1] for at in range(len(data))]
    places = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 4)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
