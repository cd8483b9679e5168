"""What links and machines do to a conversation, as scenes; and conversations in other protocols.

Theory
------
A cut, a half-open link and a machine without power are silence; only a timer makes an error of silence. A
killed process is not silent: its kernel says RST. In each of these runs a consumer holds a message when the
fault comes, heartbeats find out what there is to find out, and the message finds its way back, or does not
within the record.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import struct
from typing import Any

from scene_book import consumer, publish, scene

from amqplab import Lab
from amqplab.client import BasicProperties
from amqplab.errors import ConnectionLost, UsageError

HEARTBEAT_S = 2
PERSISTENT = BasicProperties(delivery_mode=2)


# --- links ----------------------------------------------------------------------------------------------


@scene("network", seed=310, title="20 % loss", latency="5 ms", loss="20 %")
def loss_20_percent(lab: Lab) -> None:
    """Every fifth segment is lost, both ways; TCP keeps its word, and AMQP notices nothing."""
    channel = lab.connect("producer").channel()
    channel.queue_declare("work")
    consumer(lab, "worker", "work", prefetch=2)
    publish(channel, "", *(("work", f"message {number}") for number in range(1, 11)))
    lab.run()


@scene("network", seed=32, title="300 kB", latency="5 ms", bandwidth="100 Mbit/s")
def body_of_300_kb(lab: Lab) -> None:
    """A body of 300,000 bytes: three frames, some two hundred segments, a slow consumer's link."""
    channel = lab.connect("camera").channel()
    channel.queue_declare("pictures")
    channel.basic_publish("", "pictures", b"\x89PNG" + bytes(299_996))
    lab.run()
    lab.link("viewer", bandwidth="10 Mbit/s")
    consumer(lab, "viewer", "pictures")
    lab.run()


