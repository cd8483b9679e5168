"""BASIC-60 … BASIC-69: answers that go straight to the one who asked."""

from __future__ import annotations

import re

import pytest

from amqplab.wire.methods import Basic, Channel, Confirm, Queue

REPLY_TO = "amq.rabbitmq.reply-to"
ADDRESS = re.compile(r"amq\.rabbitmq\.reply-to\.[A-Za-z0-9+/=]+\.[A-Za-z0-9+/]{22}==")
CONSUME, PUBLISH, DECLARE, GET = (60, 20), (60, 40), (50, 10), (60, 70)


def asker(peer, channel=1, tag="answers"):
    """A reply consumer; returns the address that a question asked on its channel carries."""
    peer.consume(REPLY_TO, tag, channel=channel, no_ack=True)
    questions = peer.queue(channel=channel)
    peer.publish(questions, b"?", channel=channel, reply_to=REPLY_TO)
    peer.sync(channel)
    peer.await_counts(questions, (1, 0), channel=channel)
    return peer.get(questions, channel=channel).properties.reply_to


@pytest.mark.parametrize("exclusive", [False, True])
def test_BASIC_60_a_reply_consumer_does_not_acknowledge(broker, exclusive):
    with broker.connect() as peer:
        peer.send(Basic.Consume(queue=REPLY_TO, exclusive=exclusive))
        text = "PRECONDITION_FAILED - reply consumer cannot acknowledge"
        peer.expect_channel_error(406, text, CONSUME)


def test_BASIC_60_one_for_each_channel(broker):
    with broker.connect(channels=2) as peer:
        peer.consume(REPLY_TO, "one", no_ack=True)
        peer.consume(REPLY_TO, "one", channel=2, no_ack=True)
        peer.send(Basic.Consume(queue=REPLY_TO, consumer_tag="two", no_ack=True))
        peer.expect_channel_error(406, "PRECONDITION_FAILED - reply consumer already set", CONSUME)
        peer.consume(REPLY_TO, "two", no_ack=True)


def test_BASIC_60_its_tag_may_be_the_brokers_choice(broker):
    with broker.connect() as peer:
        assert re.fullmatch(r"amq\.ctag-[A-Za-z0-9_-]{22}", peer.consume(REPLY_TO, no_ack=True))


def test_BASIC_60_a_tag_of_a_consumer_cannot_be_used_again(broker):
    with broker.connect() as peer:
        peer.consume(peer.queue(), "taken")
        peer.send(Basic.Consume(queue=REPLY_TO, consumer_tag="taken", no_ack=True))
        peer.expect_connection_error(530, "NOT_ALLOWED - attempt to reuse consumer tag 'taken'", CONSUME)


def test_BASIC_61_who_asks_for_an_answer_has_to_listen(broker):
    with broker.connect(channels=2) as peer:
        peer.consume(REPLY_TO, no_ack=True, channel=2)
        peer.publish("anywhere", reply_to=REPLY_TO)
        text = "PRECONDITION_FAILED - fast reply consumer does not exist"
        peer.expect_channel_error(406, text, PUBLISH)


def test_BASIC_62_the_question_carries_a_real_address(broker):
    with broker.connect(channels=2) as peer:
        first, second = asker(peer), asker(peer, channel=2)
        assert ADDRESS.fullmatch(first)
        assert ADDRESS.fullmatch(second)
        assert first != second


def test_BASIC_62_everything_else_in_the_question_stays(broker):
    with broker.connect() as peer:
        peer.consume(REPLY_TO, no_ack=True)
        name = peer.queue()
        peer.publish(name, b"?", reply_to=REPLY_TO, correlation_id="7", headers={"h": 1}, app_id="a")
        peer.sync()
        peer.await_counts(name, (1, 0))
        found = peer.get(name).properties
        assert (found.correlation_id, dict(found.headers), found.app_id) == ("7", {"h": 1}, "a")


def test_BASIC_63_BASIC_64_the_answer_comes_as_a_delivery_whose_tag_is_not_used_up(broker):
    with broker.connect() as peer, broker.connect() as responder:
        address = asker(peer)
        for body in (b"first", b"second"):
            responder.publish(address, body, correlation_id="7")
            answer = peer.expect_message(body=body)
            assert answer.method == Basic.Deliver("answers", 2, False, "", address)
            assert answer.properties.correlation_id == "7"
        own = peer.queue()
        peer.publish(own, b"mine")
        peer.sync()
        peer.await_counts(own, (1, 0))
        assert peer.get(own).tag == 2


