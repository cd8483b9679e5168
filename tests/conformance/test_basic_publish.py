"""BASIC-01 … BASIC-13: publishing."""

from __future__ import annotations

import pytest

from amqplab.wire.frames import encode_content
from amqplab.wire.methods import Basic, Confirm, Queue
from amqplab.wire.properties import Properties

PUBLISH = (60, 40)
DAY_MS = 24 * 60 * 60 * 1000
TOO_LATE = 3650 * DAY_MS + 1


def no_exchange(name):
    return f"NOT_FOUND - no exchange '{name}' in vhost '/'"


def test_BASIC_01_the_flag_immediate_is_looked_at_before_the_exchange(broker):
    with broker.connect() as peer:
        method = Basic.Publish(exchange="nowhere", immediate=True)
        peer.send_octets(encode_content(1, method, b"\x80\0\x09x", b"x", 131072))
        peer.expect_connection_error(540, "NOT_IMPLEMENTED - immediate=true", PUBLISH)


@pytest.mark.parametrize("raw", [b"\x80\0\x05ab", Properties(user_id="somebody").encode()])
def test_BASIC_01_the_exchange_before_the_properties(broker, raw):
    with broker.connect() as peer:
        peer.publish(exchange="nowhere", raw=raw)
        peer.expect_channel_error(404, no_exchange("nowhere"), PUBLISH)


def test_BASIC_01_user_id_before_expiration_before_cc(broker):
    with broker.connect() as peer:
        wrong = {"user_id": "somebody", "expiration": "soon", "headers": {"CC": "no array"}}
        texts = {
            "user_id": "user_id property set to 'somebody' but authenticated user was 'guest'",
            "expiration": "invalid expiration 'soon': no_integer",
            "headers": 'invalid message: {unacceptable_type_in_header,"CC",longstr}',
        }
        for name, text in texts.items():
            peer.publish("nowhere", **wrong)
            peer.expect_channel_error(406, f"PRECONDITION_FAILED - {text}", PUBLISH)
            del wrong[name]


