"""CODEC-37 … CODEC-48: field tables, written by hand so that nothing of ours stands between.

How a value was *understood* shows in two places: RabbitMQ names the type of a bad ``alternate-exchange``, and
it writes a table anew when it has to take the BCC header out of it.
"""

from __future__ import annotations

import struct

import pytest

from amqplab.wire.methods import Exchange

RAW_HEADERS = b"\x20\x00"  # the property flags of a message that has headers only
EMPTY_BCC = (b"BCC", b"A\0\0\0\0")


def table(*pairs: tuple[bytes, bytes]) -> bytes:
    """A field table from names and tagged values."""
    return longstr(b"".join(bytes((len(name),)) + name + value for name, value in pairs))


def longstr(octets: bytes) -> bytes:
    """Octets behind their four-octet length."""
    return struct.pack(">I", len(octets)) + octets


FIELDS = {
    "bool": b"t\x01",
    "byte": b"b\x80",
    "unsignedbyte": b"B\xff",
    "short": b"s\x80\x00",
    "unsignedshort": b"u\xff\xff",
    "signedint": b"I\x80\x00\x00\x00",
    "unsignedint": b"i\xff\xff\xff\xff",
    "long": b"l\x80" + bytes(7),
    "float": b"f\x3f\xc0\x00\x00",
    "double": b"d\x3f\xf8" + bytes(6),
    "decimal": b"D\x02\xff\xff\xff\xff",
    "array": b"A" + longstr(b"t\x00I\x00\x00\x00\x01"),
    "timestamp": b"T" + b"\xff" * 8,
    "table": b"F" + table((b"n", b"V"), (b"m", b"S" + longstr(b"x"))),
    "void": b"V",
    "binary": b"x" + longstr(b"\xff\x00"),
}


def declare_with(peer, value: bytes, name: str) -> None:
    """exchange.declare with an alternate-exchange of any type."""
    head = Exchange.Declare(exchange=name, type="fanout").encode()[:-4]
    peer.send_frame(1, 1, head + table((b"alternate-exchange", value)))


def rewritten(peer, *pairs: tuple[bytes, bytes]) -> bytes:
    """The table as RabbitMQ writes it after taking out BCC."""
    queue = peer.queue()
    peer.publish(queue, raw=RAW_HEADERS + table(*pairs, EMPTY_BCC))
    message = peer.get(queue)
    assert message is not None
    return message.header[2:]


def untouched(peer, *pairs: tuple[bytes, bytes]) -> bytes:
    """The table as it arrives when RabbitMQ need not change it."""
    queue = peer.queue()
    peer.publish(queue, raw=RAW_HEADERS + table(*pairs))
    message = peer.get(queue)
    assert message is not None
    return message.header[2:]


def test_CODEC_37_names_may_repeat_and_come_in_any_order(broker):
    with broker.connect() as peer:
        pairs = [
            (b"z", b"t\x01"),
            (b"a", b"V"),
            (b"z", b"I\x00\x00\x00\x01"),
            (b"", b"V"),
            (b"n" * 255, b"V"),
        ]
        assert untouched(peer, *pairs) == table(*pairs)
        assert rewritten(peer, *pairs) == table(*pairs)


@pytest.mark.parametrize("name", FIELDS)
def test_CODEC_38_every_type_is_read_and_written(broker, name):
    with broker.connect() as peer:
        assert untouched(peer, (b"v", FIELDS[name])) == table((b"v", FIELDS[name]))
        assert rewritten(peer, (b"v", FIELDS[name])) == table((b"v", FIELDS[name]))


@pytest.mark.parametrize("name", FIELDS)
def test_CODEC_39_types_go_by_rabbitmq_s_names(broker, name):
    """So `s` is a signed short, and not a short string."""
    with broker.connect() as peer:
        exchange = broker.fresh("x")
        declare_with(peer, FIELDS[name], exchange)
        where = f"for arg 'alternate-exchange' in exchange '{exchange}' in vhost '/'"
        peer.expect_channel_error(406, f"PRECONDITION_FAILED - invalid type '{name}' {where}", (40, 10))


@pytest.mark.parametrize("letter", b"UZ\x00\xffaCcNn")
def test_CODEC_40_an_unknown_letter_in_an_argument_resets_the_connection(broker, letter):
    with broker.connect() as peer:
        declare_with(peer, bytes((letter, 0, 0)), broker.fresh("x"))
        peer.expect_reset()