def test_BASIC_64_only_by_way_of_the_default_exchange(broker):
    with broker.connect() as peer:
        address = asker(peer)
        peer.publish(address, exchange="amq.direct", mandatory=True)
        peer.expect_message(Basic.Return)
        peer.sync()


def test_BASIC_64_also_from_a_dead_letter(broker):
    with broker.connect() as peer:
        address = asker(peer)
        table = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": address, "x-message-ttl": 0}
        peer.publish(peer.queue(arguments=table), b"late")
        answer = peer.expect_message(body=b"late")
        assert (answer.method.consumer_tag, answer.method.routing_key) == ("answers", address)


def test_BASIC_64_an_answer_in_a_transaction_does_not_wait_for_commit(broker):
    from amqplab.wire.methods import Tx

    with broker.connect() as peer, broker.connect() as responder:
        address = asker(peer)
        responder.call(Tx.Select(), Tx.SelectOk())
        responder.publish(address, b"early")
        peer.expect_message(body=b"early")
        responder.call(Tx.Rollback(), Tx.RollbackOk())


def test_BASIC_65_a_mandatory_answer_arrives_and_is_returned(broker):
    with broker.connect() as peer, broker.connect() as responder:
        address = asker(peer)
        responder.publish(address, b"!", mandatory=True)
        peer.expect_message(body=b"!")
        returned = responder.expect_message(Basic.Return, body=b"!")
        assert (returned.method.reply_code, returned.method.reply_text) == (312, "NO_ROUTE")


@pytest.mark.parametrize("passive", [False, True])
def test_BASIC_66_the_name_declares_as_a_queue_with_one_consumer(broker, passive):
    with broker.connect(channels=2) as peer:
        peer.call(Queue.Declare(queue=REPLY_TO, passive=passive), Queue.DeclareOk(REPLY_TO, 0, 1))
        address = asker(peer)
        reply = Queue.DeclareOk(address, 0, 1)
        peer.call(Queue.Declare(queue=address, passive=passive), reply, channel=2)
        peer.call(Basic.Cancel(consumer_tag="answers"), Basic.CancelOk)
        peer.send(Queue.Declare(queue=address, passive=passive), channel=2)
        text = f"NOT_FOUND - no queue '{address}' in vhost '/'"
        peer.expect_channel_error(404, text, DECLARE, channel=2)


@pytest.mark.parametrize("rest", [".x", ".a.b.c", "foo", ".", ".."])
def test_BASIC_66_a_name_that_never_was(broker, rest):
    with broker.connect() as peer:
        name = REPLY_TO + rest
        peer.send(Queue.Declare(queue=name))
        peer.expect_channel_error(404, f"NOT_FOUND - no queue '{name}' in vhost '/'", DECLARE)


def test_BASIC_67_a_channel_that_asks_after_its_own_address_waits_for_itself(broker):
    with broker.connect() as peer:
        peer.send(Queue.Declare(queue=asker(peer), passive=True))
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


def test_BASIC_68_it_is_no_queue_to_get_from_or_to_delete(broker):
    with broker.connect() as peer:
        peer.send(Basic.Get(queue=REPLY_TO))
        peer.expect_channel_error(404, f"NOT_FOUND - no queue '{REPLY_TO}' in vhost '/'", GET)
        peer.call(Queue.Delete(queue=REPLY_TO), Queue.DeleteOk(0))


@pytest.mark.parametrize("name", [f"{REPLY_TO}.never.was", f"{REPLY_TO}.g2EF.k"])
@pytest.mark.parametrize("way", ["declare", "passive", "publish", "copy"])
def test_BASIC_66_what_looks_like_an_address_and_is_none_crashes_the_channel(broker, name, way):
    with broker.connect() as peer:
        if way == "publish":
            peer.publish(name)
        elif way == "copy":
            peer.publish("nobody", headers={"CC": [name]})
        else:
            peer.send(Queue.Declare(queue=name, passive=way == "passive"))
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


@pytest.mark.parametrize("end", ["cancel", "close"])
def test_BASIC_69_answers_to_one_who_left_are_dropped(broker, end):
    with broker.connect(channels=2) as peer:
        address = asker(peer)
        if end == "cancel":
            peer.call(Basic.Cancel(consumer_tag="answers"), Basic.CancelOk)
        else:
            peer.call(Channel.Close(reply_code=200), Channel.CloseOk(), channel=1)
            peer.open_channel(1)
        peer.publish(address, b"!", channel=2)
        peer.sync(2)
        peer.sync(1)


def test_BASIC_62_BASIC_69_who_listens_again_has_another_address(broker):
    with broker.connect() as peer:
        old = asker(peer)
        peer.call(Basic.Cancel(consumer_tag="answers"), Basic.CancelOk)
        new = asker(peer, tag="again")
        assert old != new
        peer.publish(old, b"late")
        peer.publish(new, b"!")
        assert peer.expect_message(body=b"!").method.consumer_tag == "again"


