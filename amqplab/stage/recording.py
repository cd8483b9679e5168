"""A recording: everything that can be asked of a record, whoever made it.

Theory
------
A lab, a tap on a live connection and a capture file all end in the same thing: a
:class:`~amqplab.trace.recorder.Recorder`. Whatever a learner wants to see is a function of it, so it can be
asked for any moment, before or after, and says the same on every machine::

    recording = Recording(recorder)
    recording.frames()                    tables, filtered by host, client, direction
    recording.why("Delivered")            the chain of causes
    recording.dissect("basic.publish")    every byte explained
    recording.stage()                     the picture that moves

A :class:`~amqplab.lab.lab.Lab` is a recording too: that of its own world.

What draws needs libraries (a widget's, a plot's), so it is imported when somebody asks for a picture.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from amqplab.trace import query
from amqplab.trace.asking import LabError, check_choice, said_plainly
from amqplab.trace.digest import digest
from amqplab.trace.dissection import Dissection, Text, frames_of
from amqplab.trace.fold import Fold
from amqplab.trace.keys import client_host, unescape
from amqplab.trace.ladder import ladder
from amqplab.trace.moments import Kind, Moment, find_records, only, place_of, start_of
from amqplab.trace.participants import Participants, participants_of
from amqplab.trace.pcap import write_pcap
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.table import Rows
from amqplab.trace.traffic import Traffic
from amqplab.trace.why import LifeRow, lifecycle, story
from amqplab.trace.zoom import ZOOMS

__all__ = ["QueueRow", "Recording"]

LADDER_ZOOMS = ("segment", "frame", "command")


class QueueRow(NamedTuple):
    """One queue, in RabbitMQ's own words."""

    queue: str
    ready: int
    unacked: int
    total: int
    consumers: int
    messages: tuple[str, ...]


