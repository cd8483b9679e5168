"""DLX-01 … DLX-17: what becomes of a message that nobody took."""

from __future__ import annotations

import pytest

from amqplab.wire.methods import Basic, Exchange, Queue
from amqplab.wire.table import Int8, Int64, Table, Timestamp, UInt8


def dying(broker, peer, exchange="", key=None, **arguments):
    """A queue that gives its dead to `exchange`."""
    table = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
    table["x-dead-letter-exchange"] = exchange
    if key is not None:
        table["x-dead-letter-routing-key"] = key
    return peer.queue(broker.fresh("dying"), arguments=table)


def reject(peer, queue):
    """Take the head and refuse it."""
    tag = peer.get(queue, no_ack=False).tag
    peer.send(Basic.Reject(delivery_tag=tag, requeue=False))
    peer.sync()


def letter(peer, queue):
    """The dead letter that stands in the queue by now."""
    peer.await_counts(queue, (1, 0))
    return peer.get(queue)


def deaths(message):
    """x-death as dictionaries, without the time."""
    tables = message.properties.headers["x-death"]
    assert all(isinstance(table, Table) and isinstance(table["time"], Timestamp) for table in tables)
    assert all(isinstance(table["count"], Int64) for table in tables)
    return [{name: value for name, value in table.items() if name != "time"} for table in tables]


@pytest.fixture
def peer(broker):
    with broker.connect() as peer:
        yield peer


@pytest.fixture
def dead(broker, peer):
    """Where the dead letters go."""
    return peer.queue(broker.fresh("dead"))


# --- triggers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["reject", "nack"])
def test_DLX_01_DLX_05_a_refused_message_goes_to_the_exchange_that_the_queue_names(broker, peer, dead, how):
    name = dying(broker, peer, "", dead)
    peer.publish(name, b"a")
    peer.sync()
    peer.await_counts(name, (1, 0))
    tag = peer.get(name, no_ack=False).tag
    refusal = Basic.Reject if how == "reject" else Basic.Nack
    peer.send(refusal(delivery_tag=tag, requeue=False))
    found = letter(peer, dead)
    assert (found.method.exchange, found.method.routing_key, found.body) == ("", dead, b"a")
    assert deaths(found)[0]["reason"] == "rejected"


def test_DLX_01_an_expired_message(broker, peer, dead):
    name = dying(broker, peer, "", dead, message_ttl=0)
    peer.publish(name, b"a")
    assert deaths(letter(peer, dead))[0]["reason"] == "expired"


def test_DLX_01_a_message_that_was_too_much(broker, peer, dead):
    name = dying(broker, peer, "", dead, max_length=1)
    peer.publish(name, b"a")
    peer.publish(name, b"b")
    found = letter(peer, dead)
    assert (deaths(found)[0]["reason"], found.body) == ("maxlen", b"a")


def test_DLX_01_several_at_once_keep_their_order(broker, peer, dead):
    name = dying(broker, peer, "", dead)
    for body in (b"a", b"b", b"c"):
        peer.publish(name, body)
    peer.sync()
    peer.await_counts(name, (3, 0))
    tags = [peer.get(name, no_ack=False).tag for _ in range(3)]
    peer.send(Basic.Nack(delivery_tag=tags[-1], multiple=True, requeue=False))
    peer.await_counts(dead, (3, 0))
    assert peer.drain(dead) == [b"a", b"b", b"c"]


# --- where to ----------------------------------------------------------------------------------------------


def test_DLX_02_without_a_key_the_original_keys_count_hidden_ones_too(broker, peer):
    exchange = peer.exchange(broker.fresh("graves"), "direct", auto_delete=True)
    source = peer.exchange(broker.fresh("source"), "direct", auto_delete=True)
    name = dying(broker, peer, exchange)
    peer.bind(name, source, "key")
    graves = {key: peer.queue(broker.fresh("grave")) for key in ("key", "copy", "hidden", "other")}
    for key, queue in graves.items():
        peer.bind(queue, exchange, key)
    peer.publish("key", b"a", exchange=source, headers={"CC": ["copy"], "BCC": ["hidden"]})
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    for key in ("key", "copy", "hidden"):
        found = letter(peer, graves[key])
        assert (found.method.exchange, found.method.routing_key) == (exchange, "key")
        assert found.properties.headers["CC"] == ["copy"]
        assert "BCC" not in found.properties.headers
        assert deaths(found)[0]["routing-keys"] == ["key", "copy"]
    assert peer.counts(graves["other"]) == (0, 0)


