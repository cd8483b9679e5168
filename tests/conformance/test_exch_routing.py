"""EXCH-17 … EXCH-40: what becomes of a message in an exchange."""

from __future__ import annotations

import pytest

from amqplab.wire.methods import Basic, Exchange, Queue
from amqplab.wire.table import Int8, Table

PUBLISH, BIND = (60, 40), (50, 20)


def arrives(peer, queue, exchange, key="", **properties):
    """How many copies of one publish come to the queue."""
    peer.publish(key, exchange=exchange, **properties)
    return len(peer.drain(queue))


def missing(peer, name):
    """The exchange is gone."""
    peer.send(Exchange.Declare(exchange=name, passive=True))
    peer.expect_channel_error(404, f"NOT_FOUND - no exchange '{name}' in vhost '/'", (40, 10))


def there(peer, name):
    """The exchange is there."""
    peer.call(Exchange.Declare(exchange=name, passive=True), Exchange.DeclareOk())


def bound(peer, broker, kind, key="", arguments=None):
    """A new exchange of this kind with one queue bound to it: (exchange, queue)."""
    exchange = peer.exchange(broker.fresh(kind), kind, auto_delete=True)
    queue = peer.queue()
    peer.bind(queue, exchange, key, arguments)
    return exchange, queue


# --- auto-delete and internal ------------------------------------------------------------------------------


def test_EXCH_17_an_auto_delete_exchange_goes_with_its_last_binding(broker):
    with broker.connect() as peer:
        name, first = bound(peer, broker, "direct", "a")
        second = peer.queue()
        peer.bind(second, name, "a")
        peer.call(
            Queue.Unbind(queue=first, exchange=name, routing_key="a"),
            Queue.UnbindOk(),
        )
        there(peer, name)
        peer.call(Queue.Delete(queue=second), Queue.DeleteOk(0))
        missing(peer, name)


def test_EXCH_17_also_when_the_owner_of_the_queue_leaves(broker):
    with broker.connect() as peer:
        with broker.connect() as owner:
            name, _ = bound(owner, broker, "fanout")
        missing(peer, name)


def test_EXCH_17_also_when_the_destination_exchange_is_deleted(broker):
    with broker.connect() as peer:
        target = peer.exchange(broker.fresh("target"))
        name = peer.exchange(broker.fresh("auto"), auto_delete=True)
        peer.bind_exchange(target, name)
        peer.call(Exchange.Delete(exchange=target), Exchange.DeleteOk())
        missing(peer, name)


def test_EXCH_17_never_bound_or_bound_to_only_it_stays(broker):
    with broker.connect() as peer:
        name = peer.exchange(broker.fresh("auto"), auto_delete=True)
        source = peer.exchange(broker.fresh("source"))
        peer.bind_exchange(name, source)
        peer.call(Exchange.Delete(exchange=source), Exchange.DeleteOk())
        there(peer, name)
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_18_durable_and_auto_delete_combine(broker):
    with broker.connect() as peer:
        name = peer.exchange(broker.fresh("both"), durable=True, auto_delete=True)
        peer.bind(peer.queue(), name)
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_19_nobody_publishes_to_an_internal_exchange(broker):
    with broker.connect() as peer:
        name = peer.exchange(broker.fresh("inner"), internal=True)
        peer.publish("key", exchange=name)
        text = f"ACCESS_REFUSED - cannot publish to internal exchange '{name}' in vhost '/'"
        peer.expect_channel_error(403, text, PUBLISH)
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_19_an_internal_exchange_serves_as_destination_and_as_alternate(broker):
    with broker.connect() as peer:
        inner = peer.exchange(broker.fresh("inner"), "fanout", internal=True)
        queue = peer.queue()
        peer.bind(queue, inner)
        source = peer.exchange(broker.fresh("source"), "fanout")
        peer.bind_exchange(inner, source)
        rescued = peer.exchange(broker.fresh("rescued"), arguments={"alternate-exchange": inner})
        assert arrives(peer, queue, source) == 1
        assert arrives(peer, queue, rescued, "nowhere") == 1
        for name in (inner, source, rescued):
            peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


# --- the default exchange ----------------------------------------------------------------------------------


