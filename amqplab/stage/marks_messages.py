"""The marks of all messages, wherever their copies are, and of what answers them.

Theory
------
A copy is either in a queue's line, then the queue's entity says so (:mod:`amqplab.stage.marks_fixtures`), or it
has a token, which says where it is. Nothing else is a message. So every message is drawn where its copies are,
as often as there are copies, and nowhere else. What has no place of its own is counted in a mark "+n".

Where the zoom shows frames or commands, a message on a link is a *badge* on its command, or on the last frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from amqplab.stage import places
from amqplab.stage.contract_layout import PipePlace
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.mark import Entity, Mark, Moment, app_of, more_mark, name_of
from amqplab.stage.marks_fixtures import limit_of
from amqplab.stage.marks_wire import segment_ride, slab_mark
from amqplab.stage.one_behind import Rider, mouth_of, one_behind_the_other, wish_of
from amqplab.stage.places import Spot
from amqplab.trace import keys
from amqplab.trace.lives import root_of
from amqplab.trace.rides import OVER, Ride, ride
from amqplab.trace.traffic import Command, Segment

__all__ = ["messages", "signal_width", "trays"]

Token = tuple[str, Entity]
OUTSIDE = -10
WAITING = Ride(0.0, "waiting", None)


def messages(m: Moment, hosts: Mapping[int, Spot | None]) -> Iterator[Mark]:
    """Messages that stand in no queue's line, and what is said about them on the wire."""
    groups: dict[tuple[str, str], list[Token]] = {}
    for key, one in m.state.items():
        if key.startswith(("token/", "signal/")) or (key.startswith("load/") and is_spoken_load(m, one)):
            groups.setdefault(group_of(one), []).append((key, one))
    for bare in bare_segments(m):
        token = {"place": "link", "at": bare.connection, "up": bare.up, "segment": bare.number}
        groups.setdefault(("link", bare.connection), []).append((f"segment/{bare.number}", token))
    for group in sorted(groups):
        place, at = group
        crowd = sorted(groups[group], key=by_turn)
        if place == "link" and m.fine("command"):
            yield from badges(m, at, crowd, hosts)
        else:
            yield from CROWDS.get(place, nowhere)(m, at, crowd)


def told_segments(m: Moment) -> list[Segment]:
    """The segment of which the record tells, and those that TCP sent again in the same moment, the same way."""
    told = None if m.subject.segment is None else m.traffic.segments.get(m.subject.segment)
    if told is None:
        return []
    if not told.retransmission or told.sent != m.seq:
        return [told]
    return [
        one for one in m.traffic.segments.values()
        if one.retransmission and one.lane == told.lane and one.sent <= m.seq and one.sent_at == told.sent_at
    ]  # fmt: skip


def bare_segments(m: Moment) -> list[Segment]:
    """Of those segments the ones with no message and no answer in them, if it is told that they were lost, thrown
    away or sent again: they are shown themselves, at every zoom.
    """
    told = [] if m.fine("command") else told_segments(m)
    is_again = any(one.sent == m.seq for one in told)
    return [
        one for one in told
        if one.connection in m.layout["pipes"]
        and (m.seq == one.lost_seq or m.seq == one.discarded_seq or (is_again and one.retransmission))
        and not any(key.startswith(f"load/{one.number}/") for key in m.state)
    ]  # fmt: skip


def by_turn(item: Token) -> tuple[int, int, str]:
    """Who went first stands first: by command, then by message."""
    key, token = item
    command, message = token.get("command"), token.get("message")
    return (-1 if command is None else command, message or 0, key)


def group_of(token: Entity) -> tuple[str, str]:
    """Those of one group must share a place."""
    place = str(token.get("place", ""))
    if place in ("lost", "returned"):
        return "lost", ""
    if place in ("broker", "reply"):
        return "broker", str(token.get("channel") or "")
    return place, str(token.get("at", ""))


def message_mark(key: str, token: Entity, place: str, spot: Spot, state: str = "", **more: Any) -> Mark:
    """A message as its token says."""
    label = str(token.get("label") or "·")
    message = token.get("message")
    details = {
        "root": root_of(label), "text": str(token.get("text") or ""), "reason": str(token.get("reason") or ""),
        "redelivered": bool(token.get("redelivered")), **more,
    }  # fmt: skip
    identity = str(message) if message is not None else key.split("/")[1]
    return Mark("message", identity, place, state or str(token.get("state", "")), label, spot, details)


