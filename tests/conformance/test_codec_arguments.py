"""CODEC-28 … CODEC-36: method arguments."""

from __future__ import annotations

import pytest
from texts import locked

from amqplab.wire.frames import encode_frame
from amqplab.wire.methods import Access, Basic, Channel, Connection, Exchange, Queue


def text(octets: bytes) -> str:
    """Any octets as the text that stands for them here."""
    return octets.decode("utf-8", "surrogateescape")


def test_CODEC_28_a_short_string_has_up_to_255_octets(broker):
    with broker.connect() as peer:
        assert peer.queue("q" * 255) == "q" * 255
        assert peer.queue("é" * 127) == "é" * 127


def test_CODEC_28_a_long_string_has_a_four_octet_length(broker):
    with broker.connect() as peer:
        peer.call(Connection.UpdateSecret(b"s" * 70000, "long"), Connection.UpdateSecretOk())


def test_CODEC_29_bits_share_an_octet_from_the_lowest(broker):
    """queue.declare's passive is bit 0, exclusive bit 2, nowait bit 4; the bits above mean nothing."""
    with broker.connect() as peer:
        name = broker.fresh("q").encode()

        def declare(bits: int) -> None:
            arguments = bytes((0, 0, len(name))) + name + bytes((bits, 0, 0, 0, 0))
            peer.send_frame(1, 1, b"\x00\x32\x00\x0a" + arguments)

        declare(0b1110_0100)
        peer.expect(Queue.DeclareOk(name.decode()))
        declare(0b1110_0001)
        peer.expect(Queue.DeclareOk(name.decode()))
        declare(0b0001_0001)
        peer.sync()
        declare(0b0000_0000)
        peer.expect_channel_error(405, locked(name.decode()), (50, 10))


@pytest.mark.parametrize(
    ("payload", "ids", "printed"),
    [
        (Queue.Purge(queue="abc").encode()[:-1], (50, 30), "<<0,0,3,97,98,99>>"),
        (Queue.Purge(queue="abc").encode() + b"\0", (50, 30), "<<0,0,3,97,98,99,0,0>>"),
        (Basic.Qos().encode()[:-3], (60, 10), "<<0,0,0,0>>"),
        (Channel.Flow().prefix, (20, 20), "<<>>"),
        (Basic.Publish(routing_key="k").encode()[:-1], (60, 40), "<<0,0,0,1,107>>"),
        (Basic.Publish(routing_key="k").encode() + b"\0", (60, 40), "<<0,0,0,1,107,0,0>>"),
        (Queue.DeclareOk(queue="a").encode()[:-8], (50, 11), "<<1,97>>"),
    ],
)
def test_CODEC_30_missing_and_extra_octets_are_quoted(broker, payload, ids, printed):
    with broker.connect() as peer:
        peer.send_frame(1, 1, payload)
        peer.expect_connection_error(501, f"FRAME_ERROR - cannot decode {printed}", ids)


@pytest.mark.parametrize(
    "method",
    [Connection.Close(200, "x"), Connection.TuneOk(1, 2, 3), Connection.UpdateSecret(b"a", "b")],
    ids=lambda method: method.name,
)
def test_CODEC_30_on_channel_0_the_broker_only_says_that_it_failed(broker, method):
    """Where the catalogue was wrong: 501 is for the channels."""
    with broker.connect() as peer:
        peer.send_frame(1, 0, method.encode() + b"\0")
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


MALFORMED = [b"\xff", b"\x80", b"\xc3", b"\xe2\x82", b"\xc0\x80", b"\xe0\x80\x80", b"\xf8\x88\x80\x80\x80"]
WELL_FORMED = ["é", "\U0010ffff", "\0", text(b"\xed\xa0\x80"), text(b"\xf5\x80\x80\x80")]


@pytest.mark.parametrize("octets", MALFORMED)
def test_CODEC_31_short_strings_must_be_utf_8(broker, octets):
    with broker.connect() as peer:
        peer.send(Queue.Declare(queue=text(octets)))
        peer.expect_connection_error(501, "FRAME_ERROR - Malformed UTF-8 in shortstr", (0, 0))


@pytest.mark.parametrize(
    "method",
    [
        Exchange.Declare(exchange=text(b"\xff"), passive=True),
        Exchange.Declare(exchange="x", type=text(b"\xff")),
        Queue.Bind(queue="q", exchange="x", routing_key=text(b"\xff")),
        Basic.Get(queue=text(b"\xff")),
        Basic.Consume(queue="q", consumer_tag=text(b"\xff")),
        Basic.Cancel(consumer_tag=text(b"\xff")),
        Channel.Close(200, text(b"\xff")),
    ],
    ids=lambda method: method.name,
)
def test_CODEC_31_whatever_the_method_without_content(broker, method):
    with broker.connect() as peer:
        peer.send(method)
        peer.expect_connection_error(501, "FRAME_ERROR - Malformed UTF-8 in shortstr", (0, 0))


def test_CODEC_31_on_channel_0_the_method_is_named(broker):
    """Where the catalogue was wrong: there the ids are the method's."""
    with broker.connect() as peer:
        peer.send(Connection.Close(200, text(b"\xff")))
        peer.expect_connection_error(501, "FRAME_ERROR - Malformed UTF-8 in shortstr", (10, 50))


@pytest.mark.parametrize("name", WELL_FORMED)
def test_CODEC_31_what_erlang_takes_for_utf_8(broker, name):
    with broker.connect() as peer:
        assert peer.queue(name) == name


