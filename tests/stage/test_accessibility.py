"""Nobody is shut out: axe finds nothing to object to, whatever the page or the notebook shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe import violations
from playwright.sync_api import Browser, Locator, Page
from scenes import build
from stage_browser import STAGE, browser, open_page, press
from stage_jupyter import OUTPUT_STAGE, JupyterServer, drawn, run_all, scene_code, use_theme

SCENES = ("hello", "publisher_confirms", "dead_letter_retry", "cut_on_the_way", "crowd_10_10_20")

STATES: dict[str, Callable[[Page], None]] = {
    "before the first step": lambda page: press(page, "Home"),
    "in the middle": lambda page: press(page, "Home", *["ArrowRight"] * 12),
    "at the end": lambda page: press(page, "End"),
    "with a frame in the inspector": lambda page: open_a_frame(page),
    "with the help open": lambda page: press(page, "?"),
}


def open_a_frame(page: Page) -> None:
    press(page, "2", "End")
    click_the_last_frame(page.locator(STAGE))


def click_the_last_frame(stage: Locator) -> None:
    """In the ladder; a row that is no frame would open something else, and the last frame may be out of sight."""
    frames = stage.locator(".rung:has(.band-label) .reach")
    while not frames.count():
        stage.press("ArrowLeft")
        assert int(stage.get_attribute("data-record") or -1) >= 0, "there is no frame"
    frames.last.click()
    stage.locator(".inspector .field").first.wait_for(state="attached", timeout=2000)


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


# --- in JupyterLab: the same stage under another page's style sheets, colours and headings ---------------

IN_A_NOTEBOOK = ("dead_letter_retry", "cut_on_the_way")
OPEN = "({ stage }, [open, docks]) => stage.frame.keep({ open, docks })"
ASKED = "stage => stage.setAttribute('data-asked', '')"
NO_MORE = "stage => stage.removeAttribute('data-asked')"
FRAMES = "async () => { for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame); }"


# JupyterLab's body clips, and has no height, for all in it is placed absolutely. That clips nothing (a body's
# overflow is the window's), but axe takes whatever is in it for hidden, and then asks nothing of its colours.
BODY_AS_HIGH_AS_ITS_PAGE = "() => { document.body.style.height = '100vh'; }"


def show(stage: Locator, *panels: str, below: tuple[str, ...] = ()) -> None:
    stage.press("Escape")
    stage.evaluate(OPEN, [[*panels, *below], dict.fromkeys(below, "below")])


def keys(stage: Locator, *pressed: str) -> None:
    for key in pressed:
        stage.press(key)


def inspect_a_frame(stage: Locator) -> None:
    keys(stage, "2", "End")
    show(stage, "inspector", below=("ladder",))
    click_the_last_frame(stage)


def pick_a_message(stage: Locator) -> None:
    keys(stage, "5", "Home", *["ArrowRight"] * 12)
    stage.locator("[data-kind=message]").first.dispatch_event("click")


NOTEBOOK_STATES: dict[str, Callable[[Locator], None]] = {
    "before the first step": lambda stage: keys(stage, "5", "Home"),
    "in the middle": lambda stage: keys(stage, "4", "Home", *["ArrowRight"] * 12),
    "with a frame in the inspector": inspect_a_frame,
    "with the legend open": lambda stage: keys(stage, "l"),
    "with the help open": lambda stage: keys(stage, "Escape", "?"),
    "with state, depths and story": lambda stage: show(stage, "state", below=("depths", "story")),
    "with the causes and the ladder": lambda stage: show(stage, "why", below=("ladder",)),
    "with a message picked": pick_a_message,
}


@pytest.fixture(scope="module")
def notebook(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """JupyterLab on a laptop's screen, with a notebook that shows two scenes."""
    home = tmp_path_factory.mktemp("jupyter")
    (home / "notebooks").mkdir()
    size = {"width": 1366, "height": 768}
    with JupyterServer(home / "notebooks", home / "home") as server:
        server.write("stages.ipynb", *map(scene_code, IN_A_NOTEBOOK))
        context = chromium.new_context(viewport=size, reduced_motion="reduce")
        page = context.new_page()
        run_all(page, server.address("stages.ipynb"))
        drawn(page)
        page.evaluate(BODY_AS_HIGH_AS_ITS_PAGE)
        yield page
        context.close()


def objections(page: Page, stage: Locator) -> list[str]:
    """What axe says of this one stage; the notebook around it is not ours."""
    page.evaluate(FRAMES)
    stage.evaluate(ASKED)
    found = violations(page, "[data-asked]")
    stage.evaluate(NO_MORE)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("number", range(len(IN_A_NOTEBOOK)), ids=IN_A_NOTEBOOK)
def test_axe_finds_nothing_in_jupyterlab_either(scheme: str, number: int, notebook: Page) -> None:
    use_theme(notebook, scheme)
    stage = notebook.locator(OUTPUT_STAGE).nth(number)
    stage.locator("[role=slider]").wait_for()
    stage.scroll_into_view_if_needed()
    found = []
    for state, reach in NOTEBOOK_STATES.items():
        reach(stage)
        found += [f"{state}: {sentence}" for sentence in objections(notebook, stage)]
    show(stage, "ladder", "inspector")
    assert not found, "\n".join(found)


BREAK = """({ stage: { narration } }) => {
    narration.append(Object.assign(document.createElement("button"), { id: "unnamed" }));
    narration.querySelector(".said").style.color = "#999";
}"""
MEND = """({ stage: { narration } }) => {
    narration.querySelector("#unnamed").remove();
    narration.querySelector(".said").style.color = "";
}"""


def test_axe_does_find_something_in_jupyterlab_where_something_is_wrong(notebook: Page) -> None:
    use_theme(notebook, "light")
    stage = notebook.locator(OUTPUT_STAGE).first
    stage.locator(".narration").evaluate("part => part.scrollIntoView({ block: 'center' })")
    stage.evaluate(BREAK)
    found = objections(notebook, stage)
    stage.evaluate(MEND)
    assert sorted({sentence.split()[0] for sentence in found}) == ["button-name", "color-contrast"]
