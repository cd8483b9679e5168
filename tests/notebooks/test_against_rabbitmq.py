"""Lesson 01 says that its calls work on RabbitMQ as they stand: its own cells, run against RabbitMQ."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from lessons import LESSONS, cells, code, run_plainly

from amqplab import Lab
from amqplab.client import BlockingConnection
from amqplab.lab import in_another_process

QUEUES = ("app", "info")


@pytest.fixture
def url(rabbitmq: Any) -> Iterator[str]:
    """RabbitMQ without what the lesson declares, before and after."""
    url = f"amqp://guest:guest@{rabbitmq.host}:{rabbitmq.port}"
    clean(url)
    yield url
    clean(url)


def clean(url: str) -> None:
    connection = BlockingConnection(url)
    channel = connection.channel()
    for queue in QUEUES:
        channel.queue_delete(queue)
    channel.exchange_delete("logs")
    connection.close()


def calls() -> Iterator[ast.stmt]:
    """The lesson's statements, up to the claims, that speak to the broker, and its callback."""
    for cell in cells(LESSONS[1]):
        text = code(cell)
        if "BasicProperties" in text:
            return
        if "async with" in text or "import pika" in text:
            continue
        for statement in ast.parse(text).body:
            called = ast.unparse(statement).partition("(")[0]
            if called.startswith(("channel.", "consumer.basic")) or isinstance(statement, ast.FunctionDef):
                yield statement


def test_the_lessons_calls_run_on_a_real_connection_as_they_stand(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    producer, receiver = BlockingConnection(url), BlockingConnection(url)
    names = {"channel": producer.channel(), "consumer": receiver.channel()}
    statements = list(calls())
    assert len(statements) == 8
    for statement in statements:
        exec(compile(ast.Module([statement], []), "lesson 01", "exec"), names)
    for _ in range(100):
        receiver.process_data_events(time_limit=0.1)
        if said := capsys.readouterr().out:
            break
    assert said == "received: Hello, Rabbit!\n"
    assert names["channel"].queue_declare("info", passive=True).method.message_count == 0
    for connection in (producer, receiver):
        connection.close()


def test_the_lessons_pika_program_runs_on_rabbitmq_with_nothing_but_its_address(url: str) -> None:
    journey = run_plainly(LESSONS[1])["journey"]
    assert asyncio.run(in_another_process(journey, url)) == "pika received: Hello, Rabbit!"


def test_the_lessons_solution_solves_its_exercise() -> None:
    [solution] = [code(cell) for cell in cells(LESSONS[1], "markdown") if "A solution" in code(cell)]
    block = solution.partition("```python\n")[2].partition("```")[0]
    names = run_plainly(LESSONS[1])
    tree = ast.parse(block)
    answer = tree.body.pop()
    exec(compile(tree, "solution", "exec"), names)
    assert isinstance(answer, ast.Expr)
    assert repr(eval(compile(ast.Expression(answer.value), "solution", "eval"), names)) == "Solved."


def test_the_lessons_suggestions_to_play_are_true() -> None:
    """An empty body has two frames; a second binding leads further messages to the same queue."""
    names = run_plainly(LESSONS[1])
    lab: Lab = names["lab"]
    names["channel"].basic_publish(exchange="logs", routing_key="info", body="")
    lab.run()
    assert len(lab.frames("producer", since="basic.publish")) == 2
    names["channel"].queue_bind(queue="app", exchange="logs", routing_key="error")
    names["channel"].basic_publish(exchange="logs", routing_key="error", body="!")
    lab.run()
    assert lab.last("Routed").event.queues == ("app", "info")