@pytest.mark.parametrize("header", ["CC", "BCC"])
def test_BASIC_64_an_answer_may_be_a_copy(broker, header):
    """It then carries the key that the message was published with."""
    with broker.connect() as peer:
        address, name = asker(peer), peer.queue()
        peer.publish(name, b"!", headers={header: [address]})
        answer = peer.expect_message(body=b"!")
        assert (answer.method.routing_key, set(answer.properties.headers)) == (name, {"CC"} & {header})
        peer.await_counts(name, (1, 0))


def test_BASIC_65_an_answer_is_confirmed_after_its_return(broker):
    with broker.connect(channels=2) as peer:
        address = asker(peer)
        peer.call(Confirm.Select(), Confirm.SelectOk(), channel=2)
        peer.publish(address, b"!", channel=2)
        peer.expect_message(body=b"!")
        peer.expect(Basic.Ack(delivery_tag=1), channel=2)
        peer.publish(address, b"!", channel=2, mandatory=True)
        peer.expect_message(body=b"!")
        peer.expect_message(Basic.Return, channel=2)
        peer.expect(Basic.Ack(delivery_tag=2), channel=2)


def test_BASIC_61_BASIC_62_the_exchange_of_the_question_does_not_matter(broker):
    with broker.connect(channels=2) as peer:
        peer.consume(REPLY_TO, "answers", no_ack=True)
        exchange = peer.exchange(broker.fresh("questions"), "fanout", auto_delete=True)
        name = peer.queue()
        peer.bind(name, exchange)
        peer.publish("", b"?", exchange=exchange, reply_to=REPLY_TO)
        peer.await_counts(name, (1, 0))
        assert ADDRESS.fullmatch(peer.get(name).properties.reply_to)
        peer.publish("", b"?", exchange=exchange, reply_to=REPLY_TO, channel=2)
        text = "PRECONDITION_FAILED - fast reply consumer does not exist"
        peer.expect_channel_error(406, text, PUBLISH, channel=2)


def test_BASIC_64_the_name_without_an_address_is_nobody(broker):
    with broker.connect() as peer:
        peer.consume(REPLY_TO, "answers", no_ack=True)
        peer.publish(REPLY_TO, b"!", mandatory=True)
        assert peer.expect_message(Basic.Return).method.reply_code == 312
        peer.sync()


def test_BASIC_63_the_tag_of_an_answer_cannot_be_acknowledged(broker):
    with broker.connect() as peer:
        address = asker(peer)
        peer.publish(address, b"!")
        tag = peer.expect_message(body=b"!").tag
        peer.send(Basic.Ack(delivery_tag=tag))
        text = f"PRECONDITION_FAILED - unknown delivery tag {tag}"
        peer.expect_channel_error(406, text, (60, 80))


@pytest.mark.parametrize("method", [Queue.Purge, Queue.Bind, Basic.Get])
@pytest.mark.parametrize("full", [False, True], ids=["name", "address"])
def test_BASIC_68_there_is_nothing_to_purge_to_bind_or_to_get(broker, method, full):
    with broker.connect() as peer:
        name = asker(peer) if full else REPLY_TO
        binding = {"exchange": "amq.direct"} if method is Queue.Bind else {}
        peer.send(method(queue=name, **binding))
        peer.expect_channel_error(404, f"NOT_FOUND - no queue '{name}' in vhost '/'", method.ids)


def test_BASIC_68_to_delete_an_address_changes_nothing(broker):
    with broker.connect() as peer:
        address = asker(peer)
        for name, flags in ((address, {}), (REPLY_TO, {"if_unused": True})):
            peer.call(Queue.Delete(queue=name, **flags), Queue.DeleteOk(0))
        peer.publish(address, b"!")
        peer.expect_message(body=b"!")


def test_BASIC_66_whatever_is_said_of_the_name_it_is_declared(broker):
    with broker.connect() as peer:
        flags = {"durable": True, "exclusive": True, "auto_delete": True}
        declare = Queue.Declare(queue=REPLY_TO, arguments={"x-message-ttl": -1}, **flags)
        peer.call(declare, Queue.DeclareOk(REPLY_TO, 0, 1))


def test_BASIC_60_its_tag_does_not_keep_others_from_using_it(broker):
    with broker.connect() as peer:
        peer.send(Basic.Consume(queue=REPLY_TO, consumer_tag="t", no_ack=True, nowait=True))
        peer.sync()
        peer.consume(peer.queue(), "t")
