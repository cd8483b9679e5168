"""What a newcomer installs: the metadata, the conda environment and the documents agree with each other."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import amqplab

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
FIXED = {"jupyterlab", "ipywidgets", "networkx", "matplotlib", "pytest", "nbval"}


def extras() -> dict[str, Requirement]:
    listed = [item for name in ("lab", "test") for item in PROJECT["optional-dependencies"][name]]
    return {req.name: req for req in map(Requirement, listed)}


def conda_dependencies() -> list[object]:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]


def test_the_core_has_no_dependencies() -> None:
    assert PROJECT["dependencies"] == []


def test_the_version_is_told_once_and_is_in_the_changelog() -> None:
    assert PROJECT["version"] == amqplab.__version__
    assert f"## {amqplab.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_fixed_packages_are_in_both_environments() -> None:
    conda = {Requirement(item).name for item in conda_dependencies() if isinstance(item, str)}
    assert set(extras()) >= FIXED
    assert conda >= FIXED


def test_conda_and_pip_ask_for_the_same_versions() -> None:
    for item in conda_dependencies():
        if isinstance(item, str) and Requirement(item).name in extras():
            wanted = Requirement(item)
            assert wanted.specifier == extras()[wanted.name].specifier, item


def test_conda_installs_this_checkout_with_its_test_extra() -> None:
    (pip,) = [item for item in conda_dependencies() if isinstance(item, dict)]
    assert pip == {"pip": ["-e .[test]"]}


def test_the_oldest_python_is_the_same_everywhere() -> None:
    assert PROJECT["requires-python"] == ">=3.11"
    assert "python>=3.11" in conda_dependencies()
    assert PYPROJECT["tool"]["mypy"]["python_version"] == "3.11"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py311"


def test_the_readme_has_exactly_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    start = readme.split("## Start", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", start, flags=re.S)
    assert [block.strip() for block in blocks] == ["python3 run.py lesson", "python3 run.py test"]


def test_the_readme_links_lead_somewhere() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", readme) + re.findall(r'src="([^"]+)"', readme)
    local = [target for target in targets if not re.match(r"https?:", target)]
    assert local
    assert [target for target in local if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("words, says", [(["nonsense"], "lesson"), (["--help"], "lesson")])
def test_run_explains_itself(words: list[str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words], capture_output=True, text=True, timeout=60
    )
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_core_imports_without_any_extra_installed() -> None:
    """`python -I -S` hides site-packages: the core and the command line must not notice."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import amqplab.wire, amqplab.trace, amqplab.broker, amqplab.client, amqplab.sim, amqplab.net\n"
        "import amqplab.cli; print('ok')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "ok", done.stderr
