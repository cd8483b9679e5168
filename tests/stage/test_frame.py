"""The frame in a real browser: one screen, panels, keys, focus, time, presenting; also by keyboard alone."""

from __future__ import annotations

import itertools
import json

import pytest
from playwright.sync_api import Browser, Page
from stage_browser import STAGE, markup, open_page, press, show_panels, step_of

WIDTHS = [(600, 900), (900, 700), (1040, 640), (1366, 768), (1920, 1080)]
OF_ACTIVE = "() => document.activeElement"
OVERLAPS = """(names) => {
    const boxes = names.map((name) => document.querySelector('.amqplab-stage ' + name).getBoundingClientRect());
    return boxes.map(({ top, bottom, left, right }) => ({ top, bottom, left, right }));
}"""

TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


# --- one screen ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", ["journey", "crowd"])
@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_picture_sentence_controls_and_a_panel_are_on_one_screen(
    run: str, width: int, height: int, chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls[run], width=width, height=height)
    press(page, "End")
    parts = page.evaluate(OVERLAPS, [".canvas", ".narration", ".timeline", ".transport", ".ladder-panel"])
    for box in parts:
        assert 0 <= box["top"] < box["bottom"] <= height, box
        assert 0 <= box["left"] < box["right"] <= width, box
    assert parts[0]["bottom"] - parts[0]["top"] > height * 0.25
    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]
    watch.assert_quiet()
    page.context.close()


@pytest.mark.parametrize("width", [600, 900, 1366])
def test_buttons_never_move_while_the_run_is_stepped(
    width: int, chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["journey"], width=width, height=768)
    places = set()
    for _ in range(20):
        press(page, "ArrowRight")
        box = page.locator(f"{STAGE} [data-do=toggle]").bounding_box()
        canvas = page.locator(f"{STAGE} .canvas").bounding_box()
        assert box is not None and canvas is not None
        places.add((box["x"], box["y"], canvas["height"]))
    assert len(places) == 1
    watch.assert_quiet()
    page.context.close()


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_no_type_is_smaller_than_eleven_pixels(
    width: int, height: int, chromium: Browser, urls: dict[str, str]
) -> None:
    page, _ = open_page(chromium, urls["journey"], width=width, height=height)
    press(page, "End", *["ArrowLeft"] * 2, "l")
    show_panels(page, "ladder", "inspector", "state", "story", "why")
    small = page.locator(STAGE).evaluate(
        """root => [...root.querySelectorAll('*')].filter((node) => {
            const words = [...node.childNodes].some((kid) => kid.nodeType === 3 && kid.nodeValue.trim());
            if (!words || !node.getClientRects().length || /^(STYLE|TITLE|OPTION)$/i.test(node.tagName)) return false;
            const matrix = node.getScreenCTM?.();
            return parseFloat(getComputedStyle(node).fontSize) * (matrix?.d ?? 1) < 10.95;
        }).map((node) => `${node.getAttribute('class')} ${node.textContent.slice(0, 20)}`)"""
    )
    assert small == []
    page.context.close()


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_the_words_of_two_queues_do_not_touch_and_a_connection_s_do_not_reach_the_broker(
    width: int, height: int, chromium: Browser, urls: dict[str, str]
) -> None:
    page, _ = open_page(chromium, urls["journey"], width=width, height=height)
    press(page, "End")
    found = page.locator(STAGE).evaluate(
        """root => ['.queue .counts', '.pipe > .quiet, .broker > rect'].map((names) =>
            [...root.querySelectorAll(names)].map((node) => {
                const { left, right, top, bottom } = node.getBoundingClientRect();
                return { left, right, top, bottom, words: node.textContent };
            }))"""
    )
    assert len(found[0]) == 2 and len(found[1]) == 3
    for boxes in found:
        for one, other in itertools.combinations(boxes, 2):
            apart = min(one["right"], other["right"]) <= max(one["left"], other["left"]) + 1
            below = min(one["bottom"], other["bottom"]) <= max(one["top"], other["top"]) + 1
            assert apart or below, f"{one} and {other}"
    page.context.close()