def test_CODEC_31_publishing_takes_any_octets(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.bind(queue, "amq.fanout")
        peer.publish(text(b"\xff\xfe"), exchange="amq.fanout", content_type=text(b"\xfd"))
        message = peer.get(queue)
        assert message is not None
        assert message.method.routing_key == text(b"\xff\xfe")
        assert message.properties.content_type == text(b"\xfd")
        peer.publish("", exchange=text(b"\xfe"))
        detail = f"NOT_FOUND - no exchange '{text(bytes((0xFE,)))}' in vhost '/'"
        peer.expect_channel_error(404, detail, (60, 40))


def test_CODEC_32_line_ends_are_deleted_from_names_that_are_declared(broker):
    with broker.connect() as peer:
        name = broker.fresh("ab")
        spaced = f"a\r\n{name[1:]}\n"
        assert peer.queue(spaced) == name
        peer.call(Queue.Declare(queue=f"\r{name}", passive=True), Queue.DeclareOk(name))
        peer.call(Queue.Bind(queue=spaced, exchange="amq.\nfanout"), Queue.BindOk())
        peer.call(Queue.Unbind(queue=spaced, exchange="amq.\nfanout"), Queue.UnbindOk())
        exchange = broker.fresh("x")
        peer.exchange(f"\r{exchange}\n")
        peer.call(Exchange.Declare(exchange=exchange, passive=True), Exchange.DeclareOk())
        peer.call(Exchange.Bind(destination=f"\n{exchange}", source="amq\n.topic"), Exchange.BindOk())
        peer.call(Exchange.Unbind(destination=f"\n{exchange}", source="amq\n.topic"), Exchange.UnbindOk())
        peer.call(Exchange.Delete(exchange=f"{exchange}\r"), Exchange.DeleteOk())
        peer.call(Queue.Delete(queue=spaced), Queue.DeleteOk(0))


@pytest.mark.parametrize(
    "method",
    [Queue.Purge(queue="a\nb"), Basic.Get(queue="a\nb"), Basic.Consume(queue="a\nb")],
    ids=lambda method: method.name,
)
def test_CODEC_32_elsewhere_they_are_part_of_the_name(broker, method):
    with broker.connect() as peer:
        peer.send(method)
        peer.expect_channel_error(404, "NOT_FOUND - no queue 'a\nb' in vhost '/'", method.ids)


def test_CODEC_32_and_so_when_publishing(broker):
    with broker.connect() as peer:
        peer.publish(exchange="amq.\nfanout")
        peer.expect_channel_error(404, "NOT_FOUND - no exchange 'amq.\nfanout' in vhost '/'", (60, 40))


@pytest.mark.parametrize("name", ["with space", "a/b", "%41", "Ünïcødé", "🐇", "'", "amq", "amqx.y", "AMQ.q"])
def test_CODEC_33_any_character_may_be_in_a_name(broker, name):
    with broker.connect() as peer:
        assert peer.queue(name) == name
        peer.exchange(name, auto_delete=True)
        assert peer.consume(name, name) == name
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_CODEC_34_arguments_of_older_days_are_ignored(broker):
    with broker.dial() as peer:
        peer.log_in()
        peer.send(Connection.TuneOk(2047, 131072, 0))
        peer.call(Connection.Open("/", "capabilities", True), Connection.OpenOk(""))
        peer.opened = True
        peer.call(Channel.Open("out-of-band"), Channel.OpenOk(b""), channel=1)
        peer.call(Access.Request("realm"), Access.RequestOk(1))
        queue = peer.queue(ticket=77)
        peer.call(Basic.Get(queue=queue, ticket=65535), Basic.GetEmpty(""))


@pytest.mark.parametrize("payload", [b"\0\x63\0\1", b"\0\x3c\0\x63", b"\xff\xff\xff\xff"])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_CODEC_35_an_unknown_method_resets_the_connection(broker, payload, channel):
    with broker.connect() as peer:
        peer.send_octets(encode_frame(1, channel, payload))
        peer.expect_reset()


def test_CODEC_36_a_reply_text_is_cut_to_255_octets(broker):
    with broker.connect() as peer:
        name = "q" * 255
        full = f"NOT_FOUND - no queue '{name}' in vhost '/'"
        peer.send(Queue.Declare(queue=name, passive=True))
        peer.expect_channel_error(404, full[:252] + "...", (50, 10))


def test_CODEC_36_the_cut_does_not_look_at_characters(broker):
    with broker.connect() as peer:
        name = "x" + "é" * 127
        full = f"NOT_FOUND - no queue '{name}' in vhost '/'".encode()
        peer.send(Queue.Declare(queue=name, passive=True))
        peer.expect_channel_error(404, text(full[:252]) + "...", (50, 10))


def test_CODEC_36_255_octets_fit(broker):
    with broker.connect() as peer:
        name = "q" * (255 - len("NOT_FOUND - no queue '' in vhost '/'"))
        peer.send(Queue.Declare(queue=name, passive=True))
        peer.expect_channel_error(404, f"NOT_FOUND - no queue '{name}' in vhost '/'", (50, 10))
        peer.send(Queue.Declare(queue=name + "q", passive=True))
        full = f"NOT_FOUND - no queue '{name}q' in vhost '/'"
        peer.expect_channel_error(404, full[:252] + "...", (50, 10))