def test_DLX_02_with_a_key_only_that_key_counts_and_CC_goes(broker, peer, dead):
    name = dying(broker, peer, "", dead)
    other = peer.queue(broker.fresh("copied"))
    peer.publish(name, b"a", headers={"CC": [other], "h": 1})
    peer.sync()
    peer.await_counts(name, (1, 0))
    assert peer.drain(other) == [b"a"]
    reject(peer, name)
    found = letter(peer, dead)
    assert "CC" not in found.properties.headers
    assert found.properties.headers["h"] == 1
    assert deaths(found)[0]["routing-keys"] == [name, other]
    assert peer.counts(other) == (0, 0)


def test_DLX_02_with_a_key_BCC_does_not_count_either(broker, peer, dead):
    name = dying(broker, peer, "", dead)
    seen, hidden = peer.queue(), peer.queue()
    peer.publish(name, b"a", headers={"CC": [seen], "BCC": [hidden]})
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    assert deaths(letter(peer, dead))[0]["routing-keys"] == [name, seen]
    assert (peer.counts(seen), peer.counts(hidden)) == ((1, 0), (1, 0))


@pytest.mark.parametrize("kind", ["internal", "alternate", "headers"])
def test_DLX_02_every_kind_of_exchange_will_do(broker, peer, dead, kind):
    """An internal one too, and the headers of the death can already be matched."""
    end = peer.exchange(broker.fresh("end"), "headers" if kind == "headers" else "fanout", internal=True)
    match = {"x-match": "all-with-x", "x-first-death-reason": "expired"}
    peer.bind(dead, end, arguments=match if kind == "headers" else None)
    exchange = end
    if kind == "alternate":
        exchange = peer.exchange(broker.fresh("start"), "direct", arguments={"alternate-exchange": end})
    name = dying(broker, peer, exchange, message_ttl=0)
    peer.publish(name, b"a")
    found = letter(peer, dead)
    assert (found.method.exchange, found.method.routing_key) == (exchange, name)
    for each in {exchange, end}:
        peer.call(Exchange.Delete(exchange=each), Exchange.DeleteOk())


@pytest.mark.parametrize("exchange", ["not there", "amq.direct"])
def test_DLX_03_no_exchange_or_no_queue_and_the_message_is_lost(broker, peer, exchange):
    name = dying(broker, peer, exchange)
    peer.publish(name, b"a")
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    peer.await_counts(name, (0, 0))


# --- what it looks like ------------------------------------------------------------------------------------


def test_DLX_06_DLX_07_DLX_08_DLX_09_DLX_13_the_story_of_a_death(broker, peer, dead):
    name = dying(broker, peer, "", dead)
    kept = {
        "delivery_mode": 1,
        "priority": 3,
        "content_type": "text/plain",
        "message_id": "m",
        "timestamp": 5,
    }
    peer.publish(name, b"a", expiration="60000", **kept)
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    found = letter(peer, dead)
    assert found.properties.expiration is None
    for field, value in kept.items():
        assert getattr(found.properties, field) == value
    headers = found.properties.headers
    assert set(headers) == {
        "x-death",
        "x-first-death-exchange",
        "x-first-death-queue",
        "x-first-death-reason",
    }
    assert headers["x-first-death-exchange"] == ""
    assert (headers["x-first-death-queue"], headers["x-first-death-reason"]) == (name, "rejected")
    assert deaths(found) == [
        {
            "count": 1,
            "reason": "rejected",
            "queue": name,
            "exchange": "",
            "routing-keys": [name],
            "original-expiration": "60000",
        }
    ]


