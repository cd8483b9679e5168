"""The configuration file: what it means, and every mistake in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from amqplab.broker.config import BrokerConfig, Permission
from amqplab.broker.passwords import hash_password, matches
from amqplab.net.configuration import Configuration, ConfigurationError, Listener, read_configuration

HASH = hash_password("secret", bytes(16))
WHOLE = f"""
[limits]
heartbeat_s = 30
max_message_size = 1000
memory_high_watermark = 0.25
disk_free_limit = 1000
handshake_timeout_s = 2.5

[[listeners]]
port = 0

[[listeners]]
host = "0.0.0.0"
certificate = "server.pem"
key = "server.key"
authority = "ca.pem"
require_client_certificate = true
login_from = "distinguished_name"

[[vhosts]]
name = "/"
max_queues = 10

[[vhosts]]
name = "other"
max_connections = 2

[[users]]
name = "ann"
password = "{HASH}"
tags = ["administrator"]
permissions = [{{ vhost = "/", configure = "^ann", write = ".*", read = ".*" }}, {{ vhost = "other" }}]
topics = [{{ vhost = "/", exchange = "amq.topic", write = "^ann", read = ".*" }}]
max_channels = 5

[[policies]]
name = "short"
pattern = "^tmp"
apply_to = "queues"
priority = 3
definition = {{ message-ttl = 60000, overflow = "reject-publish" }}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "broker.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(tmp_path: Path, text: str) -> list[str]:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(path)
    return [one.removeprefix(f"{path}: ") for one in caught.value.mistakes]


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert read_configuration(write(tmp_path, "")) == Configuration(BrokerConfig(), ())


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    for name in ("server.pem", "server.key", "ca.pem"):
        (tmp_path / name).touch()
    found = read_configuration(write(tmp_path, WHOLE))
    config = found.broker
    assert (config.heartbeat_s, config.max_message_size, config.handshake_timeout_s) == (30, 1000, 2.5)
    assert (found.memory_high_watermark, found.disk_free_limit) == (0.25, 1000)
    assert config.vhosts == ("/", "other")
    assert (config.vhost_max_queues, config.vhost_max_connections) == ({"/": 10}, {"other": 2})
    (ann,) = config.users
    assert matches(ann.password, "secret")
    assert ann.permissions == {"/": Permission("^ann", ".*", ".*"), "other": Permission("", "", "")}
    assert ann.topics == {("/", "amq.topic"): ("^ann", ".*")}
    assert (ann.tags, ann.max_channels) == (("administrator",), 5)
    (short,) = config.policies
    assert (short.name, short.vhost, short.apply_to, short.priority) == ("short", "/", "queues", 3)
    assert short.definition == {"message-ttl": 60000, "overflow": "reject-publish"}
    plain, secure = found.listeners
    assert plain == Listener(port=0)
    assert (secure.host, secure.port, secure.certificate) == ("0.0.0.0", 5671, tmp_path / "server.pem")
    assert (secure.require_client_certificate, secure.login_from) == (True, "distinguished_name")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("colour = 5", "the file: 'colour' is not known here; there are limits, listeners"),
        ("[limits]\nheartbeat = 5", "[limits]: 'heartbeat' is not known here; there are channel_max"),
        ('[limits]\nheartbeat_s = "5"', "[limits]: heartbeat_s must be a whole number, not '5'."),
        ("[limits]\nheartbeat_s = true", "[limits]: heartbeat_s must be a whole number, not True."),
        ("[limits]\nframe_max = -1", "[limits]: frame_max must be from 0 to 4294967295, not -1."),
        (
            "[limits]\nmemory_high_watermark = 1.5",
            "[limits]: memory_high_watermark is a part (0.0 to 1.0) or a whole number of octets, not 1.5.",
        ),
        (
            "[limits]\nmemory_high_watermark = nan",
            "[limits]: memory_high_watermark is a part (0.0 to 1.0) or a whole number of octets, not nan.",
        ),
        ("[limits]\ndisk_free_limit = -1", "[limits]: disk_free_limit must be from 0 to "),
        ("limits = 5", "the file: limits must be a table, not 5."),
        ("users = [5]", "[[users]] 1: must be a table, not 5."),
        ('[[users]]\nname = "a"', "[[users]] 1: password is missing."),
        (
            '[[users]]\nname = "a"\npassword = "scrypt$1"',
            "[[users]] 1: 'scrypt$1'… is no password hash",
        ),
        (
            '[[users]]\nname = "a"\npassword = "p"\npermissions = [{ vhost = "/", read = "(" }]',
            "[[users]] 1, permissions 1: read = '(' is no regular expression",
        ),
        (
            '[[users]]\nname = "a"\npassword = "p"\npermissions = [{ vhost = "no" }]',
            "user 'a': there is no virtual host 'no'; declare it under [[vhosts]].",
        ),
        (
            '[[users]]\nname = "a"\npassword = "p"\npermissions = [{ read = "x" }]',
            "[[users]] 1, permissions 1: vhost is missing.",
        ),
        (
            '[[policies]]\nname = "p"\npattern = "["\ndefinition = {}',
            "[[policies]] 1: Policy 'p' has a wrong pattern, '['",
        ),
        (
            '[[policies]]\nname = "p"\npattern = ""\ndefinition = { ttl = 5 }',
            "[[policies]] 1: Policy 'p' sets 'ttl', which is none of alternate-exchange",
        ),
        (
            '[[policies]]\nname = "p"\npattern = ""\ndefinition = { expires = "x" }',
            "[[policies]] 1: Policy 'p' needs a number from 1 to 2**63 - 1 for 'expires', not 'x'.",
        ),
        ("[[listeners]]\nport = 70000", "[[listeners]] 1: 70000 is no port."),
        (
            '[[listeners]]\ncertificate = "no.pem"',
            "[[listeners]] 1: certificate = 'no.pem': there is no such file.",
        ),
        (
            "[[listeners]]\nrequire_client_certificate = true",
            "[[listeners]] 1: require_client_certificate needs an authority.",
        ),
        (
            '[[listeners]]\nlogin_from = "heart"',
            "[[listeners]] 1: login_from is common_name or distinguished_name, not 'heart'.",
        ),
        ("what?", "is not TOML"),
        ("a = " + "[" * 5000, "it is nested too deep."),
        ("[limits]\nchannel_max = 65536", "[limits]: channel_max must be from 0 to 65535, not 65536."),
        ("[limits]\nheartbeat_s = 65536", "[limits]: heartbeat_s must be from 0 to 65535, not 65536."),
        ("[limits]\nframe_max = 4095", "[limits]: frame_max must be 4096 at least, or 0 for any, not 4095."),
        ("[limits]\nmax_message_size = 536870913", "max_message_size must be from 0 to 536870912"),
        ("[limits]\nhandshake_timeout_s = inf", "handshake_timeout_s must be from 0.001 to 86400, not inf."),
        ("[limits]\nhandshake_timeout_s = nan", "handshake_timeout_s must be from 0.001 to 86400, not nan."),
        ("[limits]\nhandshake_timeout_s = 0", "handshake_timeout_s must be from 0.001 to 86400, not 0."),
        (
            '[[vhosts]]\nname = "/"\nmax_queues = -1',
            "[[vhosts]] 1: max_queues must not be negative; without it there is no limit.",
        ),
        ('[[vhosts]]\nname = "/"\n' * 2, "[[vhosts]] 2: has the same name as [[vhosts]] 1."),
        (
            '[[users]]\nname = "a"\npassword = "p"\n' * 2,
            "[[users]] 2: has the same name as [[users]] 1.",
        ),
        (
            '[[users]]\nname = "a"\npassword = "p"\npermissions = [{ vhost = "/" }, { vhost = "/" }]',
            "[[users]] 1, permissions 2: has the same vhost as [[users]] 1, permissions 1.",
        ),
        (
            '[[users]]\nname = "a"\npassword = "p"\ntopics = [{ vhost = "no", exchange = "x" }]',
            "user 'a': there is no virtual host 'no'; declare it under [[vhosts]].",
        ),
        (
            '[[users]]\nname = "a"\npassword = "p"\npermissions = [{ vhost = "/", read = "a{99999999999}" }]',
            "read = 'a{99999999999}' is no regular expression: the repetition number is too large.",
        ),
        (
            '[[users]]\nname = "a"\npassword = "scrypt$-1$8$1$AAAA$AAAA"',
            "[[users]] 1: 'scrypt$-1$8$1$AAAA$A'… is no password hash",
        ),
        (
            '[[policies]]\nname = "p"\ndefinition = {}\npattern = "' + "(" * 999 + ")" * 999 + '"',
            "is nested too deep.",
        ),
        (
            '[[policies]]\nname = "p"\npattern = ""\ndefinition = { expires = 9223372036854775808 }',
            "needs a number from 1 to 2**63 - 1 for 'expires', not 9223372036854775808.",
        ),
        (
            '[[policies]]\nname = "p"\npattern = ""\ndefinition = {}\n' * 2,
            "[[policies]] 2: has the same name and vhost as [[policies]] 1.",
        ),
        ('[[listeners]]\nhost = ""', "host must not be empty; 0.0.0.0 is every address of this machine."),
        ("[[listeners]]\n" * 2, "[[listeners]] 2: has the same host and port as [[listeners]] 1."),
        (f'[[listeners]]\nauthority = "{"a" * 300}"', "cannot be read: File name too long."),
    ],
)
def test_each_mistake_is_one_sentence_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    found = mistakes(tmp_path, text)
    assert any(expected in one for one in found), found
    assert all(one.endswith(".") for one in found)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "colour = 5\n[limits]\nheartbeat = 5\n[[listeners]]\nport = -1"
    assert len(mistakes(tmp_path, text)) == 3


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_configuration(tmp_path / "none.toml")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "broker.toml"
    path.write_bytes(b"\xef\xbb\xbf[limits]\nheartbeat_s = 5\n")
    assert read_configuration(path).broker.heartbeat_s == 5


