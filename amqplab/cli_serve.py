"""The `serve`, `passwd` and `check-config` commands: the broker on sockets, as an operator runs it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import getpass
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amqplab.cli_streams import tell
from amqplab.errors import UsageError

if TYPE_CHECKING:
    import ssl

    from amqplab.net.configuration import Configuration, Listener
    from amqplab.net.listening import RunningServer
    from amqplab.net.server import BrokerServer

__all__ = ["add_commands"]

SERVE_HELP = """\
Listen for AMQP 0-9-1 clients: pika, aio-pika, py-amqp, Celery, Java ... connect as to
RabbitMQ, with user guest and password guest. All is kept in memory, unless --data names
a directory: then durable queues and their persistent messages are there after a restart,
and a confirm means that the disk has the message. The first line of standard output is
`listening on amqp://HOST:PORT`. Ctrl-C closes all connections as RabbitMQ does when it
stops, and ends."""
SERVE_EXAMPLES = """\
examples:
  python -m amqplab serve                        on 127.0.0.1:5672
  python -m amqplab serve --port 0 --verbose     on a free port, telling who connects
  python -m amqplab serve --data ~/amqplab       keep durable things in that directory
  python -m amqplab serve --config broker.toml   users, rights, limits, TLS: docs/configuration.md
"""
PASSWD_HELP = """\
Ask for a password and print the hash that stands for it in a configuration file. With a
pipe on standard input its first line is the password."""
CHECK_HELP = """\
Read a configuration file and say what it means, or everything that is wrong with it."""


SAME_TROUBLE_S = 10.0


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser], port: Any) -> None:
    """The grammar of these commands; `port` reads a port number."""
    raw = argparse.RawDescriptionHelpFormatter
    serve = commands.add_parser(
        "serve",
        help="put the broker on a socket",
        description=SERVE_HELP,
        epilog=SERVE_EXAMPLES,
        formatter_class=raw,
    )
    serve.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=port, help="port to listen on, 0 for a free one (default: 5672)")
    serve.add_argument("--data", type=directory, metavar="DIR", help="keep what is durable in this directory")
    serve.add_argument("--config", type=Path, metavar="FILE", help="users, rights, limits, listeners (TOML)")
    serve.add_argument(
        "--verbose", action="store_true", help="tell on standard error who connects and why it ends"
    )
    serve.set_defaults(run=run_serve)
    passwd = commands.add_parser(
        "passwd", help="make a password hash", description=PASSWD_HELP, formatter_class=raw
    )
    passwd.set_defaults(run=run_passwd)
    check = commands.add_parser(
        "check-config", help="check a configuration file", description=CHECK_HELP, formatter_class=raw
    )
    check.add_argument("file", type=Path, metavar="FILE", help="the file to check")
    check.set_defaults(run=run_check)


def directory(text: str) -> Path:
    """A path; an empty one, as a script with an unset variable gives it, would be where we happen to be."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name is no directory")
    return Path(text)


# --- passwd, check-config ----------------------------------------------------------------------------------


def run_passwd(options: argparse.Namespace) -> int:
    from amqplab.broker.passwords import hash_password

    if sys.stdin.isatty():
        password = ask_twice()
    else:
        line = sys.stdin.buffer.readline().rstrip(b"\r\n")
        password = line.decode("utf-8", "surrogateescape")  # as it would come from a client
    if not password:
        raise UsageError("An empty password never lets anybody in; choose another one.")
    if "\0" in password:
        raise UsageError("A password with a NUL in it never lets anybody in; choose another one.")
    print(hash_password(password, os.urandom(16)))
    return 0


def ask_twice() -> str:
    """A password that was typed in the same way two times."""
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Again: ")
    except EOFError:
        raise UsageError("No password was given; nothing was made.") from None
    if again != password:
        raise UsageError("The two passwords differ; nothing was made.")
    return password


def run_check(options: argparse.Namespace) -> int:
    from amqplab.net.configuration import read_configuration

    found = read_configuration(options.file)
    security(found.listeners)
    print(found.summary())
    return 0


# --- serve -------------------------------------------------------------------------------------------------


def run_serve(options: argparse.Namespace) -> int:
    from amqplab.net.configuration import Configuration, Listener, read_configuration

    found = Configuration() if options.config is None else read_configuration(options.config)
    listeners = found.listeners or (Listener(),)
    if options.host is not None or options.port is not None:
        one = listeners[0]
        given = {name: value for name in ("host", "port") if (value := getattr(options, name)) is not None}
        listeners = (type(one)(**(vars(one) | given)),)
    try:
        return asyncio.run(serve_until_stopped(found, listeners, options.data, options.verbose))
    finally:  # a second Ctrl-C is not for the interpreter, which is ending anyway
        signal.signal(signal.SIGINT, signal.SIG_IGN)