def test_DLX_10_a_first_death_is_written_in_the_order_of_its_making_later_ones_by_name(broker, peer):
    last = peer.queue(broker.fresh("last"))
    middle = dying(broker, peer, "", last)
    name = dying(broker, peer, "", middle)
    peer.publish(name, b"a", headers={"zebra": 1, "ant": 2})
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    peer.await_counts(middle, (1, 0))
    first = peer.get(middle, no_ack=False)
    order = ["count", "reason", "queue", "time", "exchange", "routing-keys"]
    assert [name for name, _ in first.properties.headers["x-death"][0].pairs] == order
    assert [name for name, _ in first.properties.headers.pairs] == sorted(first.properties.headers)
    peer.send(Basic.Reject(delivery_tag=first.tag, requeue=False))
    peer.sync()
    second = letter(peer, last)
    newest, oldest = second.properties.headers["x-death"]
    assert [name for name, _ in newest.pairs] == sorted(order)
    assert [name for name, _ in oldest.pairs] == order
    assert (newest["queue"], oldest["queue"]) == (middle, name)
    assert second.properties.headers["x-first-death-queue"] == name


def test_DLX_06_DLX_09_each_death_tells_where_the_message_was_published_and_when_it_would_have_expired(
    broker, peer, dead
):
    """Keys and CC of the second death are those of the dead letter."""
    exchange = peer.exchange(broker.fresh("graves"), "fanout", auto_delete=True)
    middle = dying(broker, peer, "", dead)
    peer.bind(middle, exchange)
    name = dying(broker, peer, exchange)
    peer.publish(name, b"a", expiration="0", headers={"CC": ["copy"]})
    peer.await_counts(middle, (1, 0))
    reject(peer, middle)
    second, first = deaths(letter(peer, dead))
    assert first == {
        "count": 1,
        "reason": "expired",
        "queue": name,
        "exchange": "",
        "routing-keys": [name, "copy"],
        "original-expiration": "0",
    }
    assert second == {
        "count": 1,
        "reason": "rejected",
        "queue": middle,
        "exchange": exchange,
        "routing-keys": [name, "copy"],
    }


def test_DLX_07_a_first_death_that_the_publisher_claims_is_overwritten(broker, peer, dead):
    name = dying(broker, peer, "", dead)
    peer.publish(name, b"a", headers={"x-first-death-reason": "boredom"})
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    headers = letter(peer, dead).properties.headers
    assert (headers["x-first-death-reason"], headers["x-first-death-queue"]) == ("rejected", name)
    assert [key for key, _ in headers.pairs] == sorted(headers)


def test_DLX_08_three_deaths_the_newest_first(broker, peer):
    """The older ones change places each time: RabbitMQ's search for doubles turns them round."""
    names = [peer.queue(broker.fresh("last"))]
    for _ in range(4):
        names.append(dying(broker, peer, "", names[-1]))
    peer.publish(names[-1], b"a")
    for name in reversed(names[1:]):
        peer.sync()
        peer.await_counts(name, (1, 0))
        reject(peer, name)
    found = letter(peer, names[0])
    seen = [names.index(death["queue"]) for death in deaths(found)]
    assert seen[0] == 1
    assert seen == [1, 3, 4, 2]


def test_DLX_11_the_same_death_again_is_counted(broker, peer):
    source = broker.fresh("cycle")
    name = peer.queue(source, arguments={"x-dead-letter-exchange": ""})
    peer.publish(name, b"a")
    for count in (1, 2, 3):
        peer.sync()
        peer.await_counts(name, (1, 0))
        reject(peer, name)
        peer.await_counts(name, (1, 0))
        held = peer.get(name, no_ack=False)
        assert [death["count"] for death in deaths(held)] == [count]
        peer.send(Basic.Reject(delivery_tag=held.tag, requeue=True))
        peer.sync()


def test_DLX_12_a_story_that_the_publisher_tells_is_believed(broker, peer, dead):
    name = dying(broker, peer, "", dead)
    told = [{"queue": name, "reason": "rejected", "count": Int64(41), "time": Timestamp(7)}]
    peer.publish(name, b"a", headers={"x-death": told})
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    found = letter(peer, dead)
    assert deaths(found) == [{"queue": name, "reason": "rejected", "count": 42}]
    assert set(found.properties.headers) == {"x-death"}


