"""The lessons where learners meet them: JupyterLab in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lessons import LESSONS, cells, code
from playwright.sync_api import Browser, expect
from stage_browser import Watch, browser
from stage_jupyter import JupyterServer

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
    """A notebook in the browser; `watch` has heard what it complained about and asked for."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page, self.path = page, path
        self.watch = Watch(page)

    def index_of(self, text: str) -> int:
        """The place of the first cell, of any kind, that contains `text`."""
        sources = ["".join(cell["source"]) for cell in notebook_cells(self.path)]
        return next(index for index, source in enumerate(sources) if text in source)

    def output(self, index: int) -> Any:
        """What stands below a cell."""
        return self.page.locator(".jp-Notebook-cell").nth(index).locator(".jp-OutputArea-output")


def notebook_cells(path: Path) -> list[dict[str, Any]]:
    return cells(path, "code", "markdown")


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[JupyterServer, Browser]]:
    """A JupyterLab with a copy of the lessons, and a browser that can reach nothing else."""
    home = tmp_path_factory.mktemp("jupyter")
    (home / "notebooks").mkdir()
    for lesson in LESSONS:
        shutil.copy(lesson, home / "notebooks")
    with browser() as chromium, JupyterServer(home / "notebooks", home / "home") as server:
        yield server, chromium


@pytest.fixture
def opened(request: pytest.FixtureRequest, laboratory: tuple[JupyterServer, Browser]) -> Iterator[Page]:
    """The notebook `request.param`, open and with a kernel, nothing run yet."""
    server, chromium = laboratory
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    page = Page(context.new_page(), request.param)
    page.page.goto(server.address(request.param.name))
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
    assert stages
    expect(steps).to_have_count(stages, timeout=60_000)  # a stage unpacks its scene before it draws
    assert opened.page.evaluate(FAILED) == []
    opened.watch.assert_quiet(allowed=("127.0.0.1", "localhost"))


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
