"""A browser for the stage's tests: Debian's Chromium, driven by Playwright; and what is read from the page.

Theory
------
Two claims are about what does *not* happen: nothing is asked of any other host, and nothing is written to
the console. So every page is watched from before it loads, and a test ends with `Watch.assert_quiet`.
Animation is switched off through the reader's own setting, prefers-reduced-motion, so that a step is done
when the key press is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from needs import program
from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["STAGE", "Watch", "browser", "markup", "open_page", "press", "show_panels", "step_of"]

STAGE = ".amqplab-stage"
ARGUMENTS = [
    "--no-sandbox",
    "--font-render-hinting=none",
    "--disable-partial-raster",  # or what was drawn before shows through, by a few shades in 255
    "--disable-skia-runtime-opts",
    "--disable-lcd-text",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# A step is drawn at once; what needs the page to be laid out is done in the frame that shows it.
FRAME = "() => new Promise(requestAnimationFrame)"


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium that can reach nothing but this machine."""
    chromium = program("chromium", "look at the stage as its users do")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


class Watch:
    """Everything that a page asked for or complained about."""

    def __init__(self, page: Page) -> None:
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))
        page.on("pageerror", lambda error: self.complaints.append(f"{error.message} {error.stack}"))
        page.on(
            "console",
            lambda message: (
                message.type == "error"
                and self.complaints.append(f"{message.text} {message.location['url']}")
            ),
        )

    @property
    def of_widgets(self) -> list[str]:
        """The complaints from widgets' scripts, which JupyterLab loads from blobs; its own are its own."""
        return [words for words in self.complaints if "blob:" in words or "amqplab" in words.lower()]

    def assert_quiet(self, *, allowed: tuple[str, ...] = ()) -> None:
        """No complaint, and no host but those `allowed` ("" stands for the page itself)."""
        assert not self.complaints
        assert self.hosts <= {"", *allowed}


def open_page(
    opened: Browser,
    url: str,
    *,
    width: int = 1200,
    height: int = 1000,
    dark: bool = False,
    still: bool = True,
) -> tuple[Page, Watch]:
    """A new page at `url` with a drawn stage in it."""
    context = opened.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if still else "no-preference",
    )
    page = context.new_page()
    watch = Watch(page)
    page.goto(url)
    page.wait_for_selector(f"{STAGE} .said")
    return page, watch


def press(page: Page, *keys: str) -> None:
    """Keys for the stage itself."""
    for key in keys:
        page.locator(STAGE).press(key)
    page.evaluate(FRAME)


def show_panels(page: Page, *beside: str, below: tuple[str, ...] = ()) -> None:
    """Open these panels; of those beside the picture, the last ones that have room."""
    page.locator(STAGE).evaluate(
        "(root, change) => root.stage.frame.keep(change)",
        {"open": [*beside, *below], "docks": dict.fromkeys(below, "below")},
    )


def step_of(page: Page) -> str:
    """The narration's "step 3 of 19"."""
    return page.locator(f"{STAGE} .meta span").first.inner_text()


def markup(page: Page) -> str:
    """The stage as text."""
    page.evaluate(FRAME)
    return str(page.locator(STAGE).evaluate("stage => stage.outerHTML"))
