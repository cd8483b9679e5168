"""The tour by keyboard alone: no mouse is touched, and at no key is the focus lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from lessons import LESSONS, cells, code
from playwright.sync_api import Page
from stage_browser import Watch, browser
from stage_jupyter import OUTPUT_STAGE, JupyterServer, opened

TOUR = LESSONS[0]
CELLS = [code(cell) for cell in cells(TOUR, "code", "markdown")]
HERE = ("127.0.0.1", "localhost")

# Where the focus is: the tag, its group in the stage, whether a stage has it, and what it is called.
FOCUS = """() => {
    const { activeElement: node } = document;
    const group = node.closest("[data-group]")?.dataset.group ?? node.dataset.sash ?? node.dataset.input ?? "";
    const { left, top, width, height } = node.getBoundingClientRect();
    return {
        tag: node.tagName.toLowerCase(),
        group,
        inStage: Boolean(node.closest(".amqplab-stage")),
        isStage: node.matches(".amqplab-stage"),
        isRadio: node.matches("input[type=radio]"),
        name: node.getAttribute("aria-label") ?? node.textContent.trim(),
        x: left + width / 2,
        y: top + height / 2,
    };
}"""
FRAME = "() => new Promise(requestAnimationFrame)"
ACTIVE_CELL = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
RAN = """index => {
    const { content } = window.jupyterapp.shell.currentWidget;
    const { model } = content.widgets[index];
    return model.type !== "code" || (model.executionCount !== null && model.executionState !== "running");
}"""
COLUMN = 50  # px: what is nearer than that stands in one column (see js/focus.js)


class Reader:
    """Somebody who has a keyboard and nothing else."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.stage = page.locator(OUTPUT_STAGE)

    def press(self, *keys: str) -> dict[str, object]:
        """One key after the other; after each, something has the focus."""
        for key in keys:
            self.page.keyboard.press(key)
            self.page.evaluate(FRAME)
            assert self.focus["tag"] != "body", f"the focus is lost after {key}"
        return self.focus

    @property
    def focus(self) -> dict[str, object]:
        found: dict[str, object] = self.page.evaluate(FOCUS)
        return found

    def tab_to(self, group: str, key: str = "Tab") -> list[str]:
        """Tab until a part of the stage has the focus. Returns the parts on the way."""
        passed = [str(self.focus["group"])]
        while passed[-1] != group:
            assert len(passed) < 25, f"no way to {group}: {passed}"
            passed.append(str(self.press(key)["group"]))
        return passed

    def tab_while(self, about: str, value: object, key: str = "Tab") -> None:
        """Tab as long as this is so of what has the focus."""
        for _ in range(25):
            if self.press(key)[about] != value:
                return
        raise AssertionError(f"{about} is still {value} after 25 times {key}")

    # --- in the notebook ---

    @property
    def cell(self) -> int:
        return int(self.page.evaluate(ACTIVE_CELL))

    def go_to_cell(self, number: int) -> None:
        """From cell to cell by arrows."""
        while (at := self.cell) != number:
            self.press("ArrowDown" if at < number else "ArrowUp")
            assert self.cell != at, f"no way from cell {at} to cell {number}"

    def run_until(self, number: int) -> None:
        """Shift + Enter, cell by cell, until this one has the focus."""
        while (at := self.cell) != number:
            self.press("Shift+Enter")
            self.page.wait_for_function(RAN, arg=at)
            assert self.cell == at + 1

    def output(self, number: int) -> str:
        return str(
            self.page.locator(".jp-Notebook-cell").nth(number).locator(".jp-OutputArea-output").inner_text()
        )

    # --- on the stage ---

    @property
    def said(self) -> str:
        return str(self.stage.locator(".said").inner_text())

    @property
    def spoken(self) -> str:
        """What a screen reader is told."""
        return str(self.stage.locator("[aria-live]").text_content())

    def shows(self, name: str) -> str:
        return str(self.stage.get_attribute(f"data-{name}"))


def cell_with(words: str) -> int:
    return next(number for number, text in enumerate(CELLS) if words in text)


STAGE_CELL = CELLS.index("lab.stage()")
QUESTION = cell_with("guess = predict")
ANSWER = cell_with("guess.reveal")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    home = tmp_path_factory.mktemp("jupyter")
    (home / "notebooks").mkdir()
    shutil.copy(TOUR, home / "notebooks")
    size = {"width": 1366, "height": 768}
    with browser() as chromium, JupyterServer(home / "notebooks", home / "home") as server:
        context = chromium.new_context(viewport=size, reduced_motion="reduce")
        page = context.new_page()
        watch = Watch(page)
        opened(page, server.address(TOUR.name))
        page.wait_for_function("() => document.activeElement.closest('.jp-Notebook-cell')")
        yield Reader(page)
        assert watch.of_widgets == [] and watch.hosts <= {"", *HERE}
        context.close()


