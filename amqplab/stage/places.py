"""From a place in the layout and a number to a point: lanes, cells, slots, strips, the gutter.

Theory
------
The layout says where a queue is; where its third message stands is a rule. The same rules are in
``js/geometry.js``, with the same numbers (:mod:`amqplab.stage.geometry`); a test compares them. Every function
is pure, and none knows what time it is.

A queue has few cells and may have many messages, so :func:`cells_of` decides what is seen of it: from the head
the unacknowledged ones as ghosts, then the ready ones. Ghosts never take more than three cells of seven while
anything is ready. What has no cell is counted in one, and of a long ready line the tail is shown, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from amqplab.stage import lettering
from amqplab.stage.contract_layout import AppPlace, Box, Layout, NodePlace, PipePlace, RowPlace
from amqplab.stage.geometry import GEOMETRY as G

__all__ = [
    "Cell", "Hand", "Spot", "before_cell", "cell_spot", "cells_of", "dock_spot", "had_spot", "hand_of", "inside_tube",
    "lane_spot", "leaving_spot", "lost_places", "lost_room", "node_spot", "slot_spot", "strip_spot",
    "tray_spot", "tube_span",
]  # fmt: skip
AROUND_REASON = 14


class Spot(NamedTuple):
    """A point."""

    x: int
    y: int


class Cell(NamedTuple):
    """What stands in one cell: a message, or how many `more` have none."""

    line: str
    message: int | None
    more: int


class Hand(NamedTuple):
    """How many slots of a hand are drawn, and how many more it has."""

    slots: int
    more: int


# --- pipes -----------------------------------------------------------------------------------------------


def lane_spot(pipe: PipePlace, wide: bool, up: bool, channel: int, progress: float, margin: int = 0) -> Spot:
    """In a channel's lane, at `progress` (0 … 1) in the direction of travel; `up` is towards the server."""
    start, end = (pipe["x0"], pipe["x1"]) if wide else (pipe["y0"], pipe["y1"])
    ahead = 1 if end > start else -1
    part = progress if up else 1 - progress
    along = start + ahead * (margin + round((abs(end - start) - 2 * margin) * part))
    across = (pipe["y0"] if wide else pipe["x0"]) + lane_offset(pipe["lanes"], up, channel)
    return Spot(along, across) if wide else Spot(across, along)


