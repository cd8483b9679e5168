"""The marks of what is on links: segments with the frames in them, frames that wait, commands.

Theory
------
The zoom decides what is looked at. At the zooms segment and frame, segments are slabs that fill their tube,
with the frames inside them, each in the lane of its channel; frames that no segment carries wait at the mouth,
stand at the × where they were lost, or at the far door until the rest of their command has come. At the zoom
command, a command is a pill with its name. They all ride by the same rule (:mod:`amqplab.trace.rides`), so
changing the zoom never changes what happens. Above, only messages and signals remain
(:mod:`amqplab.stage.marks_messages`).

Things that are at one point stand one behind the other: three messages in one segment look like three. TCP hands
over what was sent in its order, so of two things that are equally far the one that was sent earlier stands nearer
to the receiver, be it an acknowledgement without octets; a later one is farther only where the earlier one was
lost. What has come is read in the order of its octets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from amqplab.stage import places
from amqplab.stage.contract_layout import PipePlace
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.lettering import width
from amqplab.stage.mark import Mark, Moment, more_mark
from amqplab.stage.one_behind import Rider, Thing, mouth_of, one_behind_the_other, wish_of
from amqplab.stage.places import Spot
from amqplab.stage.tubes import Tube, tubes
from amqplab.trace import keys
from amqplab.trace.lives import root_of
from amqplab.trace.rides import Ride, ride, ride_of_segment
from amqplab.trace.traffic import Command, Frame, Segment

__all__ = ["segment_ride", "slab_mark", "wire"]

FRAME_LETTERS = {1: "M", 2: "H", 3: "B", 8: "♥", 65: "A", 256: "h", 257: "w", 258: "b"}
SHORT_PILL = 28
FOR_BADGE = 22
GROUP_W = 24
MORE_W = 24
LEAST_SLAB = 14

Hosts = dict[int, Spot | None]
"""Command -> the point at which its message's number is written; None if it is there already, or is counted."""


def wire(m: Moment) -> tuple[list[Mark], Hosts]:
    """What is on links at this zoom, and where messages are written on it."""
    hosts: Hosts = {}
    if not m.fine("command"):
        return [], hosts
    draw = command_marks if m.zoom == "command" else segment_marks
    return [mark for tube in tubes(m) for mark in draw(m, tube, hosts)], hosts


def placed(
    m: Moment, tube: Tube, riders: Sequence[Rider[Thing]], meant: Callable[[Thing], bool]
) -> tuple[list[tuple[Rider[Thing], Spot]], list[Rider[Thing]], list[Mark]]:
    """Riders of one tube, one behind the other; those that have no room; and marks that count these."""
    pipe = tube.pipe
    start, end = (pipe["x0"], pipe["x1"]) if m.wide else (pipe["y0"], pipe["y1"])
    inside = abs(end - start) - 2
    count = G.chip if not m.wide else SHORT_PILL if m.zoom == "command" else MORE_W
    mouth = mouth_of(inside, 2 * G.chip if m.wide and m.zoom != "command" else count)
    for rider in riders:
        rider.room = min(
            rider.room, inside - max(mouth, 0 if len(riders) == 1 else count)
        )  # it may be too long

    def spot(lane: int | None, middle: int) -> Spot:
        return places.lane_spot(pipe, m.wide, tube.up, pipe["lanes"][lane or 0], middle / inside, 1)

    ordered = sorted(riders, key=lambda rider: rider.turn)
    shown, counts = one_behind_the_other(
        ordered, inside, count, lambda rider: meant(rider.thing), lambda rider: wish_of(rider, inside, mouth)
    )
    found = [(rider, spot(rider.lane, middle)) for rider, middle in shown]
    owner = keys.connection_key(tube.connection)
    more = [more_mark(owner, "link", len(those), spot(those[0].lane, middle)) for those, middle in counts]
    return found, [rider for those, _ in counts for rider in those], more


def octet_of(frame: Frame) -> int:
    """Where a frame ends in its direction's stream."""
    return frame.offset + len(frame.data)


# --- commands --------------------------------------------------------------------------------------------


