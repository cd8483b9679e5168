"""Programs that a test cannot do without: skip where they are missing, unless nothing may be skipped.

Theory
------
A laptop without RabbitMQ must still be able to run the tests, and must say what it left out. The gate must
not leave anything out. One environment variable, ``AMQPLAB_REQUIRE_ALL``, turns the one into the other.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

__all__ = ["missing", "program"]

PACKAGES = {
    "epmd": "rabbitmq-server",
    "java": "default-jdk-headless",
    "javac": "default-jdk-headless",
    "node": "nodejs",
    "npm": "npm",
    "php": "php-cli",
}
"""Debian's package, where it is not called like the program."""


def program(name: str, why: str) -> str:
    """The path of a program; skips the test when there is none. `why` completes "it is needed to ..."."""
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
    return found or missing(
        f"{name} is not on this machine; it is needed to {why} (apt install {PACKAGES.get(name, name)})"
    )


def missing(reason: str) -> NoReturn:
    """Skip with `reason`, or fail with it where ``AMQPLAB_REQUIRE_ALL`` is set."""
    if os.environ.get("AMQPLAB_REQUIRE_ALL"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