@pytest.mark.parametrize("octets", [b"\x00\x01\xff", b"\xff\xfe[\x00", b"\x80"])
def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "broker.toml"
    path.write_bytes(octets)
    with pytest.raises(ConfigurationError, match="is not TOML"):
        read_configuration(path)
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_configuration(tmp_path)


def amqplab(*words: str, text: str = "") -> tuple[int, str, str]:
    command = [sys.executable, "-m", "amqplab", *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_check_config_says_what_a_file_means_or_what_is_wrong(tmp_path: Path) -> None:
    text = '[[vhosts]]\nname = "v"\n[[users]]\nname = "a"\npassword = "p"'
    status, out, _ = amqplab("check-config", str(write(tmp_path, text)))
    assert (status, out) == (0, "virtual host 'v'\nuser 'a', may enter nowhere\n")
    status, out, error = amqplab("check-config", str(write(tmp_path, "colour = 5\n[limits]\nheart = 1")))
    assert (status, out) == (2, "")
    assert error.count("is not known here") == 2
    assert "Traceback" not in error


def test_passwd_makes_a_hash_of_the_first_line(tmp_path: Path) -> None:
    status, out, _ = amqplab("passwd", text="secret\nmore\n")
    assert status == 0
    assert matches(out.strip(), "secret")
    status, out, error = amqplab("passwd", text="\n")
    assert (status, out) == (2, "")
    assert "An empty password" in error


def test_serve_refuses_a_bad_file_before_it_listens(tmp_path: Path) -> None:
    status, out, error = amqplab("serve", "--config", str(write(tmp_path, "colour = 5")))
    assert (status, out) == (2, "")
    assert "'colour' is not known here" in error
