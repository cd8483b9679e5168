"""The colours of the static picture, once for light and once for dark.

Theory
------
One set of rules, two sets of colours. The rules are a template; the dark colours follow in a media query,
which the reader's own setting chooses. Messages keep Okabe and Ito's colours in both: they are told apart
by number as well, so the colour never stands alone.
"""

from __future__ import annotations

__all__ = ["style"]

LIGHT = {
    "paper": "#ffffff", "sunk": "#f3f5f8", "line": "#d9dee6", "strong": "#b4bdca", "ink": "#1b2330",
    "ink2": "#556070", "ink3": "#8a94a3", "accent": "#0072b2", "bad": "#c04a00", "p": "#dcebf7",
    "pl": "#3c83b5", "x": "#f3e3ee", "xl": "#b0588f", "q": "#fdeed2", "ql": "#c58a12", "c": "#d9f1e8",
    "cl": "#159067",
}  # fmt: skip
DARK = {
    "paper": "#14171c", "sunk": "#1f242c", "line": "#343b46", "strong": "#525c6b", "ink": "#eef1f5",
    "ink2": "#a9b3c1", "ink3": "#76818f", "accent": "#56b4e9", "bad": "#ff8c4a", "p": "#17344a",
    "pl": "#5fb0e6", "x": "#40283a", "xl": "#dc97c2", "q": "#3d3018", "ql": "#e9b44c", "c": "#123a2f",
    "cl": "#3fc79b",
}  # fmt: skip

COLOURS = """
text{{fill:{ink}}}.paper{{fill:{paper};stroke:{line}}}.ground{{fill:{sunk};stroke:{line}}}
.quiet,.counts{{fill:{ink2}}}.faint,.lanename{{fill:{ink3}}}.step{{fill:{ink}}}.stepno{{fill:{paper}}}
.edge{{stroke:{strong}}}.edge.tip{{fill:{strong}}}.edge.used{{stroke:{accent}}}.edge.used.tip{{fill:{accent}}}
.key{{fill:{paper};stroke:{strong}}}.key.used{{stroke:{accent}}}.tube{{fill:{sunk};stroke:{strong}}}
.lane{{fill:{paper}}}.producer{{fill:{p};stroke:{pl}}}.consumer{{fill:{c};stroke:{cl}}}
.exchange{{fill:{x};stroke:{xl}}}.default{{fill:none;stroke:{strong}}}.queue{{fill:{q};stroke:{ql}}}
.cell{{stroke:{ql}}}.slot{{fill:{paper};stroke:{cl}}}.gutter{{stroke:{strong}}}.cross{{stroke:{bad}}}
"""
GHOSTS = ".ghosted rect{{stroke:{ink}}}.ghosted text{{fill:{ink}}}"
SHAPES = """
text{font-size:12px}.title,.name{font-weight:600;font-size:13px}.name,.mid,.counts,.letter,.mono,.more,.number,
.stepno{text-anchor:middle}.end{text-anchor:end}.quiet,.counts{font-size:11px}.lanename{font-size:10px}
.counts{white-space:pre}.letter{font-size:17px;font-weight:650}
.letter,.mono,.number,.stepno{dominant-baseline:central}
.mono{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:11px}
.said{font-size:15px;font-weight:600}.stepno{font-weight:700}.more{font-weight:600;font-size:11px}
.edge{fill:none;stroke-width:1.75}.edge.used{stroke-width:2.75}
.edge.sub{stroke-dasharray:2 4;stroke-linecap:round}.edge.tip{stroke:none}.key.used{stroke-width:2}
.producer,.consumer,.exchange,.queue{stroke-width:1.75}.default{stroke-dasharray:4 4}
.cell{fill:none;stroke-opacity:.28}.gutter{fill:none;stroke-dasharray:3 4}
.cross{fill:none;stroke-width:2.5;stroke-linecap:round}.number{font-size:11px;font-weight:700}
.flap{fill:none;stroke-opacity:.35}.hatch{fill:none;stroke:#fff;stroke-opacity:.55;stroke-width:2}
.ghosted{opacity:.55}.ghosted rect{fill-opacity:.25;stroke-dasharray:2.5 2.5}.ghosted .flap{stroke:none}
.absent{opacity:.4}.absent circle{stroke-dasharray:4 4}
"""
MESSAGES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
INKS = ("#ffffff", "#1d1500", "#ffffff", "#24060f", "#06202f", "#ffffff", "#272300")


def hues_last(rules: str) -> str:
    """Rules as part of a template: their braces are meant."""
    return rules.replace("{", "{{").replace("}", "}}")


def style() -> str:
    """The style sheet as compact text."""
    hues = "".join(
        f"rect.m{i}{{fill:{fill}}}text.m{i}i{{fill:{ink}}}path.m{i}i{{stroke:{ink}}}"
        for i, (fill, ink) in enumerate(zip(MESSAGES, INKS, strict=True))
    )
    light, dark = [(COLOURS + hues_last(hues) + GHOSTS).format(**scheme) for scheme in (LIGHT, DARK)]
    sheet = f"{SHAPES}{light}@media(prefers-color-scheme:dark){{{dark}}}"
    return sheet.replace("\n", "")
