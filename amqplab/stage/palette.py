"""The colours, once: what the static picture, the page and the plots are painted with.

Theory
------
There are two schemes, light and dark, of the same names. The browser gets them as CSS variables and picks one
by the reader's own setting; the static picture uses the light one, for a picture cannot know where it hangs.
Messages keep the same seven hues in both schemes, those of Okabe and Ito, which people with any colour vision
can tell apart; a message also bears its number, so colour never stands alone.

WCAG's contrast is part of the palette: words have at least 4.5 : 1 on every ground they stand on, outlines at
least 3 : 1. The fills of boxes are pale on purpose, and it is their outline that is seen. A test works the
ratios out; :data:`WORDS`, :data:`GROUNDS` and :data:`OUTLINES` say what it looks at.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "DARK", "GROUNDS", "HUES", "LIGHT", "OUTLINES", "WORDS", "Hue", "Scheme", "as_json", "css_variables", "hue_of",
]  # fmt: skip


@dataclass(frozen=True)
class Scheme:
    """One set of colours. `p`, `x`, `q`, `c` are producers, exchanges, queues and consumers."""

    paper: str
    panel: str
    sunk: str
    line: str
    line_strong: str
    ink: str
    ink2: str
    ink3: str
    accent: str
    bad: str
    good: str
    p: str
    p_line: str
    x: str
    x_line: str
    q: str
    q_line: str
    c: str
    c_line: str


@dataclass(frozen=True)
class Hue:
    """A message's colours: its fill, what is written on it, and its outline in each scheme."""

    fill: str
    ink: str
    light_edge: str
    dark_edge: str


LIGHT = Scheme(
    paper="#ffffff", panel="#fbfbfc", sunk="#f3f5f8", line="#d9dee6", line_strong="#7f8a99", ink="#1b2330",
    ink2="#4d5867", ink3="#5a6574", accent="#0068a3", bad="#b04300", good="#00734f", p="#dcebf7",
    p_line="#2f78ab", x="#f3e3ee", x_line="#a84b85", q="#fdeed2", q_line="#9a6700", c="#d9f1e8",
    c_line="#0d7f5b",
)  # fmt: skip
DARK = Scheme(
    paper="#14171c", panel="#191d23", sunk="#1f242c", line="#343b46", line_strong="#727d8d", ink="#eef1f5",
    ink2="#b0bac7", ink3="#98a3b2", accent="#56b4e9", bad="#ff8c4a", good="#3fcb9f", p="#17344a",
    p_line="#5fb0e6", x="#40283a", x_line="#dc97c2", q="#3d3018", q_line="#e9b44c", c="#123a2f",
    c_line="#3fc79b",
)  # fmt: skip
HUES = (
    Hue("#0072b2", "#ffffff", "#00507d", "#4ba3d9"),
    Hue("#e69f00", "#1d1500", "#8a5f00", "#ffc44d"),
    Hue("#009e73", "#00130d", "#006b4e", "#2fd3a4"),
    Hue("#cc79a7", "#24060f", "#96467a", "#e8a9cb"),
    Hue("#56b4e9", "#06202f", "#1f6f9e", "#9ad6f7"),
    Hue("#d55e00", "#1c0a00", "#8f3f00", "#ff9a52"),
    Hue("#f0e442", "#272300", "#716a00", "#f7ef8a"),
)

GROUNDS = ("paper", "panel", "sunk", "p", "x", "q", "c")
"""What words stand on."""
WORDS = ("ink", "ink2", "ink3", "accent", "bad", "good")
"""What words are written in."""
OUTLINES = ("line_strong", "p_line", "x_line", "q_line", "c_line", "accent", "bad", "good")
"""What tells a shape from paper and ground. (`line` only divides one panel from the next.)"""

FROM_JUPYTER = {
    "paper": "--jp-layout-color0",
    "panel": "--jp-layout-color1",
    "ink": "--jp-ui-font-color0",
}


def hue_of(message: int) -> Hue:
    """The colours of a message, by its number."""
    return HUES[(message - 1) % len(HUES)]


def as_json() -> dict[str, Any]:
    """Everything, as the scene carries it."""
    return {
        "light": asdict(LIGHT),
        "dark": asdict(DARK),
        "messages": [hue.fill for hue in HUES],
        "inks": [hue.ink for hue in HUES],
        "edges": {"light": [hue.light_edge for hue in HUES], "dark": [hue.dark_edge for hue in HUES]},
    }


def css_variables(scope: str = ".amqplab-stage") -> str:
    """The same as CSS rules: variables such as ``--line-strong``, and ``.m0`` to ``.m6`` for messages. Where
    JupyterLab has a colour of its own, that one is taken.
    """
    light, dark = asdict(LIGHT), asdict(DARK)
    rules = [f"{scope} {{"]
    for name in light:
        value = f"light-dark({light[name]}, {dark[name]})"
        if name in FROM_JUPYTER:
            value = f"var({FROM_JUPYTER[name]}, {value})"
        rules.append(f"  --{name.replace('_', '-')}: {value};")
    rules.append("}")
    for number, hue in enumerate(HUES):
        edge = f"light-dark({hue.light_edge}, {hue.dark_edge})"
        rules.append(f"{scope} .m{number} {{ --m-fill: {hue.fill}; --m-ink: {hue.ink}; --m-edge: {edge}; }}")
    return "\n".join(rules) + "\n"