def test_EXCH_20_the_default_exchange_takes_the_routing_key_as_a_queue_s_name(broker):
    with broker.connect() as peer:
        queue = peer.queue(broker.fresh("named"))
        assert arrives(peer, queue, "", queue) == 1
        assert arrives(peer, queue, "", queue.upper()) == 0


@pytest.mark.parametrize(
    "method",
    [
        lambda queue: Queue.Bind(queue=queue, exchange="", routing_key="k"),
        lambda queue: Queue.Unbind(queue=queue, exchange="", routing_key=queue),
        lambda queue: Exchange.Bind(destination="", source="amq.direct"),
        lambda queue: Exchange.Bind(destination="amq.direct", source=""),
        lambda queue: Exchange.Unbind(destination="", source="amq.direct"),
        lambda queue: Exchange.Unbind(destination="amq.direct", source=""),
    ],
    ids=["bind", "unbind", "bind to", "bind from", "unbind to", "unbind from"],
)
def test_EXCH_20_its_bindings_are_not_for_changing(broker, method):
    with broker.connect() as peer:
        asked = method(peer.queue())
        peer.send(asked)
        text = "ACCESS_REFUSED - operation not permitted on the default exchange"
        peer.expect_channel_error(403, text, asked.ids)


# --- direct and fanout -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("binding_key", "routing_key", "copies"),
    [
        ("info", "info", 1),
        ("info", "Info", 0),
        ("info", "info ", 0),
        ("", "", 1),
        ("", "info", 0),
        ("é", "é", 1),
        ("é", "e\u0301", 0),
        ("a.*", "a.b", 0),
        ("#", "#", 1),
    ],
)
def test_EXCH_21_direct_compares_octets(broker, binding_key, routing_key, copies):
    with broker.connect() as peer:
        exchange, queue = bound(peer, broker, "direct", binding_key)
        assert arrives(peer, queue, exchange, routing_key) == copies


def test_EXCH_21_the_queue_s_name_plays_no_role(broker):
    with broker.connect() as peer:
        exchange, queue = bound(peer, broker, "direct", "key")
        assert arrives(peer, queue, exchange, queue) == 0


def test_EXCH_22_fanout_ignores_the_key_and_gives_one_copy(broker):
    with broker.connect() as peer:
        exchange, queue = bound(peer, broker, "fanout", "a")
        peer.bind(queue, exchange, "b")
        peer.bind(queue, exchange, "b", {"x": 1})
        assert arrives(peer, queue, exchange, "whatever") == 1
        assert arrives(peer, queue, exchange, "") == 1


# --- topic -------------------------------------------------------------------------------------------------

TOPICS = [
    # EXCH-23: everything between two dots is a word, also nothing; the empty key has no word at all
    ("", "", True), ("#", "", True), ("", ".", False), (".", ".", True), (".", "", False),
    ("a.", "a.", True), ("a.", "a", False), ("a", "a.", False),
    # EXCH-24: a star is exactly one word
    ("*", "a", True), ("*", "", False), ("*", ".", False), ("*.*", ".", True), ("a.*", "a.", True),
    ("a.*", "a", False), ("*.b", "a.b", True), ("*.b", "a.c.b", False), ("a.*.c", "a.b.c", True),
    # EXCH-25: a hash is any number of words, anywhere, several times
    ("a.#.c", "a.c", True), ("a.#.c", "a.b.b.c", True), ("a.#.c", "a.b", False), ("#.a.#", "a", True),
    ("#.a.#", "b.a.b", True), ("#.a.#", "b", False), ("#.#", "", True), ("#.#", "a.b", True),
    ("*.#", "a", True), ("*.#", "", False), ("#.*", "a.b", True), ("#.*", "", False),
    ("a.#", "a", True), ("a.#", "ab", False), ("#.b.#.b", "b.b", True), ("#.b.#.b", "b", False),
    # EXCH-26: wildcards are whole words, and text in a published key
    ("a*", "a*", True), ("a*", "ab", False), ("a#", "a.b", False), ("a.*", "a.*", True),
    ("a.b", "a.*", False), ("a.b", "#", False), ("*", "#", True),
]  # fmt: skip


def test_EXCH_23_EXCH_24_EXCH_25_EXCH_26_topics(broker):
    with broker.connect() as peer:
        for pattern, key, matches in TOPICS:
            exchange, queue = bound(peer, broker, "topic", pattern)
            found = arrives(peer, queue, exchange, key)
            assert found == matches, f"pattern {pattern!r}, key {key!r}: {found} copies"