def command_marks(m: Moment, tube: Tube, hosts: Hosts) -> Iterator[Mark]:
    """Commands as wholes: a pill with its name."""
    riders = [
        Rider(one, ride(m.traffic, one, m.seq, m.now), 0, octet_of(m.traffic.frames[one.frames[-1]]),
              tube.lane(one.channel))
        for one in tube.commands
    ]  # fmt: skip
    riders.sort(key=lambda rider: rider.turn)
    words: dict[int, str] = {}
    before: dict[int | None, Command] = {}
    many = Counter(rider.lane for rider in riders)
    for rider in riders:
        loaded, alone = rider.thing.number in tube.cargo, many[rider.lane] == 1
        words[rider.thing.number], rider.room = pill_of(
            rider.thing, before.get(rider.lane), m.wide, alone, loaded
        )
        before[rider.lane] = rider.thing
    found, hidden, more = placed(m, tube, riders, lambda one: one.number == m.subject.command)
    for rider in hidden:
        hosts[rider.thing.number] = None
    for rider, spot in found:
        command = rider.thing
        if command.number in tube.cargo:
            hosts[command.number] = Spot(spot.x + rider.room // 2 - 12, spot.y) if m.wide else spot
        yield Mark("command", str(command.number), tube.place, rider.ride.state, command.name, spot,
                   {"w": rider.room, "words": words[command.number],
                    "root": root_of(tube.cargo.get(command.number, "")),
                    "badge": command.number in tube.cargo})  # fmt: skip
    yield from more


def pill_of(
    command: Command, before: Command | None, wide: bool, alone: bool, loaded: bool
) -> tuple[str, int]:
    """What is written on a command, and how long that is: its name, without its class where it is not alone in its
    lane; nothing if the one before it says the same.
    """
    if before is not None and before.name == command.name and loaded:
        return "", SHORT_PILL
    words = command.name if wide and alone else command.name.rpartition(".")[2]
    return words, width(words, G.small) + 12 + FOR_BADGE * loaded if wide else 18


# --- segments and frames ---------------------------------------------------------------------------------


class Chip(NamedTuple):
    """What stands for one frame in a segment, or for all of a command's, or for `rest` commands. It is `whole` if
    its last byte is here; else it is a part of what is elsewhere.
    """

    frame: Frame
    last: Frame
    whole: bool
    stands_for: tuple[Frame, ...]
    group: bool = False
    rest: int = 0


class Slab(NamedTuple):
    """A segment, and what is seen in it."""

    segment: Segment
    chips: list[Chip]
    pitch: int


def segment_marks(m: Moment, tube: Tube, hosts: Hosts) -> Iterator[Mark]:
    """Slabs with what is in them, and frames that no segment carries."""
    pipe = tube.pipe
    length = abs(pipe["x1"] - pipe["x0"]) + abs(pipe["y1"] - pipe["y0"]) - room_beside(m, tube)
    slabs: list[Rider[Slab | Frame]] = []
    for segment in tube.segments:
        chips, pitch = cargo_of(m, tube, segment, length)
        room = max(LEAST_SLAB, len(chips) * pitch + 6)
        slabs.append(Rider(Slab(segment, chips, pitch), segment_ride(m, segment), room, segment.end, None))
    inside = {
        frame.number
        for rider in slabs
        for chip in (rider.thing.chips if isinstance(rider.thing, Slab) else ())
        if chip.whole
        for frame in chip.stands_for
    }
    found, hidden, more = placed(m, tube, [*slabs, *loose_frames(m, tube, inside)], is_meant(m))
    for rider in hidden:
        for frame in last_frames(rider.thing):
            remember(m, frame, None, hosts)
    for rider, at in found:
        if isinstance(rider.thing, Slab):
            yield from slab_marks(m, tube, rider.thing, rider, at, hosts)
        else:
            remember(m, rider.thing, beside(m, at), hosts)
            chip = Chip(rider.thing, rider.thing, True, (rider.thing,))
            yield frame_mark(m, tube, chip, at, rider.ride.state)
    yield from more


def room_beside(m: Moment, tube: Tube) -> int:
    """What segments leave to the frames beside them: for one that has come, and for a count of the rest."""
    inside = {segment.number for segment in tube.segments}
    rides = (ride(m.traffic, alone(frame), m.seq, m.now) for frame in tube.frames)
    return 0 if all(one.segment in inside for one in rides) else 2 * MORE_W


def is_meant(m: Moment) -> Callable[[Slab | Frame], bool]:
    """Whether the record speaks of it."""
    return lambda thing: (
        thing.segment.number == m.subject.segment if isinstance(thing, Slab) else is_spoken_frame(m, thing)
    )


def is_spoken_frame(m: Moment, frame: Frame) -> bool:
    """A record that speaks of a command speaks of all its frames."""
    own = frame.command is not None and frame.command == m.subject.command
    return own or frame.number == m.subject.frame


def last_frames(thing: Slab | Frame) -> Sequence[Frame]:
    """The frames on which numbers of messages are written."""
    return [chip.last for chip in thing.chips if chip.whole] if isinstance(thing, Slab) else [thing]


def slab_marks(
    m: Moment, tube: Tube, slab: Slab, rider: Rider[Slab | Frame], at: Spot, hosts: Hosts
) -> Iterator[Mark]:
    """A segment across its tube, and what is in it."""
    segment, chips, pitch = slab
    whole = slab_mark(m, tube.pipe, segment, rider, at)
    yield whole
    for number, chip in enumerate(chips):
        spot = chip_spot(m, tube, chip, whole.spot, len(chips) - 1 - 2 * number, pitch)
        if chip.whole:
            for frame in chip.stands_for:
                remember(m, frame, None, hosts)
            remember(m, chip.last, None if chip.group else beside(m, spot), hosts)
        yield frame_mark(m, tube, chip, spot, rider.ride.state)


def slab_mark(m: Moment, pipe: PipePlace, segment: Segment, rider: Rider[Any], at: Spot) -> Mark:
    """A segment itself."""
    box = places.tube_span(pipe, m.wide, segment.up)
    centre = Spot(at.x, box["y"] + box["h"] // 2) if m.wide else Spot(box["x"] + box["w"] // 2, at.y)
    return Mark("segment", str(segment.number), f"link:{pipe['app']}", rider.ride.state, segment_words(segment),
                centre, {"pipe": pipe, "up": segment.up, "long": rider.room})  # fmt: skip


def segment_ride(m: Moment, segment: Segment) -> Ride:
    return ride_of_segment(segment, m.seq, m.now)


def segment_words(segment: Segment) -> str:
    """A segment in a few words, such as "PSH ACK 46 B"."""
    length = segment.end - segment.start
    words = segment.flags.replace("|", " ") + (f" {length} B" if length else "")
    return f"{words} again" if segment.retransmission else words


def cargo_of(m: Moment, tube: Tube, segment: Segment, length: int) -> tuple[list[Chip], int]:
    """Its frames one by one; if there are too many for `length`, those of each command as one."""
    frames = [m.traffic.frames[number] for number in segment.frames]
    chips = [Chip(one, one, is_here(m, one, segment), (one,)) for one in frames]
    if len(chips) <= G.frames_shown and len(chips) * G.chip + 6 <= length:
        return chips, G.chip
    groups: list[Chip] = []
    for chip in chips:
        command = chip.frame.command
        if groups and command is not None and groups[-1].frame.command == command:
            mates = (*groups[-1].stands_for, chip.frame)
            groups[-1] = groups[-1]._replace(last=chip.frame, whole=chip.whole, stands_for=mates)
        else:
            groups.append(chip._replace(group=True))
    room = max(1, (length - 30) // GROUP_W)
    if len(groups) > room:
        rest = groups[room - 1 :]
        everyone = tuple(frame for chip in rest if chip.whole for frame in chip.stands_for)
        groups = [
            *groups[: room - 1],
            rest[0]._replace(rest=len(rest), last=rest[-1].last, stands_for=everyone),
        ]
    return groups, GROUP_W


def is_here(m: Moment, frame: Frame, segment: Segment) -> bool:
    """A frame is where its last byte is: what other segments carry of it are parts."""
    return ride(m.traffic, alone(frame), m.seq, m.now).segment == segment.number


def chip_spot(m: Moment, tube: Tube, chip: Chip, centre: Spot, steps: int, pitch: int) -> Spot:
    """First byte in front; `steps` are half pitches ahead of the slab's middle."""
    lane = places.lane_spot(tube.pipe, m.wide, tube.up, channel_of(chip.frame), 0)
    pipe = tube.pipe
    ahead = 1 if (pipe["x1"] > pipe["x0"] if m.wide else pipe["y1"] > pipe["y0"]) == tube.up else -1
    shift = ahead * steps * pitch // 2
    return Spot(centre.x + shift, lane.y) if m.wide else Spot(lane.x, centre.y + shift)


def loose_frames(m: Moment, tube: Tube, inside: set[int]) -> list[Rider[Slab | Frame]]:
    """Frames that no segment under way carries."""
    return [
        Rider(frame, ride(m.traffic, alone(frame), m.seq, m.now), G.chip, octet_of(frame),
              tube.lane(channel_of(frame)))
        for frame in tube.frames
        if frame.number not in inside
    ]  # fmt: skip


def alone(frame: Frame) -> Command:
    """A frame is as far as its last byte, like a command that has only this one."""
    return Command(-1, frame.connection, frame.up, 0, "", [frame.number])


def remember(m: Moment, frame: Frame, spot: Spot | None, hosts: Hosts) -> None:
    """A message's number is written on the last frame of its command that there is by now."""
    if frame.command is None:
        return
    mates = [m.traffic.frames[number] for number in m.traffic.commands[frame.command].frames]
    there = [one.number for one in mates if one.sent is not None and one.sent <= m.seq]
    if there and there[-1] == frame.number:
        hosts[frame.command] = spot


def beside(m: Moment, spot: Spot) -> Spot:
    """At the upper right corner of a frame; where the next one stands above it, at its side."""
    return Spot(spot.x + 7, spot.y - 6) if m.wide else Spot(spot.x + 10, spot.y - 3)


def frame_mark(m: Moment, tube: Tube, chip: Chip, spot: Spot, state: str) -> Mark:
    frame = chip.frame
    letter = FRAME_LETTERS.get(frame.type, "?")
    label = f"+{chip.rest}" if chip.rest else (label_on(tube, frame) or "M") if chip.group else letter
    more: dict[str, Any] = {
        "root": root_of(label_on(tube, frame)),
        "letter": letter,
        "group": chip.group,
    }
    return Mark("frame" if chip.whole else "part", str(frame.number), tube.place, state, label, spot, more)


def label_on(tube: Tube, frame: Frame) -> str:
    """What is written on the message that a frame is part of; "" if it is part of none."""
    return "" if frame.command is None else tube.cargo.get(frame.command, "")


def channel_of(frame: Frame) -> int:
    return int.from_bytes(frame.data[1:3], "big") if frame.data[:1] != b"A" else 0
