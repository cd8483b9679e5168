"""The book of scenes: what a scene is, how it gets into the book, and what many of them have in common.

Theory
------
A scene is a run that the stage must show well: a function that gets a lab of its own, from its own seed, and
lets something happen in it until the record is complete. The same octets come out every time, so whoever looks
at a scene looks at what everybody else saw.

The functions stand in the modules `scenes_…`, sorted by subject; whoever uses them imports `scenes`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from amqplab import Lab
from amqplab.trace.recorder import Recorder

__all__ = ["SCENES", "Scene", "build", "consumer", "names", "publish", "recording", "scene"]


@dataclass(frozen=True)
class Scene:
    """One run to look at, in a lab with these `options`. `tags` say what it needs or shows: "big", "live",
    "tutorial", "fault" …
    """

    name: str
    play: Callable[[Lab], None]
    options: dict[str, Any] = field(default_factory=dict)
    tags: frozenset[str] = field(default_factory=frozenset)

    @property
    def about(self) -> str:
        """What happens in it, in a sentence."""
        return " ".join((self.play.__doc__ or "").split())

    def build(self) -> Lab:
        """The lab in which it was played."""
        lab = Lab(**self.options)
        self.play(lab)
        return lab


SCENES: dict[str, Scene] = {}
Play = Callable[[Lab], None]


def scene(*tags: str, **options: Any) -> Callable[[Play], Play]:
    """Enter the function below this line into the book, under its own name; `options` are those of its lab."""

    def enter(play: Play) -> Play:
        SCENES[play.__name__] = Scene(play.__name__, play, options, frozenset(tags))
        return play

    return enter


def names(*tags: str, without: tuple[str, ...] = ("big", "live")) -> list[str]:
    """The scenes that have all of `tags` and none of `without`: ready for ``pytest.mark.parametrize``."""
    return [one.name for one in SCENES.values() if one.tags.issuperset(tags) and one.tags.isdisjoint(without)]


@cache
def build(name: str) -> Lab:
    """The finished lab of a scene, made once for each process: look at it, and change nothing."""
    return SCENES[name].build()


def recording(name: str) -> Recorder:
    """The record of a scene."""
    return build(name).recorder


# --- what many scenes have in common --------------------------------------------------------------------


def publish(channel: Any, exchange: str, *messages: tuple[str, str], **options: Any) -> None:
    """Publish (routing key, body) one after the other."""
    for key, body in messages:
        channel.basic_publish(exchange, key, body, **options)


def consumer(
    lab: Lab, name: str, queue: str, *, prefetch: int = 0, seconds: float = 0, start: Any = 0, **options: Any
) -> None:
    """A program that reads `queue`, works for some `seconds` on each message and acknowledges it; `options`
    are those of ``channel.consume``.
    """

    @lab.program(name, start=start)
    async def read(client: Any) -> None:
        channel = await (await client.connect()).channel()
        if prefetch:
            await channel.basic_qos(prefetch_count=prefetch)
        async for message in channel.consume(queue, consumer_tag=name, **options):
            await asyncio.sleep(seconds)
            if not options.get("auto_ack"):
                await message.ack()