def test_BASIC_02_what_follows_an_error_is_ignored(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        peer.publish(exchange="nowhere")
        peer.publish(queue)
        peer.expect_channel_error(404, no_exchange("nowhere"), PUBLISH)
        assert peer.counts(queue) == (0, 0)


def test_BASIC_03_BASIC_13_a_missing_exchange_has_no_confirm(broker):
    with broker.connect() as peer:
        peer.call(Confirm.Select(), Confirm.SelectOk())
        peer.publish(exchange="nowhere", mandatory=True)
        peer.expect_channel_error(404, no_exchange("nowhere"), PUBLISH)
        peer.sync()


def test_BASIC_04_immediate_is_not_implemented(broker):
    with broker.connect() as peer:
        method = Basic.Publish(routing_key="q", immediate=True)
        peer.send_octets(encode_content(1, method, b"\0\0", b"", 131072))
        peer.expect_connection_error(540, "NOT_IMPLEMENTED - immediate=true", PUBLISH)


@pytest.mark.parametrize("exchange", ["", "amq.direct", "amq.fanout", "amq.topic", "amq.headers"])
@pytest.mark.parametrize("body", [b"", b"Hello, Rabbit!"])
def test_BASIC_05_mandatory_and_unroutable_comes_back_whole(broker, exchange, body):
    with broker.connect() as peer:
        key = broker.fresh("nobody")
        peer.publish(
            key, body, exchange=exchange, mandatory=True, content_type="text/plain", headers={"a": 1}
        )
        expected = Basic.Return(312, "NO_ROUTE", exchange, key)
        message = peer.expect_message(expected, body=body)
        assert message.properties == Properties(content_type="text/plain", headers={"a": 1})


def test_BASIC_06_unroutable_and_not_mandatory_is_dropped(broker):
    with broker.connect() as peer:
        peer.publish(broker.fresh("nobody"))
        peer.sync()


def test_BASIC_07_mandatory_asks_for_a_queue_not_for_consumers(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.publish(queue, mandatory=True)
        assert len(peer.drain(queue)) == 1


@pytest.mark.parametrize("claimed", ["somebody", "", "Guest"])
def test_BASIC_08_user_id_is_the_name_of_the_login(broker, claimed):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.publish(queue, user_id="guest")
        assert peer.get(queue).properties.user_id == "guest"
        peer.publish(queue, user_id=claimed)
        text = f"PRECONDITION_FAILED - user_id property set to '{claimed}' but authenticated user was 'guest'"
        peer.expect_channel_error(406, text, PUBLISH)


def test_BASIC_08_unless_the_user_may_impersonate_others(broker):
    with broker.connect(user="impostor", password="secret") as peer:
        queue = peer.queue()
        peer.publish(queue, user_id="somebody")
        assert peer.get(queue).properties.user_id == "somebody"


@pytest.mark.parametrize("expiration", ["0", "1000000", "+5000000", "315360000000", "00100000"])
def test_BASIC_09_expirations_that_are_valid(broker, expiration):
    with broker.connect() as peer:
        peer.publish(broker.fresh("nobody"), expiration=expiration)
        peer.sync()


@pytest.mark.parametrize(
    ("expiration", "reason"),
    [
        ("soon", "no_integer"),
        ("", "no_integer"),
        (" 5", "no_integer"),
        ("5.5", '{leftover_string,".5"}'),
        ("5 ", '{leftover_string," "}'),
        ("5ms", '{leftover_string,"ms"}'),
        ("-1", "{value_negative,-1}"),
        (str(TOO_LATE), f"{{value_too_large,{TOO_LATE}}}"),
    ],
)
def test_BASIC_09_expirations_that_are_not(broker, expiration, reason):
    with broker.connect() as peer:
        peer.publish(broker.fresh("nobody"), expiration=expiration)
        text = f"PRECONDITION_FAILED - invalid expiration '{expiration}': {reason}"
        peer.expect_channel_error(406, text, PUBLISH)


def test_BASIC_10_BASIC_11_cc_and_bcc_are_further_routing_keys(broker):
    with broker.connect() as peer:
        direct, copy, blind = (peer.queue() for _ in range(3))
        peer.publish(direct, headers={"CC": [copy, 5], "BCC": [blind, True]})
        for queue in (direct, copy, blind):
            message = peer.get(queue)
            assert message.method.routing_key == direct
            assert message.properties.headers == {"CC": [copy, 5]}


def test_BASIC_11_headers_that_held_only_bcc_are_empty_and_there(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.publish("nobody", headers={"BCC": [queue]})
        assert peer.get(queue).header == bytes.fromhex("2000 00000000")


@pytest.mark.parametrize("name", ["CC", "BCC"])
@pytest.mark.parametrize(
    ("value", "kind"), [("x", "longstr"), (1, "signedint"), (True, "bool"), ({}, "table"), (None, "void")]
)
def test_BASIC_10_they_must_be_arrays(broker, name, value, kind):
    with broker.connect() as peer:
        peer.publish("nobody", headers={name: value})
        text = f'PRECONDITION_FAILED - invalid message: {{unacceptable_type_in_header,"{name}",{kind}}}'
        peer.expect_channel_error(406, text, PUBLISH)


def test_BASIC_01_BASIC_10_they_are_looked_at_before_the_delivery_mode(broker):
    with broker.connect() as peer:
        peer.publish("nobody", headers={"CC": "x"}, delivery_mode=3)
        text = 'PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}'
        peer.expect_channel_error(406, text, PUBLISH)


def test_BASIC_13_one_channel_one_queue_one_order(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        peer.consume(queue, channel=2, no_ack=True)
        for number in range(300):
            peer.publish(queue, b"%d" % number)
        bodies = [one.body for one in peer.deliveries(300, channel=2)]
        assert bodies == [b"%d" % number for number in range(300)]
        peer.call(Queue.Purge(queue=queue), Queue.PurgeOk(0))
