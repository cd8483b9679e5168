"""What was seen broken on sheets of pictures, measured where it was seen: words on words, and words cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from scenes import build
from stage_browser import STAGE, browser, open_page, press, show_panels

# Pairs of texts, of these kinds, that lie on each other by more than their halo.
COLLISIONS = """([ones, others]) => {
    const boxes = (kinds) => [...document.querySelectorAll(`.amqplab-stage ${kinds}`)]
        .filter((node) => node.checkVisibility() && node.textContent.trim())
        .map((node) => ({ words: node.textContent, box: node.getBoundingClientRect() }));
    const LEAST = 2;
    const shared = (a, b) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > LEAST &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > LEAST;
    return boxes(ones).flatMap((one) =>
        boxes(others)
            .filter((other) => other.words !== one.words && shared(one.box, other.box))
            .map((other) => `“${one.words}” on “${other.words}”`));
}"""
BEYOND = """() => {
    const sight = document.querySelector(".amqplab-stage .ladderScroll").getBoundingClientRect().right;
    return [...document.querySelectorAll(".amqplab-stage .rung.chapter .note")]
        .filter((node) => node.getBoundingClientRect().right > sight)
        .map((node) => node.textContent);
}"""
UNDER_WORDS = """() => {
    const boxes = (kinds) => [...document.querySelectorAll(`.amqplab-stage .ladder-lines ${kinds}`)]
        .map((node) => node.getBoundingClientRect());
    const end = Math.max(...boxes(".rung.chapter .note").map(({ right }) => right));
    return [".lifeline", ".way"].map((kind) => boxes(kind).filter(({ left }) => left < end).length);
}"""
CLIPPED = """() => [...document.querySelectorAll(".amqplab-stage .clock > *")]
    .filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.textContent)"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def opened(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Page]]:
    folder: Path = tmp_path_factory.mktemp("pages")
    pages = []

    def open_scene(name: str, *, width: int = 1366, height: int = 768) -> Page:
        file = folder / f"{name}.html"
        url = (file if file.exists() else build(name).to_html(file)).as_uri()
        page, watch = open_page(chromium, url, width=width, height=height)
        pages.append((page, watch))
        return page

    yield open_scene
    for page, watch in pages:
        watch.assert_quiet()
        page.context.close()


def collisions(page: Page, ones: str, others: str) -> list[str]:
    found: list[str] = page.evaluate(COLLISIONS, [ones, others])
    return found


@pytest.mark.parametrize("width", [1366, 1920])
def test_a_stream_s_readers_do_not_lie_on_its_name(width: int, opened: Callable[..., Page]) -> None:
    page = opened("stream", width=width)
    press(page, "5", "Home", *["ArrowRight"] * 17)
    assert page.locator(f"{STAGE} .cursor text").count() == 2
    assert collisions(page, ".cursor text", ".queue text, .cursor text, .app text") == []


def test_what_a_message_says_does_not_lie_on_the_name_of_its_channel(opened: Callable[..., Page]) -> None:
    page = opened("loss_20_percent")
    press(page, "5", "Home", *["ArrowRight"] * 8)
    for _ in range(30):
        press(page, "ArrowRight")
        assert collisions(page, ".message .body", ".lane-name") == []


@pytest.mark.parametrize("width", [600, 1366])
def test_how_many_more_are_in_line_does_not_lie_on_its_neighbours(
    width: int, opened: Callable[..., Page]
) -> None:
    page = opened("queue_of_500", width=width)
    press(page, "5", "End")
    assert page.locator(f"{STAGE} .more.ready text").count() == 1
    cells = f"{STAGE} .queue .cell"
    text = page.locator(f"{STAGE} .more.ready text").bounding_box()
    cell = page.locator(cells).first.bounding_box()
    assert text is not None and cell is not None
    assert text["width"] <= cell["width"]


def test_a_chapter_is_read_without_scrolling_the_ladder(opened: Callable[..., Page]) -> None:
    page = opened("crowd_10_10_20")
    press(page, "5", "End", *["ArrowLeft"] * 30)
    assert page.locator(f"{STAGE} .rung.chapter .note").count() > 10
    assert page.evaluate(BEYOND) == []


