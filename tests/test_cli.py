"""The command line, as a process of its own."""

from __future__ import annotations

import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from amqplab import __version__
from amqplab.client import BlockingConnection
from amqplab.errors import ConnectionForced
from amqplab.model.journal import pack
from amqplab.model.journal_entries import Removed
from amqplab.wire.frames import PROTOCOL_HEADER, encode_content, encode_method
from amqplab.wire.methods import Basic, Channel

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "amqplab"]
OPEN = encode_method(1, Channel.Open())


def amqplab(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *words], cwd=ROOT, input=stdin, capture_output=True, timeout=30, check=False
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """(process, url) of `python -m amqplab serve` with these options."""
    process = subprocess.Popen(
        [*COMMAND, "serve", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert re.fullmatch(r"listening on amqp://127\.0\.0\.1:\d+\n", first), first
        yield process, first.split()[-1]
    finally:
        process.kill()
        process.communicate()


def test_it_tells_its_version() -> None:
    done = amqplab("--version")
    assert (done.returncode, done.stdout) == (0, f"amqplab {__version__}\n")


def test_help_has_examples() -> None:
    assert "serve" in amqplab("--help").stdout
    assert "python -m amqplab serve --port 0 --verbose" in amqplab("serve", "--help").stdout
    assert "xxd -p" in amqplab("decode", "--help").stdout


def test_no_command_or_an_unknown_one_is_a_mistake() -> None:
    for words in ((), ("dance",)):
        done = amqplab(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Traceback" not in done.stderr and "amqplab: error" in done.stderr


# --- serve -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_connections_as_rabbitmq_does_and_ends_cleanly(number: signal.Signals) -> None:
    with serving("--port", "0") as (process, url):
        connection = BlockingConnection(url)
        channel = connection.channel()
        channel.queue_declare("q")
        process.send_signal(number)
        with pytest.raises(ConnectionForced) as caught:
            connection.process_data_events(time_limit=None)
        assert process.wait(10) == 0
        assert process.stderr is not None and process.stdout is not None
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
    assert caught.value.reply_text == (
        "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
    )


def test_verbose_tells_the_life_of_connections_on_standard_error() -> None:
    with serving("--port", "0", "--verbose") as (process, url):
        with BlockingConnection(url) as connection:
            name = connection.name
            with pytest.raises(Exception, match="no queue"):
                connection.channel().queue_declare("none", passive=True)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert f"{name} connected" in errors
    assert f"{name} opened virtual host '/' as guest" in errors
    assert f"{name} channel 1 closed by the broker: 404 NOT_FOUND - no queue 'none' in vhost '/'" in errors
    assert f"{name} disconnected: " in errors
    assert "Traceback" not in errors


def test_a_port_that_is_taken_is_one_clear_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = amqplab("serve", "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"amqplab: Port {port} on 127.0.0.1 is taken by another program (a RabbitMQ, perhaps): "
        "choose another port, or port 0 for any free one.\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["--port", "x"],
        ["--port", "70000"],
        ["--port", "-1"],
        ["--host", "no.such.invalid"],
        ["--host", "a" * 70],
        ["--host", "a..b"],
        ["--host", ""],
        ["--data", ""],
    ],
)
def test_an_impossible_address_is_one_clear_sentence(words: list[str]) -> None:
    done = amqplab("serve", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("amqplab")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_once_however_often_it_comes(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # somebody may have begun the tests with `nohup`
    try:
        with serving("--port", "0") as (process, _):
            for _ in range(3):
                process.send_signal(number)
            assert process.wait(60) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""
    finally:
        signal.signal(number, before)


def test_a_hang_up_that_was_to_be_ignored_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
    try:
        with serving("--port", "0") as (process, url):
            process.send_signal(signal.SIGHUP)
            with BlockingConnection(url) as connection:
                connection.channel().queue_declare("q")
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_log_that_nobody_reads_any_more_disturbs_no_client() -> None:
    with serving("--port", "0", "--verbose") as (process, url):
        assert process.stderr is not None
        process.stderr.close()
        for _ in range(3):
            with BlockingConnection(url) as connection:
                connection.channel().queue_declare("q")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.stderr = None


FEW = 40  # files that the process may have open


def test_more_connections_than_files_are_told_in_sentences_and_served_when_there_is_room() -> None:
    few = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (FEW, FEW))
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=few,
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        url = process.stdout.readline().split()[-1]
        address = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        crowd = [socket.create_connection(address) for _ in range(2 * FEW)]
        assert "out of system resource: Too many open files" in process.stderr.readline()
        for one in crowd:
            one.close()
        with BlockingConnection(url) as connection:
            connection.channel().queue_declare("q")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, "Traceback" in errors) == (0, False)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_closed_standard_stream_is_not_noticed(number: int, tmp_path: Path) -> None:
    script = f'exec "$@" {number}>&-'
    command = ["sh", "-c", script, "sh", *COMMAND, "decode", "-" if number == 0 else OPEN.hex()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=False)
    assert b"Traceback" not in done.stderr
    assert done.returncode == (2 if number == 0 else 0)


@pytest.mark.parametrize("words", [["decode", OPEN.hex()], ["passwd"]])
def test_output_that_cannot_be_written_is_one_sentence(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, *words], cwd=ROOT, input=b"secret", stdout=full, stderr=subprocess.PIPE, timeout=30
        )
    assert done.returncode == 2
    assert done.stderr == b"amqplab: Standard output cannot be written: No space left on device.\n"


def test_passwords_are_octets() -> None:
    assert amqplab("passwd", stdin=b"\xff\xfe\n").returncode == 0
    done = amqplab("passwd", stdin=b"a\0b\n")
    assert (done.returncode, done.stdout) == (2, "") and "NUL" in done.stderr


# --- decode ----------------------------------------------------------------------------------------------

MESSAGE = encode_content(
    1, Basic.Publish(exchange="logs", routing_key="info"), b"\x80\x00\x0atext/plain", b"Hello, Rabbit!", 0
)


@pytest.mark.parametrize(
    "words",
    [
        [OPEN.hex()],
        ["01000100000005001400", "0a00ce"],
        [OPEN.hex(":")],
        [OPEN.hex(" ").upper()],
        ["0x" + OPEN.hex()],
    ],
)
def test_hexadecimal_digits_are_explained_however_they_are_written(words: list[str]) -> None:
    done = amqplab("decode", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "channel.open" in done.stdout.lower()
    assert done.stdout == amqplab("decode", OPEN.hex()).stdout


def test_files_and_standard_input_hold_octets_or_digits(tmp_path: Path) -> None:
    expected = amqplab("decode", MESSAGE.hex()).stdout
    assert "info" in expected and "text/plain" in expected and "Hello, Rabbit!" in expected
    raw, digits = tmp_path / "raw.bin", tmp_path / "digits.txt"
    raw.write_bytes(MESSAGE)
    digits.write_text("\n".join(MESSAGE.hex()[at : at + 40] for at in range(0, 2 * len(MESSAGE), 40)))
    assert amqplab("decode", str(raw)).stdout == expected
    assert amqplab("decode", str(digits)).stdout == expected
    assert amqplab("decode", "-", stdin=MESSAGE).stdout == expected
    assert amqplab("decode", "-", stdin=digits.read_bytes()).stdout == expected


def test_more_digits_than_a_file_name_can_have_are_explained() -> None:
    done = amqplab("decode", OPEN.hex() * 40)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Channel.Open") == 40


def test_digits_that_spell_digits_are_not_read_twice() -> None:
    assert amqplab("decode", b"4142".hex()).stdout != amqplab("decode", "4142").stdout


def test_garbage_is_explained_as_such() -> None:
    done = amqplab("decode", "ff" * 20)
    assert done.returncode == 0 and done.stdout


def test_a_capture_is_explained_frame_by_frame(tmp_path: Path) -> None:
    import dpkt

    path = tmp_path / "x.pcap"
    with open(path, "wb") as file:
        writer = dpkt.pcap.Writer(file, linktype=dpkt.pcap.DLT_RAW)
        for number, data in enumerate((PROTOCOL_HEADER, OPEN)):
            segment = dpkt.tcp.TCP(sport=50000, dport=5672, seq=8 * number, flags=16, data=data)
            packet = dpkt.ip.IP(src=b"\x0a\0\0\1", dst=b"\x0a\0\0\2", p=6, data=segment)
            packet.len = len(packet)
            writer.writepkt(bytes(packet), ts=1 + number / 1000)
    done = amqplab("decode", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "0.000000 s  10.0.0.1:50000 -> 10.0.0.2:5672" in done.stdout
    assert "0.001000 s" in done.stdout and "channel.open" in done.stdout.lower()
    other = amqplab("decode", str(path), "--port", "5673")
    assert (other.returncode, other.stdout) == (2, "") and "5673" in other.stderr


def test_a_journal_is_explained_record_by_record_and_a_newer_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal-00000001.amqj"
    entry = Removed("/", "jobs", (17,)).encode()
    path.write_bytes(b"".join(pack([entry])) + b"torn")
    done = amqplab("decode", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    for text in (
        "journal header",
        "record 0 .* Removed",
        "'Basic.Ack'",
        "delivery-tag +17",
        "torn .* was being",
    ):
        assert re.search(text, done.stdout)
    path.write_bytes(b"AMQJ\0\x09\1\2 and so on")
    newer = amqplab("decode", str(path))
    assert (newer.returncode, newer.stdout) == (2, "")
    assert newer.stderr == "amqplab: this journal has format 2; this program knows format 1 only\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["zz"], "neither a file that exists nor hexadecimal digits"),
        (["no/such/file.bin"], "neither a file that exists nor hexadecimal digits"),
        (["012"], "one is missing"),
        (["-"], "the input is empty"),
        ([""], "the input is empty"),
        (["tests"], "neither a file that exists"),
        (["x" * 5000], "neither a file that exists"),
    ],
)
def test_what_cannot_be_decoded_is_one_clear_sentence(words: list[str], says: str) -> None:
    done = amqplab("decode", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr and done.stderr.count("\n") == 1


def test_a_broken_capture_is_one_clear_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(b"\xd4\xc3\xb2\xa1 and no more")
    done = amqplab("decode", str(path))
    assert done.returncode == 2 and "cannot be read as a capture" in done.stderr


def test_a_terminal_gets_colours_and_a_pipe_does_not() -> None:
    assert "\x1b[" not in amqplab("decode", OPEN.hex()).stdout
    master, slave = pty.openpty()
    try:
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
        environment.pop("NO_COLOR", None)
        process = subprocess.Popen([*COMMAND, "decode", OPEN.hex()], cwd=ROOT, stdout=slave, env=environment)
        assert process.wait(30) == 0
        shown = b""
        while select.select([master], [], [], 0.2)[0]:
            shown += os.read(master, 65536)
    finally:
        os.close(master)
        os.close(slave)
    assert b"\x1b[" in shown and b"hannel" in shown
