"""The stand-alone page in a real browser: it steps, scrubs and explains, and asks nobody for anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from scenes import recording
from stage_browser import STAGE, markup, open_page, press, show_panels, step_of

from amqplab.stage.html import to_html

FRAME_ZOOM = "2"


@pytest.mark.parametrize("zoom", ["1", "2", "3", "4"])
def test_twenty_steps_forward_and_back_show_the_identical_picture(
    zoom: str, chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["journey"])
    press(page, zoom, *["ArrowRight"] * 5)
    seen, before = page.screenshot(), markup(page)
    steps = 20 if zoom != "4" else 10
    press(page, *["ArrowRight"] * steps)
    assert markup(page) != before
    press(page, *["ArrowLeft"] * steps)
    assert page.screenshot() == seen
    assert markup(page) == before
    watch.assert_quiet()
    page.context.close()


def test_a_scrub_on_the_timeline_goes_there_and_back(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    scrub(page, 0)
    start = markup(page)
    scrub(page, 1)
    last = re.search(r"of (\d+)", step_of(page))
    assert last and step_of(page) == f"step {last[1]} of {last[1]}"
    assert "nothing follows" in page.locator(f"{STAGE} .upcoming").inner_text()
    scrub(page, 0.5)
    assert step_of(page) == f"step {round(int(last[1]) / 2)} of {last[1]}"
    scrub(page, 0)
    assert markup(page) == start
    watch.assert_quiet()
    page.context.close()


def scrub(page: Page, share: float) -> None:
    """Drag the handle to a share of the track, and let go."""
    box = page.locator(f"{STAGE} .track").bounding_box()
    assert box is not None
    x, y = box["x"] + 8 + (box["width"] - 16) * share, box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(x, y, steps=3)
    page.mouse.up()


def test_the_time_line_is_the_same_whatever_zoom_was_shown_before(chromium: Browser, tmp_path: Path) -> None:
    path = to_html(recording("cut_and_healed"), tmp_path / "page.html")
    page, watch = open_page(chromium, path.as_uri())
    track = page.locator(f"{STAGE} .track")
    press(page, "3", "End", *["ArrowLeft"] * 5)
    there = track.inner_html()
    for zoom in "45121":
        press(page, zoom)
    press(page, "3", "End", *["ArrowLeft"] * 5)
    assert track.inner_html() == there
    assert track.locator(".marks[transform], .flags[transform]").count() == 0
    watch.assert_quiet()
    page.context.close()


def test_a_frame_of_the_ladder_fills_the_inspector_and_a_field_lights_its_octets(
    chromium: Browser, urls: dict[str, str]
) -> None:
    page, watch = open_page(chromium, urls["journey"])
    press(page, FRAME_ZOOM, "End", *["ArrowLeft"] * 12)
    rung = page.locator(f"{STAGE} .rung", has_text="Basic.Deliver").locator(".reach").first
    rung.click()
    page.wait_for_selector(f"{STAGE} .headline b:has-text('Basic.Deliver')")
    field = page.locator(f"{STAGE} .field", has_text="routing-key").first
    field.scroll_into_view_if_needed()
    field.hover()
    lit = page.locator(f"{STAGE} .b.hot").all_inner_texts()
    assert bytes.fromhex("".join(lit)) == b"\x04info"
    octet = page.locator(f"{STAGE} .b[data-byte='0']")
    octet.hover()
    assert page.locator(f"{STAGE} .field.hot .field-name").inner_text() == "type"
    assert page.locator(f"{STAGE} .b.hot").all_inner_texts() == ["01"]
    watch.assert_quiet()
    page.context.close()


def test_a_message_that_is_picked_is_lit_in_every_panel(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    show_panels(page, "ladder", "inspector", below=("state",))
    press(page, "2", "End")
    page.locator(f"{STAGE} .state tr[data-sel='message:1']").click()
    assert page.locator(f"{STAGE} .headline b").inner_text() == "Message 1"
    assert page.locator(f"{STAGE} .state tr.lit").count() == 1
    assert page.locator(f"{STAGE} .band.lit").count() > 0
    assert page.locator(f"{STAGE} .frame-link").count() >= 6
    press(page, "Escape")
    assert page.locator(f"{STAGE} .lit").count() == 0
    watch.assert_quiet()
    page.context.close()


def test_everything_can_be_done_from_the_keyboard(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    press(page, "ArrowRight", "PageDown")
    assert step_of(page).startswith("step 2 of")
    press(page, "PageUp")
    assert step_of(page).startswith("step 1 of")
    for key, name in (("1", "segment"), ("2", "frame"), ("3", "command"), ("5", "story"), ("4", "milestone")):
        press(page, key)
        assert page.locator(f"{STAGE} .zooms [aria-checked=true]").inner_text() == name
    press(page, "+")
    assert page.locator(f"{STAGE} select").input_value() == "2"
    press(page, "?")
    assert page.locator(f"{STAGE} .help").is_visible()
    press(page, "?", "u")
    page.keyboard.type("basic.deliver")
    page.keyboard.press("Enter")
    assert "deliver" in page.locator(f"{STAGE} .said").inner_text().lower()
    press(page, "Home")
    assert "nothing has happened yet" in page.locator(f"{STAGE} .said").inner_text()
    watch.assert_quiet()
    page.context.close()


def test_playing_runs_to_the_end_and_stops(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"], still=False)
    press(page, "End", *["ArrowLeft"] * 2, "+", "+", "+", " ")
    page.wait_for_selector(f"{STAGE} [data-do=toggle][aria-label^=pause]", state="detached", timeout=20000)
    assert "nothing follows" in page.locator(f"{STAGE} .upcoming").inner_text()
    assert page.locator(f"{STAGE} [data-do=toggle]").get_attribute("aria-label") == "play (Space)"
    watch.assert_quiet()
    page.context.close()


def test_a_message_is_seen_on_its_way(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    places = page.locator(STAGE).evaluate(
        """root => {
            const { stage } = root, { player } = stage;
            player.setZoom(0);
            const seen = [];
            for (const seq of player.scene.steps[0]) {
                player.jump(seq);
                stage.draw();
                const message = root.querySelector('.picture [data-kind=message]:not([data-place$=ghost])');
                const place = message?.dataset.place.split(":")[0];
                if (place && place !== seen.at(-1)) seen.push(place);
            }
            return seen;
        }"""
    )
    assert places == ["link", "broker", "exchange", "queue", "link", "consumer"]
    watch.assert_quiet()
    page.context.close()


def contrast(page: Page, selector: str) -> float:
    ink, paper = page.locator(selector).first.evaluate(
        """node => {
            const ink = getComputedStyle(node).color;
            for (let at = node; at; at = at.parentElement) {
                const paper = getComputedStyle(at).backgroundColor;
                if (!/, 0\\)$|transparent/.test(paper)) return [ink, paper];
            }
        }"""
    )
    light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_stage_can_be_read_without_seeing_it(chromium: Browser, urls: dict[str, str]) -> None:
    page, watch = open_page(chromium, urls["journey"])
    press(page, "End")
    assert page.get_by_role("slider", name="position").get_attribute("aria-valuetext")
    assert page.get_by_role("radio", name="milestone").get_attribute("aria-checked") == "true"
    assert "acknowledged" in page.locator(f"{STAGE} [aria-live=polite]").inner_text()
    assert page.get_by_label(re.compile("^exchange logs, type direct")).count() == 1
    assert page.get_by_label(re.compile("^queue app: Ready 0, Unacked 0, Total 0")).count() == 1
    unnamed = page.locator(STAGE).evaluate(
        "root => [...root.querySelectorAll('button,[role=button],input,select,[role=slider]')]"
        ".filter((node) => !(node.getAttribute('aria-label') || node.textContent).trim()).length"
    )
    assert unnamed == 0
    watch.assert_quiet()
    page.context.close()


def test_the_page_brings_everything_with_it(urls: dict[str, str]) -> None:
    text = Path(urls["journey"].removeprefix("file://")).read_text(encoding="utf-8")
    text = re.sub(r'(<script type="application/json"[^>]*>).*?</script>', "", text, flags=re.DOTALL)
    assert set(re.findall(r"https?://[^\"'\s<\\]*", text)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text
    assert not re.search(r"<(link|script|img|iframe)[^>]*(src|href)=[\"'](?!data:)", text)


def test_a_body_with_markup_in_it_stays_a_body(chromium: Browser, tmp_path: Path) -> None:
    from amqplab import Lab

    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare(queue="</script><b>")
    channel.basic_publish(exchange="", routing_key="</script><b>", body="<script>alert(1)</script>")
    lab.run()
    url = to_html(lab.recorder, tmp_path / "page.html", title="</title>").as_uri()
    page, watch = open_page(chromium, url)
    show_panels(page, "state")
    press(page, "End")
    assert page.locator(f"{STAGE} b:has-text('b')").count() <= 1
    assert "</script><b>" in page.locator(f"{STAGE} .state").inner_text()
    watch.assert_quiet()
    page.context.close()