class Recording:
    """The views of one record. It may still be growing: each question is answered as of now."""

    def __init__(self, recorder: Recorder, *, title: str = "") -> None:
        self._recorder = recorder
        self.title = title

    @property
    def recorder(self) -> Recorder:
        """The record of everything that happened."""
        return self._recorder

    @property
    def records(self) -> Recorder:
        """The record, to count, index and iterate: ``len(lab.records)``, ``lab.records[-1]``."""
        return self.recorder

    def __repr__(self) -> str:
        return f"<Recording: {len(self.records)} records>"

    # --- finding ---------------------------------------------------------------------------------------

    def find(self, *kinds: Kind, since: Moment = 0, **fields: Any) -> list[Record]:
        """All records of these kinds that have these field values.

        A kind is an event, ``Delivered`` or "Delivered", or a method such as "basic.ack" (where it was sent).
        Fields are those of the event, and ``where``, the host that reported it:
        ``lab.find("FrameSent", where="broker", channel=1)``.
        """
        first = self._since(since) if since != 0 else 0
        return [r for r in find_records(self.recorder, kinds, **fields) if r.seq >= first]

    def first(self, *kinds: Kind, **fields: Any) -> Record:
        """The first record that :meth:`find` finds. Raises LabError if there is none."""
        return only(self.find(*kinds, **fields), 0, kinds, self.recorder)

    def last(self, *kinds: Kind, **fields: Any) -> Record:
        """The last record that :meth:`find` finds. Raises LabError if there is none."""
        return only(self.find(*kinds, **fields), -1, kinds, self.recorder)

    def _place(self, moment: Moment) -> int:
        return place_of(self.recorder, moment)

    def _since(self, moment: Moment) -> int:
        return 0 if moment == 0 else start_of(self.recorder, moment)

    # --- what is in it ---------------------------------------------------------------------------------

    def participants(self) -> Participants:
        """Everything and everyone that ever appears: servers, applications, connections, queues, names."""
        return participants_of(self.recorder)

    def traffic(self) -> Traffic:
        """All that crossed the wire: segments, frames and commands, each from both its ends."""
        return Traffic(self.recorder)

    # --- texts -----------------------------------------------------------------------------------------

    def frames(
        self,
        host: str | None = None,
        *,
        client: str | None = None,
        since: Moment = 0,
        what: str | None = None,
    ) -> Rows[query.FrameRow]:
        """Every frame that passed, once for each end that saw it.

        Choose with `host` (those at one end), `client` (those on one client's connections), `what` ("sent" or
        "received") and `since` (a moment: "basic.publish", "20 ms", a record or its number). Prints as a
        table; each row has the frame's octets as ``.data``.
        """
        if what is not None:
            check_choice(what, ("sent", "received"), "direction")
        for name in (host, client):
            if name is not None:
                check_choice(name, self._hosts(), "host")
        rows = query.frames(self.recorder)
        first = self._since(since)
        chosen = [
            row
            for row in rows
            if row.seq >= first
            and host in (None, row.host)
            and what in (None, row.what)
            and client in (None, client_host(row.connection))
        ]
        return Rows(chosen, ("seq", "time", "host", "what", "channel", "octets", "summary"))

    def _hosts(self) -> tuple[str, ...]:
        """Everybody who may be asked for."""
        found = self.participants()
        clients = [client_host(connection) for connection in found.pipes]
        return tuple(dict.fromkeys([*found.servers, *clients]))

    def messages(self) -> Rows[query.MessageRow]:
        """Every message that the broker has heard of, and what became of it."""
        return query.messages(self.recorder)

    def lifecycle(self, message: int = 1) -> Rows[LifeRow]:
        """Everything that happened to one message, from the call that published it to its end. Messages are
        numbered from 1, as in :meth:`messages`.
        """
        numbers = [row.message for row in self.messages()]
        if message not in numbers:
            known = f"the messages are {numbers[0]} to {numbers[-1]}" if numbers else "none was published yet"
            raise LabError(f"There is no message {message!r} in this run: {known}.")
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

    def why(self, what: Moment = -1, *, causes: int | None = 12) -> Text:
        """Why it happened: the chain of causes that leads to this record, one step further in per line; then
        what it caused in turn.

        `what` is a moment: "Enqueued", "basic.ack", a record, or its number. Of a long chain the nearest
        `causes` are shown; None shows all, back to the beginning.
        """
        seq = self._place(what)
        lines = story(self.recorder, seq).splitlines()
        before = next(number for number, line in enumerate(lines) if line.startswith(">"))
        earlier = 0 if causes is None else max(0, before - causes)
        lines = lines[earlier:]
        if earlier:
            lines = [line[:STORY_HEAD] + line[STORY_HEAD + 2 * earlier :] for line in lines]
            lines.insert(0, f"{'…':>6}  {earlier} earlier causes: causes=None shows them")
        return Text("\n".join(hanging(line) for line in lines))

    def ladder(
        self,
        zoom: str = "frame",
        *,
        since: Moment = 0,
        until: Moment = None,
        width: int = 110,
        notes: bool = False,
    ) -> Text:
        """The run as a text diagram: hosts side by side, time running down, an arrow for each thing sent.

        `zoom` is what an arrow is: "segment", "frame" or "command". `since` and `until` are moments
        (``lab.ladder(since="basic.publish")``). `width` is that of the text in characters; with `notes` the
        broker's own steps stand on its line.
        """
        check_choice(zoom, LADDER_ZOOMS, "zoom")
        end = None if until is None else self._place(until) + 1
        drawn = ladder(self.recorder, zoom=zoom, start=self._since(since), end=end, width=width, notes=notes)
        return Text(drawn)

    def octets(self, what: Moment | bytes | query.FrameRow) -> bytes:
        """The octets of a frame, or of all frames of a command: ``lab.octets("basic.publish")``.

        `what` is a moment or a row of :meth:`frames`; octets stay what they are.
        """
        if isinstance(what, bytes | bytearray):
            return bytes(what)
        if isinstance(what, query.FrameRow):
            return what.data
        record = self.recorder[self._place(what)]
        frames = getattr(record.event, "frames", None)
        if frames is not None:
            return b"".join(self.octets(seq) for seq in frames)
        data = getattr(record.event, "data", None)
        if data is None:
            raise LabError(
                f"Record {record.seq} is a {type(record.event).__name__}, not a frame or a command: there is "
                "nothing to dissect. lab.frames() lists the frames."
            )
        return bytes(data)

    def dissect(self, what: Moment | bytes | query.FrameRow, frame: int | None = None) -> Dissection:
        """Every octet of a frame or command, with its place, name, value and meaning.

        ``lab.dissect("basic.publish")`` opens the frames of the last publish, ``frame=2`` only the second of
        them; a record, a row of :meth:`frames` or octets do as well. The result prints as a table and can be
        asked: ``.field("size of body")``.
        """
        data = self.octets(what)
        if frame is not None:
            pieces = frames_of(data)
            if not isinstance(frame, int) or not 1 <= frame <= len(pieces):
                raise LabError(f"There is no frame {frame!r} here: give a number from 1 to {len(pieces)}.")
            data = pieces[frame - 1]
        return Dissection(data)

    def digest(self) -> str:
        """A fingerprint of the whole record: the same on every machine for the same seed and inputs."""
        return digest(self.recorder)

    # --- pictures --------------------------------------------------------------------------------------

    def stage(
        self, *, zoom: str = "story", at: Moment = "opening", title: str | None = None, **options: Any
    ) -> Any:
        """The animated picture: play, step forward and back, scrub, open frames, break things.

        `zoom` is what one step is at first: "segment", "frame", "command", "milestone" or "story". `at` is
        where it begins: "opening" (just before the first message is published), "start", "end", or a moment
        such as "basic.publish".
        """
        from amqplab.stage.widget import Stage

        check_choice(zoom, ZOOMS, "zoom")
        name = self.title if title is None else title
        first = self._first_shown(at)
        return Stage(
            self,
            zoom=zoom,
            at="opening" if first is None else first,
            title=name,
            on_fault=self._breaking,
            **options,
        )

    def _first_shown(self, at: Moment) -> int | None:
        """The seq that a picture begins at; -1 is before the first record, None where the stage opens."""
        if at == "opening":
            return None
        if at == "start":
            return -1
        return len(self.recorder) - 1 if at == "end" else self._place(at)

    @property
    def _breaking(self) -> Callable[[dict[str, Any]], Any] | None:
        """What the stage's failure buttons do. Only a lab can change its past."""
        return None

    def graph(self, at: Moment = None) -> Any:
        """The topology as a networkx MultiDiGraph, at a moment or at the end: exchanges and queues are nodes,
        bindings are edges. ``networkx.descendants(lab.graph(), "exchange/%2F/logs")`` is where a message can
        get to.
        """
        from amqplab.stage.graph import graph

        with said_plainly():
            return graph(self.recorder, None if at is None else self._place(at))

    def plot_depths(self, queues: list[str] | None = None) -> Any:
        """How full the queues were over time, as a matplotlib figure; all queues, or those named."""
        from amqplab.stage.plots import depth_series, plot_depths

        if queues is not None:
            known = list(depth_series(self.recorder))
            for queue in queues:
                check_choice(queue, known, "queue")
        with said_plainly():
            return plot_depths(self.recorder, queues)

    # --- files -----------------------------------------------------------------------------------------

    def to_pcap(self, path: str | Path, *, at: str | None = None) -> Path:
        """Write a capture that Wireshark and tshark read, and return its path.

        Every segment is in it with its time; with `at`, only those that this host could have seen. A run with
        real clients cannot be written: their segments were the operating system's.
        """
        if not len(self.recorder):
            raise LabError("There is nothing to write yet: connect a client and run something first.")
        with said_plainly():
            write_pcap(self.recorder, path, at=at)
        return Path(path)

    def to_html(
        self, path: str | Path, *, zoom: str = "story", at: Moment = "opening", title: str | None = None
    ) -> Path:
        """Write a page that plays this run in any browser, without Jupyter and without a network, and return
        its path. To show somebody a run, send them this file. `zoom` and `at` as for :meth:`stage`.
        """
        from amqplab.stage.html import to_html

        check_choice(zoom, ZOOMS, "zoom")
        name = self.title if title is None else title
        first = self._first_shown(at)
        with said_plainly():
            return to_html(self.recorder, path, title=name, zoom=ZOOMS.index(zoom), at=first)


def hanging(line: str) -> str:
    """A line of a story at most WIDTH wide; what is left over hangs below its sentence."""
    indent = len(line) - len(SENTENCE.sub("", line))
    return textwrap.fill(line, WIDTH, subsequent_indent=" " * (indent + 2), drop_whitespace=True)


STORY_HEAD = 22
"""Characters before the sentence in a line of a story: its mark, number and time."""

SENTENCE = re.compile(r"^[> ]\s*\d+\s+\S+ \S+\s+")
WIDTH = 110