def test_a_long_sentence_is_cut_at_two_lines_and_opens_without_moving_anything(
    chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["crowd"], width=620, height=700)
    more = page.locator(f"{STAGE} [data-do=whole-sentence]")
    while not more.is_visible():
        press(page, "ArrowRight")
    before = page.locator(f"{STAGE} [data-do=toggle]").bounding_box()
    press(page, "e")
    said = page.locator(f"{STAGE} .said")
    assert said.evaluate("node => node.scrollHeight <= node.clientHeight + 1")
    assert page.locator(f"{STAGE} [data-do=toggle]").bounding_box() == before
    press(page, "Escape")
    assert said.evaluate("node => node.clientHeight") == 46
    watch.assert_quiet()
    page.context.close()


def test_the_picture_zooms_pans_and_fits(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    fitted = view_box(page)
    press(page, "i", "i")
    assert view_box(page)[2] < fitted[2] * 0.7
    press(page, "d")
    moved = view_box(page)
    press(page, "a", "0")
    assert moved[0] > fitted[0] and view_box(page) == fitted
    box = page.locator(f"{STAGE} .canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function(f"() => document.querySelector('{STAGE} .canvas.larger')")
    near = view_box(page)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 100, steps=4)
    page.mouse.up()
    assert near[2] < fitted[2] and view_box(page)[0] > near[0]
    assert step_of(page).startswith("step 0 of"), "a drag is no click"
    page.locator(f"{STAGE} [data-do=look-fit]").click()
    assert view_box(page) == fitted
    watch.assert_quiet()
    page.context.close()


def view_box(page: Page) -> list[float]:
    text = page.locator(f"{STAGE} .picture").get_attribute("viewBox") or ""
    return [float(number) for number in text.split()]


def test_what_does_not_fit_is_followed_the_same_way_back(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["crowd"], width=700, height=560)
    seen = []
    for _ in range(30):
        seen.append(view_box(page))
        press(page, "ArrowRight")
    assert len({tuple(box) for box in seen}) > 1
    for box in reversed(seen):
        press(page, "ArrowLeft")
        assert view_box(page) == box
    watch.assert_quiet()
    page.context.close()


# --- panels ----------------------------------------------------------------------------------------------


def panels(page: Page) -> dict[str, str]:
    """The panels seen, by name, and the dock each stands in."""
    return dict(
        page.evaluate(
            """() => [...document.querySelectorAll('.amqplab-stage .panel:not([hidden])')]
            .map((panel) => [panel.dataset.panel, panel.parentElement.className.split(' ')[1]])"""
        )
    )


def test_panels_open_close_and_dock(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1200, height=700)
    assert panels(page) == {"ladder": "beside"}
    page.locator(f"{STAGE} [data-do=panel-state]").first.click()
    assert panels(page) == {"state": "beside"}
    page.get_by_role("button", name="move State beside or below the picture").click()
    assert panels(page) == {"ladder": "beside", "state": "below"}
    page.get_by_role("button", name="close State").click()
    page.get_by_role("button", name="close Ladder").click()
    page.get_by_role("button", name="Inspector", exact=True).click()
    assert panels(page) == {}
    canvas = page.locator(f"{STAGE} .canvas").bounding_box()
    assert canvas is not None and canvas["width"] > 1150
    watch.assert_quiet()
    page.context.close()


def test_what_is_picked_is_inspected_unless_somebody_has_closed_the_inspector(
    chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1000, height=640)
    inspector, queue = (
        page.locator(f"{STAGE} .inspector"),
        page.locator(f"{STAGE} .picture [data-kind=queue]").first,
    )
    press(page, "2", "End")
    assert not inspector.is_visible()
    queue.click()
    assert inspector.is_visible()
    page.get_by_role("button", name="Inspector", exact=True).click()
    press(page, "Escape")
    assert not inspector.is_visible()
    queue.click()
    assert not inspector.is_visible()
    watch.assert_quiet()
    page.context.close()


def test_on_the_empty_ground_of_a_server_nothing_is_picked(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1000, height=640)
    picked = "root => root.stage.player.pinned"
    box = page.locator(f"{STAGE} .picture .broker > rect").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 12, box["y"] + box["height"] - 12)
    assert page.evaluate("document.activeElement.className").startswith("amqplab-stage")
    assert page.locator(STAGE).evaluate(picked) is None
    page.locator(f"{STAGE} .picture .broker .title").click()
    assert page.locator(STAGE).evaluate(picked) == {"kind": "entity", "id": "host/broker"}
    watch.assert_quiet()
    page.context.close()


