"""Pictures of the scenes, to be looked at: every width, every colour scheme, any step.

    python tests/support/screens.py --out DIR
        [--scene hello topics …]            default: all but the big ones and those with real clients
        [--width 600 900 1366 1920]         of the window; its height is that of an ordinary screen
        [--scheme light dark forced]        "forced" are the colours of Windows' contrast themes
        [--steps open,start,story:3,50%,end] open: as the page opens; ZOOM:N: that many steps from the start;
                                            50%: a click on the timeline
        [--whole]                           the whole page and not what fits into the window
        [--jupyterlab]                      in a notebook, and not as a page of its own

Theory
------
A picture at rest depends on nothing but the scene, the step and the window, so the pictures of two days can
be compared. Animation is off by the reader's own setting. One browser makes all of them; for each scene there
is a sheet, a row for each step and a column for each window. Whatever a page complains about is printed, and
makes the program end with 1.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Locator, Page
from scenes import SCENES, build, names
from stage_browser import STAGE, Watch, browser
from stage_jupyter import OUTPUT_STAGE, JupyterServer, drawn, run_all, scene_code, use_theme
from tqdm import tqdm

__all__ = ["Window", "go", "main"]

HEIGHTS = {600: 900, 900: 700, 1366: 768, 1920: 1080}
SCHEMES = ("light", "dark", "forced")
ROW = 600  # px of height that a picture has in a sheet
MARGIN, TITLE = 12, 26
PATIENCE_S = 0.5 if sys.stderr.isatty() else 30  # between two looks at the progress line
WHERE = "({ stage: { player } }) => [player.zoom, player.seq]"
GO_BACK = """({ stage }, [zoom, seq]) => {
    stage.player.letGo();
    stage.player.setZoom(zoom);
    stage.player.jump(seq);
    stage.draw();
}"""
# The size is heard of in one frame, and what is drawn to it is laid out in the next.
FRAMES = "async () => { for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); }"


@dataclass(frozen=True)
class Window:
    """The window that a reader looks through."""

    width: int
    scheme: str

    @property
    def size(self) -> dict[str, int]:
        return {"width": self.width, "height": HEIGHTS.get(self.width, self.width * 9 // 16)}

    def __str__(self) -> str:
        return f"{self.width} {self.scheme}"


@dataclass
class Shooting:
    """Where pictures come from and go to, and what went wrong on the way."""

    chromium: Browser
    out: Path
    whole: bool
    complaints: list[str] = field(default_factory=list)
    written: set[str] = field(default_factory=set)

    @contextmanager
    def page(self, window: Window, about: str) -> Iterator[Page]:
        """A new page behind that window; what it complains about is kept."""
        context = self.chromium.new_context(
            viewport=window.size,
            color_scheme="light" if window.scheme == "forced" else window.scheme,
            forced_colors="active" if window.scheme == "forced" else "none",
            reduced_motion="reduce",
        )
        page = context.new_page()
        watch = Watch(page)
        try:
            yield page
        finally:
            heard = watch.complaints if page.url.startswith("file:") else watch.of_widgets
            self.complaints += [f"{about}: {complaint}" for complaint in heard]
            context.close()


# --- going to a step ------------------------------------------------------------------------------------


def go(stage: Locator, step: str) -> None:
    """Let the stage show a step, as its reader would. Raises ValueError for a step that is none."""
    if step == "open":
        return
    if step in ("start", "end"):
        stage.press("Home" if step == "start" else "End")
    elif share := re.fullmatch(r"(\d+)%", step):
        click_timeline(stage, int(share[1]) / 100)
    elif steps := re.fullmatch(r"(\w+):(\d+)", step):
        zoom = stage.get_by_role("radio", name=steps[1], exact=True)
        if not zoom.count():
            raise ValueError(f"there is no zoom {steps[1]!r}")
        zoom.first.click()
        stage.press("Home")
        for _ in range(int(steps[2])):
            stage.press("ArrowRight")
    else:
        raise ValueError(f"{step!r} is no step: write open, start, end, 50% or story:3")


def click_timeline(stage: Locator, share: float) -> None:
    slider = stage.get_by_role("slider").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    if box is None:
        raise ValueError("the timeline is not to be seen")
    slider.click(position={"x": 8 + (box["width"] - 16) * share, "y": box["height"] / 2})


def shoot(
    shooting: Shooting, page: Page, stage: Locator, name: str, window: Window, steps: Sequence[str]
) -> Iterator[tuple[str, Path]]:
    """A picture of each step."""
    for step in steps:
        try:
            go(stage, step)
        except ValueError as error:
            shooting.complaints.append(f"{name}, {window}, {step}: {error}")
            continue
        page.mouse.move(0, 0)
        if not shooting.whole:
            stage.evaluate("stage => stage.scrollIntoView({ block: 'start' })")
        path = shooting.out / name / f"{window.width}-{window.scheme}-{re.sub(r'[^a-z0-9]', '', step)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path, full_page=shooting.whole)
        yield step, path


# --- where the stage is ---------------------------------------------------------------------------------


@contextmanager
def alone(shooting: Shooting, name: str, window: Window) -> Iterator[tuple[Page, Locator]]:
    """The stand-alone page of a scene."""
    address = shooting.out / name / f"{name}.html"
    if name not in shooting.written:  # a page of an earlier run may be that of other code
        shooting.written.add(name)
        address.parent.mkdir(parents=True, exist_ok=True)
        build(name).to_html(address)
    with shooting.page(window, f"{name}, {window}") as page:
        page.goto(address.as_uri())
        page.wait_for_selector(f"{STAGE} [role=slider]")
        yield page, page.locator(STAGE)


class Notebook:
    """A notebook with nothing in it but the stage of a scene. It is opened once: the window changes its size and
    its theme, and the stage goes back to where it opened.
    """

    def __init__(self, page: Page, server: JupyterServer, name: str) -> None:
        self.page = page
        server.write(f"{name}.ipynb", scene_code(name))
        run_all(page, server.address(f"{name}.ipynb"))
        drawn(page)
        self.stage = page.locator(OUTPUT_STAGE)
        self.opened_at = self.stage.evaluate(WHERE)

    def behind(self, window: Window) -> tuple[Page, Locator]:
        """The notebook as another reader opens it."""
        if window.scheme == "forced":
            self.page.emulate_media(forced_colors="active")
        else:
            self.page.emulate_media(forced_colors="none")
            use_theme(self.page, window.scheme)
        self.page.set_viewport_size(window.size)
        self.stage.evaluate(GO_BACK, self.opened_at)
        self.page.evaluate(FRAMES)
        return self.page, self.stage


@contextmanager
def notebook(shooting: Shooting, server: JupyterServer, name: str) -> Iterator[Notebook]:
    with shooting.page(Window(1366, "light"), f"{name} in JupyterLab") as page:
        yield Notebook(page, server, name)


# --- sheets ---------------------------------------------------------------------------------------------


def sheet(name: str, pictures: dict[tuple[str, Window], Path], target: Path) -> None:
    """All pictures of a scene on one: a row for each step, a column for each window."""
    steps = list(dict.fromkeys(step for step, _ in pictures))
    windows = list(dict.fromkeys(window for _, window in pictures))
    small = {place: thumbnail(path) for place, path in pictures.items()}
    widths = [max(one.width for (_, where), one in small.items() if where == window) for window in windows]
    row = TITLE + ROW + MARGIN
    size = MARGIN + sum(widths) + len(widths) * MARGIN, MARGIN + len(steps) * row
    whole = Image.new("RGB", size, "#777")
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(size=16)
    x = MARGIN
    for window, width in zip(windows, widths, strict=True):
        for number, step in enumerate(steps):
            y = MARGIN + number * row
            draw.text((x, y), f"{name} · {step} · {window}", "white", font=font)
            if (step, window) in small:
                whole.paste(small[step, window], (x, y + TITLE))
        x += width + MARGIN
    whole.save(target)


def thumbnail(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        shown = picture.convert("RGB")
    return shown.resize((max(1, shown.width * ROW // shown.height), ROW), Image.Resampling.LANCZOS)


# --- the program ----------------------------------------------------------------------------------------


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    about, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="screens.py", description=about, epilog=rest, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--scene", nargs="+", default=names(), metavar="NAME")
    parser.add_argument("--width", nargs="+", type=int, default=list(HEIGHTS), metavar="PX")
    parser.add_argument("--scheme", nargs="+", choices=SCHEMES, default=["light", "dark"])
    parser.add_argument("--steps", default="open,50%,end", metavar="STEP,…")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--jupyterlab", action="store_true")
    arguments = parser.parse_args(words)
    unknown = [name for name in arguments.scene if name not in SCENES]
    if unknown:
        parser.error(f"no scene is called {', '.join(unknown)}; there are {', '.join(SCENES)}")
    return arguments


def main(words: Sequence[str] | None = None) -> int:
    """Make all pictures that are asked for. Returns how many complaints there were, 1 at most."""
    arguments = parse(words)
    windows = [Window(width, scheme) for scheme in arguments.scheme for width in arguments.width]
    steps = arguments.steps.split(",")
    with ExitStack() as stack:
        shooting = Shooting(stack.enter_context(browser()), arguments.out.resolve(), arguments.whole)
        server = stack.enter_context(jupyter_server()) if arguments.jupyterlab else None
        bar = stack.enter_context(
            tqdm(total=len(arguments.scene) * len(windows), unit="window", mininterval=PATIENCE_S)
        )
        for name in arguments.scene:
            pictures: dict[tuple[str, Window], Path] = {}
            for window, page, stage in opened(shooting, server, name, windows):
                bar.set_postfix_str(f"{name}, {window}, {len(shooting.complaints)} complaints", refresh=False)
                for step, path in shoot(shooting, page, stage, name, window, steps):
                    pictures[step, window] = path
                bar.update()
            if pictures:
                sheet(name, pictures, shooting.out / f"{name}.png")
    for complaint in shooting.complaints:
        print(complaint, file=sys.stderr)
    print(f"{arguments.out}: {len(arguments.scene)} sheets, {len(shooting.complaints)} complaints")
    return min(1, len(shooting.complaints))


def opened(
    shooting: Shooting, server: JupyterServer | None, name: str, windows: Sequence[Window]
) -> Iterator[tuple[Window, Page, Locator]]:
    """The scene behind each window, in a notebook if there is a server."""
    if server is None:
        for window in windows:
            with alone(shooting, name, window) as (page, stage):
                yield window, page, stage
        return
    with notebook(shooting, server, name) as book:
        for window in windows:
            yield window, *book.behind(window)


@contextmanager
def jupyter_server() -> Iterator[JupyterServer]:
    """A JupyterLab with a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        notebooks = Path(folder, "notebooks")
        notebooks.mkdir()
        with JupyterServer(notebooks, Path(folder, "home")) as server:
            yield server


if __name__ == "__main__":
    sys.exit(main())