def test_no_word_of_an_arrow_lies_under_a_chapter_and_no_arrow_does(opened: Callable[..., Page]) -> None:
    page = opened("cut_on_the_way")
    press(page, "5", "End", *["ArrowLeft"] * 4)
    assert collisions(page, ".band text", ".rung .note") == []
    assert page.locator(f"{STAGE} .rung:has-text('Segment 36')").locator(".note").count() > 1
    assert page.evaluate(UNDER_WORDS) == [0, 0]


def test_the_clock_is_read_whole_on_a_narrow_page(opened: Callable[..., Page]) -> None:
    page = opened("crowd_10_10_20", width=600, height=900)
    press(page, "End")
    assert page.evaluate(CLIPPED) == []


def test_a_number_stands_out_from_hatching_in_forced_colours_and_a_placeholder_is_ours(
    opened: Callable[..., Page],
) -> None:
    page = opened("crash")
    page.emulate_media(forced_colors="active")
    press(page, "5", "Home", *["ArrowRight"] * 9)
    [around] = page.locator(f"{STAGE} .hatch ~ .number").evaluate_all(
        "nodes => nodes.map((node) => [getComputedStyle(node).paintOrder, getComputedStyle(node).stroke])"
    )
    paper = page.locator(STAGE).evaluate("node => getComputedStyle(node).backgroundColor")
    assert around == ["stroke", paper]
    page.evaluate("() => document.body.style.setProperty('color', 'transparent')")
    colour = page.locator(f"{STAGE} [data-input=until]").evaluate(
        "node => [getComputedStyle(node, '::placeholder').color, getComputedStyle(node).color]"
    )
    assert colour[0] == colour[1] != "rgba(0, 0, 0, 0)"


APART = """() => {
    const boxes = (what) =>
        [...document.querySelectorAll(`.amqplab-stage ${what}`)].map((node) => node.getBoundingClientRect());
    const things = [...boxes(".connection .wall"), ...boxes(".message .paper"), ...boxes(".app .name")];
    return boxes(".app .feature").map((word) =>
        things.filter((box) => Math.min(box.right, word.right) - Math.max(box.left, word.left) > 2 &&
            Math.min(box.bottom, word.bottom) - Math.max(box.top, word.top) > 2).length);
}"""


@pytest.mark.parametrize("scene", ["crash", "power_off", "frozen"])
def test_how_an_application_is_lies_on_no_pipe_and_no_message(
    scene: str, opened: Callable[..., Page]
) -> None:
    page = opened(scene)
    press(page, "4", "End")
    seen = 0
    for _ in range(12):
        on_others = page.evaluate(APART)
        assert not any(on_others)
        seen += len(on_others)
        press(page, "ArrowLeft")
    assert seen


TIMES = """() => [...document.querySelectorAll(".amqplab-stage .step-time")]
    .filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.textContent)"""


def test_no_time_of_a_cause_runs_into_its_sentence(opened: Callable[..., Page]) -> None:
    page = opened("heartbeats")
    press(page, "4", "End")
    panel = page.locator(f"{STAGE} button", has_text="Why").first
    panel.click()
    assert any("min" in words for words in page.locator(f"{STAGE} .step-time").all_inner_texts())
    assert page.evaluate(TIMES) == []


WIDER = """() => [...document.querySelectorAll(".amqplab-stage .table-box")]
    .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
    .map((node) => node.querySelector("caption").textContent)"""


@pytest.mark.parametrize("width", [600, 1366])
@pytest.mark.parametrize("scene", ["direct_reply_to", "routing", "rpc"])
def test_names_that_a_broker_made_up_make_no_table_wider_than_its_panel(
    scene: str, width: int, opened: Callable[..., Page]
) -> None:
    page = opened(scene, width=width, height=900)
    show_panels(page, "state")
    press(page, "End")
    assert page.locator(f"{STAGE} .table-box").count() > 3
    assert page.evaluate(WIDER) == []


def test_the_name_of_the_strip_lies_on_no_message_on_a_narrow_page(opened: Callable[..., Page]) -> None:
    page = opened("returned_and_rejected", width=600, height=900)
    press(page, "End")
    assert page.locator(f"{STAGE} .gutter text").count() == 1
    assert collisions(page, ".gutter text", ".message") == []
