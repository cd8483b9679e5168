"""TLS and EXTERNAL: pika with and without certificates, good and bad."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pika
import pika.exceptions
import pytest
import trustme
from amqplab_server import AmqplabServer
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pika.credentials import ExternalCredentials

from amqplab.errors import UsageError
from amqplab.net.tls import client_name, server_context
from amqplab.wire.frames import PROTOCOL_HEADER

CONFIG = """
[[listeners]]
port = 0
certificate = "server.pem"
key = "server.key"
authority = "ca.pem"
require_client_certificate = {required}
login_from = "{login_from}"

[[users]]
name = "ann"
password = "secret"
permissions = [{{ vhost = "/", configure = ".*", write = ".*", read = ".*" }}]

[[users]]
name = "CN=ann,OU=Queues,O=Example"
password = "secret"
permissions = [{{ vhost = "/", configure = ".*", write = ".*", read = ".*" }}]
"""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    """The server's certificate and key, and who vouches for clients."""
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


def serving(
    folder: Path, *, required: bool = False, login_from: str = "common_name", limits: str = ""
) -> AmqplabServer:
    text = CONFIG.format(required=str(required).lower(), login_from=login_from)
    (folder / "broker.toml").write_text(f"{text}[limits]\n{limits}\n")
    return AmqplabServer("--config", str(folder / "broker.toml"))


def parameters(
    server: AmqplabServer | SimpleNamespace,
    trusted: trustme.CA,
    own: trustme.LeafCert | None = None,
    credentials: object = None,
) -> pika.ConnectionParameters:
    context = ssl.create_default_context()
    trusted.configure_trust(context)
    if own is not None:
        own.configure_cert(context)
    return pika.ConnectionParameters(
        "127.0.0.1",
        server.port,
        credentials=credentials or pika.PlainCredentials("ann", "secret"),
        ssl_options=pika.SSLOptions(context, "127.0.0.1"),
        connection_attempts=1,
        socket_timeout=5,
    )


def works(parameters: pika.ConnectionParameters) -> bool:
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("", queue, b"x" * 300_000)
        return bool(channel.basic_get(queue, auto_ack=True)[2] == b"x" * 300_000)


def test_the_address_says_that_it_is_tls_and_a_password_will_do(folder: Path, authority: trustme.CA) -> None:
    with serving(folder) as server:
        assert server.scheme == "amqps"
        assert works(parameters(server, authority))


def test_a_client_does_not_trust_somebody_elses_certificate(folder: Path) -> None:
    with serving(folder) as server, pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        works(parameters(server, trustme.CA()))


@pytest.mark.parametrize("login_from", ["common_name", "distinguished_name"])
def test_a_client_certificate_is_as_good_as_a_password(
    folder: Path, authority: trustme.CA, login_from: str
) -> None:
    own = authority.issue_cert(
        common_name="ann", organization_name="Example", organization_unit_name="Queues"
    )
    with serving(folder, required=True, login_from=login_from) as server:
        assert works(parameters(server, authority, own, ExternalCredentials()))
        assert works(parameters(server, authority, own))


def test_a_certificate_that_names_nobody_is_refused(folder: Path, authority: trustme.CA) -> None:
    own = authority.issue_cert(common_name="eve")
    with (
        serving(folder) as server,
        pytest.raises(pika.exceptions.ProbableAuthenticationError, match="EXTERNAL"),
    ):
        works(parameters(server, authority, own, ExternalCredentials()))


def test_without_a_certificate_there_is_no_external(folder: Path, authority: trustme.CA) -> None:
    with serving(folder) as server, pytest.raises(pika.exceptions.AMQPConnectionError):
        works(parameters(server, authority, None, ExternalCredentials()))


@pytest.mark.parametrize("stranger", [True, False], ids=["somebody else's", "none"])
def test_where_a_certificate_is_required_nothing_else_comes_in(
    folder: Path, authority: trustme.CA, stranger: bool
) -> None:
    own = trustme.CA().issue_cert(common_name="ann") if stranger else None
    with serving(folder, required=True) as server:
        with pytest.raises(pika.exceptions.AMQPConnectionError):
            works(parameters(server, authority, own))
        assert works(parameters(server, authority, authority.issue_cert(common_name="ann")))


