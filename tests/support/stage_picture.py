"""The pictures in the README: the stage as it is in a browser, light and dark, and its static form.

python tests/support/stage_picture.py      writes docs/stage.svg, docs/stage-light.png and docs/stage-dark.png
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from stage_runs import journey

from amqplab.stage.html import to_html
from amqplab.stage.svg import to_svg
from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder

__all__ = ["PICTURE", "picture"]

PICTURE = Path(__file__).parents[2] / "docs" / "stage.svg"


def picture() -> str:
    """The message on its way to the broker, routed, in the consumer's hand."""
    recorder = journey().recorder
    return to_svg(
        recorder,
        title="One message, step by step: published, routed, delivered",
        steps=[
            last(recorder, e.CommandSent, "basic.publish"),
            last(recorder, e.Routed),
            handed_over(recorder),
        ],
    )


def last(recorder: Recorder, kind: type[e.Event], name: str = "") -> int:
    """The seq of the last record of a kind (and of a method's name)."""
    found = [r.seq for r in recorder if type(r.event) is kind and name in ("", getattr(r.event, "name", ""))]
    return found[-1]


def handed_over(recorder: Recorder) -> int:
    """When the consumer has all of basic.deliver."""
    return last(recorder, e.CommandReceived, "basic.deliver")


def photographs(folder: Path) -> list[Path]:
    """The widget in a browser, in both schemes, while a message is on its way to its consumer."""
    from needs import program
    from playwright.sync_api import sync_playwright

    page_file = to_html(journey().recorder, folder / "stage.html", title="One message")
    made = []
    with sync_playwright() as playwright:
        where = program("chromium", "show the stage")
        browser = playwright.chromium.launch(executable_path=where, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1280, "height": 720}, device_scale_factor=2)
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.goto(page_file.as_uri())
            stage = page.locator(".amqplab-stage")
            stage.focus()
            for _ in range(STEPS_TO_THE_DELIVERY):
                page.keyboard.press("ArrowRight")
            page.evaluate("() => document.activeElement.blur()")
            made.append(PICTURE.with_name(f"stage-{scheme}.png"))
            stage.screenshot(path=made[-1])
        browser.close()
    page_file.unlink()
    return made


STEPS_TO_THE_DELIVERY = 4


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    print(f"wrote {PICTURE}")
    with tempfile.TemporaryDirectory() as scratch:
        for written in photographs(Path(scratch)):
            print(f"wrote {written}")
