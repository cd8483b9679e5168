"""Some random conversations, the same ones each time; ``tests/support/differing.py`` plays thousands."""

from __future__ import annotations

import pytest
from conversations import Step, conversations
from differing import Difference, Differential
from hypothesis import HealthCheck, Phase, given, settings

from amqplab.broker.config import BrokerConfig


@pytest.mark.parametrize(("kind", "many"), [("classic", 100), ("quorum", 40)])
@pytest.mark.brokers("rabbitmq")
def test_random_conversations_look_the_same(broker, kind, many):
    differential = Differential(broker)

    @settings(
        max_examples=many,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(conversations(quorum=kind == "quorum"))
    def run(steps):
        differential.check(steps)

    run()
    assert differential.played >= many


@pytest.mark.brokers("rabbitmq")
def test_a_difference_is_found_and_made_short(broker, monkeypatch):
    """Here: a broker of ours that allows no message to be larger than two octets."""
    import differing

    small = BrokerConfig(max_message_size=2)
    real = differing.InMemoryBroker
    monkeypatch.setattr(differing, "InMemoryBroker", lambda: real(small))
    plain = {"exchange": "", "mandatory": False, "immediate": False, "properties": {}, "headers": None}
    steps = [
        Step(0, 1, "basic.qos", {"prefetch_count": 1, "global_": False, "prefetch_size": 0}),
        Step(0, 1, "basic.publish", {"routing_key": "q0", "size": 1, **plain}),
        Step(0, 1, "basic.publish", {"routing_key": "q0", "size": 3, **plain}),
        Step(1, 1, "tx.select", {}),
    ]
    with pytest.raises(Difference, match="after these 1 steps") as caught:
        Differential(broker).check(steps)
    assert "message size 3 is larger than configured max size 2" in str(caught.value)
