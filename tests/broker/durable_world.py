"""A durable broker in virtual time, with its journal on a disk that forgets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from broker_peer import World

from amqplab.broker.broker import Broker
from amqplab.broker.effects import Effect, Persist
from amqplab.model.journal_log import Journal
from amqplab.sim.clock import Clock
from amqplab.sim.disk import Disk

State = dict[str, tuple[tuple[int, int], ...]]
"""For each queue: what its messages say, and how often they came back where that is counted, in order."""


class DurableWorld(World):
    """A durable broker, and the journal it writes on a simulated disk."""

    def __init__(self, clock: Clock, disk: Disk) -> None:
        self.clock, self.disk = clock, disk
        super().__init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.now = self.clock.now
        self.broker = Broker(durable=True)
        self.journal, state, _ = Journal.open(self.disk, compact_octets=6000)
        self.apply(self.broker.restore(state, self.now))

    def apply(self, effects: Iterable[Effect]) -> None:
        effects = list(effects)
        for effect in effects:
            if isinstance(effect, Persist):
                self.journal.append(effect.entries, partial(self.safe, effect.token))
        super().apply(effects)

    def safe(self, token: int) -> None:
        self.now = self.clock.now
        self.apply(self.broker.persisted(token, self.now))

    def run(self, nanoseconds: int) -> None:
        self.clock.run(self.clock.now + nanoseconds)
        self.now = self.clock.now

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        end = self.now
        self.clock.run(end)
        self.now = end

    def content(self) -> State:
        queues = self.broker.vhosts["/"].queues.items()
        return {
            name: tuple((int(copy.message.body), copy.returned * (name == "s")) for copy in queue.ready)
            for name, queue in queues
        }

    def stop(self) -> None:
        """The broker stops in good order: its clients are gone, the journal is closed."""
        self.apply(self.broker.shutdown(self.now))
        for peer in self.peers.values():
            peer.vanish()
        self.journal.close(int)
        self.clock.run()
        self.disk.crash()

    def crash(self) -> None:
        """The machine loses its power when all that was written is safe."""
        self.clock.run()
        self.disk.crash()

    def again(self, down_ns: int = 0) -> DurableWorld:
        """The next broker on the same disk, which begins that much later."""
        self.clock.run(self.clock.now + down_ns)
        return DurableWorld(self.clock, self.disk)
