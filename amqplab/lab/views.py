"""What a lab shows: texts, tables and pictures of its record.

Theory
------
Nothing here looks at the running world. Each view is a function of the record stream, so it can be asked
for any moment, before or after, and says the same on every machine. Where a notebook can draw, the picture
is the stage's; the stage's floor is opened only when somebody asks for a picture, so that a lab without
one needs no graphics library.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from amqplab.lab.errors import LabError
from amqplab.lab.goals import METHOD_NAMES, event_class
from amqplab.lab.inputs import Touched
from amqplab.lab.units import as_nanoseconds
from amqplab.trace import events as e
from amqplab.trace import query
from amqplab.trace.digest import digest
from amqplab.trace.fold import Fold
from amqplab.trace.keys import unescape
from amqplab.trace.ladder import ladder
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.table import Rows
from amqplab.trace.why import lifecycle, story
from amqplab.wire.dissect import dissect, render

if TYPE_CHECKING:
    from amqplab.lab.world import World

__all__ = ["Moment", "QueueRow", "Text", "Views"]

Moment = int | str | Record | None
"""A place in the record: a seq (negative counts from the end), a record, a time, or None for the end."""


class Text(str):
    """A text that a notebook shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class QueueRow(NamedTuple):
    """One queue, in RabbitMQ's own words."""

    queue: str
    ready: int
    unacked: int
    total: int
    consumers: int
    messages: tuple[str, ...]