def on_link(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """On a link: one behind the other in each lane, the farthest first."""
    pipe = m.layout["pipes"].get(at)
    if pipe is None:
        return
    directions: dict[bool, list[Rider[Token]]] = {}
    size = (G.message_w if m.wide else G.message_h) + 2
    for item in crowd:
        command, part = command_of(m, item[1]), ride_of(m, item[1])
        channel = 0 if command is None else command.channel
        lane = pipe["lanes"].index(channel) if channel in pipe["lanes"] else len(pipe["lanes"]) - 1
        room = breadth_of(item, size) if m.wide else size
        is_bare = item[0].startswith("segment/")
        rider = Rider(item, part, room, last_octet(m, command), None if is_bare else lane)
        directions.setdefault(bool(item[1].get("up")), []).append(rider)
    for up, riders in directions.items():
        riders.sort(key=lambda rider: rider.turn)
        yield from one_way(m, at, pipe, up, riders, size)


def last_octet(m: Moment, command: Command | None) -> int:
    """Where a command ends in its direction's stream."""
    return 0 if command is None else m.traffic.frames[command.frames[-1]].end


def badges(m: Moment, at: str, crowd: Sequence[Token], hosts: Mapping[int, Spot | None]) -> Iterator[Mark]:
    """On a link whose frames or commands are seen: each message's number, written on what carries it; before
    there is any, outside the mouth.
    """
    pipe = m.layout["pipes"].get(at)
    for key, token in crowd:
        command = command_of(m, token)
        if pipe is None or key.startswith("signal/"):
            continue
        channel, part, state = 0, 0.0, WAITING.state
        if command is not None:
            channel = command.channel
            part, state, _ = ride(m.traffic, command, m.seq, m.now)
        up = bool(token.get("up"))
        own = places.lane_spot(pipe, m.wide, up, channel, part, OUTSIDE)
        spot = own if command is None else hosts.get(command.number, own)
        yield message_mark(
            key, token, f"link:{pipe['app']}", spot or own, state_on_link(token, state),
            badge=True, covered=spot is None,
        )  # fmt: skip


def one_way(
    m: Moment, name: str, pipe: PipePlace, up: bool, riders: Sequence[Rider[Token]], size: int
) -> Iterator[Mark]:
    """Those that go one way, the farthest first, each in its lane, and counts of `size` of what has no room."""
    ends = (pipe["x0"], pipe["x1"]) if m.wide else (pipe["y0"], pipe["y1"])
    length = abs(ends[1] - ends[0]) - 4

    def spot(rider: Rider[Token], middle: int, broad: int = G.message_w) -> Spot:
        command = command_of(m, rider.thing[1])
        channel = 0 if command is None else command.channel
        lane = places.lane_spot(pipe, m.wide, up, channel, middle / length, 2)
        return places.inside_tube(pipe, m.wide, up, lane, broad)

    firsts = firsts_of(m, riders)

    def meant(rider: Rider[Token]) -> bool:
        return is_meant(m, rider.thing) or rider in firsts

    mouth = mouth_of(length, size)
    shown, counts = one_behind_the_other(
        riders, length, size, meant, lambda rider: wish_of(rider, length, mouth)
    )
    for rider, middle in shown:
        key, token = rider.thing
        state = state_on_link(token, rider.ride.state)
        if key.startswith("segment/"):
            yield slab_mark(m, pipe, m.traffic.segments[token["segment"]], rider, spot(rider, middle))
            continue
        if is_signal(token):
            at = spot(rider, middle, signal_width(str(token.get("label", ""))))
            mark = signal_mark(key, token, pipe, at, state)
        else:
            mark = message_mark(key, token, f"link:{pipe['app']}", spot(rider, middle), state, up=up)
        yield load_mark(key, mark, rider.ride) if key.startswith("load/") else mark
    for those, middle in counts:
        yield more_mark(f"connection/{name}", "link", len(those), spot(those[0], middle))


def state_on_link(token: Entity, way: str) -> str:
    """How something on a link is: as the books have it, or how far it has come."""
    own = str(token.get("state") or "under way")
    return way if way in OVER or own == "under way" else own


def is_meant(m: Moment, item: Token) -> bool:
    """Whether the record speaks of it, or of the command that brings it."""
    token = item[1]
    own = m.subject.command is not None and token.get("command") == m.subject.command
    return own or (m.subject.message is not None and token.get("message") == m.subject.message)


def is_spoken_load(m: Moment, load: Entity) -> bool:
    """Whether the record speaks of the segment with this load, or is about to send it again with others, and no token
    tells of it. A token tells of what rides in its own segment, and of what is sent again while it is on the link:
    that is one message, and would be counted twice. Where frames and commands are seen, these tell of it.
    """
    if m.fine("command") or m.subject.segment is None or keys.connection_key(str(load["at"])) not in m.state:
        return False
    segment = m.traffic.segments[load["segment"]]
    if segment not in told_segments(m):
        return False
    may_arrive = segment_ride(m, segment).state not in OVER
    return not any(
        key.startswith(("token/", "signal/")) and one["place"] == "link" and one["command"] == load["command"]
        and (may_arrive or ride_of(m, one).segment == segment.number)
        for key, one in m.state.items()
    )  # fmt: skip


def ride_of(m: Moment, token: Entity) -> Ride:
    """How far it is on its link: with its command, or in its segment."""
    if "segment" in token:
        return segment_ride(m, m.traffic.segments[token["segment"]])
    command = command_of(m, token)
    return WAITING if command is None else ride(m.traffic, command, m.seq, m.now)


def firsts_of(m: Moment, riders: Sequence[Rider[Token]]) -> list[Rider[Token]]:
    """Of each lane the first that is in a segment of which the record tells."""
    told = {one.number for one in told_segments(m)}
    firsts: dict[int | None, Rider[Token]] = {}
    for rider in riders:
        if rider.ride.segment in told:
            firsts.setdefault(rider.lane, rider)
    return list(firsts.values())


def breadth_of(item: Token, size: int) -> int:
    """A message's envelope is as broad as the next; what is said of one is as broad as its words."""
    _, token = item
    if not is_signal(token):
        return size
    return signal_width(str(token.get("label", ""))) + 2


def is_signal(token: Entity) -> bool:
    """Whether it is an answer, or a load that is one, and no message."""
    return "kind" in token


def load_mark(key: str, mark: Mark, ride: Ride) -> Mark:
    """What looks like this in a segment, and is elsewhere by now, or not all of it."""
    return replace(mark, kind="load", id=key.partition("/")[2], state=ride.state)


def signal_width(label: str) -> int:
    """How broad the capsule of a signal is."""
    return max(18, len(label) * 66 // 10 + 10)


def signal_mark(key: str, signal: Entity, pipe: PipePlace, spot: Spot, state: str) -> Mark:
    """An acknowledgement, a refusal or a confirm on its way."""
    return Mark("signal", key.partition("/")[2], f"link:{pipe['app']}", state or "under way",
                str(signal.get("label", "")), spot, {"signal": str(signal.get("kind", ""))})  # fmt: skip


def command_of(m: Moment, token: Entity) -> Command | None:
    number = token.get("command")
    known = isinstance(number, int) and 0 <= number < len(m.traffic.commands)
    return m.traffic.commands[number] if known else None  # type: ignore[index]


def at_broker(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """Inside the wall, where it came in."""
    pipe = m.layout["pipes"].get(keys.unescape(at.split("/")[1])) if "/" in at else None
    broker = m.layout["broker"]
    middle = Spot(broker["x"] + broker["w"] // 2, broker["y"] + broker["h"] // 2)
    counts: dict[str, int] = {}
    for key, token in crowd:
        queue = "" if pipe else str(token.get("queue") or "")
        number = counts.get(queue, 0)
        counts[queue] = number + 1
        node = m.layout["nodes"].get(queue)
        if pipe is not None:
            spot = places.dock_spot(pipe, number)
        else:
            spot = middle if node is None else places.leaving_spot(node, number)
        yield message_mark(key, token, "broker", spot, covered=number >= G.dock_shown)


def on_exchange(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    node = m.layout["nodes"].get(at)
    for number, (key, token) in enumerate(crowd):
        if node is not None:
            spot = places.node_spot(node, number, len(crowd))
            yield message_mark(key, token, f"exchange:{name_of(at)}", spot, covered=number >= G.dock_shown)


def with_consumer(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """In the hand of a consumer, or of a channel that asked with basic.get; else beside its application."""
    app = m.layout["apps"].get(app_of(m, at))
    if app is None:
        return
    row = app["hands"].get(at)
    hand = places.hand_of(limit_of(m, at), len(crowd))
    place = f"consumer:{app['name']}"
    shown = with_meant(m, crowd, crowd[: hand.slots], hand.slots - 1)
    for number, (key, token) in enumerate(shown):
        spot = places.tray_spot(app, number) if row is None else places.slot_spot(row, number, hand)
        yield message_mark(key, token, place, spot)
    if len(crowd) > hand.slots:
        last = places.tray_spot(app, hand.slots) if row is None else places.slot_spot(row, hand.slots, hand)
        yield more_mark(at, "held", len(crowd) - hand.slots, last)


def with_meant(m: Moment, crowd: Sequence[Token], shown: Sequence[Token], place: int) -> Sequence[Token]:
    """Those that are shown of a crowd, and last the one that is meant: if it is not among them, the one in this place
    goes for it.
    """
    meant = next((item for item in crowd if is_meant(m, item)), None)
    if meant is None or meant in shown:
        return shown
    return [*shown[:place], *shown[place + 1 :], meant]


def with_client(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    app = m.layout["apps"].get(at)
    for number, (key, token) in enumerate(crowd):
        if app is not None:
            yield message_mark(key, token, f"client:{at}", places.tray_spot(app, number))


def in_gutter(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """Lost and returned: the newest, from left to right, and how many are older."""
    room = places.lost_room(m.layout)
    shown = crowd if len(crowd) <= room else with_meant(m, crowd, crowd[-max(1, room - 1) :], 0)
    reasons = [str(token.get("reason") or "") for _, token in shown]
    found = places.lost_places(m.layout, reasons, len(crowd) - len(shown))
    for (key, token), (spot, room) in zip(shown, found, strict=True):
        yield message_mark(key, token, str(token.get("place")), spot, room=room)
    if len(shown) < len(crowd):
        gutter = m.layout["gutter"]
        spot = Spot(gutter["x"] + gutter["w"] - 24, gutter["y"] + gutter["h"] // 2)
        yield more_mark("gutter", "lost", len(crowd) - len(shown), spot)


def nowhere(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """A place that this version does not know."""
    yield from ()


CROWDS: Mapping[str, Callable[[Moment, str, Sequence[Token]], Iterator[Mark]]] = {
    "link": on_link,
    "broker": at_broker,
    "exchange": on_exchange,
    "consumer": with_consumer,
    "client": with_client,
    "lost": in_gutter,
}


def trays(m: Moment) -> Iterator[Mark]:
    """What a transaction holds until it is committed, at the door where it came in: messages, and what was said of
    others.
    """
    held: dict[str, int] = {}
    for key, token in m.state.items():
        if key.startswith("token/") and token.get("state") == "held in tx":
            channel = str(token.get("channel") or "")
            held[channel] = held.get(channel, 0) + 1
    for key, entity in m.state.items():
        if key.startswith("channel/") and entity.get("settling_count"):
            held.setdefault(key, 0)
    for channel, count in held.items():
        name = keys.unescape(channel.split("/")[1]) if "/" in channel else ""
        pipe = m.layout["pipes"].get(name)
        answer = answers_held(m, channel)
        words = " and ".join(filter(None, (str(count or ""), answer)))
        if pipe is not None:
            yield Mark("tray", channel, "broker", f"{words} held", "tx", places.dock_spot(pipe, 0),
                       {"shown": min(count, G.dock_shown), "answer": answer})  # fmt: skip


def answers_held(m: Moment, channel: str) -> str:
    """What stands for the answers that a transaction holds: ✓ and the message's number, or how many there are."""
    entity: Entity = m.state.get(channel, {})
    count, shown = int(entity.get("settling_count") or 0), list(entity.get("settling") or ())
    if not count:
        return ""
    signs = {"✓" if m.state[key]["held_in_tx"] == "acknowledged" else "✗" for key in shown if key in m.state}
    sign = "".join(one for one in "✓✗" if one in signs)
    if count > 1:
        return f"{count} × {sign}"
    message = shown[0].rpartition("/")[2]
    return f"{sign} {m.state.get(f'message/{message}', {}).get('label') or message}"