def test_the_tour_is_made_by_keyboard_alone(reader: Reader) -> None:
    """The whole tour in one go, as a reader makes it: each part begins where the one before it ended."""
    reach_the_stage(reader)
    step(reader)
    choose_a_zoom(reader)
    open_a_panel(reader)
    walk_the_picture(reader)
    inspect_a_frame(reader)
    leave_the_stage(reader)
    answer_the_question(reader)


def reach_the_stage(reader: Reader) -> None:
    reader.run_until(STAGE_CELL + 1)
    reader.stage.locator("[role=slider]").wait_for()
    reader.go_to_cell(STAGE_CELL)
    reader.tab_while("inStage", False)
    assert reader.focus["isStage"]


def step(reader: Reader) -> None:
    reader.press("Home")
    assert reader.spoken == "Start."
    for number in range(1, 6):
        reader.press("ArrowRight")
        assert reader.shows("step") == str(number)
        assert reader.spoken == f"Step {number}: {reader.said}"
    reader.press("ArrowLeft")
    assert reader.spoken == f"Step 4: {reader.said}"
    reader.press("Space", "Space")
    assert reader.focus["isStage"]


def choose_a_zoom(reader: Reader) -> None:
    assert reader.press("Tab")["name"] == "story"
    for name in ("milestone", "command", "frame"):
        assert reader.press("ArrowLeft")["name"] == name
        assert reader.shows("zoom") == name
    reader.press("ArrowRight")
    assert reader.shows("zoom") == "command"
    assert reader.spoken.endswith(reader.said)


def open_a_panel(reader: Reader) -> None:
    """The inspector, moved below the picture; then there is room for the ladder beside it."""
    assert reader.press("Tab")["name"] == "Ladder"
    assert reader.press("ArrowRight")["name"] == "Inspector"
    ladder, inspector = (reader.stage.locator(f"[data-panel={name}]") for name in ("ladder", "inspector"))
    assert not inspector.is_visible()
    reader.press("Enter")
    assert inspector.is_visible() and reader.focus["name"] == "Inspector"
    reader.tab_to("tools-inspector")
    reader.press("Enter")
    assert inspector.is_visible() and reader.focus["group"] == "tools-inspector"
    reader.tab_to("tabs", "Shift+Tab")
    if not ladder.is_visible():
        assert reader.press("Home")["name"] == "Ladder"
        reader.press("Enter")
    assert inspector.is_visible() and ladder.is_visible()


def walk_the_picture(reader: Reader) -> None:
    """Arrows go column by column from the left, each from the top: the way of a message."""
    reader.tab_to("picture")
    seen = [reader.press("Home")]
    while (thing := reader.press("ArrowRight")) != seen[-1]:
        assert thing["group"] == "picture"
        seen.append(thing)
    assert len(seen) > 4
    places = [(round(float(str(thing["x"])) / COLUMN), float(str(thing["y"]))) for thing in seen]
    for (column, top), (next_column, lower) in pairwise(places):
        assert column <= next_column + 1
        assert column < next_column or top <= lower + 1 or column == next_column + 1
    assert places[0][0] < places[-1][0]
    reader.press("Enter")
    assert reader.stage.locator("[aria-pressed=true], .picked, .lit").count()
    reader.press("Escape")
    assert reader.focus["group"] == "picture"


def inspect_a_frame(reader: Reader) -> None:
    """By the ladder into the inspector, and there from field to field."""
    assert [part for part in reader.tab_to("panel-ladder") if part] == IN_ORDER
    reader.press("End")
    while not reader.page.evaluate("() => document.activeElement.querySelector('.band-label')"):
        reader.press("ArrowUp")
    record = reader.page.evaluate("() => document.activeElement.dataset.id")
    reader.press("Enter")
    assert reader.shows("record") == record
    assert reader.spoken.endswith(reader.said)
    reader.tab_to("panel-inspector")
    reader.stage.locator(".inspector .field").first.wait_for()
    while not reader.page.evaluate("() => document.activeElement.matches('.field')"):
        reader.press("ArrowDown")
    first = reader.focus["y"]
    assert float(str(reader.press("ArrowDown")["y"])) > float(str(first))
    assert reader.stage.locator(".inspector .b.hot").count()


IN_ORDER = [
    *("picture", "looks", "sentence", "axis", "buttons", "marking", "speed", "until"),
    *("beside", "tools-ladder", "panel-ladder"),
]


def leave_the_stage(reader: Reader) -> None:
    """Tab leads out of the stage at its end, and back in; Shift + Tab leads out at its beginning."""
    reader.tab_while("inStage", True)
    reader.tab_while("inStage", False, "Shift+Tab")
    reader.tab_while("isStage", False, "Shift+Tab")
    assert not reader.press("Shift+Tab")["inStage"]


def answer_the_question(reader: Reader) -> None:
    reader.go_to_cell(STAGE_CELL + 1)
    reader.run_until(ANSWER)
    reader.tab_while("isRadio", False, "Shift+Tab")
    reader.press("Space")
    reader.press("Tab")
    reader.go_to_cell(ANSWER)
    reader.run_until(ANSWER + 1)
    assert reader.output(ANSWER).split("\n")[:2] == ["You said: 3", "The run says: 2"]
