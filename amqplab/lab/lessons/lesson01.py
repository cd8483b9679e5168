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

from amqplab.lab.compare import side_by_side
from amqplab.lab.exercises import Exercise
from amqplab.lab.lab import Lab
from amqplab.trace.query import commands
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
    if not callable(send):
        yield f"give the function 'send' itself (you gave {send!r})"
        return
    if isinstance(octets, bool) or not isinstance(octets, int):
        yield f"give the number of octets as a number, such as octets=5 (you gave {octets!r})"
    try:
        lab = attempt(send)
    except Exception as error:  # it is the learner's code, and may do anything
        yield f"make a call that works (yours ended with {type(error).__name__}: {error})"
        return
    published = commands(lab.recorder, name="basic.publish", what="sent")
    if len(published) != 1:
        yield f"publish exactly one message (you published {len(published)})"
        return
    carried, body = published[0].properties or Properties(), published[0].body or b""
    exchange = lab.dissect("basic.publish", frame=1).field("exchange")
    if body != LETTER.encode():
        yield f"send the text {LETTER!r} (you sent {body.decode(errors='replace')!r})"
    if exchange != "orders":
        yield f"publish to the exchange 'orders' (you published to {exchange!r})"
    arrived = [row.queue for row in lab.table() if row.ready]
    if arrived != ["archive"]:
        yield f"it must arrive in 'archive' only (it arrived in {' and '.join(arrived) or 'no queue'})"
    if carried.content_type != "text/plain":
        yield f"let it carry the content type 'text/plain' (it carries {carried.content_type or 'none'})"
    if carried.delivery_mode != 2:
        yield f"make it persistent: delivery mode 2 (it carries {carried.delivery_mode or 'none'})"
    if isinstance(octets, int) and octets != lab.dissect("basic.publish", frame=2).field("size of body"):
        yield f"the header frame does not announce {octets} octets"


def _try(**call: Any) -> Lab:
    """A bookshop in which this one call was made to the exchange 'orders'."""
    return attempt(lambda channel: channel.basic_publish(**{"exchange": "orders", "body": LETTER, **call}))


def _by_queue_name() -> object:
    lab = _try(routing_key="archive")
    return lab.why("Unroutable")


def _persistent_by_itself() -> object:
    plain, asked = (
        _try(routing_key="bill", properties=given).dissect("basic.publish", frame=2).octets
        for given in (None, Properties(delivery_mode=2))
    )
    return side_by_side(plain, asked, names=("by itself", "delivery_mode=2"))


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