def test_EXCH_27_one_publish_is_at_most_one_copy_in_a_queue(broker):
    with broker.connect() as peer:
        exchange, queue = bound(peer, broker, "topic", "a.*")
        inner = peer.exchange(broker.fresh("inner"), "fanout", auto_delete=True)
        peer.bind(queue, exchange, "#")
        peer.bind(queue, exchange, "*.b")
        peer.bind(queue, inner)
        peer.bind_exchange(inner, exchange, "a.b")
        assert arrives(peer, queue, exchange, "a.b", headers={"CC": ["a.c", "a.b"]}) == 1


# --- headers -----------------------------------------------------------------------------------------------

HEADERS = [
    # EXCH-28, EXCH-29: all, which is also the default
    ({"a": 1, "b": "x"}, {"a": 1, "b": "x", "c": 3}, True),
    ({"a": 1, "b": "x"}, {"a": 1}, False),
    ({"x-match": "all", "a": 1}, {"a": 1}, True),
    ({"x-match": "all", "a": 1}, {"a": 2}, False),
    ({"a": 1}, None, False),
    ({}, None, True),
    ({"x-match": "all"}, {"a": 1}, True),
    ({"x-other": 1}, {}, True),
    ({"x-other": 1, "a": 1}, {"a": 1, "x-other": 2}, True),
    # EXCH-30: any
    ({"x-match": "any", "a": 1, "b": 2}, {"b": 2}, True),
    ({"x-match": "any", "a": 1, "b": 2}, {"b": 1}, False),
    ({"x-match": "any"}, {"a": 1}, False),
    ({"x-match": "any", "x-other": 1}, {"x-other": 1}, False),
    # EXCH-31: those that count x- as well
    ({"x-match": "all-with-x", "x-other": 1}, {"x-other": 1}, True),
    ({"x-match": "all-with-x", "x-other": 1}, {}, False),
    ({"x-match": "any-with-x", "x-other": 1, "a": 1}, {"x-other": 1}, True),
    ({"x-match": "any-with-x", "x-other": 1}, {"x-other": 2}, False),
    # EXCH-32: void is "there, whatever it says"
    ({"a": None}, {"a": 5}, True),
    ({"a": None}, {"a": "x"}, True),
    ({"a": None}, {}, False),
    # EXCH-33: by value among numbers, never between text and number
    ({"a": Int8(1)}, {"a": 1}, True),
    ({"a": 1.0}, {"a": 1}, True),
    ({"a": 1}, {"a": 1.0}, True),
    ({"a": 1}, {"a": 1.5}, False),
    ({"a": "1"}, {"a": 1}, False),
    ({"a": True}, {"a": 1}, False),
    ({"a": True}, {"a": True}, True),
    ({"a": "x"}, {"a": "X"}, False),
    ({"a": [1, 2]}, {"a": [1, 2]}, True),
    ({"a": Table({"b": 1})}, {"a": {"b": 1}}, True),
]  # fmt: skip


def test_EXCH_28_EXCH_29_EXCH_30_EXCH_31_EXCH_32_EXCH_33_headers(broker):
    with broker.connect() as peer:
        for arguments, headers, matches in HEADERS:
            exchange, queue = bound(peer, broker, "headers", "ignored", arguments)
            properties = {} if headers is None else {"headers": headers}
            found = arrives(peer, queue, exchange, "another", **properties)
            assert found == matches, f"binding {arguments}, message {headers}: {found} copies"


@pytest.mark.parametrize(
    ("match", "text"),
    [
        ("some", 'value <<"some">>; expected all, any, all-with-x, or any-with-x'),
        ("ALL", 'value <<"ALL">>; expected all, any, all-with-x, or any-with-x'),
        ("é", 'value <<"é">>; expected all, any, all-with-x, or any-with-x'),
        ("", "value <<>>; expected all, any, all-with-x, or any-with-x"),
        (1, "type signedint (value 1); expected longstr"),
        (True, "type bool (value true); expected longstr"),
        (None, "type void (value undefined); expected longstr"),
        (b"\x00x", "type binary (value <<0,120>>); expected longstr"),
    ],
)
def test_EXCH_34_x_match_is_validated_by_headers_exchanges(broker, match, text):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.bind(queue, "amq.direct", "key", {"x-match": match})
        peer.send(Queue.Bind(queue=queue, exchange="amq.headers", arguments={"x-match": match}))
        peer.expect_channel_error(406, f"PRECONDITION_FAILED - Invalid x-match field {text}", BIND)


