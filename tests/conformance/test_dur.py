"""DUR-01 … DUR-15: what is there after the broker was stopped, and after it was killed."""

from __future__ import annotations

import time

import pytest

from amqplab.wire.methods import Basic, Confirm, Connection, Exchange, Queue, Tx, decode_method

WAYS = ("stopped", "killed")


KINDS = {
    "classic": {},
    "lazy": {"x-queue-mode": "lazy"},
    "urgent": {"x-max-priority": 9},
    "quorum": {"x-queue-type": "quorum"},
}


def prepare(peer):
    """Everything that may or may not survive."""
    for name, arguments in KINDS.items():
        peer.queue(name, exclusive=False, durable=True, arguments=arguments)
    peer.queue("transient", exclusive=False)
    peer.queue("own", durable=True)
    peer.queue("leaving", exclusive=False, durable=True, auto_delete=True)
    for name, durable in (("kept", True), ("lost", False)):
        peer.exchange(name, "topic", durable=durable, auto_delete=name == "never")
    peer.exchange("kept too", "fanout", durable=True, internal=True, arguments={"alternate-exchange": "x"})
    for exchange in ("kept", "lost"):
        for queue in ("classic", "transient"):
            peer.bind(queue, exchange, "k.#", {"n": 1})
    peer.bind("classic", "amq.direct", "k")
    peer.bind_exchange("kept too", "kept", "e")
    peer.bind_exchange("lost", "kept", "e")


def fill(peer):
    """Persistent, transient and undecided messages, confirmed."""
    peer.call(Confirm.Select(), Confirm.SelectOk())
    unconfirmed = set()
    for queue in (*KINDS, "transient"):
        for body, mode in ((b"p1", 2), (b"t", 1), (b"p2", 2), (b"u", None), (b"p3", 2)):
            properties = {} if mode is None else {"delivery_mode": mode}
            peer.publish(queue, body, headers={"h": body.decode()}, **properties)
            unconfirmed.add(len(unconfirmed) + 1)
    while unconfirmed:
        ack = peer.expect(Basic.Ack)
        unconfirmed -= {one for one in unconfirmed if one < ack.delivery_tag} if ack.multiple else set()
        unconfirmed.discard(ack.delivery_tag)


def rest(mortal, peer, way):
    """What was not confirmed has reached the disk: RabbitMQ keeps a new queue in mind for two seconds."""
    peer.expect_silence(2.5 if way == "killed" and "rabbitmq" in mortal.name else 0.3)


def missing(peer, method, text):
    peer.send(method)
    peer.expect_channel_error(404, text, method.ids)


@pytest.mark.parametrize("way", WAYS)
def test_DUR_01_DUR_02_DUR_03_DUR_04_DUR_05_DUR_06_DUR_07_DUR_09_DUR_10_DUR_14_a_restart(mortal, way):
    with mortal.connect() as peer:
        prepare(peer)
        fill(peer)
        for queue in ("classic", "quorum"):
            assert peer.get(queue, no_ack=False).body == b"p1"
        peer.sync()
        rest(mortal, peer, way)
        peer.abort()
    mortal.end(way)
    mortal.start()
    with mortal.connect() as peer:
        for queue in KINDS:
            if (queue, way) == ("quorum", "killed"):
                continue  # a single killed node of RabbitMQ's may take minutes to find a leader again
            peer.await_counts(queue, (5 if queue == "quorum" else 3, 0))
            found = [peer.get(queue) for _ in range(peer.counts(queue)[0])]
            bodies = [one.body for one in found]
            again = [one.method.redelivered for one in found]
            if queue == "quorum":
                assert sorted(bodies) == [b"p1", b"p2", b"p3", b"t", b"u"]
                assert [one for one, back in zip(bodies, again, strict=True) if back] == [b"p1"]
                continue
            assert bodies == [b"p1", b"p2", b"p3"]
            assert [one.properties.headers["h"] for one in found] == ["p1", "p2", "p3"]
            if way == "killed":
                assert again == [True, True, True]
            else:
                assert again == [queue == "classic", False, False]
        for queue in ("transient", "own"):
            text = f"NOT_FOUND - no queue '{queue}' in vhost '/'"
            missing(peer, Queue.Declare(queue=queue, passive=True), text)
        text = "NOT_FOUND - no exchange 'lost' in vhost '/'"
        missing(peer, Exchange.Declare(exchange="lost", type="topic", passive=True), text)
        flags = {"durable": True, "auto_delete": True}
        peer.call(Queue.Declare(queue="leaving", **flags), Queue.DeclareOk("leaving", 0, 0))
        peer.exchange("kept", "topic", durable=True)
        peer.exchange(
            "kept too", "fanout", durable=True, internal=True, arguments={"alternate-exchange": "x"}
        )
        for exchange, key in (("kept", "k.x"), ("amq.direct", "k")):
            peer.publish(key, b"routed", exchange=exchange)
        peer.sync()
        peer.await_counts("classic", (2, 0))
        obey(peer)
        tidy(peer)
    admit(mortal)


def obey(peer):
    """There is still a policy that lets such a queue hold one message."""
    name = peer.queue("ruled from the start")
    for _ in range(2):
        peer.publish(name)
    peer.sync()
    peer.await_counts(name, (1, 0))