async def serve_until_stopped(
    found: Configuration, listeners: tuple[Listener, ...], data: Path | None, verbose: bool
) -> int:
    """Serve until a signal that ends, then close all connections as RabbitMQ does (CONN-62)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    troubles = SystemTroubles()
    loop.set_exception_handler(troubles)
    for number in ending_signals():
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # the loops of Windows have no signal handlers
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    running = await listen(found, listeners, data, log_line if verbose else None)
    settle_garbage_collection()
    for one in running:
        tell(f"listening on {one.url}", sys.stdout)
    watching = asyncio.create_task(watched(running[0].server, found, data))
    failure = await stopped_or_failed(stop, running[0].failed)
    watching.cancel()
    troubles.stopping = True
    for one in running:
        await one.close()
    for number in ending_signals():  # nor for the event loop
        signal.signal(number, signal.SIG_IGN)
    if failure is not None:
        raise failure
    return 0


def ending_signals() -> list[signal.Signals]:
    """Ctrl-C, a polite kill, and the end of the terminal, unless `nohup` has that ignored."""
    ending = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)  # not on Windows
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        ending.append(hang_up)
    return ending


class SystemTroubles:
    """What the system refuses, such as one more file, is a sentence, and not a thousand times the same (an
    event loop asks on and on); what else goes wrong is a bug, and told with all there is to know.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._last = ""
        self._again_from = 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if self.stopping and isinstance(error, ValueError):
            return  # a second too late it asked a listener that is closed by now
        if not isinstance(error, OSError):
            loop.default_exception_handler(context)
            return
        line = f"{context['message']}: {error.strerror or error}"
        if line != self._last or loop.time() >= self._again_from:
            self._last, self._again_from = line, loop.time() + SAME_TROUBLE_S
            log_line(line)


async def listen(
    found: Configuration,
    listeners: tuple[Listener, ...],
    data: Path | None,
    log: Callable[[str], None] | None,
) -> list[RunningServer]:
    """One broker on all these addresses."""
    from amqplab.broker.broker import Broker
    from amqplab.net.listening import serve
    from amqplab.net.server import BrokerServer

    report = report_to(log) if log else None
    contexts = security(listeners)
    broker = Broker(
        report=report, unique=lambda: os.urandom(16), config=found.broker, durable=data is not None
    )
    server = BrokerServer(broker, log=log)
    running: list[RunningServer] = []
    try:
        for one, context in zip(listeners, contexts, strict=True):
            kept = data if not running else None
            started = await serve(
                server, one.host, one.port, ssl_context=context, data=kept, login_from=one.login_from
            )
            running.append(started)
    except BaseException:
        for listening in running:
            await listening.close()
        raise
    return running


def security(listeners: tuple[Listener, ...]) -> list[ssl.SSLContext | None]:
    """For each listener its side of TLS, or None. Raises UsageError for files that will not do."""
    from amqplab.net.tls import server_context

    return [
        server_context(one.certificate, one.key, one.authority, require_client=one.require_client_certificate)
        if one.certificate is not None and one.key is not None
        else None
        for one in listeners
    ]


async def watched(server: BrokerServer, found: Configuration, data: Path | None) -> None:
    """Keep an eye on memory and disk."""
    from amqplab.net.watch import machine_memory, watch

    memory = found.most_memory(machine_memory())
    server.apply(server.broker.set_watermarks(memory, found.disk_free_limit, server.now()))
    await watch(server, data, say=log_line)


async def stopped_or_failed(
    stop: asyncio.Event, failed: asyncio.Future[UsageError] | None
) -> UsageError | None:
    """Wait for the signal, or for the disk to fail: then why."""
    waiting = asyncio.ensure_future(stop.wait())
    await asyncio.wait([waiting] if failed is None else [waiting, failed], return_when="FIRST_COMPLETED")
    waiting.cancel()
    return failed.result() if failed is not None and failed.done() else None


def settle_garbage_collection() -> None:
    """Queued messages are many, long-lived and without cycles: look for cycles seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def log_line(text: str) -> None:
    tell(f"{time.strftime('%H:%M:%S')} {text}", sys.stderr)


def report_to(log: Callable[[str], None]) -> Callable[..., int]:
    """A broker's `report` that tells the life of connections, and nothing of messages."""
    from amqplab.trace import events

    lines: dict[type, Callable[..., str]] = {
        events.ConnectionOpened: lambda name, user, vhost, client: (
            f"{name} opened virtual host {vhost!r} as {user}{f', named {client}' if client else ''}"
        ),
        events.ConnectionClosing: lambda name, by, code, text: f"{name} closed by the {by}: {code} {text}",
        events.ChannelClosing: lambda name, channel, by, code, text: (
            f"{name} channel {channel} closed by the {by}: {code} {text}"
        ),
        events.HeartbeatMissed: lambda name, missed: f"{name} missed heartbeat {missed}",
    }

    def report(kind: type, *fields: Any) -> int:
        if (line := lines.get(kind)) is not None:
            log(line(*fields))
        return 0

    return report
