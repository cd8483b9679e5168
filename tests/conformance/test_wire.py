"""WIRE-01 … WIRE-27: one real session, octet for octet, in both directions."""

from __future__ import annotations

from amqplab.wire.frames import PROTOCOL_HEADER
from amqplab.wire.methods import Channel, Connection, Queue

START_OK = (
    "0100000000004f000a000b0000002b0c6361706162696c6974696573460000001916636f6e73756d65725f63616e63656c5f"
    "6e6f74696679740105504c41494e0000000c00677565737400677565737405656e5f5553ce"
)
TUNE = "0100000000000c000a001e07ff00020000003cce"
TUNE_OK = "0100000000000c000a001f07ff00020000003cce"
OPEN, OPEN_OK = "01000000000008000a0028012f0000ce", "01000000000005000a002900ce"
CHANNEL_OPEN, CHANNEL_OPEN_OK = "010001000000050014000a00ce", "010001000000080014000b00000000ce"
DECLARE = "0100010000001f0032000a0000017104000000120c782d6d61782d6c656e677468490000000ace"
DECLARE_OK = "0100010000000e0032000b01710000000000000000ce"
QOS, QOS_OK = "0100010000000b003c000a00000000000500ce", "01000100000004003c000bce"
PUBLISH = "0100010000000a003c0028000000017101ce"
HEADER = (
    "02000100000025003c00000000000000000002b0000a746578742f706c61696e000000070161490000000102ce"  # both ways
)
BODY = "030001000000026869ce"
GET, GET_OK = "01000100000009003c00460000017100ce", "01000100000014003c004700000000000000010000017100000000ce"
ACK = "0100010000000d003c0050000000000000000100ce"
CONSUME = "0100010000001f003c001400000171016302000000100a782d7072696f726974794900000003ce"
CONSUME_OK = "01000100000006003c00150163ce"
NACK = "0100010000000d003c0078000000000000000903ce"
CHANNEL_CLOSE = (
    "010001000000370014002801962c505245434f4e444954494f4e5f4641494c4544202d20756e6b6e6f776e2064656c697665727920"
    "7461672039003c0078ce"
)
CHANNEL_CLOSE_OK = "0100010000000400140029ce"
HEARTBEAT = "08000000000000ce"
CLOSE, CLOSE_OK = "0100000000000e000a003200c80362796500000000ce", "01000000000004000a0033ce"


def say(peer, *frames):
    peer.send_octets(bytes.fromhex("".join(frames)))


def hear(peer, *frames):
    peer.expect_octets(bytes.fromhex("".join(frames)))


def logged_in(broker):
    peer = broker.dial()
    peer.send_octets(PROTOCOL_HEADER)
    peer.expect(Connection.Start)
    say(peer, START_OK)
    hear(peer, TUNE)
    say(peer, TUNE_OK, OPEN)
    hear(peer, OPEN_OK)
    return peer


def with_queue(broker):
    """A session that has come to its queue, as the one that was written down did."""
    peer = logged_in(broker)
    say(peer, CHANNEL_OPEN)
    hear(peer, CHANNEL_OPEN_OK)
    say(peer, DECLARE)
    hear(peer, DECLARE_OK)
    return peer


def say_goodbye(peer):
    """The end of the session; the queue is exclusive, but RabbitMQ forgets it only a little later."""
    peer.send(Queue.Delete(queue="q"))
    peer.expect(Queue.DeleteOk)
    say(peer, CLOSE)
    hear(peer, CLOSE_OK)
    peer.abort()


def test_WIRE_01_WIRE_02_WIRE_03_WIRE_04_WIRE_05_logging_in(broker):
    logged_in(broker).abort()


def test_WIRE_06_WIRE_07_WIRE_08_WIRE_09_a_channel_and_a_queue(broker):
    say_goodbye(with_queue(broker))


def test_WIRE_10_WIRE_11_a_window(broker):
    peer = with_queue(broker)
    say(peer, QOS)
    hear(peer, QOS_OK)
    say_goodbye(peer)


def test_WIRE_12_WIRE_13_WIRE_14_WIRE_15_WIRE_16_WIRE_17_WIRE_18_WIRE_19_a_message_goes_round(broker):
    peer = with_queue(broker)
    say(peer, PUBLISH, HEADER, BODY, GET)
    hear(peer, GET_OK, HEADER, BODY)
    say(peer, ACK)
    say_goodbye(peer)


def test_WIRE_20_WIRE_21_a_consumer(broker):
    peer = with_queue(broker)
    say(peer, CONSUME)
    hear(peer, CONSUME_OK)
    peer.call(Channel.Close(reply_code=200), Channel.CloseOk())
    peer.call(Channel.Open(), Channel.OpenOk)
    say_goodbye(peer)


def test_WIRE_22_WIRE_23_WIRE_24_an_error(broker):
    peer = with_queue(broker)
    say(peer, NACK)
    hear(peer, CHANNEL_CLOSE)
    say(peer, CHANNEL_CLOSE_OK, CHANNEL_OPEN)
    hear(peer, CHANNEL_OPEN_OK)
    say_goodbye(peer)


def test_WIRE_25_WIRE_26_WIRE_27_a_sign_of_life_and_the_end(broker):
    peer = logged_in(broker)
    say(peer, HEARTBEAT, CLOSE)
    hear(peer, CLOSE_OK)
    peer.abort()