def test_every_panel_says_something_at_every_step(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1200, height=700)
    names = [str(name) for name in page.evaluate(
        "() => [...document.querySelectorAll('.amqplab-stage [data-panel]')].map((panel) => panel.dataset.panel)"
    )]  # fmt: skip
    for name in names:
        show_panels(page, name)
        press(page, "End", *["ArrowLeft"] * 3)
        assert page.locator(f"{STAGE} .{name}-panel .panel-body").inner_text().strip(), name
    watch.assert_quiet()
    page.context.close()


@pytest.mark.parametrize("width", [1366, 600])
def test_a_curve_of_depths_stays_on_its_card(width: int, chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=width)
    show_panels(page, "depths")
    press(page, "End")
    for card in page.locator(f"{STAGE} .depth").all():
        own, curve = card.bounding_box(), card.locator(".depth-curve").bounding_box()
        assert own and curve and own["x"] <= curve["x"]
        assert curve["x"] + curve["width"] <= own["x"] + own["width"]
    watch.assert_quiet()
    page.context.close()


def test_the_story_is_a_list_of_jumps(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1200, height=700)
    show_panels(page, "story")
    press(page, "End")
    page.locator(f"{STAGE} .story-panel .step").nth(5).click()
    assert step_of(page).startswith("step 5 of")
    here = page.locator(f"{STAGE} .story-panel .step[aria-current=step]")
    assert page.locator(f"{STAGE} .said").inner_text() in here.inner_text()
    watch.assert_quiet()
    page.context.close()


def test_panels_are_sized_by_dragging_and_by_keys(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1200, height=700)
    sash = page.locator(f"{STAGE} .sash-beside")
    width = lambda: page.locator(f"{STAGE} .beside").evaluate("node => node.clientWidth")  # noqa: E731
    before = width()
    sash.press("ArrowLeft")
    assert width() > before
    wider = width()
    box = sash.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 4, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 104, box["y"] + 200, steps=4)
    page.mouse.up()
    assert abs(width() - (wider - 100)) < 6
    watch.assert_quiet()
    page.context.close()


def test_the_arrangement_is_kept_where_there_is_no_notebook(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1200, height=700)
    page.get_by_role("button", name="Story", exact=True).click()
    kept = json.loads(page.evaluate("localStorage.getItem('amqplab-stage')"))
    assert kept["open"][-1] == "story"
    page.reload()
    page.wait_for_selector(f"{STAGE} .said")
    assert panels(page) == {"story": "beside"}
    page.evaluate("localStorage.setItem('amqplab-stage', '{not json')")
    page.reload()
    page.wait_for_selector(f"{STAGE} .said")
    assert panels(page) == {"ladder": "beside"}
    watch.assert_quiet()
    page.context.close()


# --- time ------------------------------------------------------------------------------------------------


def test_the_time_is_always_seen_and_the_axis_can_be_switched(
    chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["journey"])
    press(page, "End")
    assert (
        page.locator(f"{STAGE} .clock-now").inner_text() == "36.4 ms"
        or "s" in page.locator(f"{STAGE} .clock-now").inner_text()
    )
    press(page, "Home", *["ArrowRight"] * 5)
    places = []
    for words in ("per event", "compressed", "linear"):
        assert page.locator(f"{STAGE} .axis-button").inner_text() == words
        places.append(page.locator(f"{STAGE} .needle").get_attribute("transform"))
        press(page, "t")
    assert len(set(places)) == 3
    assert page.locator(f"{STAGE} .axis-button").inner_text() == "per event"
    watch.assert_quiet()
    page.context.close()


