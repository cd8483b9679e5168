"""From an address to queues: alternates, exchange-to-exchange bindings, copies (EXCH-20 … EXCH-39)."""

from __future__ import annotations

from typing import Any

import pytest

from amqplab.model.arguments import QueueArguments
from amqplab.model.binding import EXCHANGE, QUEUE, bind
from amqplab.model.vhost import VirtualHost


class World:
    """A virtual host with short words for its topology."""

    def __init__(self) -> None:
        self.vhost = VirtualHost("/")

    def exchange(self, name: str, kind: str = "direct", alternate: str | None = None, **flags: bool) -> None:
        arguments = {} if alternate is None else {"alternate-exchange": alternate}
        self.vhost.declare_exchange(name, kind, arguments=arguments, **flags)

    def queue(self, *names: str) -> None:
        for name in names:
            self.vhost.declare_queue(
                name, durable=False, owner=None, auto_delete=False, arguments=QueueArguments(), now=0
            )

    def to_queue(self, source: str, queue: str, key: str = "", **arguments: Any) -> None:
        self.vhost.add_binding(bind(source, QUEUE, queue, key, arguments), "c")

    def to_exchange(self, source: str, destination: str, key: str = "") -> None:
        self.vhost.add_binding(bind(source, EXCHANGE, destination, key), "c")

    def reached(self, exchange: str, key: str = "", *more: str, **headers: Any) -> tuple[str, ...]:
        return self.vhost.route(exchange, key, more, headers).queues


@pytest.fixture
def world() -> World:
    return World()


def test_the_default_exchange_takes_the_key_as_queue_name(world: World) -> None:
    world.queue("q")
    assert world.reached("", "q") == ("q",)
    assert world.reached("", "other") == ()


def test_direct_compares_with_the_binding_key_not_the_queue_name(world: World) -> None:
    world.queue("q")
    world.to_queue("amq.direct", "q", "k")
    assert world.reached("amq.direct", "k") == ("q",)
    assert world.reached("amq.direct", "q") == ()
    assert world.reached("amq.direct", "K") == ()


def test_one_copy_per_queue_however_many_bindings_match(world: World) -> None:
    world.queue("q")
    world.to_queue("amq.topic", "q", "#")
    world.to_queue("amq.topic", "q", "a.*")
    routing = world.vhost.route("amq.topic", "a.b")
    assert routing.queues == ("q",)
    assert {binding.routing_key for binding in routing.matched} == {"#", "a.*"}


def test_fanout_ignores_the_key(world: World) -> None:
    world.queue("q", "p")
    world.to_queue("amq.fanout", "q", "x")
    world.to_queue("amq.fanout", "p", "y")
    assert world.reached("amq.fanout", "z") == ("p", "q")


def test_headers_routing_depends_on_the_headers(world: World) -> None:
    world.queue("q")
    world.to_queue("amq.headers", "q", a=1)
    assert world.reached("amq.headers", "k", a=1) == ("q",)
    assert world.reached("amq.headers", "k", a=2) == ()


def test_extra_keys_route_too(world: World) -> None:
    world.queue("q", "p")
    world.to_queue("amq.direct", "q", "k")
    world.to_queue("amq.direct", "p", "cc")
    assert world.reached("amq.direct", "k", "cc") == ("p", "q")
    assert world.reached("", "q", "p", "nobody") == ("p", "q")


def test_messages_flow_from_exchange_to_exchange_with_the_original_key(world: World) -> None:
    world.exchange("a", "fanout")
    world.exchange("b", "topic")
    world.queue("q")
    world.to_exchange("a", "b", "ignored")
    world.to_queue("b", "q", "x.*")
    assert world.reached("a", "x.y") == ("q",)
    assert world.reached("a", "ignored") == ()


def test_cycles_are_legal_and_end(world: World) -> None:
    world.exchange("a", "fanout")
    world.exchange("b", "fanout")
    world.queue("q")
    world.to_exchange("a", "b")
    world.to_exchange("b", "a")
    world.to_exchange("a", "a")
    world.to_queue("b", "q")
    assert world.reached("a") == ("q",)


def test_the_alternate_takes_what_found_no_destination(world: World) -> None:
    world.exchange("rescue", "fanout")
    world.exchange("a", alternate="rescue")
    world.queue("q", "saved")
    world.to_queue("a", "q", "k")
    world.to_queue("rescue", "saved")
    assert world.reached("a", "k") == ("q",)
    routing = world.vhost.route("a", "other")
    assert routing.queues == ("saved",)
    assert routing.alternates == ("rescue",)


def test_an_alternate_may_be_missing_and_chains_are_cut_at_cycles(world: World) -> None:
    world.exchange("a", alternate="b")
    assert world.reached("a", "k") == ()
    world.exchange("b", alternate="a")
    assert world.reached("a", "k") == ()


def test_an_exchange_that_leads_nowhere_is_still_a_destination(world: World) -> None:
    world.exchange("rescue", "fanout")
    world.exchange("a", "fanout", alternate="rescue")
    world.exchange("dead end")
    world.queue("saved")
    world.to_queue("rescue", "saved")
    world.to_exchange("a", "dead end")
    assert world.reached("a", "k") == ()


def test_an_alternate_of_a_destination_is_asked_too(world: World) -> None:
    world.exchange("rescue", "fanout")
    world.exchange("a", "fanout")
    world.exchange("b", alternate="rescue")
    world.queue("saved")
    world.to_exchange("a", "b")
    world.to_queue("rescue", "saved")
    assert world.reached("a", "k") == ("saved",)


def test_a_remembered_routing_is_forgotten_when_the_topology_changes(world: World) -> None:
    assert world.reached("", "q") == ()
    world.queue("q")
    assert world.reached("", "q") == ("q",)
    world.vhost.delete_queue(world.vhost.queues["q"])
    assert world.reached("", "q") == ()
    world.queue("q")
    world.to_queue("amq.direct", "q", "k")
    assert world.reached("amq.direct", "k") == ("q",)
    world.vhost.remove_binding(bind("amq.direct", QUEUE, "q", "k"), "c")
    assert world.reached("amq.direct", "k") == ()
