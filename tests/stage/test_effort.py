"""How much a step changes in the page: a bounded number of nodes, however long the run is, and no layout of its own.

No clock is asked. What costs time is counted instead: nodes made, attributes written, layouts forced.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page
from scenes import recording
from stage_browser import STAGE, browser, open_page, press, show_panels

from amqplab.stage.html import to_html

MOST_MADE = 400
MOST_CHANGED = 600
MOST_CHANGED_BY_A_JUMP = 600
READERS = ("clientWidth", "clientHeight", "scrollWidth", "scrollHeight", "scrollTop", "scrollLeft")
EFFORT = """(root, [deed, readers]) => {
    const { stage } = root;
    const observer = new MutationObserver(() => {});
    observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    const asked = [];
    for (const name of readers) {
        const own = Object.getOwnPropertyDescriptor(Element.prototype, name);
        Object.defineProperty(root.ownerDocument.defaultView.HTMLElement.prototype, name, {
            configurable: true,
            get() { asked.push(name); return own.get.call(this); },
            set(value) { asked.push(name); own.set.call(this, value); },
        });
    }
    if (typeof deed === "string") stage.perform(deed);
    else { stage.player.jump(deed); stage.draw(); }
    for (const name of readers) delete HTMLElement.prototype[name];
    const nodes = (list) => [...list].reduce((sum, node) => sum + 1 + (node.querySelectorAll?.("*").length ?? 0), 0);
    const found = observer.takeRecords();
    observer.disconnect();
    return { made: found.reduce((sum, one) => sum + nodes(one.addedNodes), 0), changed: found.length, asked };
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path = to_html(recording("records_10_000"), tmp_path_factory.mktemp("long") / "page.html", zoom=3)
    with browser() as opened:
        page, watch = open_page(opened, path.as_uri(), width=1366, height=768)
        yield page
        watch.assert_quiet()


def effort(page: Page, deed: str | int) -> Any:
    press(page)  # a frame goes by
    return page.locator(STAGE).evaluate(EFFORT, [deed, READERS])


@pytest.mark.parametrize("zoom", range(5))
def test_a_step_changes_little_in_the_page_and_asks_for_no_layout(zoom: int, page: Page) -> None:
    page.locator(STAGE).evaluate("(root, zoom) => root.stage.perform(`zoom-${zoom}`)", zoom)
    page.locator(STAGE).evaluate("({ stage }) => (stage.player.go(stage.player.last >> 1), stage.draw())")
    for deed in ["forward"] * 12 + ["back"] * 12:
        done = effort(page, deed)
        assert done["made"] <= MOST_MADE and done["changed"] <= MOST_CHANGED, (deed, done)
        assert not done["asked"], (deed, done["asked"])


def test_a_jump_changes_what_is_in_sight_and_no_more(page: Page) -> None:
    page.locator(STAGE).evaluate("({ stage }) => stage.perform('zoom-3')")
    for seq in (100, 9_000, 4_000, 10_500, 2_000):
        done = effort(page, seq)
        assert done["changed"] <= MOST_CHANGED_BY_A_JUMP and not done["asked"], (seq, done)


def test_lists_that_are_open_are_windows_too(page: Page) -> None:
    show_panels(page, "state", "story")
    press(page)
    for deed in ["forward"] * 5 + ["back"] * 5:
        done = effort(page, deed)
        assert done["changed"] <= 2 * MOST_CHANGED and not done["asked"], (deed, done)
    show_panels(page, "inspector", "ladder")
