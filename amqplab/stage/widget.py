"""The stage as a Jupyter widget, with a picture and a text for where there is no widget.

Theory
------
Python's part ends when the scene is sent: playing, stepping and scrubbing happen in the browser (js/).
What comes back to the kernel are custom messages, when somebody presses a button:

    {"type": "fault", "fault", "client", "at", "branch", ...}   let it happen after record `at` of that history
    {"type": "branch", "to"}                                    show that history again

A history is the run itself or what was made of it by a fault; the stage keeps those that led to the one shown
(`branch` has their names), and a fault is always done to the history that the page shows. What it *means* is the
lab's business: whoever is shown is asked. A lab may run on meanwhile: a history stays as long as it was when it
was first shown, so that who comes back to it finds what was left, and a fault changes that and nothing later.
For a recording that knows no faults there is a callback:

    stage.on_fault = lambda fault: ...                          # returns what to show instead, or None

An output cell keeps three forms of the same thing. A front end with widgets shows the widget; GitHub,
nbviewer and PDF show the SVG; a terminal shows the text. The SVG and the text depend on the recording
alone, octet for octet, so that a notebook's stored output is itself a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets

from amqplab.stage.esm import script, styles
from amqplab.stage.html import to_html
from amqplab.stage.scene import packed
from amqplab.stage.svg import to_svg
from amqplab.trace.ladder import ladder
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.zoom import ZOOMS

__all__ = ["FAULTS", "Stage"]

FAULTS = (
    *("lose segment", "cut", "half-open", "heal", "reset"),
    *("kill", "power off", "crash", "power on", "freeze", "thaw"),
)
"""Failures that the stage has buttons for; `breakable` says which of them the lab can do."""


MOST_ARROWS, MOST_TOLD, MOST_DRAWN = 200, 10_000, 20_000
"""How much of a run its text (arrows, records) and its static picture (records) hold in a notebook's file."""


