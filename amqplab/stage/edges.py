"""Edges and their labels: curves between nodes, and room for what is written on them.

Theory
------
A binding is an edge, and two bindings between the same pair are two edges; so they lie side by side. What
tells them apart is the key on each, and a key that cannot be read tells nothing. So every label is tried at
several places of its curve against everything that stands there already (:class:`Board`), and then shorter.
Where there is no room, keys are *folded*: one capsule says "×20" for all bindings of the pair, or for all of an
exchange's. A fold is honest, an overlap is not.

The board keeps boxes in a grid of coarse squares, so a label looks at its neighbours only, and the whole takes
time in proportion to the number of edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from amqplab.stage.contract_layout import EdgePlace, FoldPlace, NodePlace, PolicyPlace
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.lettering import cut, width
from amqplab.stage.needs import PolicyEdge
from amqplab.trace.participants import Edge

__all__ = ["Board", "Edges", "bezier", "capsule", "on_curve"]

Rectangle = tuple[int, int, int, int]
SQUARE = 64
PLACES = (50, 44, 56, 38, 62, 32, 68, 26, 74, 20, 80)
"""Where along its curve a label may stand, in percent, best first."""
INNER = 7
"""So many of them are well away from the nodes at both ends."""
FANNED = (84, 80, 88, 76, 72, 68, 64, 58, 52)
"""The same for one of many edges of an exchange: near its queue, where the edges lie apart."""
SAMPLES = range(3, 100, 3)
"""The points of a curve that are looked at where labels must not lie on it."""
SHORTER = (G.capsule_most, 70, 40)
MOST_BESIDE = 3
"""So many bindings between one pair may each have their key."""
MANY_TARGETS = 5
CROWDED = 40
"""With more pairs than this, exchanges that fan out are folded at their root."""


class Board:
    """The boxes that are taken."""

    def __init__(self) -> None:
        self._squares: dict[tuple[int, int], list[Rectangle]] = {}

    def free(self, box: Rectangle) -> bool:
        """Whether nothing stands there."""
        return not any(
            box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
            for square in squares(box)
            for other in self._squares.get(square, ())
        )

    def take(self, box: Rectangle) -> None:
        """Something stands there now."""
        for square in squares(box):
            self._squares.setdefault(square, []).append(box)


class Lines:
    """The curves that are drawn, as points of them, each in the square that it is in."""

    def __init__(self) -> None:
        self._squares: dict[tuple[int, int], list[tuple[int, int, tuple[int, ...]]]] = {}

    def draw(self, curve: Sequence[int]) -> None:
        """A curve goes there."""
        for percent in SAMPLES:
            x, y = on_curve(curve, percent)
            self._squares.setdefault((x // SQUARE, y // SQUARE), []).append((x, y, tuple(curve)))

    def through(self, box: Rectangle, own: Sequence[int]) -> int:
        """How much of other curves than its own goes through a box."""
        return sum(
            box[0] < x < box[2] and box[1] < y < box[3] and curve != tuple(own)
            for square in squares(box)
            for x, y, curve in self._squares.get(square, ())
        )


def squares(box: Rectangle) -> Iterator[tuple[int, int]]:
    for column in range(box[0] // SQUARE, box[2] // SQUARE + 1):
        for row in range(box[1] // SQUARE, box[3] // SQUARE + 1):
            yield column, row


class Edges:
    """Places for bindings and policies among nodes that have theirs."""

    def __init__(self, nodes: dict[str, NodePlace], board: Board, wide: bool) -> None:
        self.nodes = nodes
        self.board = board
        self.wide = wide
        self.lines = Lines()
        self.edges: dict[str, EdgePlace] = {}
        self.folds: dict[str, FoldPlace] = {}
        self.policies: dict[str, PolicyPlace] = {}

    # --- bindings ----------------------------------------------------------------------------------------

    def bind(self, edges: Iterable[Edge]) -> None:
        """Give every binding its curve, and its key a place or a fold."""
        pairs: dict[tuple[str, str], list[Edge]] = {}
        for edge in edges:
            if edge.source not in self.nodes or edge.target not in self.nodes:
                continue
            if edge.ghost:
                self.edges[edge.key] = self.placed(edge, 0, 1)
            else:
                pairs.setdefault((edge.source, edge.target), []).append(edge)
        targets: dict[str, int] = {}
        for source, _ in pairs:
            targets[source] = targets.get(source, 0) + 1
        for (source, _), between in pairs.items():
            for index, edge in enumerate(between):
                place = self.placed(edge, index, len(between), fanned=targets[source] > MANY_TARGETS)
                self.edges[edge.key] = place
                self.lines.draw(place["curve"])
        roots: dict[str, list[str]] = {}
        for (source, target), between in pairs.items():
            many = targets[source] > MANY_TARGETS
            if (many and len(pairs) > CROWDED) or not self.label(between, FANNED if many else PLACES):
                fold = f"fold/{source}/{target}"
                crowded = many and len(pairs) > CROWDED
                if crowded or len(between) == 1 or not self.fold(fold, source, target, between):
                    roots.setdefault(source, []).extend(edge.key for edge in between)
        for source, keys in roots.items():
            self.fold_at_root(f"fold/{source}", source, keys)

    def placed(self, edge: Edge, index: int, of: int, *, fanned: bool = False) -> EdgePlace:
        spread = 2 * index - (of - 1)
        curve = self.curve(self.nodes[edge.source], self.nodes[edge.target], spread, of, fanned)
        return {
            "source": edge.source, "target": edge.target, "ghost": edge.ghost, "label": edge.label,
            "words": "", "curve": curve, "at": None, "w": 0, "fold": None,
        }  # fmt: skip

    def label(self, between: Sequence[Edge], places: Sequence[int]) -> bool:
        """A capsule for each of the pair's keys, or for none of them."""
        if len(between) > MOST_BESIDE:
            return False
        found: list[tuple[Rectangle, str, EdgePlace]] = []
        for edge in between:
            place = self.edges[edge.key]
            spot = self.spot(place["curve"], edge.label or "—", places, [box for box, *_ in found])
            if spot is None:
                return False
            found.append((spot[0], spot[1], place))
        for box, words, place in found:
            self.board.take(box)
            place["words"], place["at"], place["w"] = words, middle(box), box[2] - box[0]
        return True

    def spot(
        self, curve: Sequence[int], label: str, places: Sequence[int], others: Sequence[Rectangle]
    ) -> tuple[Rectangle, str] | None:
        """A free box on the curve for the label, cut if it must be; one that no other curve crosses, if there is."""
        tried = ""
        for room in SHORTER:
            words = cut(label, room - 2 * G.capsule_pad, G.small, mono=True)
            if words == tried:
                break
            tried = words
            boxes = [capsule(on_curve(curve, percent), words) for percent in places]
            free = [
                box for box in boxes if self.board.free(box) and not any(meet(box, other) for other in others)
            ]
            if free:
                return min(free, key=lambda box: self.lines.through(box, curve)), words
        return None

    def fold(self, key: str, source: str, target: str, between: Sequence[Edge]) -> bool:
        """One capsule for all bindings of a pair."""
        count = len(between)
        curve = self.edges[between[count // 2].key]["curve"]
        return self.put_fold(key, source, target, [edge.key for edge in between], [
            capsule(on_curve(curve, percent), f"{count} of {count}") for percent in PLACES
        ])  # fmt: skip

    def fold_at_root(self, key: str, source: str, keys: list[str]) -> None:
        """One capsule for all of an exchange's keys that found no room; none if there is none for that either."""
        words = f"{len(keys)} of {len(keys)}"
        boxes = [
            capsule(on_curve(self.edges[one]["curve"], percent), words)
            for percent in (10, 16, 22, 30, 40)
            for one in (keys[len(keys) // 2], keys[0], keys[-1])
        ]
        self.put_fold(key, source, None, keys, boxes)

    def put_fold(
        self, key: str, source: str, target: str | None, keys: list[str], boxes: Iterable[Rectangle]
    ) -> bool:
        for box in boxes:
            if self.board.free(box):
                self.board.take(box)
                self.folds[key] = {
                    "source": source, "target": target, "keys": keys, "at": middle(box), "w": box[2] - box[0],
                }  # fmt: skip
                for one in keys:
                    self.edges[one]["fold"] = key
                return True
        return False

    # --- curves ------------------------------------------------------------------------------------------

    def curve(self, source: NodePlace, target: NodePlace, spread: int, of: int, fanned: bool) -> list[int]:
        """From exchange to queue or exchange. `spread` is -(of - 1) … of - 1: whose side it keeps to. One of a
        fan soon reaches the height of its queue, so that its key stands beside it.
        """
        if target["kind"] == "exchange":
            return self.loop(source, target, spread, 70)
        span = max(1, of - 1)
        bend = spread * min(17 * span, 60) // span
        door = spread * min(7 * span, target["h"] // 2 - 6) // span
        if self.wide:
            a = (source["x"] + source["w"] // 2 + 2, source["y"])
            b = (target["x"] - target["w"] // 2, target["y"] + door)
            way = b[0] - a[0]
            out, back = (way // 5, way * 3 // 4) if fanned else (way // 2, way // 2)
            return [*a, a[0] + out, a[1] + bend, b[0] - back, b[1] + bend, *b]
        a = (source["x"], source["y"] + source["h"] // 2 + 2)
        b = (target["x"] + target["w"] // 2 - 16 + door // 2, target["y"] - target["h"] // 2)
        reach = (b[1] - a[1]) // 2
        return [*a, a[0] + bend, a[1] + reach, b[0] + bend, b[1] - reach, *b]

    def loop(self, source: NodePlace, target: NodePlace, spread: int, reach: int) -> list[int]:
        """Exchange to exchange: an arc that leaves and enters on the queues' side, or if `reach` is negative
        on the other.
        """
        side = 1 if reach > 0 else -1
        out = reach + side * min(10 * abs(spread), 40)
        if source is target:
            return self.turned(source, 16 * side, -14, out, -8, 14)
        if self.wide:
            down = 1 if target["y"] >= source["y"] else -1
            xs, xt = source["x"] + 16 * side, target["x"] + 16 * side
            ys, yt = source["y"] + 14 * down, target["y"] - 14 * down
            return [xs, ys, xs + out, ys + 8 * down, xt + out, yt - 8 * down, xt, yt]
        right = 1 if target["x"] >= source["x"] else -1
        ys, yt = source["y"] + 16 * side, target["y"] + 16 * side
        xs, xt = source["x"] + 14 * right, target["x"] - 14 * right
        return [xs, ys, xs + 8 * right, ys + out, xt - 8 * right, yt + out, xt, yt]

    def turned(self, node: NodePlace, main: int, start: int, out: int, bend: int, end: int) -> list[int]:
        """A loop from an exchange to itself."""
        pairs = [(main, start), (main + out, start + bend), (main + out, end - bend), (main, end)]
        return [
            number
            for along, across in pairs
            for number in (
                (node["x"] + along, node["y"] + across)
                if self.wide
                else (node["x"] + across, node["y"] + along)
            )
        ]

    # --- policies ----------------------------------------------------------------------------------------

    def police(self, edges: Iterable[PolicyEdge]) -> None:
        """Dead letters run back from queue to exchange, alternates on the far side of the exchanges."""
        curves: list[tuple[PolicyEdge, list[int]]] = []
        for edge in edges:
            source, target = self.nodes.get(edge.source), self.nodes.get(edge.target)
            if source is None or target is None:
                continue
            curve = (
                self.back(source, target) if edge.kind == "dead-letter" else self.loop(source, target, 0, -44)
            )
            curves.append((edge, curve))
            self.lines.draw(curve)
        for edge, curve in curves:
            words = "dead letters" if edge.kind == "dead-letter" else "alternate"
            spot = self.spot_for_words(curve, words)
            if spot is not None:
                self.board.take(spot)
            self.policies[edge.key] = {
                "source": edge.source, "target": edge.target, "kind": edge.kind, "words": words,
                "curve": curve, "at": None if spot is None else middle(spot),
                "w": 0 if spot is None else spot[2] - spot[0],
            }  # fmt: skip

    def spot_for_words(self, curve: Sequence[int], words: str) -> Rectangle | None:
        boxes = (capsule(on_curve(curve, percent), words, mono=False) for percent in PLACES[:INNER])
        free = [box for box in boxes if self.board.free(box)]
        return min(free, key=lambda box: self.lines.through(box, curve), default=None)

    def back(self, source: NodePlace, target: NodePlace) -> list[int]:
        """From a queue to an exchange, against the stream, below the bindings."""
        if self.wide:
            a = (source["x"] - source["w"] // 2, source["y"] + source["h"] // 2 - 6)
            b = (target["x"] + target["w"] // 2 - 10, target["y"] + 12)
            reach = (a[0] - b[0]) // 2
            return [*a, a[0] - reach, a[1] + 34, b[0] + reach, b[1] + 26, *b]
        a = (source["x"] - source["w"] // 2, source["y"] - 6)
        b = (target["x"] - 12, target["y"] + target["h"] // 2 - 10)
        reach = (a[1] - b[1]) // 2
        return [*a, a[0] - 22, a[1] - reach, b[0] - 26, b[1] + reach, *b]


def capsule(at: tuple[int, int], words: str, *, mono: bool = True) -> Rectangle:
    """The box of a capsule with these words, by its middle."""
    half = (width(words, G.small, mono=mono) + 2 * G.capsule_pad + 1) // 2
    return at[0] - half, at[1] - G.capsule_h // 2, at[0] + half, at[1] + G.capsule_h // 2


def middle(box: Rectangle) -> list[int]:
    return [(box[0] + box[2]) // 2, (box[1] + box[3]) // 2]


def meet(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def bezier(a: tuple[int, int], b: tuple[int, int], *, wide: bool) -> list[int]:
    """The gentle curve from one point to another, leaving and arriving along the journey."""
    if wide:
        reach = (b[0] - a[0]) // 2
        return [*a, a[0] + reach, a[1], b[0] - reach, b[1], *b]
    reach = (b[1] - a[1]) // 2
    return [*a, a[0], a[1] + reach, b[0], b[1] - reach, *b]


def on_curve(curve: Sequence[int], percent: int) -> tuple[int, int]:
    """The point of a cubic Bezier, in whole units: integers only, so that every machine agrees."""
    t, u = percent, 100 - percent
    weights = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
    x = sum(weight * value for weight, value in zip(weights, curve[0::2], strict=True))
    y = sum(weight * value for weight, value in zip(weights, curve[1::2], strict=True))
    return (x + 500_000) // 1_000_000, (y + 500_000) // 1_000_000