def test_bookmarks_are_set_found_again_and_taken_away(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    press(page, *["ArrowRight"] * 4, "m", *["ArrowRight"] * 5, "m", "Home")
    assert page.locator(f"{STAGE} .flag").count() == 2
    press(page, "]")
    assert step_of(page).startswith("step 4 of")
    press(page, "]", "]")
    assert step_of(page).startswith("step 9 of")
    press(page, "[", "m")
    assert page.locator(f"{STAGE} .flag").count() == 1
    watch.assert_quiet()
    page.context.close()


# --- keyboard --------------------------------------------------------------------------------------------


def focused(page: Page) -> str:
    """The group that has the focus, and the name of the thing in it."""
    return str(
        page.evaluate(
            """() => {
                const node = document.activeElement;
                const group = node.closest('[data-group]')?.dataset.group ?? node.dataset.sash ?? node.dataset.input;
                if (!node.closest('.amqplab-stage')) return 'outside';
                return group ?? node.getAttribute('class').split(' ')[0];
            }"""
        )
    )


def test_tab_goes_from_group_to_group_and_out_again(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1200, height=700)
    page.evaluate("document.body.append(document.createElement('button'))")
    press(page, "End", *["ArrowLeft"] * 3)
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(focused(page))
        if seen[-1] == "outside":
            break
    assert seen[-1] == "outside", seen
    assert seen[:-1] == [
        "zooms", "tabs", "tools", "picture", "looks", "sentence", "track", "axis", "buttons", "marking", "speed",
        "until", "text", "beside", "tools-ladder", "panel-ladder",
    ]  # fmt: skip
    back = []
    for _ in range(len(seen) - 1):
        page.keyboard.press("Shift+Tab")
        back.append(focused(page))
    assert back == seen[-2::-1]
    watch.assert_quiet()
    page.context.close()


def test_arrows_go_from_thing_to_thing_inside_a_group_and_do_not_step(
    chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["journey"])
    press(page, "End")
    step = step_of(page)
    page.locator(f"{STAGE} .picture").focus()
    names = set()
    for _ in range(30):
        names.add(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        page.keyboard.press("ArrowRight")
    assert {"exchange logs, type direct", "queue app: Ready 0, Unacked 0, Total 0"} <= names
    assert step_of(page) == step
    page.keyboard.press("Enter")
    assert page.locator(f"{STAGE} .picture .lit").count() > 0
    watch.assert_quiet()
    page.context.close()


def test_arrows_among_the_zooms_change_the_zoom_and_do_not_step(
    chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["journey"])
    press(page, "4", "ArrowRight")
    record = page.locator(STAGE).get_attribute("data-record")
    page.locator(f"{STAGE} .zooms").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator(f"{STAGE} .zooms [aria-checked=true]").inner_text() == "command"
    assert page.evaluate("document.activeElement.textContent") == "command"
    assert page.locator(STAGE).get_attribute("data-record") == record
    watch.assert_quiet()
    page.context.close()


def test_after_a_click_the_arrows_step_the_run(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    page.locator(f"{STAGE} [data-do=forward]").click()
    page.keyboard.press("ArrowRight")
    assert step_of(page).startswith("step 2 of")
    page.locator(f"{STAGE} .picture .broker .title").click()
    page.keyboard.press("ArrowRight")
    assert step_of(page).startswith("step 3 of")
    for number, beside in enumerate((".canvas", ".narration", ".ladder-panel"), 4):
        box = page.locator(f"{STAGE} {beside}").first.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] - 4, box["y"] + 3)
        page.keyboard.press("ArrowRight")
        assert step_of(page).startswith(f"step {number} of"), beside
    watch.assert_quiet()
    page.context.close()


def test_the_focus_is_never_lost_to_the_page(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1200, height=700)
    press(page, "End")
    inside = lambda: page.evaluate("!!document.activeElement.closest('.amqplab-stage')")  # noqa: E731
    page.locator(f"{STAGE} .picture [data-kind=queue]").first.focus()
    page.evaluate("document.querySelector('.amqplab-stage').stage.player.jump(-1)")
    page.evaluate("document.querySelector('.amqplab-stage').stage.draw()")
    assert inside()
    page.get_by_role("button", name="close Ladder").focus()
    page.keyboard.press("Enter")
    assert inside()
    press(page, "?")
    page.get_by_role("button", name="close the keys").focus()
    page.keyboard.press("Enter")
    assert inside() and page.locator(f"{STAGE} .help").count() == 0
    watch.assert_quiet()
    page.context.close()


# --- presenting, legend, help ----------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["dock-ladder", "panel-ladder"])
def test_a_panel_that_is_moved_or_closed_leaves_the_focus_in_the_stage(
    action: str, chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1366, height=768)
    button = page.locator(f"[data-do={action}]").last
    for _ in range(2 if action.startswith("dock") else 1):
        button.focus()
        page.keyboard.press("Enter")
        page.evaluate(TWO_FRAMES)
        assert page.evaluate("() => Boolean(document.activeElement.closest('.amqplab-stage'))")
        if action.startswith("dock"):
            assert button.evaluate("node => node === document.activeElement")
    watch.assert_quiet()
    page.context.close()


def test_arrows_scroll_the_ladder_and_the_focus_stays_on_its_row(
    chromium: Browser, urls: dict[str, str]
) -> None:
    """Rows come and go as it scrolls; and scrolling by wheel away from the row leaves the focus in the stage."""
    page, watch = open_page(chromium, urls["journey"], width=1366, height=768)
    press(page, "1")
    page.locator(f"{STAGE} .ladderScroll").focus()
    rows = []
    for key in ("End", "End", "ArrowDown", "Home", "Home"):
        page.keyboard.press(key)
        page.evaluate(TWO_FRAMES)
        rows.append(page.evaluate("() => Number(document.activeElement.dataset.id ?? -1)"))
    assert 0 < rows[0] < rows[1] < rows[2] and rows[2] > rows[3] > rows[4]
    page.keyboard.press("Enter")
    assert page.locator(STAGE).get_attribute("data-record") == str(rows[4])
    page.locator(f"{STAGE} .ladderScroll").evaluate("box => { box.scrollTop = 1e6; }")
    page.evaluate(TWO_FRAMES)
    assert page.evaluate("() => Boolean(document.activeElement.closest('.rung'))")
    watch.assert_quiet()
    page.context.close()


def test_presenter_mode_has_large_type_and_listens_to_remotes(
    chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1366, height=768)
    press(page, "p")
    page.wait_for_selector(f"{STAGE}.presenting")
    assert not page.locator(f"{STAGE} .bar").is_visible() and panels(page) == {}
    size = page.locator(f"{STAGE} .said").evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    assert size >= 28
    press(page, "PageDown", "PageDown", "PageUp")
    assert step_of(page).startswith("step 1 of")
    press(page, "b")
    assert page.locator(f"{STAGE} .blank").is_visible()
    press(page, "b", "Escape")
    page.wait_for_selector(f"{STAGE}:not(.presenting)")
    page.wait_for_function("() => !document.fullscreenElement")
    assert page.locator(f"{STAGE} .bar").is_visible()
    watch.assert_quiet()
    page.context.close()


def test_full_screen_fills_the_screen_and_escape_leaves_it(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], width=1366, height=768)
    press(page, "f")
    page.wait_for_selector(f"{STAGE}.full")
    box = page.locator(STAGE).bounding_box()
    assert box is not None and box["height"] >= 760 and box["width"] >= 1360
    press(page, "Escape")
    page.wait_for_selector(f"{STAGE}:not(.full)")
    watch.assert_quiet()
    page.context.close()


