"""The broker on a socket: its name for connections, its closes, its end."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from leftovers import leftovers

from amqplab.broker.broker import Broker
from amqplab.broker.config import BrokerConfig
from amqplab.client import connect
from amqplab.errors import ConnectionForced, ConnectionLost, UsageError
from amqplab.net.listening import RunningServer, serve
from amqplab.net.server import BrokerServer, name_of
from amqplab.wire.frames import encode_method
from amqplab.wire.methods import Connection

HEADER = b"AMQP\x00\x00\x09\x01"


def served(program: Callable[[RunningServer], Awaitable[Any]], **options: Any) -> Any:
    """Run `program` beside a broker on a free port."""

    async def main() -> Any:
        async with await serve(Broker(), port=0, **options) as running:
            return await program(running)

    return asyncio.run(asyncio.wait_for(main(), 20))


async def dial(running: RunningServer) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (running.host, running.port))
    return sock


async def read(sock: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(sock, 65536)


def test_port_0_is_a_free_port_and_the_url_names_it() -> None:
    async def program(running: RunningServer) -> None:
        assert running.port > 0
        assert running.url == f"amqp://127.0.0.1:{running.port}"
        assert repr(running) == f"<RunningServer: {running.url}>"
        async with await connect(running.url) as connection:
            assert running.server.connections == (connection.name,)

    served(program)


def test_a_closed_server_accepts_nobody_and_closing_again_is_harmless() -> None:
    async def main() -> None:
        running = await serve(Broker(), port=0)
        await running.close()
        await running.close()
        assert repr(running) == "<RunningServer: closed>"
        with pytest.raises(ConnectionRefusedError):
            await dial(running)

    asyncio.run(main())


def test_an_ipv6_address_is_written_in_brackets() -> None:
    async def program(running: RunningServer) -> None:
        assert running.url == f"amqp://[::1]:{running.port}"
        async with await connect(running.url) as connection:
            assert connection.name.startswith("[::1]:")

    served(program, host="::1")


def test_shutting_down_tells_every_client_why(recwarn: pytest.WarningsRecorder) -> None:
    async def main() -> list[str]:
        running = await serve(Broker(), port=0)
        connections = [await connect(running.url) for _ in range(3)]
        silent = await dial(running)
        await running.close()
        assert running.server.connections == ()
        silent.close()
        texts = []
        for connection in connections:
            with pytest.raises(ConnectionForced) as caught:
                await connection.wait_closed()
            texts.append(caught.value.reply_text)
        return texts

    text = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
    assert asyncio.run(main()) == [text] * 3


def test_clients_that_do_not_answer_the_shutdown_are_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amqplab.net.server.GOODBYE_S", 0.05)

    async def main() -> bytes:
        running = await serve(Broker(), port=0)
        deaf = await dial(running)
        await asyncio.get_running_loop().sock_sendall(deaf, OPENING)
        while b"\x00\x0a\x00\x29" not in await read(deaf):  # open-ok
            pass
        await running.close()
        said = await read(deaf)
        with pytest.raises(ConnectionResetError):
            await read(deaf)
        deaf.close()
        return said

    assert b"shutdown" in asyncio.run(main())


OPENING = HEADER + b"".join(
    encode_method(0, method)
    for method in (
        Connection.StartOk(response=b"\0guest\0guest"),
        Connection.TuneOk(channel_max=2047, frame_max=131072, heartbeat=60),
        Connection.Open(virtual_host="/"),
    )
)


def test_the_broker_closes_with_a_reset() -> None:
    async def program(running: RunningServer) -> None:
        sock = await dial(running)
        await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.1\r\n\r\n")
        assert await read(sock) == HEADER  # CONN-04
        with pytest.raises(ConnectionResetError):  # CONN-07
            await read(sock)
        sock.close()

    served(program)


def test_one_client_s_garbage_does_not_disturb_the_others() -> None:
    async def program(running: RunningServer) -> None:
        async with await connect(running.url) as good:
            channel = await good.channel()
            for octets in (b"\x00" * 50, HEADER + b"\xff" * 50, HEADER * 3):
                sock = await dial(running)
                await asyncio.get_running_loop().sock_sendall(sock, octets)
                await read(sock)
                sock.close()
            assert (await channel.queue_declare("", exclusive=True)).message_count == 0

    served(program)


def test_a_vanished_client_is_forgotten() -> None:
    async def program(running: RunningServer) -> None:
        connection = await connect(running.url)
        channel = await connection.channel()
        await channel.queue_declare("mine", exclusive=True)
        connection.abort()
        while running.server.connections:
            await asyncio.sleep(0.005)
        async with await connect(running.url) as other:
            await (await other.channel()).queue_declare("mine", exclusive=True)

    served(program)


def test_nobody_speaks_to_who_has_just_left(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio complains about every write to a transport that is about to tell of its end."""

    async def program(running: RunningServer) -> None:
        connection = await connect(running.url)
        channel = await connection.channel()
        await channel.queue_declare("q", exclusive=True)
        (end,) = running.server._ends.values()
        end._transport.abort()
        connection._protocol.abort()
        for _ in range(10):
            end.write(b"x")
            channel.basic_publish("", "q", "x")
        await asyncio.sleep(0)

    served(program)
    assert not caplog.messages