def admit(mortal):
    """Users, what they may, virtual hosts and limits are still there."""
    with mortal.connect("small"), mortal.connect(user="limited", password="secret"):
        for user, password, vhost, reason in (
            ("guest", "guest", "small", "access to vhost 'small' refused for user 'guest': connection limit"),
            ("limited", "secret", "/", "connection refused for user 'limited': user connection limit"),
            ("outsider", "secret", "/", "access to vhost '/' refused for user 'outsider'"),
        ):
            with mortal.dial() as late:
                late.log_in(user, password)
                late.send(Connection.TuneOk(2047, 131072, 0), Connection.Open(vhost))
                close = late.expect(Connection.Close)
                assert close.reply_text.startswith(f"NOT_ALLOWED - {reason}")


def tidy(peer):
    for queue in ("classic", "lazy", "urgent", "transient", "leaving"):
        peer.call(Queue.Delete(queue=queue), Queue.DeleteOk)
    peer.send(Queue.Delete(queue="quorum", nowait=True))
    for exchange in ("kept", "kept too", "lost"):
        peer.call(Exchange.Delete(exchange=exchange), Exchange.DeleteOk())


@pytest.mark.parametrize("way", WAYS)
def test_DUR_08_DUR_11_DUR_12_DUR_13_DUR_15_what_changes_meanwhile(mortal, way):
    with mortal.connect() as peer:
        name, dead, leased = (mortal.fresh(stem) for stem in ("kept", "dead", "leased"))
        letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
        peer.queue(dead, exclusive=False, durable=True)
        peer.queue(name, exclusive=False, durable=True, arguments={"x-max-priority": 5, **letters})
        peer.queue(leased, exclusive=False, durable=True, arguments={"x-expires": 60000})
        peer.call(Tx.Select(), Tx.SelectOk())
        for body, properties in (
            (b"acked", {"priority": 5}),
            (b"refused", {"priority": 5}),
            (b"short", {"expiration": "1", "priority": 3}),
            (b"low", {"priority": 1}),
            (b"high", {"priority": 2}),
        ):
            peer.publish(name, body, delivery_mode=2, **properties)
        peer.call(Tx.Commit(), Tx.CommitOk())
        first, second = (peer.get(name, no_ack=False) for _ in range(2))
        peer.send(Basic.Ack(delivery_tag=first.tag), Basic.Reject(delivery_tag=second.tag, requeue=False))
        peer.call(Tx.Commit(), Tx.CommitOk())
        rest(mortal, peer, way)
        peer.abort()
    mortal.end(way)
    mortal.start()
    with mortal.connect() as peer:
        peer.await_counts(name, (2, 0))
        assert peer.drain(name) == [b"high", b"low"]
        peer.await_counts(dead, (2, 0))
        letters = [peer.get(dead) for _ in range(2)]
        assert {one.body for one in letters} == {b"refused", b"short"}
        assert all(one.properties.headers["x-death"][0]["queue"] == name for one in letters)
        assert peer.counts(leased) == (0, 0)
        for queue in (name, dead, leased):
            peer.call(Queue.Delete(queue=queue), Queue.DeleteOk)


def test_TX_07_TX_10_nothing_but_a_close_while_the_commit_waits_for_the_disk(mortal):
    with mortal.connect() as peer:
        name = peer.queue(mortal.fresh("committed"), exclusive=False, durable=True)
        peer.call(Tx.Select(), Tx.SelectOk())
        peer.publish(name, delivery_mode=2)
        peer.send(Tx.Commit(), Tx.Rollback())
        text = "CHANNEL_ERROR - unexpected command while processing 'tx.commit'"
        peer.expect_connection_error(504, text, (90, 30))
    with mortal.connect() as peer:
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk)


@pytest.mark.parametrize("way", WAYS)
def test_DUR_05_STREAM_04_a_stream_keeps_transient_messages_and_offsets(mortal, way):
    with mortal.connect() as peer:
        name = mortal.fresh("log")
        peer.queue(name, exclusive=False, durable=True, arguments={"x-queue-type": "stream"})
        peer.call(Confirm.Select(), Confirm.SelectOk())
        for number in range(3):
            peer.publish(name, b"m%d" % number, delivery_mode=1)
            peer.expect(Basic.Ack)
        rest(mortal, peer, way)
        peer.abort()
    mortal.end(way)
    mortal.start()
    with read_from(mortal, name, 1) as peer:
        found = peer.deliveries(2)
        assert [one.body for one in found] == [b"m1", b"m2"]
        assert [one.properties.headers["x-stream-offset"] for one in found] == [1, 2]
        peer.call(Basic.Cancel(consumer_tag="t"), Basic.CancelOk)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk)


def read_from(mortal, name, offset):
    """A peer that has subscribed. RabbitMQ's streams come up later than the rest of it, and what it answers
    until then depends on the moment: 404, then 406 for want of a replica, now and then 541 for the connection.
    """
    consume = Basic.Consume(queue=name, consumer_tag="t", arguments={"x-stream-offset": offset})
    refusals = []
    for _ in range(100):
        peer = mortal.connect()
        peer.call(Basic.Qos(prefetch_count=10), Basic.QosOk())
        peer.send(consume)
        reply = decode_method(peer.frame()[2])
        if reply == Basic.ConsumeOk(consumer_tag="t"):
            return peer
        peer.abort()
        refusals.append(reply)
        assert "rabbitmq" in mortal.name and reply.reply_code in (404, 406, 541), reply
        time.sleep(0.2)  # there is nothing to wait for: RabbitMQ tells nobody that the stream is up
    raise AssertionError(f"{name} did not come up: {refusals}")
