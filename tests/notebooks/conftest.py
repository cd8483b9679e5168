"""A JupyterLab of the tests' own and a browser that can reach nothing else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lessons import LESSONS
from needs import program

START_TIMEOUT_S = 60.0
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
FOLDERS = ("RUNTIME_DIR", "CONFIG_DIR", "DATA_DIR")


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(address, token) of a server in folders of its own, with a copy of the lessons."""
    home = tmp_path_factory.mktemp("jupyter")
    environment = {**os.environ, "IPYTHONDIR": str(home / "ipython"), "AMQPLAB_PROGRESS": "off"}
    environment |= {f"JUPYTER_{name}": str(home / name.lower()) for name in FOLDERS}
    environment |= {f"JUPYTERLAB_{name}_DIR": str(home / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    for folder in ("app", "notebooks"):
        (home / folder).mkdir()
    (home / "app" / "overrides.json").write_text(json.dumps(SETTINGS))
    for lesson in LESSONS:
        shutil.copy(lesson, home / "notebooks")
    options = ["--no-browser", "--port=0", "--LabApp.expose_app_in_browser=True", "--allow-root"]
    options += [f"--LabApp.app_settings_dir={home / 'app'}", f"--notebook-dir={home / 'notebooks'}"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        info = told_by(server, home / "runtime_dir", home / "log")
        yield info["url"], info["token"]
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def told_by(server: subprocess.Popen[bytes], folder: Path, log: Path) -> dict[str, Any]:
    """What the server writes about itself once it listens."""
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and server.poll() is None:
        for file in folder.glob("jpserver-*.json"):
            if text := file.read_text():
                info: dict[str, Any] = json.loads(text)
                return info
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, which resolves no name but this machine's."""
    from playwright.sync_api import sync_playwright

    path = program("chromium", "show the lessons in a real browser")
    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", rules])
        yield chromium
        chromium.close()
