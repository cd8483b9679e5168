"""A real JupyterLab for a test: its own folders, a free port, a token, and nothing left behind.

Theory
------
The server writes its address and token into a file of its runtime folder; that is how it is found. Everything
that Jupyter would keep (configuration, settings, workspaces, IPython's history) goes into a temporary folder.
News and updates are switched off, for a laboratory asks nobody. The server and its kernels are one process
group, and the group is what is ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import nbformat
from playwright.sync_api import Page

__all__ = ["OUTPUT_STAGE", "JupyterServer", "drawn", "opened", "run_all", "scene_code", "use_theme"]

OUTPUT_STAGE = ".jp-OutputArea-output .amqplab-stage"
"""A stage where a notebook shows it."""

SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
READY = """async () => {
    const { jupyterapp: app } = window;
    await app.restored;
    while (!app.shell.currentWidget?.context) await new Promise((done) => setTimeout(done, 50));
    const { context } = app.shell.currentWidget;
    await context.ready;
    await context.sessionContext.ready;
    await context.sessionContext.session.kernel.info;
}"""
"""In the page: done when the notebook and its kernel are there."""

RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
"""In the page: run all cells."""

CHANGE_THEME = "name => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })"
"""In the page: a theme, by name."""

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
"""Without it JupyterLab asks which one, and waits."""

SCENE = """\
import sys
sys.path.insert(0, {support!r})
from scenes import build
build({name!r}).stage()
"""

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")


class JupyterServer:
    """`python -m jupyterlab` on `notebooks`; `home` is a temporary folder for all that it keeps."""

    def __init__(self, notebooks: Path, home: Path) -> None:
        self.notebooks, self.home = notebooks, home
        self.url = self.token = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        settings, runtime = self.home / "settings", self.home / "runtime_dir"
        settings.mkdir(parents=True)
        (settings / "overrides.json").write_text(json.dumps(SETTINGS))
        environment = {**os.environ, "IPYTHONDIR": str(self.home / "ipython"), "HOME": str(self.home)}
        environment |= {f"JUPYTER_{name}": str(self.home / name.lower()) for name in FOLDERS}
        environment["PYTHONPATH"] = str(CHECKOUT)
        self._log = (self.home / "server.log").open("wb")
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0",
                f"--ServerApp.root_dir={self.notebooks}", f"--LabApp.app_settings_dir={settings}",
                f"--LabApp.user_settings_dir={self.home / 'user'}", "--LabApp.expose_app_in_browser=True",
                f"--LabApp.workspaces_dir={self.home / 'workspaces'}", "--ServerApp.allow_root=True",
                "--LabApp.extension_manager=readonly",
            ],
            env=environment, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            self._find(runtime)
        except BaseException:
            self._end()
            raise
        return self

    def _find(self, runtime: Path, patience_s: float = 40) -> None:
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            for file in runtime.glob("jpserver-*.json"):
                found = json.loads(file.read_text() or "{}")
                if "token" in found:
                    self.url, self.token = found["url"], found["token"]
                    return
            assert self._process is not None and self._process.poll() is None, self.said
            time.sleep(0.1)
        raise TimeoutError(f"JupyterLab did not start: {self.said}")

    @property
    def said(self) -> str:
        """What the server wrote."""
        return (self.home / "server.log").read_text(errors="replace")

    def address(self, notebook: str) -> str:
        """Where to open a notebook, alone."""
        return f"{self.url}doc/tree/{notebook}?token={self.token}"

    def write(self, notebook: str, *cells: str) -> None:
        """A new notebook of code cells."""
        made = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)], metadata=KERNEL)
        nbformat.write(made, self.notebooks / notebook)

    def _end(self) -> None:
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self._log.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()


# --- in its page ----------------------------------------------------------------------------------------


def scene_code(name: str) -> str:
    """The cell that shows one of the scenes."""
    return SCENE.format(support=str(Path(__file__).parent), name=name)


def opened(page: Page, address: str) -> None:
    """Open a notebook; returns when its kernel is there."""
    page.goto(address)
    page.wait_for_function("() => window.jupyterapp")
    page.wait_for_load_state("networkidle")
    page.evaluate(READY)


def run_all(page: Page, address: str) -> None:
    """Open a notebook and run all its cells; its stages may still be unpacking."""
    opened(page, address)
    page.evaluate(RUN_ALL)


def drawn(page: Page) -> None:
    """Wait until nothing covers the page and the first stage is drawn."""
    page.wait_for_selector(f"{OUTPUT_STAGE} [role=slider]")
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def use_theme(page: Page, scheme: str) -> None:
    """JupyterLab's "light" or "dark" theme; returns when it is there."""
    page.evaluate(CHANGE_THEME, f"JupyterLab {scheme.title()}")
    is_light = "true" if scheme == "light" else "false"
    page.wait_for_selector(f"body[data-jp-theme-light='{is_light}']", state="attached")
    page.wait_for_load_state("networkidle")
    page.wait_for_selector("#jupyterlab-splash", state="detached")  # it lies over everything
