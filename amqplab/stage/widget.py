"""The stage as a Jupyter widget, with a picture and a text for where there is no widget.

Theory
------
Python's part ends when the scene is sent: playing, stepping and scrubbing happen in the browser (js/).
Two things come back to the kernel, both as custom messages: nothing, mostly; and ``{"type": "fault", ...}``
when somebody presses a failure button. What a fault *means* is the lab's business, so it is a callback:

    stage.on_fault = lambda fault: lab.forked_with(fault)     # returns a recorder to show, or None

An output cell keeps three forms of the same thing. A front end with widgets shows the widget; GitHub,
nbviewer and PDF show the SVG; a terminal shows the text. The SVG and the text depend on the recording
alone, octet for octet, so that a notebook's stored output is itself a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from amqplab.stage.esm import script, styles
from amqplab.stage.html import to_html
from amqplab.stage.scene import packed
from amqplab.stage.svg import to_svg
from amqplab.trace.ladder import ladder
from amqplab.trace.recorder import Recorder
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
    """The histories one has come through, the one shown last; empty for a recording of its own."""
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
        self._recorder = recorder_of(source)
        self._offered = list(faults)
        self._on_fault: Callable[[dict[str, Any]], Any] | None = None
        first = None if at == "opening" else len(self._recorder) - 1 if at == "end" else int(at)
        super().__init__(scene=self._packed(), start={"zoom": ZOOMS.index(zoom), "at": first})
        self.on_fault = on_fault
        self.on_msg(self._received)

    def _packed(self) -> bytes:
        return packed(self._recorder, title=self._title)

    # --- what a lab does with it -------------------------------------------------------------------------

    @property
    def recorder(self) -> Recorder:
        """The recording shown."""
        return self._recorder

    @property
    def on_fault(self) -> Callable[[dict[str, Any]], Any] | None:
        """Called with ``{"fault", "client", "at", ...}`` when a failure button is pressed; may return a
        recorder (or a lab) to show instead. None: the buttons are disabled, and say why.
        """
        return self._on_fault

    @on_fault.setter
    def on_fault(self, callback: Callable[[dict[str, Any]], Any] | None) -> None:
        self._on_fault = callback
        self.breakable = list(self._offered) if callback else []

    def show(self, source: Any) -> None:
        """Show another recording, or the same after it has grown. The page keeps its place."""
        self._recorder = recorder_of(source)
        self.scene = self._packed()

    def refresh(self) -> None:
        """Show what was recorded since: for live traffic, and for a lab that ran on."""
        self.show(self._recorder)

    def _received(self, _: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, Mapping) or content.get("type") != "fault" or self._on_fault is None:
            return
        fault = {name: value for name, value in content.items() if name != "type"}
        try:
            result = self._on_fault(fault)
        except Exception as error:  # whatever the lab says is shown where the button was pressed
            self.send({"type": "notice", "text": f"{fault.get('fault')}: {error}"})
            return
        if result is not None:
            self.show(result)
        self.send({"type": "notice", "text": ""})

    # --- forms for where there is no widget --------------------------------------------------------------

    def to_svg(self) -> str:
        """The static picture: key steps of the run, the same bytes every time. Of a very long run it shows
        the beginning, and says so.
        """
        told, title = self._recorder[:MOST_DRAWN], self._title
        if len(told) < len(self._recorder):
            title = f"{title} (the first {len(told):,} of {len(self._recorder):,} records)".strip()
        return to_svg(told, title=title)

    def to_html(self, path: str | Path) -> Path:
        """Write a page that plays this run with no Jupyter and no network; returns its path."""
        return to_html(self._recorder, path, title=self._title)

    def __repr__(self) -> str:
        return f"<Stage: {len(self._recorder)} records>"

    def _repr_mimebundle_(self, **how: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**how)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        return {**data, "text/plain": self.to_text(), "image/svg+xml": self.to_svg()}, metadata

    def to_text(self) -> str:
        """The ladder, as far as a page may want to hold it: its first MOST_ARROWS arrows."""
        records = self._recorder[:MOST_TOLD]
        drawn = ladder(records, most=MOST_ARROWS)
        more = len(self._recorder) - len(records)
        return f"{drawn}\n… and {more:,} more records: lab.ladder() shows them all" if more else drawn


def recorder_of(source: Any) -> Recorder:
    """The recorder itself, or the one that `source` has."""
    found = source if isinstance(source, Recorder) else getattr(source, "recorder", None)
    if not isinstance(found, Recorder):
        raise TypeError(f"a stage shows a recording, a recorder or a lab, not {type(source).__name__}")
    return found