class Stage(anywidget.AnyWidget):
    """Show a recording. `source` is a recorder or anything with a `recorder`: a recording, a lab.

    `zoom` is what a step is at first: "segment", "frame", "command", "milestone" or "story". `at` is the seq of
    the record to begin at: -1 is before the first, "end" is after the last, and "opening", just before the
    first message is published.
    """

    _esm = script()
    _css = styles()

    scene = traitlets.Bytes().tag(sync=True)
    start = traitlets.Dict().tag(sync=True)
    breakable = traitlets.List(traitlets.Unicode()).tag(sync=True)
    branch = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """The histories one has come through, the one shown last."""
    arrangement = traitlets.Dict().tag(sync=True)
    """Which panels are open, where and how large, and the bookmarks: the page writes it, the notebook keeps it."""

    def __init__(
        self,
        source: Any,
        *,
        title: str = "",
        zoom: str = "story",
        at: int | str = "opening",
        on_fault: Callable[[dict[str, Any]], Any] | None = None,
        faults: Sequence[str] = FAULTS,
    ) -> None:
        if zoom not in ZOOMS:
            raise ValueError(f"zoom is one of {', '.join(ZOOMS)}; not {zoom!r}")
        self._title = title
        self._histories = histories_of(source)
        self._offered = list(faults)
        self._on_fault: Callable[[dict[str, Any]], Any] | None = None
        first = None if at == "opening" else self._shown.records - 1 if at == "end" else int(at)
        super().__init__(
            scene=self._packed(),
            start={"zoom": ZOOMS.index(zoom), "at": first},
            branch=[history.name for history in self._histories],
        )
        self.on_fault = on_fault
        self.on_msg(self._received)

    @property
    def _shown(self) -> History:
        return self._histories[-1]

    def _told(self, most: int | None = None) -> list[Record]:
        """What is shown of the recording, or the first `most` records of it."""
        return self.recorder[: self._shown.records][:most]

    def _packed(self) -> bytes:
        return packed(self._told(), title=self._title)

    # --- what a lab does with it -------------------------------------------------------------------------

    @property
    def recorder(self) -> Recorder:
        """The recording shown; it may have gone on since."""
        return self._shown.recorder

    @property
    def on_fault(self) -> Callable[[dict[str, Any]], Any] | None:
        """Called with ``{"fault", "client", "at", ...}`` when a failure button is pressed, unless the history
        shown answers for itself, as a lab's does; may return a recorder (or a lab) to show instead. None: the
        buttons are disabled, and say why.
        """
        return self._on_fault

    @on_fault.setter
    def on_fault(self, callback: Callable[[dict[str, Any]], Any] | None) -> None:
        self._on_fault = callback
        self.breakable = list(self._offered) if callback else []

    def show(self, source: Any) -> None:
        """Show another recording. The page keeps its place."""
        self._show(histories_of(source))

    def refresh(self) -> None:
        """Show what was recorded since: for live traffic, and for a lab that ran on."""
        self._histories[-1] = history(self._shown.name, self._shown.source)
        self.scene = self._packed()

    def _show(self, histories: list[History]) -> None:
        self._histories = histories
        with self.hold_sync():
            self.branch = [history.name for history in histories]
            self.scene = self._packed()

    # --- what the page asks for --------------------------------------------------------------------------

    def _received(self, _: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, Mapping):
            return
        if content.get("type") == "fault" and self._on_fault is not None:
            self._do({name: value for name, value in content.items() if name != "type"})
        elif content.get("type") == "branch":
            self._show(self._histories[: self._number(content.get("to")) + 1])

    def _number(self, named: Any) -> int:
        """The history that the page means: the one shown, unless it names another that there is."""
        there = isinstance(named, int) and 0 <= named < len(self._histories)
        return named if there else len(self._histories) - 1

    def _do(self, fault: dict[str, Any]) -> None:
        """Let a fault happen to the history that the page shows, and show what comes of it."""
        histories = self._histories[: self._number(fault.pop("branch", None)) + 1]
        do = histories[-1].breaking or self._on_fault
        try:
            result = do(fault)
        except Exception as error:  # whatever the lab says is shown where the button was pressed
            self.send({"type": "notice", "text": f"{fault.get('fault')}: {error}"})
            return
        if result is not None:
            name = getattr(result, "branch_name", f"{fault.get('fault')} {fault.get('client', '')}".rstrip())
            self._show([*histories, history(name, result)])
        self.send({"type": "notice", "text": ""})

    # --- forms for where there is no widget --------------------------------------------------------------

    def to_svg(self) -> str:
        """The static picture: key steps of the run, the same bytes every time. Of a very long run it shows
        the beginning, and says so.
        """
        told, title, shown = self._told(MOST_DRAWN), self._title, self._shown.records
        if len(told) < shown:
            title = f"{title} (the first {len(told):,} of {shown:,} records)".strip()
        return to_svg(told, title=title)

    def to_html(self, path: str | Path) -> Path:
        """Write a page that plays this run with no Jupyter and no network; returns its path."""
        return to_html(self._told(), path, title=self._title)

    def __repr__(self) -> str:
        return f"<Stage: {self._shown.records} records>"

    def _repr_mimebundle_(self, **how: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**how)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        return {**data, "text/plain": self.to_text(), "image/svg+xml": self.to_svg()}, metadata

    def to_text(self) -> str:
        """The ladder, as far as a page may want to hold it: its first MOST_ARROWS arrows."""
        records = self._told(MOST_TOLD)
        drawn = ladder(records, most=MOST_ARROWS)
        more = self._shown.records - len(records)
        return f"{drawn}\n… and {more:,} more records: lab.ladder() shows them all" if more else drawn


class History(NamedTuple):
    """One run that is or was shown: what it is called, where it comes from, how many of its records are shown, and
    what lets a fault happen to these.
    """

    name: str
    source: Any
    recorder: Recorder
    records: int
    breaking: Callable[[dict[str, Any]], Any] | None


def history(name: str, source: Any) -> History:
    """The history of `source` as it is now."""
    recorder = recorder_of(source)
    return History(name, source, recorder, len(recorder), getattr(source, "_breaking", None))


def histories_of(source: Any) -> list[History]:
    """The history itself, and before it those that it was forked from."""
    found: list[History] = []
    while source is not None:
        found.append(history(getattr(source, "branch_name", "original"), source))
        source = getattr(source, "parent", None)
    return found[::-1]


def recorder_of(source: Any) -> Recorder:
    """The recorder itself, or the one that `source` has."""
    found = source if isinstance(source, Recorder) else getattr(source, "recorder", None)
    if not isinstance(found, Recorder):
        raise TypeError(f"a stage shows a recording, a recorder or a lab, not {type(source).__name__}")
    return found
