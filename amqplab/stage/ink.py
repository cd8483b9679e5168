"""Ink: SVG elements as text, painted by presentation attributes alone.

Theory
------
A static picture is shown in places that strip its ``<style>``, and a ``<style>`` that is not stripped restyles
every other SVG on the page. So there is none: each element carries its own colours and sizes, as attributes,
which every renderer knows. There are no ids and no classes either, so nothing can clash. Attributes come in the
order in which they are given; the same call makes the same octets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.palette import LIGHT

__all__ = ["MONO", "circle", "element", "group", "path", "rect", "text", "tip"]

MONO = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
FORBIDDEN = dict.fromkeys((*range(32), *range(55296, 57344), 65534, 65535), "�")
"""What XML cannot hold."""
Value = str | int | float | None


def element(tag: str, attributes: dict[str, Value], inside: str = "") -> str:
    """One element. Names are written with "_" for "-"; what is None is left out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{quoted(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{written}>{inside}</{tag}>" if inside else f"<{tag}{written}/>"


def quoted(words: str) -> str:
    """Safe in XML, inside and outside of an attribute."""
    return escape(words.translate(FORBIDDEN))


def rect(x: int, y: int, w: int, h: int, fill: str = "none", stroke: str | None = None, rx: int = 0,
         **more: Value) -> str:  # fmt: skip
    """A box."""
    return element("rect", {"x": x, "y": y, "width": w, "height": h, "rx": rx or None, "fill": fill,
                            "stroke": stroke, **more})  # fmt: skip


def circle(x: int, y: int, r: int, fill: str, stroke: str | None = None, **more: Value) -> str:
    """A disc or a ring."""
    return element("circle", {"cx": x, "cy": y, "r": r, "fill": fill, "stroke": stroke, **more})


def path(d: str, stroke: str | None = None, fill: str = "none", **more: Value) -> str:
    """A line or a shape."""
    return element("path", {"d": d, "fill": fill, "stroke": stroke, **more})


def text(x: int, y: int, words: str, *, size: int = G.small, fill: str = LIGHT.ink2, anchor: str = "start",
         bold: bool = False, mono: bool = False, **more: Value) -> str:  # fmt: skip
    """Words on their base line."""
    if not words:
        return ""
    attributes: dict[str, Value] = {
        "x": x, "y": y, "font_size": size, "fill": fill,
        "text_anchor": None if anchor == "start" else anchor,
        "font_weight": 600 if bold else None, "font_family": MONO if mono else None, **more,
    }  # fmt: skip
    return element("text", attributes, quoted(words))


def group(inside: Iterable[str], **attributes: Value) -> str:
    """Several elements as one thing; nothing if there are none."""
    joined = "".join(inside)
    return element("g", attributes, joined) if joined else ""


def tip(curve: Sequence[int], fill: str) -> str:
    """The arrow's head at the end of a curve, along the nearer axis."""
    x, y = curve[6], curve[7]
    dx, dy = x - curve[4], y - curve[5]
    if abs(dx) >= abs(dy):
        return path(f"M{x} {y}l{-9 if dx > 0 else 9} -5v10z", fill=fill)
    return path(f"M{x} {y}l-5 {-9 if dy > 0 else 9}h10z", fill=fill)