class Views(Touched):
    """The part of a lab that only looks."""

    _world: World
    title: str

    @property
    def recorder(self) -> Recorder:
        """The record of everything that happened."""
        return self._world.recorder

    @property
    def records(self) -> Recorder:
        """The record, to count, index and iterate: ``len(lab.records)``, ``lab.records[-1]``."""
        return self._world.recorder

    # --- finding ---------------------------------------------------------------------------------------

    def find(self, *kinds: type[e.Event] | str, since: Moment = 0, **fields: Any) -> list[Record]:
        """All records of these kinds (``Delivered`` or "Delivered"; or a method such as "basic.ack", where it
        was sent) with these field values, ``where`` included.
        """
        first = self._since(since)
        methods = [kind for kind in kinds if kind in METHOD_NAMES]
        if methods:
            found = query.find(self.recorder, e.CommandSent, **fields)
            found = [record for record in found if getattr(record.event, "name", None) in methods]
        else:
            classes = [event_class(kind) if isinstance(kind, str) else kind for kind in kinds]
            found = query.find(self.recorder, *classes, **fields)
        return [record for record in found if record.seq >= first]

    def first(self, *kinds: type[e.Event] | str, **fields: Any) -> Record:
        """The first record that :meth:`find` finds. Raises LabError if there is none."""
        return self._one(self.find(*kinds, **fields), 0, kinds)

    def last(self, *kinds: type[e.Event] | str, **fields: Any) -> Record:
        """The last record that :meth:`find` finds. Raises LabError if there is none."""
        return self._one(self.find(*kinds, **fields), -1, kinds)

    def _one(self, found: list[Record], index: int, kinds: Iterable[type[e.Event] | str]) -> Record:
        if not found:
            names = " or ".join(kind if isinstance(kind, str) else kind.__name__ for kind in kinds)
            raise LabError(
                f"No {names or 'record'} like that is in this run, which has {len(self.records)} records."
            )
        return found[index]

    def _place(self, moment: Moment) -> int:
        """The seq that `moment` means; for a time, that of the first record at or after it."""
        count = len(self.recorder)
        if moment is None:
            return count - 1
        if isinstance(moment, Record):
            moment = moment.seq
        if isinstance(moment, str):
            when = as_nanoseconds(moment)
            return next((seq for seq in range(count) if self.recorder[seq].at >= when), count)
        if not isinstance(moment, int):
            raise LabError(
                f"{moment!r} is no place in a run: give a record, its number, or a time like '5 ms'."
            )
        if not -count <= moment <= count:
            raise LabError(f"There is no record {moment}: this run has {count} records, 0 to {count - 1}.")
        return moment if moment >= 0 else count + moment

    def _since(self, moment: Moment) -> int:
        """The seq to begin at; a command begins with its first frame."""
        place = self._place(moment)
        frames = getattr(self.recorder[place].event, "frames", ()) if place < len(self.recorder) else ()
        return min(frames, default=place)

    # --- texts -----------------------------------------------------------------------------------------

    def frames(
        self, host: str | None = None, *, since: Moment = 0, what: str | None = None
    ) -> Rows[query.FrameRow]:
        """Every frame that passed, once for each end that saw it; or only those at `host`, from `since` on,
        "sent" or "received".
        """
        first = self._since(since)
        rows = [
            row
            for row in query.frames(self.recorder)
            if row.seq >= first and host in (None, row.host) and what in (None, row.what)
        ]
        return Rows(rows, ("seq", "time", "host", "what", "channel", "octets", "summary"))

    def messages(self) -> Rows[query.MessageRow]:
        """Every message that the broker has heard of, and what became of it."""
        return query.messages(self.recorder)

    def lifecycle(self, message: int = 1) -> Any:
        """Everything that happened to one message."""
        return lifecycle(self.recorder, message)

    def table(self, at: Moment = None) -> Rows[QueueRow]:
        """The queues just after record `at` (or at the end), as RabbitMQ counts: Ready, Unacked, Total."""
        state = Fold(self.recorder).at(min(self._place(at) + 1, len(self.recorder)))
        rows = []
        for key, queue in state.items():
            if not key.startswith("queue/"):
                continue
            name = unescape(key.split("/")[2])
            held = [
                str(state[f"message/{number}"]["body"]) for number in (*queue["ready"], *queue["unacked"])
            ]
            rows.append(
                QueueRow(
                    name,
                    queue["ready_count"],
                    queue["unacked_count"],
                    queue["total"],
                    queue["consumers"],
                    tuple(held),
                )
            )
        return Rows(sorted(rows), QueueRow._fields)

    def why(self, what: Moment = -1) -> Text:
        """Why it happened: the chain of causes that leads to this record, and what it caused."""
        lines = story(self.recorder, self._place(what)).splitlines()
        return Text("\n".join(hanging(line) for line in lines))

    def ladder(self, zoom: str = "frame", *, since: Moment = 0, **options: Any) -> Text:
        """The run as a text diagram: hosts side by side, time running down. `zoom` is "segment", "frame" or
        "command"; `options` are those of :func:`amqplab.trace.ladder.ladder`.
        """
        return Text(ladder(self.recorder, zoom=zoom, start=self._since(since), **options))

    def dissect(self, what: Moment | bytes) -> Text:
        """Every octet of a frame, with its name, value and meaning. `what` is a frame's record, or octets."""
        data = what if isinstance(what, bytes) else self._octets_of(what)
        return Text(render(dissect(data), data))

    def _octets_of(self, what: Moment) -> bytes:
        record = self.recorder[self._place(what)]
        frames = getattr(record.event, "frames", None)
        if frames is not None:
            return b"".join(self._octets_of(seq) for seq in frames)
        data = getattr(record.event, "data", None)
        if data is None:
            raise LabError(
                f"Record {record.seq} is a {type(record.event).__name__}, not a frame or a command: there is "
                "nothing to dissect. lab.frames() lists the frames."
            )
        return bytes(data)

    def digest(self) -> str:
        """A fingerprint of the whole record: the same on every machine for the same seed and inputs."""
        return digest(self.recorder)

    # --- pictures --------------------------------------------------------------------------------------

    def stage(self, **options: Any) -> Any:
        """The animated picture: play, step forward and back, scrub, open frames, break things."""
        from amqplab.stage.widget import Stage

        options.setdefault("title", self.title)
        return Stage(self.recorder, on_fault=self._on_fault, **options)

    def _on_fault(self, fault: dict[str, Any]) -> Any:
        raise LabError("Only a lab can break things.")

    def graph(self, at: Moment = None) -> Any:
        """The topology as a networkx MultiDiGraph: exchanges and queues are nodes, bindings are edges."""
        from amqplab.stage.graph import graph

        return graph(self.recorder, None if at is None else self._place(at))

    def plot_depths(self, queues: list[str] | None = None) -> Any:
        """How full the queues were over time, as a matplotlib figure."""
        from amqplab.stage.plots import plot_depths

        return plot_depths(self.recorder, queues)

    # --- files -----------------------------------------------------------------------------------------

    def to_pcap(self, path: str | Path) -> Path:
        """Write a capture that Wireshark reads."""
        from amqplab.trace.pcap import write_pcap

        write_pcap(self.recorder, path)
        return Path(path)

    def to_html(self, path: str | Path, **options: Any) -> Path:
        """Write a page that plays this run in any browser, without Jupyter and without a network."""
        from amqplab.stage.html import to_html

        return to_html(self.recorder, path, title=options.pop("title", self.title), **options)


def hanging(line: str) -> str:
    """A line of a story at most WIDTH wide; what is left over hangs below its sentence."""
    indent = len(line) - len(SENTENCE.sub("", line))
    return textwrap.fill(line, WIDTH, subsequent_indent=" " * (indent + 2), drop_whitespace=True)


SENTENCE = re.compile(r"^[> ]\s*\d+\s+\S+ \S+\s+")
WIDTH = 110