def lane_offset(lanes: Sequence[int], up: bool, channel: int) -> int:
    """From a pipe's axis to the middle of a lane. A channel without one uses the last."""
    index = lanes.index(channel) if channel in lanes else len(lanes) - 1
    if up:
        return -(G.tube_gap // 2 + (len(lanes) - index) * G.lane - G.lane // 2)
    return G.tube_gap // 2 + index * G.lane + G.lane // 2


def inside_tube(pipe: PipePlace, wide: bool, up: bool, at: Spot, width: int) -> Spot:
    """The same place, as near to its lane as something so wide is whole in its tube; an upright tube is narrow."""
    if wide:
        return at
    tube = tube_span(pipe, wide, up)
    middle, reach = tube["x"] + tube["w"] // 2, max(0, (tube["w"] - width) // 2 - 1)
    return Spot(min(middle + reach, max(middle - reach, at.x)), at.y)


def tube_span(pipe: PipePlace, wide: bool, up: bool) -> Box:
    """The rectangle of one tube."""
    breadth = len(pipe["lanes"]) * G.lane
    axis = pipe["y0"] if wide else pipe["x0"]
    edge = axis - G.tube_gap // 2 - breadth if up else axis + G.tube_gap // 2
    start, end = sorted((pipe["x0"], pipe["x1"]) if wide else (pipe["y0"], pipe["y1"]))
    if wide:
        return {"x": start, "y": edge, "w": end - start, "h": breadth}
    return {"x": edge, "y": start, "w": breadth, "h": end - start}


def dock_spot(pipe: PipePlace, number: int) -> Spot:
    """Inside the server's wall, where what has just come in stands: one above the other."""
    return Spot(pipe["dock"]["x"], pipe["dock"]["y"] - G.dock * min(number, G.dock_shown - 1))


def leaving_spot(node: NodePlace, number: int) -> Spot:
    """Where a message stands that leaves its queue and is nowhere else yet: above the queue's head, where no edge
    goes.
    """
    x = node["x"] + node["w"] // 2 - G.cell // 2 - G.cell * min(number, G.dock_shown - 1)
    return Spot(x, node["y"] - node["h"] // 2 - G.message_h // 2 - 4)


# --- nodes -----------------------------------------------------------------------------------------------


def node_spot(node: NodePlace, number: int, of: int) -> Spot:
    """On an exchange, for one of several messages: one below the other."""
    shown = min(of, G.dock_shown)
    return Spot(node["x"], node["y"] + (2 * min(number, shown - 1) - (shown - 1)) * 9)


def cell_spot(node: NodePlace, number: int) -> Spot:
    """The place of a queue's cell, counted from its head, which is at the right."""
    return Spot(node["x"] + (node["cells"] - 1) * G.cell // 2 - number * G.cell, node["y"])


def cells_of(queue: Mapping[str, Any], room: int) -> list[Cell]:
    """What stands in a queue's cells, from its head."""
    unacked, ready = queue["unacked_count"], queue["ready_count"]
    ghosts = (
        min(max(min(unacked, room * 3 // 7), room - ready), unacked, room) if ready else min(unacked, room)
    )
    first = line_cells("unacked", queue["unacked"], unacked, ghosts, None)
    return first + line_cells("ready", queue["ready"], ready, room - len(first), queue.get("ready_last"))


def before_cell(cells: Sequence[Cell], many: int) -> int | None:
    """The cell of the message that has so many before it in its queue, or the one behind the last; None if it
    is only counted.
    """
    passed = 0
    for number, cell in enumerate(cells):
        if passed == many:
            return number
        passed += cell.more if cell.message is None else 1
    return len(cells) if passed <= many else None


def line_cells(line: str, shown: Sequence[int], count: int, room: int, last: int | None) -> list[Cell]:
    if count <= min(room, len(shown)):
        return [Cell(line, message, 0) for message in shown[:count]]
    if room <= 0:
        return []
    tail = [Cell(line, last, 0)] if last is not None and room > 2 else []
    head = [Cell(line, message, 0) for message in shown[: max(0, room - 1 - len(tail))]]
    return [*head, Cell(line, None, count - len(head) - len(tail)), *tail]


# --- applications ----------------------------------------------------------------------------------------


def hand_of(limit: int, held: int) -> Hand:
    """A slot for every message that may be held at once; `limit` 0 is none, then for those that are."""
    wanted = max(limit, held, 1)
    slots = wanted if wanted <= G.most_slots else G.most_slots - 1
    return Hand(slots, wanted - slots)


def slot_spot(row: RowPlace, number: int, hand: Hand) -> Spot:
    """A slot of a hand, or for ``number == hand.slots`` where "+n" stands. In a row that is centred a long hand
    makes room for what is written behind it.
    """
    count = hand.slots + bool(hand.more)
    aside = G.slot // 2 if row["anchor"] == "middle" and 2 < count < G.most_slots else 0
    return Spot(row_start(row, count, G.slot) - aside + number * G.slot, row["y"])


def had_spot(row: RowPlace, hand: Hand) -> Spot:
    """Where it is written how many messages a consumer has done with: behind its hand; at the left of one that
    runs to the left.
    """
    count = hand.slots + bool(hand.more)
    if row["anchor"] == "end":
        return Spot(slot_spot(row, 0, hand).x - 14, row["y"] + 4)
    return Spot(slot_spot(row, count - 1, hand).x + 14, row["y"] + 4)


def strip_spot(row: RowPlace, number: int, shown: int) -> Spot:
    """A number of a strip; its words stand above."""
    return Spot(row_start(row, shown, G.strip_chip) + number * G.strip_chip, row["y"] + 15)


def row_start(row: RowPlace, count: int, pitch: int) -> int:
    """The middle of the first of `count` things in a row."""
    if row["anchor"] == "middle":
        return row["x"] - (count - 1) * pitch // 2
    if row["anchor"] == "start":
        return row["x"] + pitch // 2
    return row["x"] - pitch // 2 - (count - 1) * pitch


def tray_spot(app: AppPlace, number: int) -> Spot:
    """Where a message stands that is with its program."""
    return Spot(app["tray"]["x"], app["tray"]["y"] - G.dock * min(number, G.dock_shown - 1))


# --- lost and returned -----------------------------------------------------------------------------------


def lost_room(layout: Layout) -> int:
    """How many lost messages have a place."""
    return max(1, (layout["gutter"]["w"] - G.lost_left) // G.lost_pitch)


def lost_places(layout: Layout, reasons: Sequence[str], hidden: int) -> list[tuple[Spot, int]]:
    """The places of lost messages, and how much room is behind the middle of each. They are as far apart as always;
    where a reason needs more than that and there is room for all, each is as wide as it is.
    """
    gutter = layout["gutter"]
    whole = gutter["w"] - G.lost_left - (34 if hidden else 0)
    needs = [G.message_w + 2 * AROUND_REASON + lettering.width(reason, G.small) for reason in reasons]
    even = [G.lost_pitch] * len(reasons)
    ways = ([max(one, G.lost_pitch) for one in needs], needs)
    is_roomy = all(one <= G.lost_pitch for one in needs)
    pitches = even if is_roomy else next((way for way in ways if sum(way) <= whole), even)
    lefts = [sum(pitches[:number]) for number in range(len(pitches))]
    rooms = [*pitches[:-1], *(whole - left for left in lefts[-1:])]
    y = gutter["y"] + gutter["h"] // 2
    return [
        (Spot(gutter["x"] + G.lost_left + left, y), room - G.message_w)
        for left, room in zip(lefts, rooms, strict=True)
    ]
