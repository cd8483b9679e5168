"""TLS and EXTERNAL: pika with and without certificates, good and bad."""

from __future__ import annotations

import ssl
from pathlib import Path

import pika
import pika.exceptions
import pytest
import trustme
from amqplab_server import AmqplabServer
from pika.credentials import ExternalCredentials

from amqplab.errors import UsageError
from amqplab.net.tls import client_name, server_context

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


def serving(folder: Path, *, required: bool = False, login_from: str = "common_name") -> AmqplabServer:
    text = CONFIG.format(required=str(required).lower(), login_from=login_from, version=trustme.__version__)
    (folder / "broker.toml").write_text(text)
    return AmqplabServer("--config", str(folder / "broker.toml"))


def parameters(
    server: AmqplabServer,
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


def test_the_name_in_a_certificate() -> None:
    certificate = {
        "subject": ((("countryName", "XX"),), (("organizationName", "O"),), (("commonName", "ann"),))
    }
    assert client_name(certificate, "common_name") == "ann"
    assert client_name(certificate, "distinguished_name") == "CN=ann,O=O,C=XX"
    assert client_name({}, "common_name") is None
    assert client_name(None, "common_name") is None