@scene("network", "fault", seed=33, title="Nine frames in a lost segment")
def lost_batch(lab: Lab) -> None:
    """Three messages share a segment of nine frames. It is lost, and sent again."""

    @lab.program("producer")
    async def send(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("work")
        await asyncio.sleep(0.1)
        client.note("nine frames at once")
        for number in (1, 2, 3):
            channel.basic_publish("", "work", f"message {number}")

    lab.run(until="NoteMade")
    lab.lose_next("producer")
    lab.run()


@scene("network", seed=34, title="Silence, kept alive")
def heartbeats(lab: Lab) -> None:
    """Ten minutes in which nothing is said but that both ends are alive, then one message."""
    channel = lab.connect("patient", heartbeat=60).channel()
    channel.queue_declare("calls")
    lab.run_for("10 min")
    channel.basic_publish("", "calls", "at last")
    lab.run()


# --- faults ---------------------------------------------------------------------------------------------


def in_the_middle(lab: Lab) -> None:
    """A consumer holds the first of two messages for ten seconds, with a heartbeat of two; it is one second
    into that.
    """
    channel = lab.connect("producer", heartbeat=0).channel()
    channel.queue_declare("work")

    @lab.program("worker")
    async def work(client: Any) -> None:
        with contextlib.suppress(ConnectionLost, UsageError):  # its end is what is looked at
            channel = await (await client.connect(heartbeat=HEARTBEAT_S)).channel()
            await channel.basic_qos(prefetch_count=1)
            async for message in channel.consume("work", consumer_tag="worker"):
                await asyncio.sleep(10)
                await message.ack()

    lab.run_for("20 ms")
    publish(channel, "", ("work", "job 1"), ("work", "job 2"))
    lab.run_for("1 s")


@scene("fault", seed=41, title="A cut cable")
def cut(lab: Lab) -> None:
    """The cable is cut while a message is held: both ends hear nothing and give up; it goes back."""
    in_the_middle(lab)
    lab.cut("worker")
    lab.run_for("20 s")


@scene("fault", seed=42, title="Cut with messages under way", latency="20 ms")
def cut_on_the_way(lab: Lab) -> None:
    """The cable is cut with deliveries under way, and the record ends before anybody has noticed: they are
    sent again and again, and never arrive.
    """
    channel = lab.connect("producer").channel()
    channel.queue_declare("work")
    consumer(lab, "worker", "work", prefetch=2)
    lab.run_for("300 ms")
    publish(channel, "", ("work", "job 1"), ("work", "job 2"), ("work", "job 3"))
    lab.run(until="Delivered")
    lab.cut("worker")
    lab.run_for("3 s")


@scene("fault", seed=43, title="Cut, and healed")
def cut_and_healed(lab: Lab) -> None:
    """The cable is cut for a second and a half: shorter than any timer of AMQP, so only TCP sees it."""
    in_the_middle(lab)
    lab.cut("worker")
    lab.run_for("1.5 s")
    lab.heal("worker")
    lab.run_for("30 s")


@scene("fault", seed=44, title="Half open")
def half_open(lab: Lab) -> None:
    """The worker hears the broker, the broker does not hear the worker, and after two heartbeat timeouts gives up."""
    in_the_middle(lab)
    lab.half_open("worker")
    lab.run_for("20 s")


@scene("fault", seed=45, title="A killed process")
def crash(lab: Lab) -> None:
    """The worker's process is killed: its kernel resets the connection, and the message is back at once."""
    in_the_middle(lab)
    lab.kill("worker")
    lab.run_for("2 s")


@scene("fault", seed=49, title="Killed with messages under way", latency="20 ms")
def killed_on_the_way(lab: Lab) -> None:
    """One worker's process is killed, another's connection is reset, with deliveries under way: they come to nobody.
    What is acknowledged goes back, what is not is lost.
    """
    channel = lab.connect("producer").channel()
    for name in ("work", "news"):
        channel.queue_declare(name)
    consumer(lab, "worker", "work", prefetch=2)
    consumer(lab, "reader", "news", auto_ack=True)
    lab.run_for("300 ms")
    for body in ("1", "2"):
        publish(channel, "", ("work", f"job {body}"), ("news", f"news {body}"))
    lab.run(until="Delivered")
    lab.run_for("1 ms")
    lab.kill("worker")
    lab.reset("reader")
    with contextlib.suppress(ConnectionLost):
        lab.run_for("1 s")


@scene("fault", seed=68, title="Sent again at once")
def again_at_once(lab: Lab) -> None:
    """Two processes are killed while their cables are cut: TCP goes on without them, and sends again at once what
    they had said, and that they have nothing more to say. One cable is healed in time, the other is not.
    """

    @lab.program("shop")
    async def sell(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("orders")
        await asyncio.sleep(0.1)
        for number in (1, 2, 3):
            await channel.basic_publish("", "orders", f"order {number}")
            await asyncio.sleep(0.002)

    @lab.program("clerk")
    async def prepare(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await asyncio.sleep(0.1)
        await channel.basic_qos(prefetch_count=1)

    lab.run_for("60 ms")
    for name in ("shop", "clerk"):
        lab.cut(name)
    lab.run_for("70 ms")
    for name in ("shop", "clerk"):
        lab.kill(name)
    lab.run_for("300 ms")
    lab.heal("shop")
    lab.run_for("2 s")


@scene("fault", seed=46, title="No power")
def power_off(lab: Lab) -> None:
    """The worker's machine loses power: silence, until the broker has missed enough heartbeats."""
    in_the_middle(lab)
    lab.crash("worker")
    lab.run_for("20 s")


@scene("fault", seed=150, title="A broker without power", latency="20 ms")
def broker_without_power(lab: Lab) -> None:
    """The broker's machine loses power with messages in hands, in queues, on their way and in a transaction; what its
    disk has kept is there when it is back. Its clients hear nothing, and then that nobody knows their connections.
    """
    channel = lab.connect("producer", heartbeat=0).channel()
    channel.queue_declare("work", durable=True)
    channel.queue_declare("news", auto_delete=True)
    channel.exchange_declare("board", "fanout")
    channel.queue_bind("news", "board")
    consumer(lab, "worker", "work", prefetch=2, seconds=0.42)
    consumer(lab, "reader", "news", auto_ack=True)
    lab.run_for("300 ms")
    publish(channel, "", *(("work", f"job {number}") for number in (1, 2, 3)), properties=PERSISTENT)
    publish(channel, "", ("work", "job 4, in memory only"))
    lab.run_for("100 ms")
    publish(channel, "board", ("", "news 1"), ("", "news 2"))
    lab.run(until="Delivered")
    teller = lab.connect("teller").channel()
    teller.tx_select()
    publish(teller, "", ("work", "job 5, in a transaction"), properties=PERSISTENT)
    lab.run_for("100 ms")
    publish(channel, "board", ("", "news 3"))
    lab.run(until="Delivered")
    lab.run_for("5 ms")
    lab.power_off("broker")
    lab.run_for("3 s")
    lab.power_on("broker")
    with contextlib.suppress(ConnectionLost, UsageError):  # a program that still talks hears of it
        lab.run_for("10 s")


@scene("fault", seed=151, title="Sent into the dark", latency="20 ms")
def sent_into_the_dark(lab: Lab) -> None:
    """The broker's machine loses power while messages and an acknowledgement are on their way to it. Nobody is told,
    so TCP sends them again and again, until the broker is back and knows of no connection.
    """
    channel = lab.connect("producer").channel()
    channel.queue_declare("work", durable=True)
    consumer(lab, "worker", "work", prefetch=1, seconds=0.05)
    lab.run_for("300 ms")
    publish(channel, "", ("work", "job 1"))
    lab.run(until="MessageHandled")
    publish(channel, "", ("work", "job 2"), ("work", "job 3"))
    lab.run_for("5 ms")
    lab.power_off("broker")
    lab.run_for("1 s")
    lab.power_on("broker")
    with contextlib.suppress(ConnectionLost, UsageError):  # a program that still talks hears of it
        lab.run_for("5 s")


@scene("fault", seed=47, title="Reset")
def connection_reset(lab: Lab) -> None:
    """A firewall resets the worker's connection: both ends learn it, and the worker's program ends."""
    in_the_middle(lab)
    lab.reset("worker")
    lab.run_for("20 s")


@scene("fault", seed=67, title="Calls after the end")
def calls_after_the_end(lab: Lab) -> None:
    """A publisher whose connection is reset goes on publishing: one call meets the loss, the others fail alike."""
    channel = lab.connect("publisher").channel()
    channel.queue_declare("work")
    lab.reset("publisher")
    for number in range(1, 4):
        with contextlib.suppress(ConnectionLost, UsageError):
            channel.basic_publish("", "work", f"message {number}")
    lab.run_for("1 s")


@scene("fault", seed=48, title="Frozen, and thawed")
def frozen(lab: Lab) -> None:
    """The worker's process stands still for a second and goes on as if nothing had been."""
    in_the_middle(lab)
    lab.freeze("worker")
    lab.run_for("1 s")
    lab.thaw("worker")
    lab.run_for("20 s")


# --- other protocols ------------------------------------------------------------------------------------


@scene("other protocol", seed=51, title="HTTP beside AMQP")
def http(lab: Lab) -> None:
    """A browser asks a web server twice on one connection, HTTP/1.1; and AMQP beside it."""
    web_server(lab, answer_http)
    amqp_beside(lab)

    @lab.program("browser", start="5 ms")
    async def ask(client: Any) -> None:
        reader, writer = await asyncio.open_connection("web", 80)
        for path in ("/queues", "/nothing"):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: web\r\nAccept: */*\r\n\r\n".encode())
            await read_http(reader)
        writer.close()
        await writer.wait_closed()

    lab.run()


@scene("other protocol", seed=52, title="A WebSocket beside AMQP")
def websocket(lab: Lab) -> None:
    """A browser upgrades to a WebSocket, says two texts and a ping, hears them back, and closes."""
    web_server(lab, answer_websocket)
    amqp_beside(lab)

    @lab.program("browser", start="5 ms")
    async def talk(client: Any) -> None:
        reader, writer = await asyncio.open_connection("web", 80)
        writer.write(
            b"GET /chat HTTP/1.1\r\nHost: web\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        for opcode, payload in ((TEXT, b"Hello"), (PING, b"?"), (TEXT, "Möhre".encode()), (CLOSE, NORMAL)):
            writer.write(websocket_frame(opcode, payload, mask=b"\x37\xfa\x21\x3d"))
            await read_websocket(reader)
        writer.close()
        await writer.wait_closed()

    lab.run()


def web_server(lab: Lab, answer: Any) -> None:
    """A program that listens at the host "web", port 80."""

    @lab.program("web")
    async def serve(client: Any) -> None:
        await asyncio.start_server(answer, "web", 80)


def amqp_beside(lab: Lab) -> None:
    """A message to a broker, in the same network."""

    @lab.program("producer", start="8 ms")
    async def send(client: Any) -> None:
        async with await client.connect() as connection:
            channel = await connection.channel()
            await channel.queue_declare("hits")
            await channel.basic_publish("", "hits", "somebody looked")


PAGES = {"/queues": b'[{"name": "hits", "messages": 1}]\n'}


async def read_http(reader: asyncio.StreamReader) -> tuple[list[str], bytes]:
    """The head of a message, as lines, and its body."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith("Content-Length:")), 0)
    return lines, await reader.readexactly(length)


async def answer_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP/1.1, with what a demonstration needs of it."""
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            lines, _ = await read_http(reader)
            path = lines[0].split(" ")[1]
            status = "200 OK" if path in PAGES else "404 Not Found"
            body = PAGES.get(path, b"There is no such page.\n")
            head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
    writer.close()


CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NORMAL = struct.pack(">H", 1000)
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def websocket_frame(opcode: int, payload: bytes, mask: bytes = b"") -> bytes:
    """A frame of RFC 6455, of at most 125 octets; a client's is masked."""
    head = bytes([0x80 | opcode, (0x80 if mask else 0) | len(payload)])
    if mask:
        payload = bytes(octet ^ mask[at % 4] for at, octet in enumerate(payload))
    return head + mask + payload


async def read_websocket(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The opcode and the payload of the next frame."""
    first, second = await reader.readexactly(2)
    mask = await reader.readexactly(4) if second & 0x80 else bytes(4)
    payload = await reader.readexactly(second & 0x7F)
    return first & 0x0F, bytes(octet ^ mask[at % 4] for at, octet in enumerate(payload))


async def answer_websocket(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept the upgrade, then send every text back, and a pong for every ping."""
    lines, _ = await read_http(reader)
    key = next(line[19:] for line in lines if line.startswith("Sec-WebSocket-Key: "))
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    opcode = TEXT
    while opcode != CLOSE:
        opcode, payload = await read_websocket(reader)
        writer.write(websocket_frame({PING: PONG}.get(opcode, opcode), payload))
    writer.close()
