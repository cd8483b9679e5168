"""The command line: put the broker on a socket, or read octets.

    python -m amqplab serve [--host 127.0.0.1] [--port 5672] [--data DIR] [--config FILE] [--verbose]
    python -m amqplab passwd
    python -m amqplab check-config FILE
    python -m amqplab decode FILE | HEX… | -

Standard library only, so that it works wherever the core does; `rich` adds colour when it is there. A
mistake costs one sentence on standard error and exit status 2.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from amqplab import __version__
from amqplab.cli_serve import add_commands
from amqplab.cli_streams import open_closed_streams, silence, tell
from amqplab.errors import UsageError

__all__ = ["main"]

DESCRIPTION = "An AMQP 0-9-1 laboratory: a broker that clients take for RabbitMQ, and a reader of frames."
EPILOG = "Lessons: `python3 run.py lesson` in a clone of the repository opens the first one in JupyterLab."
DECODE_HELP = """\
Explain AMQP 0-9-1 octets: every octet of every frame gets a name and a meaning. Input is
hexadecimal digits, a file of hexadecimal digits or of raw octets, a capture (.pcap or
.pcapng, needs dpkt), a file of the broker's journal (.amqj), or - for standard input."""
DECODE_EXAMPLES = """\
examples:
  python -m amqplab decode 01000100000005001400 0a00ce
  python -m amqplab decode lesson.pcap
  python -m amqplab decode data/journal-00000001.amqj
  xxd -p frames.bin | python -m amqplab decode -
"""

COLOURS = {  # style -> the first group of a pattern over a rendered dissection
    "bold": r"(?m)^[0-9a-f]{4,} {10,}(\S.* frame .*)$",
    "dim": r"(?m)^([0-9a-f]{4,}) ",
    "cyan": r"(?m)^(?:[0-9a-f]{4,}|[ ]{4,})  ((?:[0-9a-f]{2} ?){1,8})(?: |$)",
    "green": r"('[^'\n]*')",
    "italic": r"(\[[^\]\n]*\])",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit status."""
    open_closed_streams()
    options = parser().parse_args(arguments)
    try:
        status = int(options.run(options))
        sys.stdout.flush()
        return status
    except UsageError as error:
        tell(f"amqplab: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `... | head` has seen enough
        silence(sys.stdout)
        return 0
    except OSError as error:  # a full disk, as a rule
        silence(sys.stdout)
        tell(f"amqplab: Standard output cannot be written: {error.strerror or error}.", sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line, with its help texts."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("amqplab", description=DESCRIPTION, epilog=EPILOG)
    top.add_argument("--version", action="version", version=f"amqplab {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    add_commands(commands, port)
    decode = commands.add_parser(
        "decode",
        help="explain AMQP octets",
        description=DECODE_HELP,
        epilog=DECODE_EXAMPLES,
        formatter_class=raw,
    )
    decode.add_argument("input", nargs="+", metavar="FILE|HEX|-", help="what to explain")
    decode.add_argument(
        "--port", type=port, default=5672, help="the broker's port in a capture (default: %(default)s)"
    )
    decode.set_defaults(run=run_decode)
    return top


def port(text: str) -> int:
    """A TCP port number."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


# --- decode ----------------------------------------------------------------------------------------------


def run_decode(options: argparse.Namespace) -> int:
    from amqplab.net.capture import looks_like_a_capture

    words: list[str] = options.input
    path = existing_file(words[0]) if len(words) == 1 else None
    if words == ["-"]:
        data = unwrap_hex(sys.stdin.buffer.read())
    elif path is not None:
        data = read_file(path)
        if looks_like_a_capture(data):
            return decode_capture(path, options.port)
        data = unwrap_hex(data)
    else:
        data = from_hex(" ".join(words), strict=True)
    decode_octets(data)
    return 0


def existing_file(word: str) -> Path | None:
    """The file of that name, None if there is none; digits may be more than a name can have."""
    path = Path(word)
    try:
        return path if path.is_file() else None
    except PermissionError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except OSError:
        return None


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def unwrap_hex(data: bytes) -> bytes:
    """Octets that are themselves hexadecimal text are turned into what they spell."""
    try:
        return from_hex(data.decode("ascii"), strict=False)
    except (UnicodeDecodeError, ValueError):
        return data


def from_hex(text: str, strict: bool) -> bytes:
    """Octets from hexadecimal digits; blanks, colons, commas, 0x and \\x do not matter."""
    digits = re.sub(r"0x|\\x|[\s:,]", "", text)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        if not strict:
            raise
    wrong = re.search(r"[^0-9a-fA-F]", digits)
    if wrong is None:
        raise UsageError(
            f"{len(digits)} hexadecimal digits make no whole octets: one is missing, or too many."
        )
    raise UsageError(
        f"{text!r} is neither a file that exists nor hexadecimal digits ({wrong.group()!r} is none); "
        "see `python -m amqplab decode --help`."
    )


def decode_octets(data: bytes) -> None:
    from amqplab.model.journal import looks_like_a_journal
    from amqplab.model.journal_spans import journal_spans
    from amqplab.wire.dissect import dissect, render

    if not data:
        raise UsageError("There is nothing to decode: the input is empty.")
    if looks_like_a_journal(data):
        for span in journal_spans(data):
            show(render([span], data))
    else:
        show(render(dissect(data), data))


def decode_capture(path: Path, port: int) -> int:
    from amqplab.net.capture import frames_in
    from amqplab.wire.dissect import dissect, render

    first: float | None = None
    for at, source, destination, data in frames_in(path, port):
        first = at if first is None else first
        show(f"\n{at - first:.6f} s  {source} -> {destination}")
        show(render(dissect(data), data))
    if first is None:
        raise UsageError(f"{path} holds no octets to or from port {port}; choose another with --port.")
    return 0


def show(text: str) -> None:
    """Print, in colour on a terminal that has `rich`."""
    if sys.stdout.isatty():
        try:
            from rich.console import Console
            from rich.text import Text
        except ImportError:
            pass
        else:
            coloured = Text(text)
            for style, pattern in COLOURS.items():
                for found in re.finditer(pattern, text):
                    coloured.stylize(style, *found.span(1))
            Console(highlight=False, soft_wrap=True).print(coloured)
            return
    print(text)