def test_one_connection_too_many_is_reset_and_disturbs_nobody() -> None:
    lines: list[str] = []

    async def main() -> None:
        broker = Broker(config=BrokerConfig(max_connections=2))
        async with await serve(broker, port=0, log=lines.append) as running:
            strangers = [await dial(running) for _ in range(2)]
            while len(running.server.connections) < 2:
                await asyncio.sleep(0.005)
            with pytest.raises(ConnectionLost):
                await connect(running.url)
            strangers.pop().close()
            while len(running.server.connections) > 1:
                await asyncio.sleep(0.005)
            await (await connect(running.url)).close()
            strangers.pop().close()

    asyncio.run(asyncio.wait_for(main(), 20))
    assert sum("is reset: there are 2 connections already" in line for line in lines) == 1


def test_many_connections_at_once() -> None:
    async def program(running: RunningServer) -> None:
        connections = await asyncio.gather(*[connect(running.url) for _ in range(50)])
        assert len(running.server.connections) == 50
        await asyncio.gather(*[connection.close() for connection in connections])
        while running.server.connections:
            await asyncio.sleep(0.005)

    served(program)


def test_a_large_backlog_reaches_a_slow_reader_whole() -> None:
    async def program(running: RunningServer) -> None:
        async with await connect(running.url) as connection:
            channel = await connection.channel()
            await channel.queue_declare("q", exclusive=True)
            body = os.urandom(300_000)
            for _ in range(40):
                await channel.basic_publish("", "q", body)
            seen = 0
            async for message in channel.consume("q", auto_ack=True):
                assert message.body == body
                seen += 1
                if seen == 40:
                    break

    served(program)


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("127.0.0.1", None, "is taken by another program"),
        ("192.0.2.1", 0, "not an address of this machine"),
        ("no-such-host.invalid", 0, "not an address of this machine"),
        ("127.0.0.1", 70000, "from 1 to 65535"),
    ],
)
def test_an_address_that_cannot_be_listened_on_gives_one_clear_sentence(
    host: str, port: int | None, words: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1] if port is None else port
        with pytest.raises(UsageError) as caught:
            asyncio.run(serve(Broker(), host, wanted))
    assert words in str(caught.value)


def test_the_log_tells_who_came_and_went() -> None:
    lines: list[str] = []

    async def program(running: RunningServer) -> str:
        async with await connect(running.url) as connection:
            name = connection.name
        while running.server.connections:
            await asyncio.sleep(0.005)
        return name

    name = served(program, log=lines.append)
    assert lines[0] == f"{name} connected"
    assert lines[-1].startswith(f"{name} disconnected: ")


def test_heartbeats_are_sent_from_the_broker_s_one_timer() -> None:
    async def program(running: RunningServer) -> bytes:
        async with await connect(running.url, heartbeat=1) as connection:
            await asyncio.sleep(2.2)
            assert connection.is_open
        return b""

    served(program)


@pytest.mark.parametrize(
    ("peer", "name", "loopback"),
    [
        (("127.0.0.1", 5), "127.0.0.1:5", True),
        (("127.9.9.9", 5), "127.9.9.9:5", True),
        (("10.0.0.1", 5), "10.0.0.1:5", False),
        (("::1", 5, 0, 0), "[::1]:5", True),
        (("::ffff:127.0.0.1", 5, 0, 0), "[::ffff:127.0.0.1]:5", True),
        (("2001:db8::1", 5, 0, 0), "[2001:db8::1]:5", False),
        (("producer", 49152), "producer:49152", True),
        ("", "local", True),
        (None, "local", True),
    ],
)
def test_a_connection_is_named_by_the_client_s_end(peer: Any, name: str, loopback: bool) -> None:
    assert name_of(peer) == (name, loopback)


def test_two_connections_never_share_a_name() -> None:
    class Transport(asyncio.Transport):
        def abort(self) -> None:
            self.aborted = True

        def write(self, data: Any) -> None:
            pass

        def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
            pass

    async def main() -> tuple[str, ...]:
        server = BrokerServer(Broker())
        protocols = [server.protocol() for _ in range(2)]
        for protocol in protocols:
            protocol.connection_made(Transport({"peername": ("127.0.0.1", 7)}))
        names = server.connections
        for protocol in protocols:
            protocol.connection_lost(None)
        assert server.connections == ()
        return names

    assert asyncio.run(main()) == ("127.0.0.1:7", "127.0.0.1:7#2")


def test_nothing_is_left_behind(recwarn: pytest.WarningsRecorder) -> None:
    async def main() -> None:
        running = await serve(Broker(), port=0)
        connection = await connect(running.url)
        await running.close()
        with pytest.raises(ConnectionForced):
            await connection.wait_closed()

    asyncio.run(main())  # the first run loads what is loaded once
    before = leftovers()
    asyncio.run(main())
    assert leftovers() == before
    assert [str(w.message) for w in recwarn if issubclass(w.category, ResourceWarning)] == []


def test_no_task_is_made_for_a_connection() -> None:
    async def program(running: RunningServer) -> int:
        before = len(asyncio.all_tasks())
        async with await connect(running.url) as connection:
            await connection.channel()
            return len(asyncio.all_tasks()) - before

    assert served(program) == 0


def test_sockets_do_not_wait_for_more_octets() -> None:
    async def program(running: RunningServer) -> int:
        async with await connect(running.url):
            (end,) = running.server._ends.values()
            sock = end._transport.get_extra_info("socket")
            return int(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    assert served(program) != 0
