"""Small simulated worlds for the tests of this floor."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from amqplab.sim.loop import SimLoop
from amqplab.sim.network import Network
from amqplab.sim.segment import LinkProfile
from amqplab.trace.recorder import ACTOR, Recorder


@dataclass
class World:
    """A loop, a network and a recorder; `client` and `server` talk at port 7."""

    profile: LinkProfile = field(default_factory=LinkProfile)
    seed: int = 1

    def __post_init__(self) -> None:
        self.loop = SimLoop()
        self.network = Network(self.loop, self.seed, self.profile)
        self.recorder = Recorder(self.loop.time_ns)
        self.loop.recorder = self.recorder

    def run(self, program: Any) -> Any:
        return self.loop.run_until_complete(program)

    def events(self, kind: type) -> list[Any]:
        return [record.event for record in self.recorder if isinstance(record.event, kind)]

    def lines(self) -> list[str]:
        return [f"{record.at} {record.where} {record.cause} {record.event}" for record in self.recorder]


class Peer(asyncio.Protocol):
    """Keeps what happens to it."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.received = bytearray()
        self.happened: list[str] = []
        self.error: BaseException | None = None
        self.keep_open = False
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.happened.append("made")

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.happened.append("eof")
        return self.keep_open

    def pause_writing(self) -> None:
        self.happened.append("pause")

    def resume_writing(self) -> None:
        self.happened.append("resume")

    def connection_lost(self, error: BaseException | None) -> None:
        self.happened.append("lost")
        self.error = error
        self.gone.set_result(None)


async def pair(loop: SimLoop) -> tuple[Peer, Peer]:
    """A connected client and server."""
    accepted: asyncio.Future[Peer] = loop.create_future()

    class Accepting(Peer):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if not accepted.done():
                accepted.set_result(self)

    await loop.create_server(Accepting, "server", 7)
    ACTOR.set("client")
    _, client = await loop.create_connection(Peer, "server", 7)
    return client, await accepted
