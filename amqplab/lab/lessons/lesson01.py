"""Lesson 01, journey of one message: one letter into the archive.

Theory
------
The exercise asks for everything that the lesson has shown, in one call: the exchange, the right binding
key, properties that are there because they are given, and a body whose octets are not its characters. The
judge looks at frames and queues, as the lesson did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from amqplab.lab.exercises import Exercise
from amqplab.lab.lab import Lab
from amqplab.trace.events import FrameSent, Published
from amqplab.wire.frames import FRAME_BODY, FRAME_HEADER
from amqplab.wire.properties import Properties

__all__ = ["bookshop", "exercise"]

LETTER = "Grüße!"
Send = Callable[[Any], object]


def bookshop() -> tuple[Lab, Any]:
    """The broker of the exercise, and a channel of the shop: ``lab, channel = bookshop()``."""
    lab = Lab(seed=7, title="The bookshop")
    channel = lab.connect("shop").channel()
    channel.exchange_declare(exchange="orders", exchange_type="direct")
    channel.queue_declare(queue="print")
    channel.queue_declare(queue="archive")
    channel.queue_bind(queue="print", exchange="orders", routing_key="book")
    channel.queue_bind(queue="archive", exchange="orders", routing_key="book")
    channel.queue_bind(queue="archive", exchange="orders", routing_key="bill")
    return lab, channel


def attempt(send: Send) -> Lab:
    """Run ``send(channel)`` in a bookshop of its own."""
    lab, channel = bookshop()
    send(channel)
    lab.run()
    return lab


def judge(send: Send, octets: int) -> Iterator[str]:
    """What is missing in the learner's call and number."""
    lab = attempt(send)
    published = [record.event for record in lab.find(Published)]
    if len(published) != 1:
        yield f"publish exactly one message (you published {len(published)})"
        return
    frames = {record.event.data[0]: record.event.data for record in lab.find(FrameSent, host="shop")}
    header, body = frames[FRAME_HEADER], frames.get(FRAME_BODY, b"")[7:-1]
    carried = Properties.decode(header[19:-1])
    if body != LETTER.encode():
        yield f"send the text {LETTER!r} (you sent {body.decode(errors='replace')!r})"
    if published[0].exchange != "orders":
        yield f"publish to the exchange 'orders' (you published to {published[0].exchange!r})"
    arrived = [row.queue for row in lab.table() if row.ready]
    if arrived != ["archive"]:
        yield f"it must arrive in 'archive' only (it arrived in {' and '.join(arrived) or 'no queue'})"
    if carried.content_type != "text/plain":
        yield f"let it carry the content type 'text/plain' (it carries {carried.content_type!r})"
    if carried.delivery_mode != 2:
        yield f"make it persistent: delivery mode 2 (it carries {carried.delivery_mode!r})"
    if octets != int.from_bytes(header[11:19]):
        yield f"the header frame does not announce {octets} octets"


def _try(**call: str) -> Lab:
    """A bookshop in which this one call was made to the exchange 'orders'."""
    return attempt(lambda channel: channel.basic_publish(**{"exchange": "orders", "body": LETTER, **call}))


def _by_queue_name() -> object:
    lab = _try(routing_key="archive")
    return lab.why(lab.last("Unroutable"))


def _persistent_by_itself() -> object:
    lab = _try(routing_key="bill")
    [header] = [frame for frame in lab.find(FrameSent, host="shop") if frame.event.data[0] == FRAME_HEADER]
    return lab.dissect(header)


exercise = Exercise(
    "With one call, send the text 'Grüße!' to the exchange 'orders', so that it arrives in 'archive' and not "
    "in 'print'. Let it carry the content type 'text/plain', and be persistent. And say how many octets its "
    "header frame announces.",
    judge,
    hint="Which binding key leads to 'archive' and to nowhere else? "
    "And what does len('Grüße!'.encode()) say?",
    refutations={
        "the routing key is the name of the queue": _by_queue_name,
        "'book' leads to the archive": lambda: _try(routing_key="book").table(),
        "a message is persistent by itself": _persistent_by_itself,
        "six characters are six octets": lambda: LETTER.encode(),
    },
)
