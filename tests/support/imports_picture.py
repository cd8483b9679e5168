"""A picture of the imports of some floors of a checkout: whatever a module needs stands to its left.

    python tests/support/imports_picture.py CHECKOUT --out PICTURE.png
        [--floor trace stage lab]
        [--title WORDS]

Theory
------
The modules of a floor stand in columns: on the left those that import nothing of the floor, and each other one
just right of the last that it needs. Then every import points to the left, unless there is a circle: modules in a
circle share a column, and the imports between them are red.

An import that others imply (a needs b, b needs c, so a has c anyway) is left out: what is left is the smallest
graph in which the same modules reach the same modules. A line that crosses columns gets a place of its own in each,
and then the places of a column are ordered, forth and back, by where their neighbours stand, so that few lines cross.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import matplotlib
import networkx as nx
from imports import circles, imports_within

matplotlib.use("Agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from PIL import Image

__all__ = ["FLOORS", "Floor", "draw", "main"]

FLOORS = ("trace", "stage", "lab")
COLUMN, LINE = 1.5, 0.25  # inches
SWEEPS = 24
DOTS_PER_INCH = 100
COLOURS = 32
PALE, PLAIN, RED = "#9aa5b1", "#22303c", "#c0143c"


@dataclass(frozen=True)
class Place:
    """Where a line crosses a column on its way from one module to another."""

    importer: str
    imported: str
    column: int


class Floor:
    """The modules of a floor, each with a column and a height."""

    def __init__(self, package: Path, name: str) -> None:
        self.name = name
        self.imports = imports_within(package, name)
        self.circles = circles(self.imports)
        self.in_circles = {module: number for number, some in enumerate(self.circles) for module in some}
        self.column = columns(self.imports)
        self.lines = list(needed_lines(self.imports, self.in_circles))
        self.height = heights(self.column, [way(one, self.column) for one in self.lines])

    def __str__(self) -> str:
        count = sum(map(len, self.imports.values()))
        return (
            f"{self.name}: {len(self.imports)} modules, {count} imports among them, {self.words_of_circles}"
        )

    @property
    def words_of_circles(self) -> str:
        if not self.circles:
            return "no circle"
        listed = "; ".join(" ⇄ ".join(map(self.short, some)) for some in self.circles)
        return f"{len(self.circles)} circle{'s' * (len(self.circles) > 1)}: {listed}"

    @property
    def size(self) -> tuple[int, int]:
        """How many columns, and how many places in the fullest."""
        most = max(self.height.values()) - min(self.height.values())
        return max(self.column.values()) + 1, int(most) + 1

    def short(self, module: str) -> str:
        """Its name in its floor."""
        return module.removeprefix(f"amqplab.{self.name}").lstrip(".") or "__init__"


# --- where everything stands ----------------------------------------------------------------------------


def columns(imports: dict[str, set[str]]) -> dict[str, int]:
    """One more than the last that it needs; all of a circle together."""
    graph = nx.DiGraph([(module, other) for module, others in imports.items() for other in others])
    graph.add_nodes_from(imports)
    knots = nx.condensation(graph)
    found: dict[int, int] = {}
    for knot in reversed(list(nx.topological_sort(knots))):
        found[knot] = 1 + max((found[other] for other in knots[knot]), default=-1)
    return {module: found[knot] for module, knot in knots.graph["mapping"].items()}


def needed_lines(imports: dict[str, set[str]], in_circles: dict[str, int]) -> Iterator[tuple[str, str]]:
    """The imports that no others imply, and all in circles."""
    graph = nx.DiGraph()
    for module, others in sorted(imports.items()):
        for other in sorted(others):
            if module in in_circles and in_circles[module] == in_circles.get(other):
                yield module, other
            else:
                graph.add_edge(module, other)
    yield from sorted(nx.transitive_reduction(graph).edges)


def way(line: tuple[str, str], column: dict[str, int]) -> list[str | Place]:
    """Through which places a line goes."""
    importer, imported = line
    between = range(column[importer] - 1, column[imported], -1)
    return [importer, *(Place(importer, imported, number) for number in between), imported]


def heights(column: dict[str, int], ways: list[list[str | Place]]) -> dict[str | Place, float]:
    """An order for each column in which few lines cross, around the same middle."""
    stacks: dict[int, list[str | Place]] = {}
    for module in sorted(column):
        stacks.setdefault(column[module], []).append(module)
    near: dict[str | Place, list[str | Place]] = {}
    for places in ways:
        for place in places[1:-1]:
            stacks[place.column].append(place)  # type: ignore[union-attr]
        for one, other in pairwise(places):
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
    height = {place: float(at) for stack in stacks.values() for at, place in enumerate(stack)}
    for sweep in range(SWEEPS):
        for number in sorted(stacks, reverse=sweep % 2 == 1):
            stack = stacks[number]
            stack.sort(
                key=lambda place: mean([height[other] for other in near.get(place, [])], height[place])
            )
            for at, place in enumerate(stack):
                height[place] = at - (len(stack) - 1) / 2
    return height


def mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


# --- the picture ----------------------------------------------------------------------------------------


def draw(package: Path, floors: Sequence[str], title: str, target: Path) -> list[Floor]:
    """Write the picture, floor under floor. Returns what it shows."""
    shown = [Floor(package, name) for name in floors]
    tall = [LINE * (floor.size[1] + 2.2) for floor in shown]
    wide = COLUMN * max(floor.size[0] for floor in shown)
    figure = Figure(figsize=(wide, sum(tall) + 0.8), dpi=DOTS_PER_INCH, facecolor="white")
    total = sum(tall) + 0.8
    figure.text(0.01, 1 - 0.25 / total, title, fontsize=15, weight="bold", va="center")
    top = total - 0.5
    for floor, high in zip(shown, tall, strict=True):
        top -= high
        axes = figure.add_axes((0, top / total, 1, high / total))
        draw_floor(axes, floor, wide / COLUMN)
    figure.text(0.01, 0.15 / total, HOW_TO_READ, fontsize=9, color=PLAIN, va="center")
    drawn = BytesIO()
    figure.savefig(drawn)
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(target, optimize=True)
    return shown


HOW_TO_READ = (
    "A line leads from a module to one on its left that it imports; "
    "an import that others imply is left out. Red: a circle."
)


def draw_floor(axes: Axes, floor: Floor, wide: float) -> None:
    places = floor.size[1]
    axes.set_axis_off()
    axes.set_xlim(-0.5, wide - 0.5)
    axes.set_ylim(places / 2 + 0.5, -places / 2 - 1.7)
    axes.axhline(-places / 2 - 1.6, color=PALE, linewidth=0.8)
    axes.text(
        0.01, -places / 2 - 0.9, str(floor), transform=axes.get_yaxis_transform(),
        fontsize=12, weight="bold", va="center", color=PLAIN,
    )  # fmt: skip
    for importer, imported in floor.lines:
        is_circle = importer in floor.in_circles and floor.column[importer] == floor.column[imported]
        if is_circle:
            draw_circle(axes, floor, importer, imported)
        else:
            draw_line(axes, floor, importer, imported)
    for module, column in floor.column.items():
        is_red = module in floor.in_circles
        axes.text(
            column, floor.height[module], floor.short(module),
            fontsize=9, ha="center", va="center", color=RED if is_red else PLAIN, zorder=3,
            bbox={"boxstyle": "round,pad=0.18", "facecolor": "#fff0f3" if is_red else "#eef3f8",
                  "edgecolor": RED if is_red else PALE, "linewidth": 1.4 if is_red else 0.7},
        )  # fmt: skip


def draw_line(axes: Axes, floor: Floor, importer: str, imported: str) -> None:
    """Level at each place, and a curve from one to the next."""
    places = way((importer, imported), floor.column)
    spots = [
        (place.column if isinstance(place, Place) else floor.column[place], floor.height[place])
        for place in places
    ]
    for (x0, y0), (x1, y1) in pairwise(spots):
        axes.plot(*curve(x0 - LEVEL, y0, x1 + LEVEL, y1), color=PALE, linewidth=0.9, zorder=1)
    for at, (x, y) in enumerate(spots):
        left, right = (0 if at == len(spots) - 1 else LEVEL), (0 if at == 0 else LEVEL)
        axes.plot([x - left, x + right], [y, y], color=PALE, linewidth=0.9, zorder=1)


LEVEL = 0.28
STEPS = [step / 20 for step in range(21)]


def curve(x0: float, y0: float, x1: float, y1: float) -> tuple[list[float], list[float]]:
    """From one height to another, level at both ends."""
    return [x0 + (x1 - x0) * t for t in STEPS], [y0 + (y1 - y0) * t * t * (3 - 2 * t) for t in STEPS]


def draw_circle(axes: Axes, floor: Floor, importer: str, imported: str) -> None:
    """Down on the right of the names, up on their left."""
    x, start, end = floor.column[importer], floor.height[importer], floor.height[imported]
    beside = x + (LEVEL if end > start else -LEVEL)
    axes.add_patch(
        FancyArrowPatch(
            (beside, start), (beside, end), arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=0,
            color=RED, linewidth=1.6, connectionstyle="arc3,rad=0.9", zorder=4,
        )
    )  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Draw what is asked for. Returns 1 if there is a circle."""
    about, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=rest, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="PICTURE")
    parser.add_argument("--floor", nargs="+", default=list(FLOORS), metavar="NAME")
    parser.add_argument("--title", default="Who imports whom")
    arguments = parser.parse_args(words)
    package = arguments.checkout.resolve() / "amqplab"
    shown = draw(package, arguments.floor, arguments.title, arguments.out)
    print("\n".join(map(str, shown)))
    return int(any(floor.circles for floor in shown))


if __name__ == "__main__":
    sys.exit(main())
