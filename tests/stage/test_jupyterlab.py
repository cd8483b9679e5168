"""The first lesson in a real JupyterLab: run, stepped, explained, scrubbed after its kernel is gone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page
from stage_browser import STAGE, Watch, browser
from stage_jupyter import OUTPUT_STAGE, JupyterServer, run_all, use_theme

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSON = "01-journey-of-one-message.ipynb"
SHUT_DOWN = "() => window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()"
BACKGROUND = "node => getComputedStyle(node).backgroundColor"
HAS_LOST = "stage => stage.stage.player.scene.segments.some((segment) => segment.lost)"
BREAKABLE = """
from amqplab import Lab
lab = Lab(seed=1)
channel = lab.connect("producer").channel()
channel.queue_declare(queue="app")
channel.basic_publish(exchange="", routing_key="app", body="Hello, Rabbit!")
lab.run()
lab.stage()
"""
HERE = {"", "127.0.0.1", "localhost"}


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[JupyterServer, Browser]]:
    """A JupyterLab, and a browser to look at it."""
    home = tmp_path_factory.mktemp("jupyter")
    notebooks = home / "notebooks"
    notebooks.mkdir()
    shutil.copy(NOTEBOOKS / LESSON, notebooks)
    with browser() as chromium, JupyterServer(notebooks, home / "home") as server:
        yield server, chromium


def opened(laboratory: tuple[JupyterServer, Browser], notebook: str) -> tuple[Page, Watch]:
    """A notebook's page, all cells run."""
    server, chromium = laboratory
    context = chromium.new_context(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce")
    page = context.new_page()
    watch = Watch(page)
    run_all(page, server.address(notebook))
    page.wait_for_selector(f"{OUTPUT_STAGE} .said", state="attached")
    return page, watch


@pytest.fixture(scope="module")
def lesson(laboratory: tuple[JupyterServer, Browser]) -> tuple[Page, Watch]:
    return opened(laboratory, LESSON)


def whole_journey(page: Page) -> Locator:
    """The stage that shows the message from call to acknowledgement: the second one of the lesson."""
    stage = page.locator(OUTPUT_STAGE).nth(1)
    stage.scroll_into_view_if_needed()
    return stage


def press(stage: Locator, *keys: str) -> None:
    for key in keys:
        stage.press(key)


def step_of(stage: Locator) -> str:
    return stage.locator(".meta span").first.inner_text()


def markup(stage: Locator) -> str:
    stage.evaluate("() => new Promise(requestAnimationFrame)")
    return str(stage.evaluate("stage => stage.outerHTML"))


def test_the_lesson_runs_without_an_error(lesson: tuple[Page, Watch]) -> None:
    page, _ = lesson
    assert page.locator(OUTPUT_STAGE).count() >= 3
    failed = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")
    assert failed.all_inner_texts() == []
    assert page.locator(".jp-RenderedText .ansi-red-fg").count() == 0


def test_twenty_steps_forward_and_back_show_the_identical_picture(lesson: tuple[Page, Watch]) -> None:
    page, _ = lesson
    stage = whole_journey(page)
    press(stage, "Home", "2", *["ArrowRight"] * 3)
    seen, before = stage.locator(".canvas").screenshot(), markup(stage)
    press(stage, *["ArrowRight"] * 20)
    assert step_of(stage).startswith("step 23 of") and markup(stage) != before
    press(stage, *["ArrowLeft"] * 20)
    assert stage.locator(".canvas").screenshot() == seen
    assert markup(stage) == before


def test_keys_step_the_stage_and_not_the_notebook(lesson: tuple[Page, Watch]) -> None:
    page, _ = lesson
    cells = page.locator(".jp-Notebook-cell").count()
    stage = whole_journey(page)
    press(stage, "Home", "4", "ArrowRight", "PageDown")
    assert step_of(stage).startswith("step 2 of")
    assert page.locator(".jp-Notebook-cell").count() == cells


def test_no_key_on_anything_in_the_stage_cuts_a_cell(lesson: tuple[Page, Watch]) -> None:
    page, _ = lesson
    cells = page.locator(".jp-Notebook-cell").count()
    stage = whole_journey(page)
    for group in stage.locator("[data-group]").all():
        if group.is_visible():
            group.focus()
            page.keyboard.press("x")
            assert page.locator(".jp-Notebook-cell").count() == cells, group.get_attribute("data-group")


def test_a_frame_fills_the_inspector_and_a_field_lights_its_octets(lesson: tuple[Page, Watch]) -> None:
    page, _ = lesson
    stage = whole_journey(page)
    press(stage, "2", "End", *["ArrowLeft"] * 12)
    stage.locator(".rung", has_text="Basic.Deliver").locator(".reach").first.click()
    assert "Basic.Deliver" in stage.locator(".headline b").inner_text()
    field = stage.locator(".field", has_text="routing-key").first
    field.scroll_into_view_if_needed()
    field.hover()
    assert bytes.fromhex("".join(stage.locator(".b.hot").all_inner_texts())) == b"\x04info"


def test_the_stage_follows_jupyterlab_s_dark_theme(lesson: tuple[Page, Watch]) -> None:
    page, _ = lesson
    stage = whole_journey(page)
    paper = {}
    for scheme in ("dark", "light"):
        use_theme(page, scheme)
        colour = str(stage.locator(".canvas").first.evaluate(BACKGROUND))
        paper[scheme] = sum(int(part) for part in re.findall(r"\d+", colour)[:3])
    assert paper["dark"] < 200 < 600 < paper["light"]


def test_nobody_complained_and_nobody_else_was_asked(lesson: tuple[Page, Watch]) -> None:
    _, watch = lesson
    assert watch.of_widgets == [] and watch.hosts <= HERE


def test_a_button_on_a_segment_shows_the_history_without_it(
    laboratory: tuple[JupyterServer, Browser],
) -> None:
    server, _ = laboratory
    server.write("breakable.ipynb", BREAKABLE)
    page, watch = opened(laboratory, "breakable.ipynb")
    stage = page.locator(OUTPUT_STAGE).first
    press(stage, "1", "u")
    page.keyboard.type("basic.publish")
    page.keyboard.press("Enter")
    press(stage, *["ArrowRight"] * 4)  # what is handed to TCP is in no segment; what is read has come in one
    stage.locator(".under .link", has_text="segment").first.click()
    left = stage.get_attribute("data-record")
    stage.get_by_role("button", name="lose this segment").click()
    page.wait_for_selector(f"{STAGE}.has-branches .notice:empty", state="attached")
    page.wait_for_function(HAS_LOST, arg=stage.element_handle())  # its scene has to be unpacked, too
    assert stage.locator(".crumbs button").count() == 2
    assert stage.evaluate("stage => stage.contains(document.activeElement)")
    press(stage, "u")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("SegmentLost")
    page.keyboard.press("Enter")
    assert "lost" in stage.locator(".said").inner_text()
    stage.get_by_role("button", name="undo").click()
    page.wait_for_selector(f"{STAGE}:not(.has-branches) .notice:empty", state="attached")
    assert stage.get_attribute("data-branch") == "original"
    assert stage.get_attribute("data-record") == left  # where that history was left
    stage.get_by_role("button", name="Story", exact=True).click()
    assert stage.evaluate("stage => stage.stage.model.get('arrangement').open.at(-1)") == "story"
    assert watch.of_widgets == [] and watch.hosts <= HERE


def test_scrubbing_needs_no_kernel(lesson: tuple[Page, Watch]) -> None:
    page, watch = lesson
    stage = whole_journey(page)
    press(stage, "4", "Home")
    start = markup(stage)
    page.evaluate(SHUT_DOWN)
    track = stage.locator(".track")
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 20, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 8, y, steps=4)
    page.mouse.up()
    assert "acknowledged" in stage.locator(".said").inner_text()
    press(stage, "Home")
    assert markup(stage) == start
    assert watch.of_widgets == [] and watch.hosts <= HERE
