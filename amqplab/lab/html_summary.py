"""What a notebook shows when a cell ends with the lab itself: where it stands, and what one can ask of it.

Theory
------
A learner who types ``lab`` wants to know two things: how far has this world come, and what can I do with it?
So the picture has one line of facts and, folded away, one line for each thing to do, with the first sentence
of its help text. Both are read from the lab, so neither can be out of date.
"""

from __future__ import annotations

import inspect
import re
from html import escape
from typing import Any

__all__ = ["html_summary"]

MENU = {
    "look": ("stage", "ladder", "frames", "messages", "table", "lifecycle"),
    "ask": (
        "why",
        "dissect",
        "find",
        "first",
        "last",
        "participants",
        "traffic",
        "graph",
        "plot_depths",
        "digest",
        "checks",
    ),
    "run": ("connect", "program", "run", "run_for", "step", "serve"),
    "break": (
        *("link", "lose_next", "cut", "half_open", "heal", "reset", "freeze", "thaw"),
        *("kill", "power_off", "power_on", "raise_alarm", "clear_alarm"),
    ),
    "change the past": ("fork",),
    "take along": ("to_html", "to_pcap", "close"),
}


def html_summary(lab: Any) -> str:
    """The lab as HTML: its facts and its menu."""
    facts = {
        "seed": str(lab.seed),
        "virtual time": lab.now,
        "clients": ", ".join(lab.clients) or "none yet",
        "records": str(len(lab.records)),
        "checks": "a sentence is broken, see lab.checks" if lab.checks.failures else "all kept",
    }
    cells = " · ".join(f"{name} <b>{escape(value)}</b>" for name, value in facts.items())
    title = f"<b>{escape(lab.title)}</b><br>" if lab.title else ""
    rows = "".join(_row(lab, group, names) for group, names in MENU.items())
    return (
        f"<div>{title}{cells}<details><summary>What you can do with a lab</summary>"
        f"<table>{rows}</table></details></div>"
    )


def _row(lab: Any, group: str, names: tuple[str, ...]) -> str:
    lines = "<br>".join(
        f"<code>lab.{name}</code> {with_code(first_sentence(getattr(type(lab), name)))}" for name in names
    )
    return (
        f'<tr><th style="text-align:left;vertical-align:top">{escape(group)}</th>'
        f'<td style="text-align:left">{lines}</td></tr>'
    )


def first_sentence(member: Any) -> str:
    """The first sentence of a help text."""
    text = " ".join((inspect.getdoc(member) or "").split())
    first = text.split(". ")[0].split(": ``")[0].rstrip(".:")
    return first + "."


def with_code(text: str) -> str:
    """A sentence as HTML, where what is code is seen to be code."""
    return MARKUP.sub(lambda found: f"<code>{found[1] or found[2]}</code>", escape(text))


MARKUP = re.compile(r":\w+:`([^`]*)`|`+([^`]*)`+")
