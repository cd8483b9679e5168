"""Generated names in sentences: short, and still told apart."""

from __future__ import annotations

import pytest
from scenes import recording

from amqplab.trace.chapters import chapters
from amqplab.trace.generated import shortened

NAME = "amq.gen-Ej4nA2Jcb5c8q8zzI6-6qw"


@pytest.mark.parametrize(
    ("words", "short"),
    [
        (f"binds the queue '{NAME}' to", "binds the queue 'amq.gen-…I6-6qw' to"),
        (f"'{NAME}' and '{NAME}'", "'amq.gen-…I6-6qw' and 'amq.gen-…I6-6qw'"),
        ("consumer amq.ctag-0123456789abcdefgh-_XY.", "consumer amq.ctag-…gh-_XY."),
        ("queue 'amq.gen-mine'", "queue 'amq.gen-mine'"),
        (f"queue '{NAME}longer'", f"queue '{NAME}longer'"),
        ("the exchange 'amq.topic'", "the exchange 'amq.topic'"),
    ],
)
def test_only_what_the_broker_made_up_is_shortened(words: str, short: str) -> None:
    assert shortened(words) == short


def test_the_story_of_two_nameless_queues_can_be_read_aloud() -> None:
    sentences = [chapter.sentence for chapter in chapters(recording("publish_subscribe"))]
    queues = {word for one in sentences for word in one.split("'") if word.startswith("amq.gen-")}
    assert len(queues) == 2
    assert all(len(one) < 16 for one in queues)
