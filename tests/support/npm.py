"""Packages of npm that tests need: fetched once, at a fixed version, and kept.

Theory
------
axe-core, Pyodide, TypeScript and eslint are published on npm and nowhere else that we could depend on. They are
no part of the project, so they are not kept in it: the first test that needs one has npm fetch it into the
user's cache folder, and later runs need no network. Nothing of a package is executed when it is fetched.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from needs import missing, program

__all__ = ["package"]

PATIENCE_S = 240


def package(name: str, version: str, why: str) -> Path:
    """The folder of a package. `why` completes "it is needed to ..."; skips the test if it cannot be had."""
    kept = cache() / f"{name}-{version}"
    installed = kept / "node_modules" / name
    if not (installed / "package.json").exists():
        fetch(kept, f"{name}@{version}", program("npm", why), why)
    return installed


def cache() -> Path:
    """Where what was fetched is kept: as everybody's caches, below XDG_CACHE_HOME."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "amqplab-tests"


def fetch(kept: Path, what: str, npm: str, why: str) -> None:
    """Fetch into a folder beside, and rename it when all is there: two tests may want it at the same time."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        fresh = Path(folder, "fresh")
        fresh.mkdir()
        words = [npm, "install", "--prefix", str(fresh), "--ignore-scripts", "--no-audit", "--no-fund", what]
        try:
            subprocess.run(words, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
        except subprocess.CalledProcessError as error:
            missing(f"npm cannot fetch {what}, which is needed to {why}: {error.stderr.strip()[-300:]}")
        except subprocess.TimeoutExpired:
            missing(f"npm did not fetch {what} within {PATIENCE_S} s; it is needed to {why}")
        if not kept.exists():
            fresh.rename(kept)
