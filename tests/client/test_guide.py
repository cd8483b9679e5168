"""The examples of the client's guide run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "client.md").read_text(encoding="utf-8")
ALL = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
PRINTED = [
    "b'Hello, Rabbit!'\n",
    "b'Hello, Rabbit!'\n",
    "True\n",
    "Queue.DeclareOk(queue='example', message_count=0, consumer_count=0)\n",
    "".join(f"{number} True\n" for number in range(2, 102)) + "True\n",
    "b'haha'\n",
]


@pytest.mark.parametrize(("code", "printed"), list(zip(ALL, PRINTED, strict=True)))
def test_an_example_prints_what_it_should(
    code: str, printed: str, amqplab_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    here = code.replace("localhost:5672", f"127.0.0.1:{amqplab_server.port}")
    exec(compile(here, "docs/client.md", "exec"), {"__name__": "example"})
    assert capsys.readouterr().out == printed
