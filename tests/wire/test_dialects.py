"""Other protocols: what h11 and wsproto say is cut, named and explained; and nothing raises."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from amqplab.wire.dialects import DIALECTS, Dialect, dialect_named, recognise
from amqplab.wire.frames import PROTOCOL_HEADER
from amqplab.wire.spans import leaves


def units(data: bytes, name: str) -> list[tuple[str, bytes]]:
    """(dialect, unit) for each unit of a whole stream."""
    found, at, dialect = [], 0, dialect_named(name)
    while at < len(data):
        size = dialect.size(data, at)
        if size == 0 or at + size > len(data):
            found.append(("rest", data[at:]))
            break
        unit = data[at : at + size]
        found.append((dialect.name, unit))
        following = dialect.next(unit)
        dialect = dialect if following == dialect.name else dialect_named(following)
        at += size
    return found


def request(method: str, target: str, body: bytes = b"", **fields: str) -> bytes:
    client = h11.Connection(h11.CLIENT)
    headers = [("Host", "shop"), *((k.replace("_", "-"), v) for k, v in fields.items())]
    if body:
        headers.append(("Content-Length", str(len(body))))
    said = client.send(h11.Request(method=method, target=target, headers=headers)) or b""
    said += client.send(h11.Data(body)) or b"" if body else b""
    return said + (client.send(h11.EndOfMessage()) or b"")


def response(status: int, chunks: list[bytes], trailers: list[tuple[str, str]] | None = None) -> bytes:
    server = h11.Connection(h11.SERVER)
    server.receive_data(request("GET", "/"))
    while server.next_event() is not h11.NEED_DATA and server.their_state is not h11.DONE:
        pass
    said = server.send(h11.Response(status_code=status, headers=[("Transfer-Encoding", "chunked")])) or b""
    said += b"".join(server.send(h11.Data(chunk)) or b"" for chunk in chunks)
    return said + (server.send(h11.EndOfMessage(headers=trailers or [])) or b"")


@given(st.lists(st.tuples(st.sampled_from(["GET", "POST", "PUT"]), st.binary(max_size=80)), max_size=4))
def test_requests_of_h11_are_cut_one_by_one(said: list[tuple[str, bytes]]) -> None:
    requests = [request(method, "/orders", body) for method, body in said]
    assert units(b"".join(requests), "http") == [("http", one) for one in requests]
    assert [dialect_named("http").title(one) for one in requests] == [f"{m} /orders" for m, _ in said]


TRAILERS = st.lists(st.sampled_from([("Expires", "0"), ("Checksum", "ab cd")]), max_size=2)


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=5), TRAILERS)
def test_chunked_responses_of_h11_end_where_they_end(
    chunks: list[bytes], trailers: list[tuple[str, str]]
) -> None:
    one = response(201, chunks, trailers)
    assert units(one + one, "http") == [("http", one), ("http", one)]
    for cut in range(len(one)):
        assert dialect_named("http").size(one[:cut] or b"H", 0) > cut


def test_a_response_without_a_length_lasts_until_the_connection_closes() -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    found = units(head + b"anything at all", "http")
    assert found == [("http", head), ("http", b"anything at all")]
    assert dialect_named("http").title(b"anything at all") == "body"


def test_after_the_handshake_the_bytes_are_websocket() -> None:
    asked = request("GET", "/chat", Upgrade="websocket", Connection="Upgrade")
    answered = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    client = Connection(ConnectionType.CLIENT)
    server = Connection(ConnectionType.SERVER)
    up = [client.send(one) for one in (TextMessage("hello"), BytesMessage(bytes(70_000)), Ping(b"?"))]
    down = [server.send(one) for one in (TextMessage("x" * 200), CloseConnection(1000))]
    assert units(asked + b"".join(up), "http") == [("http", asked), *(("websocket", one) for one in up)]
    assert units(answered + b"".join(down), "http")[1:] == [("websocket", one) for one in down]
    assert dialect_named("websocket").summarise(up[0]) == "WebSocket text (5 bytes, masked)"
    assert dialect_named("websocket").dissect(up[0])[-1].value == "hello"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (PROTOCOL_HEADER, "amqp"),
        (bytes((1, 0, 0, 0, 0, 0, 4)), "amqp"),
        (b"GET / HTTP/1.1\r\n", "http"),
        (b"HTTP/1.1 200 OK\r\n", "http"),
        (b"\x16\x03\x01\x02\x00", "bytes"),
        (b"GETAWAY", "bytes"),
        (b"", None),
        (b"A", None),
        (b"PO", None),
    ],
)
def test_a_direction_is_recognised_by_how_it_begins(data: bytes, name: str | None) -> None:
    assert recognise(data) == name


NUMBERS = st.sampled_from(
    [
        b"",
        b"0",
        b"5",
        b"-6",
        b"+1",
        b"1_0",
        b"0x5",
        "\u00b2".encode(),
        "\u0665".encode(),
        b"f" * 40,
        b"9" * 5000,
    ]
)
"""What may stand where a size or a status is expected; int() raises on some, and takes others for too much."""

SPOILED = (
    b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nbody",
    b"POST / HTTP/1.1\r\nContent-Length: %s\r\n\r\nbody",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\nbody\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n%s\r\n\r\n",
    b"HTTP/1.1 %s OK\r\n\r\n",
)


@given(form=st.sampled_from(SPOILED), number=NUMBERS)
def test_no_number_in_an_http_message_is_too_strange(form: bytes, number: bytes) -> None:
    data = form % number
    for end in range(1, len(data), 1 + len(data) // 60):
        assert dialect_named("http").size(data[:end], 0) >= 0
    for name, unit in units(data, "http"):
        assert unit
        if name == "http":
            assert (
                b"".join(unit[span.start : span.end] for span in leaves(dialect_named(name).dissect(unit)))
                == unit
            )


@pytest.mark.parametrize("name", DIALECTS)
@given(data=st.binary(max_size=200))
def test_anything_at_all_is_read_without_raising(name: str, data: bytes) -> None:
    dialect: Dialect = dialect_named(name)
    assert recognise(data) in {None, *DIALECTS}
    if data:
        assert dialect.size(data, 0) >= 0
    dialect.title(data)
    dialect.summarise(data)
    spans = list(leaves(dialect.dissect(data)))
    assert [span.start for span in spans] == [0, *(span.end for span in spans)][: len(spans)]
    assert not data or spans[-1].end == len(data)
