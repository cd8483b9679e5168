"""Nobody is shut out: axe finds nothing to object to, whatever the page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe import violations
from playwright.sync_api import Browser, Page
from scenes import build
from stage_browser import STAGE, browser, open_page, press

SCENES = ("hello", "publisher_confirms", "dead_letter_retry", "cut_on_the_way", "crowd_10_10_20")

STATES: dict[str, Callable[[Page], None]] = {
    "before the first step": lambda page: press(page, "Home"),
    "in the middle": lambda page: press(page, "Home", *["ArrowRight"] * 12),
    "at the end": lambda page: press(page, "End"),
    "with a frame in the inspector": lambda page: open_a_frame(page),
    "with the help open": lambda page: press(page, "?"),
}


def open_a_frame(page: Page) -> None:
    press(page, "End")
    page.locator(f"{STAGE} .rung .reach").last.click()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    folder: Path = tmp_path_factory.mktemp("pages")

    def address(scene: str) -> str:
        page = folder / f"{scene}.html"
        return (page if page.exists() else build(scene).to_html(page)).as_uri()

    return address


@pytest.mark.parametrize("scene", SCENES)
def test_axe_finds_nothing_whatever_is_shown(
    scene: str, chromium: Browser, pages: Callable[[str], str]
) -> None:
    page, _ = open_page(chromium, pages(scene))
    found = []
    for state, reach in STATES.items():
        reach(page)
        found += [f"{state}: {sentence}" for sentence in violations(page)]
    page.context.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("width", "dark"), [(600, False), (1366, True)])
def test_axe_finds_nothing_in_other_windows(
    width: int, dark: bool, chromium: Browser, pages: Callable[[str], str]
) -> None:
    page, _ = open_page(chromium, pages("dead_letter_retry"), width=width, dark=dark)
    press(page, "Home", *["ArrowRight"] * 20)
    found = violations(page)
    page.context.close()
    assert not found, "\n".join(found)


def test_axe_does_find_something_where_something_is_wrong(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><button></button></main>")
    [found] = violations(page)
    assert found.startswith("button-name (critical)")
    page.close()
