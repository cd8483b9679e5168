"""Clients of other languages, unmodified: what their programs observe of RabbitMQ they observe of us.

Theory
------
Every client library reads the protocol in its own way, and its users know the broker by what the library
makes of it: classes of errors, values of headers, the moment of a confirm. So each language has a program
that plays scenes and prints what it saw, nothing of which is left to chance, and there is one page of what it
prints, whatever broker it talks to. ``UPDATE=1 pytest`` writes the pages anew; read them in the diff.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from brokers import RemoteBroker
from needs import missing, program

HERE = Path(__file__).parent / "languages"
JARS = [Path("/usr/share/java", f"{name}.jar") for name in ("amqp-client", "slf4j-api", "slf4j-nop")]
TIMEOUT_S = 120


class Language(NamedTuple):
    """A program, the words that it is started with, and how to see whether its library is there."""

    program: str
    words: tuple[str, ...]
    library: tuple[str, ...]
    package: str


LANGUAGES = {
    "ruby": Language("ruby", ("scenes.rb", "{url}"), ("-e", "require 'bunny'"), "ruby-bunny"),
    "php": Language(
        "php",
        ("scenes.php", "{host}", "{port}"),
        ("-r", "require_once 'PhpAmqpLib/autoload.php';"),
        "php-cli php-amqplib",
    ),
    "c": Language("sh", ("scenes.sh", "{url}"), ("-c", "amqp-publish --help"), "amqp-tools"),
}


def run(command: list[str]) -> str:
    """What it prints. Complaints are shown when it fails."""
    done = subprocess.run(command, cwd=HERE, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done.stdout.decode()


def compare(name: str, printed: str) -> None:
    """What was printed is what the page says."""
    page = HERE / "expected" / f"{name}.txt"
    if os.environ.get("UPDATE"):
        page.write_text(printed, encoding="utf-8")
    assert printed == page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_program_sees_what_it_sees_of_rabbitmq(broker: RemoteBroker, name: str) -> None:
    language = LANGUAGES[name]
    found = program(language.program, f"run the client of {name}")
    if subprocess.run([found, *language.library], capture_output=True, check=False).returncode:
        missing(f"the AMQP client of {name} is not on this machine (apt install {language.package})")
    url = f"amqp://guest:guest@{broker.host}:{broker.port}/%2f"
    words = [word.format(url=url, host=broker.host, port=broker.port) for word in language.words]
    compare(name, run([found, *words]))


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs the Java program, compiled."""
    compiler = program("javac", "compile the program of RabbitMQ's Java client")
    if not all(jar.exists() for jar in JARS):
        missing("RabbitMQ's Java client is not on this machine (apt install librabbitmq-client-java)")
    folder = tmp_path_factory.mktemp("java")
    libraries = os.pathsep.join(map(str, JARS))
    run(
        [
            compiler,
            "-Xlint:all",
            "-Werror",
            "-encoding",
            "UTF-8",
            "-cp",
            libraries,
            "-d",
            str(folder),
            "Scenes.java",
        ]
    )
    return [program("java", "run it"), "-cp", f"{libraries}{os.pathsep}{folder}", "Scenes"]


def test_a_java_program_sees_what_it_sees_of_rabbitmq(broker: RemoteBroker, java: list[str]) -> None:
    url = f"amqp://guest:guest@{broker.host}:{broker.port}/%2f"
    compare("java", run([*java, url]))
