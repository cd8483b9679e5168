"""Parameters and AMQP URIs (CLIENT-02, CLIENT-11, CLIENT-12)."""

from __future__ import annotations

from typing import Any

import pika
import pytest

from amqplab.client.parameters import (
    AMQPlainCredentials,
    ConnectionParameters,
    ExternalCredentials,
    PlainCredentials,
    URLParameters,
    negotiate,
    parameters_from,
)
from amqplab.errors import UsageError


@pytest.mark.parametrize(
    ("url", "host", "port", "virtual_host", "user", "password"),
    [
        ("amqp://", "localhost", 5672, "/", "guest", "guest"),
        ("amqp://h", "h", 5672, "/", "guest", "guest"),
        ("amqp://h:1234", "h", 1234, "/", "guest", "guest"),
        ("amqp://h/", "h", 5672, "", "guest", "guest"),
        ("amqp://h/%2F", "h", 5672, "/", "guest", "guest"),
        ("amqp://h/%2f", "h", 5672, "/", "guest", "guest"),
        ("amqp://h/lab", "h", 5672, "lab", "guest", "guest"),
        ("amqp://h/a%2Fb", "h", 5672, "a/b", "guest", "guest"),
        ("amqp://user:pass@h:10/vhost", "h", 10, "vhost", "user", "pass"),
        ("amqp://user%61:%61pass@ho%61st:10000/v%2Fhost", "hoast", 10000, "v/host", "usera", "apass"),
        ("amqp://user@h", "h", 5672, "/", "user", ""),
        ("amqp://[::1]:1/x", "::1", 1, "x", "guest", "guest"),
        ("amqps://h", "h", 5671, "/", "guest", "guest"),
    ],
)
def test_a_uri_is_read_part_by_part(
    url: str, host: str, port: int, virtual_host: str, user: str, password: str
) -> None:
    read = URLParameters(url)
    assert (read.host, read.port, read.virtual_host) == (host, port, virtual_host)
    assert read.credentials == PlainCredentials(user, password)
    assert bool(read.ssl_options) is url.startswith("amqps")


def test_the_query_sets_limits_and_patience() -> None:
    read = URLParameters(
        "amqp://h?heartbeat=5&frame_max=8192&channel_max=9&locale=fr_FR&connection_timeout=1.5"
        "&blocked_connection_timeout=7&connection_attempts=3&retry_delay=0.5"
    )
    assert (read.heartbeat, read.frame_max, read.channel_max, read.locale) == (5, 8192, 9, "fr_FR")
    assert (read.socket_timeout, read.blocked_connection_timeout) == (1.5, 7.0)
    assert (read.connection_attempts, read.retry_delay) == (3, 0.5)


def test_the_query_chooses_the_mechanism() -> None:
    plain = URLParameters("amqp://a:b@h?auth_mechanism=AMQPLAIN").credentials
    assert isinstance(plain, AMQPlainCredentials)
    assert plain.response() == b"\x05LOGINS\x00\x00\x00\x01a\x08PASSWORDS\x00\x00\x00\x01b"
    external = URLParameters("amqp://h?auth_mechanism=EXTERNAL").credentials
    assert isinstance(external, ExternalCredentials) and external.response() == b""


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost", "not an AMQP URI"),
        ("http://localhost", "not an AMQP URI"),
        ("amqp://h:port", "not an AMQP URI"),
        ("amqp://h:99999", "not an AMQP URI"),
        ("amqp://h:0", "from 1 to 65535"),
        ("amqp://h/a/b", "%2F"),
        ("amqp://h?heartbeat=soon", "must be a number"),
        ("amqp://h?heartbeat=-1", "from 0 to 65535"),
        ("amqp://h?frame_max=100", "from 4096"),
        ("amqp://h?colour=red", "no 'colour'"),
        ("amqp://h?auth_mechanism=MAGIC", "PLAIN, AMQPLAIN or EXTERNAL"),
    ],
)
def test_a_uri_that_makes_no_sense_is_a_mistake_with_a_sentence(url: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        URLParameters(url)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": 5},
        {"port": "5672"},
        {"port": 0},
        {"port": True},
        {"virtual_host": None},
        {"credentials": ("guest", "guest")},
        {"heartbeat": 70000},
        {"heartbeat": 1.5},
        {"channel_max": -1},
        {"frame_max": 0},
        {"connection_attempts": 0},
    ],
)
def test_values_that_no_connection_can_have_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ConnectionParameters(**wrong)


def test_names_and_defaults_are_pika_s() -> None:
    ours, theirs = ConnectionParameters(), pika.ConnectionParameters()
    names = [
        "host", "port", "virtual_host", "heartbeat", "channel_max", "frame_max", "connection_attempts",
        "retry_delay", "socket_timeout", "stack_timeout", "locale", "blocked_connection_timeout",
        "ssl_options", "client_properties",
    ]  # fmt: skip
    assert {name: getattr(ours, name) for name in names} == {name: getattr(theirs, name) for name in names}


def test_passwords_are_not_printed() -> None:
    parameters = ConnectionParameters("h", 5672, "/", PlainCredentials("me", "secret"))
    assert "secret" not in repr(parameters) and "'me'" in repr(parameters)


def test_what_is_given_to_connect_becomes_parameters() -> None:
    assert parameters_from(None).host == "localhost"
    assert parameters_from("amqp://h", heartbeat=3).heartbeat == 3
    assert parameters_from(ConnectionParameters("h"), port=1).port == 1
    with pytest.raises(UsageError, match="not with an int"):
        parameters_from(5672)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no 'heart'"):
        parameters_from(None, heart=3)


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"), [(0, 0, 0), (0, 5, 5), (5, 0, 5), (3, 5, 3), (5, 3, 3)]
)
def test_zero_means_no_limit(ours: int, theirs: int, agreed: int) -> None:
    assert negotiate(ours, theirs) == agreed