@pytest.mark.parametrize("nonsense", ["a string", 5, {"queue": "q"}])
def test_DLX_12_anything_but_an_array_is_replaced(broker, peer, dead, nonsense):
    name = dying(broker, peer, "", dead)
    peer.publish(name, b"a", headers={"x-death": nonsense})
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    found = letter(peer, dead)
    assert [(one["count"], one["queue"]) for one in deaths(found)] == [(1, name)]
    assert "x-first-death-queue" not in found.properties.headers


@pytest.mark.parametrize(
    "told",
    [{"foo": 1}, {}, {"queue": 5, "reason": "rejected", "count": Int64(1)}, {"queue": "other"}],
    ids=repr,
)
def test_DLX_12_tables_that_tell_of_something_else_stay_as_they_are(broker, peer, dead, told):
    name = dying(broker, peer, "", dead)
    peer.publish(name, b"a", headers={"x-death": [told]})
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    headers = letter(peer, dead).properties.headers
    newest, oldest = headers["x-death"]
    assert (newest["queue"], newest["count"], dict(oldest)) == (name, 1, told)
    assert set(headers) == {"x-death"}


@pytest.mark.parametrize("count", [Int8(127), UInt8(5), 2**31 - 1, Timestamp(5), None], ids=repr)
def test_DLX_12_any_number_can_be_counted_on(broker, peer, dead, count):
    """The result is a 64-bit integer; no number at all counts as none."""
    name = dying(broker, peer, "", dead)
    told = {"queue": name, "reason": "rejected"} | ({} if count is None else {"count": count})
    peer.publish(name, b"a", headers={"x-death": [told]})
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    (death,) = letter(peer, dead).properties.headers["x-death"]
    assert isinstance(death["count"], Int64)
    assert death["count"] == (1 if count is None else int(count) + 1)


# --- cycles ------------------------------------------------------------------------------------------------


def test_DLX_14_a_message_that_would_go_round_by_itself_is_dropped(broker, peer):
    name = peer.queue(broker.fresh("loop"), arguments={"x-dead-letter-exchange": "", "x-message-ttl": 0})
    peer.publish(name, b"a")
    peer.sync()
    peer.await_counts(name, (0, 0))


def test_DLX_14_also_by_way_of_another_queue(broker, peer):
    one, two = broker.fresh("loop"), broker.fresh("loop")
    for name, other in ((one, two), (two, one)):
        table = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": other, "x-message-ttl": 0}
        peer.queue(name, arguments=table)
    peer.publish(one, b"a")
    peer.sync()
    peer.await_counts(one, (0, 0))
    peer.await_counts(two, (0, 0))


@pytest.mark.parametrize(
    ("told", "arrives"),
    [
        ([("dead", "expired")], False),
        ([("other", "maxlen"), ("dead", "maxlen")], False),
        ([("dead", "expired"), ("other", "rejected")], True),
        ([("other", "rejected"), ("dead", "expired")], False),
        ([("other", "expired"), ("dead", "rejected")], True),
    ],
)
def test_DLX_14_DLX_15_only_a_rejection_since_the_last_time_breaks_the_cycle(
    broker, peer, dead, told, arrives
):
    """The tables of x-death were turned round by the counting (see the three deaths), so it is the later
    table that is the younger death.
    """
    story = [
        {"queue": dead if queue == "dead" else queue, "reason": reason, "count": Int64(1)}
        for queue, reason in told
    ]
    name = dying(broker, peer, "", dead, message_ttl=0)
    peer.publish(name, b"round", headers={"x-death": story})
    peer.publish(name, b"after")
    expected = [b"round", b"after"] if arrives else [b"after"]
    peer.await_counts(dead, (len(expected), 0))
    assert peer.drain(dead) == expected