# --- alternates and chains ---------------------------------------------------------------------------------


def chain(peer, broker, *names):
    """Direct exchanges, each the alternate of the one before; returns their names."""
    found = [broker.fresh(name) for name in names]
    for name, following in zip(found, [*found[1:], ""], strict=True):
        peer.exchange(name, arguments={"alternate-exchange": following} if following else {})
    return found


def test_EXCH_35_an_alternate_takes_what_found_no_destination(broker):
    with broker.connect() as peer:
        first, second, third = names = chain(peer, broker, "first", "second", "third")
        direct, last = peer.queue(), peer.queue()
        peer.bind(direct, first, "known")
        peer.bind(last, third, "unknown")
        peer.publish("known", exchange=first)
        peer.publish("unknown", exchange=first)
        assert len(peer.drain(direct)) == 1
        message = peer.get(last)
        assert (message.method.exchange, message.method.routing_key) == (first, "unknown")
        assert second != third
        for name in names:
            peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_35_it_is_looked_up_when_publishing_and_a_cycle_is_cut(broker):
    with broker.connect() as peer:
        one, other = broker.fresh("one"), broker.fresh("other")
        peer.exchange(one, arguments={"alternate-exchange": other})
        peer.publish("key", exchange=one, mandatory=True)
        returned = peer.expect_message(Basic.Return)
        assert returned.method == Basic.Return(312, "NO_ROUTE", one, "key")
        peer.exchange(other, arguments={"alternate-exchange": one})
        peer.publish("key", exchange=one, mandatory=True)
        peer.expect_message(Basic.Return(312, "NO_ROUTE", one, "key"))
        for name in (one, other):
            peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_36_a_destination_that_leads_nowhere_is_a_destination(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        source, rescue = chain(peer, broker, "source", "rescue")
        peer.bind(queue, rescue, "key")
        nowhere = peer.exchange(broker.fresh("nowhere"))
        assert arrives(peer, queue, source, "key") == 1
        peer.bind_exchange(nowhere, source, "key")
        assert arrives(peer, queue, source, "key") == 0
        for name in (source, rescue, nowhere):
            peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_37_what_an_alternate_rescued_is_not_returned(broker):
    with broker.connect() as peer:
        source, rescue = chain(peer, broker, "source", "rescue")
        queue = peer.queue()
        peer.bind(queue, rescue, "key")
        peer.publish("key", exchange=source, mandatory=True)
        assert len(peer.drain(queue)) == 1
        for name in (source, rescue):
            peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_38_cycles_of_bindings_are_legal(broker):
    with broker.connect() as peer:
        one, other = (peer.exchange(broker.fresh("ring"), "fanout") for _ in range(2))
        queue = peer.queue()
        for destination, source in ((one, one), (other, one), (one, other)):
            peer.bind_exchange(destination, source)
        peer.bind(queue, other)
        assert arrives(peer, queue, one) == 1
        assert arrives(peer, queue, other) == 1
        for name in (one, other):
            peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_39_a_delivery_names_the_exchange_and_key_of_the_publish(broker):
    with broker.connect() as peer:
        first = peer.exchange(broker.fresh("first"), "topic")
        second = peer.exchange(broker.fresh("second"), "fanout")
        queue = peer.queue()
        peer.bind_exchange(second, first, "a.#")
        peer.bind(queue, second, "other")
        peer.publish("a.b", exchange=first)
        message = peer.get(queue)
        assert (message.method.exchange, message.method.routing_key) == (first, "a.b")
        for name in (first, second):
            peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


# --- bindings ----------------------------------------------------------------------------------------------


def test_EXCH_41_a_binding_is_its_four_parts(broker):
    """Repeating it changes nothing; other arguments make another one."""
    with broker.connect() as peer:
        exchange, queue = bound(peer, broker, "direct", "key", {"a": 1, "b": 2})
        peer.bind(queue, exchange, "key", {"b": 2, "a": 1})
        peer.bind(queue, exchange, "key", {"a": 1})
        assert arrives(peer, queue, exchange, "key") == 1

        def unbind(arguments):
            method = Queue.Unbind(queue=queue, exchange=exchange, routing_key="key", arguments=arguments)
            peer.call(method, Queue.UnbindOk())

        unbind({"b": 2, "a": 1})
        assert arrives(peer, queue, exchange, "key") == 1
        unbind({"a": 1})
        missing(peer, exchange)


@pytest.mark.parametrize(
    ("method", "what"),
    [
        (Queue.Bind(queue="nobody", exchange="amq.direct"), "queue 'nobody'"),
        (Exchange.Bind(destination="nowhere", source="amq.direct"), "exchange 'nowhere'"),
        (Exchange.Bind(destination="amq.direct", source="nowhere"), "exchange 'nowhere'"),
        (Exchange.Bind(destination="nobody", source="nowhere"), "exchange 'nowhere'"),
    ],
)
def test_EXCH_42_a_missing_end_of_a_binding(broker, method, what):
    with broker.connect() as peer:
        peer.send(method)
        peer.expect_channel_error(404, f"NOT_FOUND - no {what} in vhost '/'", method.ids)


def test_EXCH_42_where_both_are_missing_the_exchange_is_named(broker):
    with broker.connect() as peer:
        peer.send(Queue.Bind(queue="nobody", exchange="nowhere"))
        peer.expect_channel_error(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'", BIND)
        queue = peer.queue()
        peer.send(Queue.Bind(queue=queue, exchange="nowhere"))
        peer.expect_channel_error(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'", BIND)


@pytest.mark.parametrize(
    ("method", "reply"),
    [
        (Queue.Unbind(queue="nobody", exchange="amq.direct"), Queue.UnbindOk()),
        (Queue.Unbind(queue="nobody", exchange="nowhere"), Queue.UnbindOk()),
        (Exchange.Unbind(destination="nowhere", source="amq.direct"), Exchange.UnbindOk()),
        (Exchange.Unbind(destination="amq.direct", source="nowhere"), Exchange.UnbindOk()),
        (Exchange.Unbind(destination="amq.direct", source="amq.fanout"), Exchange.UnbindOk()),
    ],
)
def test_EXCH_43_unbinding_what_is_not_bound_is_fine(broker, method, reply):
    with broker.connect() as peer:
        peer.call(method, reply)


def test_EXCH_44_the_destination_comes_first_and_unbind_ok_is_51(broker):
    with broker.connect() as peer:
        destination = peer.exchange(broker.fresh("destination"), "fanout", auto_delete=True)
        source = peer.exchange(broker.fresh("source"), auto_delete=True)
        queue = peer.queue()
        peer.bind(queue, destination)
        peer.bind_exchange(destination, source, "key")
        assert arrives(peer, queue, source, "key") == 1
        peer.send(Exchange.Unbind(destination=destination, source=source, routing_key="key"))
        assert peer.frame(1)[2] == bytes.fromhex("0028 0033")
        missing(peer, source)


def test_EXCH_45_another_connection_s_exclusive_queue(broker):
    with broker.connect() as owner, broker.connect() as peer:
        queue = owner.queue()
        exchange = owner.exchange(broker.fresh("shared"), auto_delete=True)
        owner.bind(queue, exchange, "key")
        text = (
            f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '/'. "
            "It could be originally declared on another connection or the exclusive property value "
            "does not match that of the original declaration."
        )
        for method in (
            Queue.Bind(queue=queue, exchange=exchange, routing_key="another"),
            Queue.Unbind(queue=queue, exchange=exchange, routing_key="key"),
        ):
            peer.send(method)
            peer.expect_channel_error(405, text, method.ids)
        peer.call(Queue.Unbind(queue=queue, exchange=exchange, routing_key="no such"), Queue.UnbindOk())


def test_EXCH_46_a_queue_takes_its_bindings_with_it(broker):
    with broker.connect() as peer:
        exchange, queue = bound(peer, broker, "direct", "key")
        keeper = peer.queue()
        peer.bind(keeper, exchange, "other")
        peer.call(Queue.Delete(queue=queue), Queue.DeleteOk(0))
        peer.publish("key", exchange=exchange, mandatory=True)
        peer.expect_message(Basic.Return(312, "NO_ROUTE", exchange, "key"))
