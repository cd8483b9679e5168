"""The lessons where learners meet them: JupyterLab in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from lessons import LESSONS, cells, code

READY = """async () => {
  const panel = window.jupyterapp?.shell.currentWidget;
  if (!panel?.sessionContext) return false;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  return true;
}"""
RUN_FROM = """async (index) => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
  await window.jupyterapp.commands.execute('notebook:run-all-below');
}"""
RUN_ONE = """async (index) => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
  await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
TYPE = """([index, text]) => {
  window.jupyterapp.shell.currentWidget.content.widgets[index].model.sharedModel.setSource(text);
}"""
FAILED = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .flatMap((cell) => cell.model.outputs?.toJSON() ?? [])
  .filter((output) => output.output_type === 'error' || output.name === 'stderr')"""


class Page:
    """A notebook in the browser, and what it complained about and asked for."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page, self.path = page, path
        self.complaints: list[str] = []
        self.hosts: set[str | None] = set()
        self.sent = 0
        """How many messages have gone to the kernel."""
        page.on("websocket", lambda socket: socket.on("framesent", lambda _: self._count()))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))

    def _count(self) -> None:
        self.sent += 1

    def index_of(self, text: str) -> int:
        """The place of the first cell, of any kind, that contains `text`."""
        sources = ["".join(cell["source"]) for cell in notebook_cells(self.path)]
        return next(index for index, source in enumerate(sources) if text in source)

    def output(self, index: int) -> Any:
        """What stands below a cell."""
        return self.page.locator(".jp-Notebook-cell").nth(index).locator(".jp-OutputArea-output")


def notebook_cells(path: Path) -> list[dict[str, Any]]:
    return cells(path, "code", "markdown")


@pytest.fixture
def opened(request: pytest.FixtureRequest, jupyterlab: tuple[str, str], browser: Any) -> Iterator[Page]:
    """The notebook `request.param`, open and with a kernel, nothing run yet."""
    address, token = jupyterlab
    context = browser.new_context(viewport={"width": 1280, "height": 1500})
    page = Page(context.new_page(), request.param)
    page.page.goto(f"{address}doc/tree/{request.param.name}?reset&token={token}")
    page.page.wait_for_selector(".jp-Notebook", timeout=60_000)
    page.page.wait_for_function(READY, timeout=60_000)
    yield page
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    context.close()


@pytest.mark.parametrize("opened", LESSONS, indirect=True, ids=lambda path: path.stem)
def test_a_lesson_runs_in_jupyterlab_without_an_error_and_without_leaving_the_machine(opened: Page) -> None:
    opened.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    stages = sum(
        code(cell).split("\n")[-1].split(".")[-1].startswith("stage(") for cell in cells(opened.path)
    )
    steps = opened.page.locator(".jp-OutputArea-output").get_by_role("button", name="one step forward")
    assert stages and steps.count() == stages
    assert opened.page.evaluate(FAILED) == []
    assert opened.complaints == []
    assert opened.hosts <= {"127.0.0.1", "localhost", None, ""}


@pytest.mark.parametrize("opened", LESSONS[1:2], indirect=True, ids=lambda path: path.stem)
def test_a_learner_predicts_by_clicking_runs_and_solves_the_exercise_by_typing(opened: Page) -> None:
    asked = opened.index_of("how_many = predict")
    opened.page.evaluate(RUN_ONE, asked)
    opened.output(asked).get_by_text("2", exact=True).click()
    later = opened.index_of("how_long = predict")
    opened.page.evaluate(RUN_FROM, later)
    revealed = opened.output(opened.index_of("how_many.reveal"))
    assert revealed.inner_text().split("\n")[:2] == ["You said: 2", "The run says: 3"]
    assert opened.output(asked).locator("input").first.is_disabled()
    check = opened.index_of("exercise.check(send, octets=0)")
    assert opened.output(check).inner_text().startswith("Not yet:")
    solution = code(notebook_cells(opened.path)[opened.index_of("A solution")])
    text = solution.partition("```python\n")[2].partition("```")[0]
    opened.page.evaluate(TYPE, [check, text])
    opened.page.evaluate(RUN_ONE, check)
    assert opened.output(check).inner_text() == "Solved."


# --- the stage in the lesson --------------------------------------------------------------------------------


class Stage:
    """The stage below one cell."""

    def __init__(self, opened: Page, text: str) -> None:
        self.page = opened.page
        self.root = opened.output(opened.index_of(text)).locator(".amqplab-stage")
        self.root.scroll_into_view_if_needed()

    def press(self, button: str, times: int) -> None:
        """Click a button several times, and let the last move come to rest."""
        for _ in range(times):
            self.root.get_by_role("button", name=button).click()
        self.page.mouse.move(0, 0)
        self.drawn()

    def drawn(self) -> str:
        """All that is drawn, once nothing moves any more."""
        before, now = None, self.root.inner_html()
        while now != before:
            self.page.wait_for_timeout(300)
            before, now = now, self.root.inner_html()
        return str(now)

    def sentence(self) -> str:
        """What the narration says."""
        return str(self.root.locator(".narration").inner_text())


@pytest.mark.parametrize("opened", LESSONS[1:2], indirect=True, ids=lambda path: path.stem)
def test_the_lessons_stage_goes_forward_and_back_scrubs_without_the_kernel_and_opens_frames(
    opened: Page,
) -> None:
    opened.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    stage = Stage(opened, "lab.stage()")
    stage.root.locator('[data-zoom="1"]').click()
    stage.press("one step forward", 10)
    before = stage.drawn()
    stage.press("one step forward", 20)
    assert stage.drawn() != before
    stage.press("one step back", 20)
    assert stage.drawn() == before

    said = opened.sent
    assert said > len(cells(opened.path))  # this test hears what goes to the kernel
    track = stage.root.locator(".timeline svg.track").bounding_box()
    sentences = set()
    for share in (0.2, 0.5, 0.7, 0.95):
        opened.page.mouse.click(track["x"] + share * track["width"], track["y"] + track["height"] / 2)
        sentences.add(stage.sentence())
    assert len(sentences) == 4
    assert opened.sent == said

    stage.root.locator('.ladderScroll [data-sel^="frame:"]').first.click()
    inspector = stage.root.locator(".inspector")
    assert inspector.locator("[data-byte]").count() > 0
    inspector.locator(".field:not(.group)").nth(2).hover()
    assert inspector.locator(".field.hot").count() == 1
    assert inspector.locator("[data-byte].hot").count() > 0
    assert opened.complaints == []
    assert opened.hosts <= {"127.0.0.1", "localhost", None, ""}