def test_DLX_14_only_the_queue_of_the_cycle_is_left_out(broker, peer, dead):
    exchange = peer.exchange(broker.fresh("graves"), "fanout", auto_delete=True)
    name = dying(broker, peer, exchange, message_ttl=0)
    for queue in (name, dead):
        peer.bind(queue, exchange)
    peer.publish(name, b"a")
    assert letter(peer, dead).body == b"a"
    assert peer.counts(name) == (0, 0)


def test_DLX_14_two_queues_that_push_each_others_letters_out(broker, peer):
    one, two = broker.fresh("pushed"), broker.fresh("pushed")
    for name, other in ((one, two), (two, one)):
        table = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": other, "x-max-length": 1}
        peer.queue(name, arguments=table)
    for body in (b"a", b"b", b"c", b"d"):
        peer.publish(one, body)
        peer.sync()
    peer.await_counts(two, (1, 0))
    assert (peer.drain(one), peer.drain(two)) == ([b"d"], [b"c"])


def test_DLX_15_a_cycle_with_a_refusal_in_it_goes_on(broker, peer):
    one, two = broker.fresh("round"), broker.fresh("round")
    peer.queue(one, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": two})
    table = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": one, "x-message-ttl": 0}
    peer.queue(two, arguments=table)
    peer.publish(one, b"a")
    for turn in (1, 2, 3):
        peer.sync()
        peer.await_counts(one, (1, 0))
        held = peer.get(one, no_ack=False)
        if turn > 1:
            assert [death["count"] for death in deaths(held)] == [turn - 1] * 2
        peer.send(Basic.Reject(delivery_tag=held.tag, requeue=False))


# --- the letter is a new message ---------------------------------------------------------------------------


def test_DLX_16_it_was_not_delivered_before(broker, peer, dead):
    name = dying(broker, peer, "", dead)
    peer.publish(name, b"a")
    peer.sync()
    peer.await_counts(name, (1, 0))
    held = peer.get(name, no_ack=False)
    peer.send(Basic.Reject(delivery_tag=held.tag, requeue=True))
    peer.sync()
    peer.await_counts(name, (1, 0))
    again = peer.get(name, no_ack=False)
    assert again.method.redelivered
    peer.send(Basic.Reject(delivery_tag=again.tag, requeue=False))
    assert not letter(peer, dead).method.redelivered


@pytest.mark.parametrize("overflow", ["drop-head", "reject-publish"])
def test_DLX_04_nobody_hears_when_the_next_queue_does_not_want_it(broker, peer, overflow):
    table = {"x-max-length": 0, "x-overflow": overflow}
    full = peer.queue(broker.fresh("full"), arguments=table)
    name = dying(broker, peer, "", full)
    peer.publish(name, b"a")
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    peer.await_counts(full, (0, 0))
    peer.call(Queue.Purge(queue=name), Queue.PurgeOk(0))


@pytest.mark.parametrize("told", [["nonsense"], [{"count": "5"}], [{"count": True}]], ids=str)
@pytest.mark.brokers("amqplab", "in-memory")
def test_DLX_12_a_story_that_cannot_be_read_costs_the_letter_and_nothing_else(broker, peer, dead, told):
    """RabbitMQ's queue process fails, and starts again without its transient messages."""
    name = dying(broker, peer, "", dead)
    told = [one | {"queue": name, "reason": "rejected"} if isinstance(one, dict) else one for one in told]
    peer.publish(name, b"a", headers={"x-death": told})
    peer.publish(name, b"b")
    peer.sync()
    peer.await_counts(name, (2, 0))
    reject(peer, name)
    assert peer.counts(dead) == (0, 0)
    assert peer.drain(name) == [b"b"]


def test_DLX_12_a_count_wraps_round(broker, peer, dead):
    name = dying(broker, peer, "", dead)
    told = [{"queue": name, "reason": "rejected", "count": Int64(2**63 - 1), "time": Timestamp(7)}]
    peer.publish(name, b"a", headers={"x-death": told})
    peer.sync()
    peer.await_counts(name, (1, 0))
    reject(peer, name)
    assert deaths(letter(peer, dead))[0]["count"] == -(2**63)