def test_files_that_are_no_certificates_are_one_sentence(tmp_path: Path, folder: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    with pytest.raises(UsageError, match="are no certificate and key"):
        server_context(bad, bad)
    with pytest.raises(UsageError, match="is no certificate authority"):
        server_context(folder / "server.pem", folder / "server.key", bad)


def test_each_listener_takes_the_name_from_where_it_says(folder: Path, authority: trustme.CA) -> None:
    """The first takes the distinguished name, which nobody has here; the second the common name."""
    text = CONFIG.format(required="true", login_from="common_name")
    first = text[: text.index("[[users]]")].replace("common_name", "distinguished_name")
    (folder / "broker.toml").write_text(first + text)
    own = authority.issue_cert(common_name="ann")
    command = [sys.executable, "-m", "amqplab", "serve", "--config", str(folder / "broker.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ports = [int(process.stdout.readline().rsplit(":", 1)[1]) for _ in range(2)]
            asked = [
                parameters(SimpleNamespace(port=port), authority, own, ExternalCredentials())
                for port in ports
            ]
            with pytest.raises(pika.exceptions.ProbableAuthenticationError, match="EXTERNAL"):
                works(asked[0])
            assert works(asked[1])
        finally:
            process.kill()


@pytest.mark.parametrize("octets", [b"", b"\x16\x03\x01\x02\x00\x01\x00"], ids=["nothing", "half a hello"])
def test_a_handshake_that_does_not_go_on_ends(folder: Path, octets: bytes) -> None:
    with (
        serving(folder, limits="handshake_timeout_s = 0.2") as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as sock,
    ):
        sock.sendall(octets)
        assert sock.recv(1) == b""
    assert server.errors == ""


def test_who_speaks_without_tls_is_let_go_without_a_word(folder: Path, authority: trustme.CA) -> None:
    with serving(folder) as server:
        with socket.create_connection(("127.0.0.1", server.port), 30) as sock:
            sock.sendall(PROTOCOL_HEADER)
            assert sock.recv(1) == b""
        assert works(parameters(server, authority))
    assert server.errors == ""


def check(folder: Path) -> tuple[int, str]:
    """The exit status and complaint of `check-config`, which are those of `serve`."""
    found = []
    for words in (["check-config"], ["serve", "--config"]):
        command = [sys.executable, "-m", "amqplab", *words, str(folder / "broker.toml")]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        found.append((done.returncode, done.stderr))
    assert found[0] == found[1]
    return found[0]


def test_a_key_of_another_certificate_is_one_sentence(folder: Path, authority: trustme.CA) -> None:
    (folder / "broker.toml").write_text(CONFIG.format(required="false", login_from="common_name"))
    authority.issue_cert("localhost").private_key_pem.write_to_path(folder / "server.key")
    status, error = check(folder)
    assert status == 2
    assert "are no certificate and key" in error and error.count("\n") == 1


def test_a_key_that_is_encrypted_is_one_sentence_and_no_question(folder: Path) -> None:
    (folder / "broker.toml").write_text(CONFIG.format(required="false", login_from="common_name"))
    key = load_pem_private_key((folder / "server.key").read_bytes(), None)
    secret = BestAvailableEncryption(b"secret")
    (folder / "server.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    status, error = check(folder)
    assert status == 2
    assert error == (
        f"amqplab: {folder / 'server.key'} is encrypted; "
        "`openssl pkey` makes a key without a pass phrase of it.\n"
    )


def test_the_name_in_a_certificate() -> None:
    certificate = {
        "subject": ((("countryName", "XX"),), (("organizationName", "O"),), (("commonName", "ann"),))
    }
    assert client_name(certificate, "common_name") == "ann"
    assert client_name(certificate, "distinguished_name") == "CN=ann,O=O,C=XX"
    assert client_name({}, "common_name") is None
    assert client_name(None, "common_name") is None
