"""A RabbitMQ node of the tests' own: the other end that everything is compared with.

Theory
------
Debian's ``rabbitmq-server`` package is only borrowed: the node gets its own name, ports, cookie, data and
log folder, its own port mapper (epmd), no plugins, and listens on loopback only, so it neither disturbs nor
sees another RabbitMQ on the same machine. It is started without the shell script that Debian wraps around
it, so that the process we start *is* the Erlang VM: it can be ended by its id, and the kernel ends it
should the tests themselves be killed.

What tests need beyond the defaults (users, virtual hosts, limits) is a definitions file read at boot,
because one ``rabbitmqctl`` call costs a second.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["RabbitMQMissing", "RabbitMQNode", "definitions", "end_with_parent", "free_port"]

HOST = "127.0.0.1"
PORTS = (10_240, 32_768)  # below those that Linux gives to outgoing connections
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0
FOLDERS = ("/usr/lib/rabbitmq/bin", "/usr/local/lib/rabbitmq/bin", "/opt/rabbitmq/sbin")
PR_SET_PDEATHSIG = 1


class RabbitMQMissing(RuntimeError):
    """There is no usable rabbitmq-server on this machine, or it did not start."""


def program(name: str) -> str:
    """The path of one of RabbitMQ's own scripts, not of the wrapper that changes the user."""
    for folder in FOLDERS:
        if (path := Path(folder, name)).exists():
            return str(path)
    if found := shutil.which(name):
        return found
    raise RabbitMQMissing(
        f"{name} was not found in {', '.join(FOLDERS)} nor on PATH. The conformance tests compare the broker "
        "with RabbitMQ 3.10; on Debian and Ubuntu, `apt install rabbitmq-server` provides it."
    )


def free_port() -> int:
    """A TCP port that nobody on loopback uses at the moment, and that no outgoing connection gets by chance
    before the node listens, or while it restarts.
    """
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


def end_with_parent() -> None:
    """Runs in the child: let the kernel end it when the tests die without cleaning up (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def definitions(
    users: Mapping[str, str],
    vhosts: Mapping[str, Mapping[str, int]],
    permissions: Mapping[tuple[str, str], tuple[str, str, str]],
    user_limits: Mapping[str, Mapping[str, int]],
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """What ``load_definitions`` reads: name → password, vhost → limits, (user, vhost) → three patterns."""
    return {
        "users": [
            {
                "name": name,
                "password_hash": _password_hash(password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": tags.get(name, ""),
                "limits": dict(user_limits.get(name, {})),
            }
            for name, password in users.items()
        ],
        "vhosts": [
            {"name": name, "limits": [{"name": key, "value": value} for key, value in limits.items()]}
            for name, limits in vhosts.items()
        ],
        "permissions": [
            {"user": user, "vhost": vhost, "configure": configure, "write": write, "read": read}
            for (user, vhost), (configure, write, read) in permissions.items()
        ],
        "parameters": [
            {"vhost": name, "component": "vhost-limits", "name": "limits", "value": dict(limits)}
            for name, limits in vhosts.items()
            if limits
        ],
    }


def _password_hash(password: str) -> str:
    salt = b"\x00\x01\x02\x03"
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


class RabbitMQNode:
    """One node: `start()`, then `.port` answers AMQP, then `stop()`. Also a context manager."""

    def __init__(self, *, settings: Mapping[str, str] | None = None, define: Mapping[str, Any] | None = None):
        self.server = program("rabbitmq-server")
        self.folder = Path(tempfile.mkdtemp(prefix="amqplab-rabbitmq-"))
        self.host = HOST
        self.port = free_port()
        self.epmd_port = free_port()
        self.name = f"amqplab-{self.port}@localhost"
        self.settings = dict(settings or {})
        self.define = define
        self._epmd: subprocess.Popen[bytes] | None = None
        self._beam: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RabbitMQNode:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- life -----------------------------------------------------------------------------------------------

    def start(self) -> RabbitMQNode:
        """Start epmd and the node, and wait until it speaks AMQP."""
        self._write_configuration()
        if self._epmd is None:
            self._epmd = self._spawn([shutil.which("epmd") or "epmd"], "epmd.log")
        self._beam = self._spawn([self.server], "node.log")
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._beam.poll() is not None:
                raise RabbitMQMissing(f"rabbitmq-server ended at once. Its last words:\n{self._last_words()}")
            if time.monotonic() > deadline:
                raise RabbitMQMissing(
                    f"rabbitmq-server did not answer in {START_TIMEOUT_S:.0f} s:\n{self._last_words()}"
                )
            time.sleep(0.1)
        return self

    def stop(self) -> None:
        """End the node and its port mapper, by process id, and remove its folder."""
        self.terminate()
        self._end(self._epmd, signal.SIGTERM)
        self._epmd = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def terminate(self, *, wait: bool = True) -> None:
        """Stop the node cleanly, as an operator would; clients are told (CONN-62). `wait` until it has."""
        if not wait and self._beam is not None:
            self._beam.send_signal(signal.SIGTERM)
            return
        self._end(self._beam, signal.SIGTERM)
        self._beam = None

    def kill(self) -> None:
        """End the node without a word (CONN-66)."""
        self._end(self._beam, signal.SIGKILL)
        self._beam = None

    def control(self, *words: str) -> str:
        """Run ``rabbitmqctl`` against this node and return what it prints."""
        command = [program("rabbitmqctl"), "--node", self.name, "--quiet", *words]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(words)} failed: {done.stderr or done.stdout}")
        return done.stdout.strip()

    # -- parts ----------------------------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("RABBITMQ_")}
        inherited.pop("NOTIFY_SOCKET", None)
        return inherited | {
            "HOME": str(folder),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(self.epmd_port),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "no-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "no-advanced.config"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "yes",  # the script then becomes the VM instead of watching over it
        }

    def _write_configuration(self) -> None:
        lines = [f"{key} = {value}" for key, value in self.settings.items()]
        if self.define is not None:
            path = self.folder / "definitions.json"
            path.write_text(json.dumps(self.define))
            lines.append(f"load_definitions = {path}")
        (self.folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (self.folder / "enabled_plugins").write_text("[].\n")
        self.dist_port = free_port()

    def _spawn(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with open(self.folder / log, "ab") as output:
            return subprocess.Popen(
                command,
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent,
            )

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as peer:
                peer.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(peer.recv(8))
        except OSError:
            return False

    def _last_words(self) -> str:
        return (self.folder / "node.log").read_text(errors="replace")[-3000:]

    @staticmethod
    def _end(process: subprocess.Popen[bytes] | None, how: signal.Signals) -> None:
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