def test_legend_and_keys_are_one_key_away(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    press(page, "l")
    queue = "a queue; its head, taken from first, is at the right"
    words = page.locator(f"{STAGE} .legend li > span").all_inner_texts()
    assert len(words) > 8 and "a program that publishes" in words and queue not in words
    press(page, "End")
    assert queue in page.locator(f"{STAGE} .legend li > span").all_inner_texts()
    press(page, "?")
    assert page.locator(f"{STAGE} .legend").count() == 0
    assert page.locator(f"{STAGE} .help kbd").count() > 15
    press(page, "Escape")
    assert page.locator(f"{STAGE} .sheet").count() == 0
    watch.assert_quiet()
    page.context.close()


# --- for everyone ----------------------------------------------------------------------------------------


def test_what_is_written_on_a_control_is_how_its_name_begins(chromium: Browser, urls: dict[str, str]) -> None:
    page, _ = open_page(chromium, urls["journey"])
    press(page, "End", "?")
    wrong = page.locator(STAGE).evaluate(
        """root => [...root.querySelectorAll('button,[role=radio]')].filter((node) => {
            const name = node.getAttribute('aria-label'), words = node.textContent.trim();
            return name && words.length > 1 && !name.toLowerCase().includes(words.toLowerCase());
        }).map((node) => node.outerHTML)"""
    )
    assert wrong == []
    page.context.close()


def test_nothing_that_can_be_pressed_stands_in_another(chromium: Browser, urls: dict[str, str]) -> None:
    page, _ = open_page(chromium, urls["crowd"])
    press(page, "End")
    show_panels(page, "ladder", "inspector", "state", "story", "why")
    assert (
        page.locator(f"{STAGE} :is(button,[role=button]) :is(button,[role=button],input,select)").count() == 0
    )
    page.context.close()


def test_the_page_has_one_heading_of_the_first_order(chromium: Browser, urls: dict[str, str]) -> None:
    page, _ = open_page(chromium, urls["journey"])
    assert page.locator("h1").all_inner_texts() == ["journey"]
    page.context.close()


def test_each_resting_step_is_said_once(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    page.evaluate(
        """() => {
            window.heard = [];
            const live = document.querySelector('.amqplab-stage [aria-live=polite]');
            const heard = new MutationObserver(() => window.heard.push(live.textContent));
            heard.observe(live, { childList: true, characterData: true, subtree: true });
        }"""
    )
    press(page, "ArrowRight", "ArrowRight", "l", "l", "i", "0")
    heard = page.evaluate("() => window.heard")
    assert len(heard) == len(set(heard)) == 2
    watch.assert_quiet()
    page.context.close()


def test_the_stage_says_where_it_is_to_tests_and_tools(chromium: Browser, urls: dict[str, str]) -> None:
    page, _ = open_page(chromium, urls["journey"])
    press(page, *["ArrowRight"] * 3)
    root = page.get_by_test_id("amqplab-stage")
    said = {
        name: root.get_attribute(f"data-{name}") for name in ("record", "step", "steps", "branch", "zoom")
    }
    assert said["step"] == "3" and int(said["steps"] or 0) > 3 and said["branch"] == "original"
    assert int(said["record"] or -1) >= 0 and said["zoom"]
    assert page.get_by_test_id("sentence").inner_text()
    page.context.close()


@pytest.mark.parametrize("forced", ["active", "none"])
def test_forced_colours_leave_the_marks_visible(forced: str, chromium: Browser, urls: dict[str, str]) -> None:
    context = chromium.new_context(forced_colors=forced, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(urls["journey"])
    page.wait_for_selector(f"{STAGE} .said")
    press(page, "End")
    ink, paper = page.locator(f"{STAGE} .said").evaluate(
        "node => [getComputedStyle(node).color, getComputedStyle(node.closest('.amqplab-stage')).backgroundColor]"
    )
    assert ink != paper
    context.close()


def test_forward_and_back_leave_the_same_page_with_all_panels_open(
    chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["crowd"], width=1900, height=1000)
    show_panels(page, "ladder", "inspector", "state", "story", "why")
    press(page, *["ArrowRight"] * 20)
    before = markup(page)
    press(page, *["ArrowRight"] * 15)
    press(page, *["ArrowLeft"] * 15)
    assert markup(page) == before
    watch.assert_quiet()
    page.context.close()