@pytest.mark.parametrize("letter", b"UZ\x00\xffaCcNn")
def test_CODEC_40_in_message_headers_it_is_an_internal_error(broker, letter):
    with broker.connect() as peer:
        peer.publish(peer.queue(), raw=RAW_HEADERS + table((b"v", bytes((letter, 0, 0)))))
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


@pytest.mark.parametrize("value", [0, -1, -(2**63), 2**63 - 1])
def test_CODEC_41_a_capital_l_comes_back_small(broker, value):
    with broker.connect() as peer:
        octets = struct.pack(">q", value)
        assert untouched(peer, (b"v", b"L" + octets)) == table((b"v", b"L" + octets))
        assert rewritten(peer, (b"v", b"L" + octets)) == table((b"v", b"l" + octets))
        exchange = broker.fresh("x")
        declare_with(peer, b"L" + octets, exchange)
        where = f"for arg 'alternate-exchange' in exchange '{exchange}' in vhost '/'"
        peer.expect_channel_error(406, f"PRECONDITION_FAILED - invalid type 'long' {where}", (40, 10))


@pytest.mark.parametrize("seconds", [0, 1_700_000_000, 2**63, 2**64 - 1])
def test_CODEC_42_a_timestamp_is_any_64_bits(broker, seconds):
    with broker.connect() as peer:
        field = (b"v", b"T" + struct.pack(">Q", seconds))
        assert rewritten(peer, field) == table(field)


@pytest.mark.parametrize(("scale", "value"), [(0, 0), (2, 314), (255, 2**32 - 1), (0, 2**31)])
def test_CODEC_43_a_decimal_is_unsigned(broker, scale, value):
    with broker.connect() as peer:
        field = (b"v", b"D" + struct.pack(">BI", scale, value))
        assert rewritten(peer, field) == table(field)


@pytest.mark.parametrize(("octet", "again"), [(0, 0), (1, 1), (7, 1), (255, 1)])
def test_CODEC_44_every_octet_but_zero_is_true(broker, octet, again):
    with broker.connect() as peer:
        assert untouched(peer, (b"v", b"t" + bytes((octet,)))) == table((b"v", b"t" + bytes((octet,))))
        assert rewritten(peer, (b"v", b"t" + bytes((octet,)))) == table((b"v", b"t" + bytes((again,))))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"b\xff", -1),
        (b"B\xff", 255),
        (b"u\xff\xff", 65535),
        (b"I\xff\xff\xff\xff", -1),
        (b"i\xff\xff\xff\xff", 2**32 - 1),
    ],
)
def test_CODEC_45_signs_and_widths_of_integers(broker, field, value):
    """A headers exchange compares numbers, so it tells what number was read."""
    with broker.connect() as peer:
        queue = peer.queue()
        peer.bind(queue, "amq.headers", arguments={"v": value})
        peer.publish(exchange="amq.headers", raw=RAW_HEADERS + table((b"v", field)))
        assert peer.get(queue) is not None


@pytest.mark.parametrize("letter", [b"S", b"x"])
def test_CODEC_46_strings_hold_any_octets(broker, letter):
    with broker.connect() as peer:
        field = (b"v", letter + longstr(bytes(range(256))))
        assert rewritten(peer, field) == table(field)


NOT_NUMBERS = [
    b"f\x7f\xc0\0\0",
    b"f\x7f\x80\0\0",
    b"f\xff\x80\0\0",
    b"d\x7f\xf8" + bytes(6),
    b"d\xff\xf0" + bytes(6),
]


@pytest.mark.parametrize("field", NOT_NUMBERS)
def test_CODEC_47_what_is_not_a_number_cannot_be_read(broker, field):
    with broker.connect() as peer:
        peer.publish(peer.queue(), raw=RAW_HEADERS + table((b"v", field)))
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


@pytest.mark.parametrize("field", NOT_NUMBERS)
def test_CODEC_47_and_resets_the_connection_in_an_argument(broker, field):
    with broker.connect() as peer:
        declare_with(peer, field, broker.fresh("x"))
        peer.expect_reset()


@pytest.mark.parametrize("letter", [b"A", b"F"])
def test_CODEC_48_tables_and_arrays_nest(broker, letter):
    with broker.connect() as peer:
        value = b"V"
        for _ in range(90):
            value = letter + (longstr(value) if letter == b"A" else table((b"n", value)))
        assert rewritten(peer, (b"v", value)) == table((b"v", value))


def test_CODEC_48_the_length_of_an_array_counts_octets(broker):
    with broker.connect() as peer:
        peer.publish(peer.queue(), raw=RAW_HEADERS + table((b"v", b"A\0\0\0\x01t")))
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))
