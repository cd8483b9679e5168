"""`python -m amqplab serve` as a process of its own, as users start it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from rabbitmq_node import end_with_parent

__all__ = ["AmqplabServer"]

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT_S = 15.0


class AmqplabServer:
    """The broker on a free port of loopback, until the ``with`` block ends; `options` are for `serve`."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "amqplab", "serve", "--port", "0", *options]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=end_with_parent
        )
        self.errors = ""

    def __enter__(self) -> AmqplabServer:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        found = re.fullmatch(r"listening on (amqps?)://([\d.]+):(\d+)\n", line)
        if found is None:
            self.stop()
            raise AssertionError(f"`python -m amqplab serve` did not start: {line!r}\n{self.errors}")
        self.scheme, self.host, self.port = found[1], found[2], int(found[3])
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it as Ctrl-C does; returns its exit status and keeps what it complained about in `errors`."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            _, errors = self.process.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, errors = self.process.communicate()
        except ValueError:  # stopped before
            return self.process.returncode
        self.errors += errors.decode(errors="replace")
        return self.process.returncode
