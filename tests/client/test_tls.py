"""AMQP over TLS: whom the client trusts, what name it asks for, and EXTERNAL."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from needs import program

from amqplab.broker.broker import Broker
from amqplab.client import BlockingConnection, ExternalCredentials, URLParameters, connect
from amqplab.client.parameters import ConnectionParameters
from amqplab.errors import AccessRefused, ConnectionLost
from amqplab.net.listening import serve


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for the name localhost, in one file."""
    openssl = program("openssl", "make a certificate for the TLS tests")
    folder = tmp_path_factory.mktemp("tls")
    command = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    files = ["-keyout", "key.pem", "-out", "certificate.pem", "-subj", "/CN=amqplab tests"]
    names = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *files, *names], cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "certificate.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


def trusting(certificate: Path) -> ssl.SSLContext:
    """The client's default context, which also trusts this certificate."""
    return ssl.create_default_context(cafile=str(certificate))


def on_a_tls_broker(certificate: Path, body: Callable[[int, list[Any]], Awaitable[Any]]) -> Any:
    """Run `body(port, names asked for)` while our broker listens with TLS."""

    async def main() -> Any:
        asked: list[Any] = []
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        context.sni_callback = lambda _, name, __: asked.append(name)
        async with await serve(Broker(), port=0, ssl_context=context) as running:
            return await body(running.port, asked)

    return asyncio.run(asyncio.wait_for(main(), 30))


def test_a_trusted_broker_is_talked_to_and_asked_for_by_its_name(certificate: Path) -> None:
    async def body(port: int, asked: list[Any]) -> Any:
        url = f"amqps://localhost:{port}"
        async with await connect(url, ssl_options=trusting(certificate)) as connection:
            channel = await connection.channel()
            await channel.queue_declare("q")
            await channel.basic_publish("", "q", b"x" * 300_000)
            _, _, received = await channel.basic_get("q")
            return len(received or b""), connection.parameters.url == url, asked

    assert on_a_tls_broker(certificate, body) == (300_000, True, ["localhost"])


def test_a_broker_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    async def body(port: int, _: list[Any]) -> str:
        with pytest.raises(ConnectionLost) as caught:
            await connect(f"amqps://localhost:{port}")
        return str(caught.value)

    text = on_a_tls_broker(certificate, body)
    assert "certificate" in text and "verify failed" in text and "amqps://localhost" in text


def test_a_certificate_for_another_name_is_refused(certificate: Path) -> None:
    async def body(port: int, _: list[Any]) -> str:
        with pytest.raises(ConnectionLost) as caught:
            await connect(f"amqps://127.0.0.1:{port}", ssl_options=trusting(certificate))
        return str(caught.value)

    assert "127.0.0.1" in on_a_tls_broker(certificate, body)


def test_another_name_can_be_asked_for(certificate: Path) -> None:
    async def body(port: int, asked: list[Any]) -> Any:
        changes: dict[str, Any] = {"ssl_options": trusting(certificate), "server_hostname": "localhost"}
        async with await connect(f"amqps://127.0.0.1:{port}", **changes) as connection:
            return connection.is_open, asked

    assert on_a_tls_broker(certificate, body) == (True, ["localhost"])


def test_speaking_plainly_to_a_tls_port_fails_with_a_reason(certificate: Path) -> None:
    async def body(port: int, _: list[Any]) -> str:
        with pytest.raises(ConnectionLost) as caught:
            await connect(f"amqp://localhost:{port}", stack_timeout=2)
        return str(caught.value)

    assert "AMQP" in on_a_tls_broker(certificate, body)


def test_the_blocking_face_speaks_tls(certificate: Path) -> None:
    async def body(port: int, _: list[Any]) -> bool:
        def blocking() -> bool:
            parameters = URLParameters(f"amqps://localhost:{port}")
            parameters.ssl_options = trusting(certificate)
            with BlockingConnection(parameters) as connection:
                return bool(connection.channel().queue_declare("").method.queue)

        return await asyncio.to_thread(blocking)

    assert on_a_tls_broker(certificate, body)


def test_external_says_nothing_but_its_name_and_needs_a_broker_that_offers_it(certificate: Path) -> None:
    assert (ExternalCredentials().mechanism, ExternalCredentials().response()) == ("EXTERNAL", b"")
    assert isinstance(URLParameters("amqps://h?auth_mechanism=EXTERNAL").credentials, ExternalCredentials)

    async def body(port: int, _: list[Any]) -> None:
        with pytest.raises(AccessRefused, match="not EXTERNAL"):
            await connect(
                f"amqps://localhost:{port}",
                ssl_options=trusting(certificate),
                credentials=ExternalCredentials(),
            )

    on_a_tls_broker(certificate, body)


def test_amqps_means_the_port_for_tls_and_a_context_that_checks() -> None:
    parameters = URLParameters("amqps://broker.example")
    assert (parameters.port, parameters.ssl_options, parameters.url) == (
        5671,
        True,
        "amqps://broker.example:5671",
    )
    assert ConnectionParameters("broker.example").url == "amqp://broker.example:5672"
