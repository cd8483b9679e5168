"""Where to connect, as whom, and within which limits.

Theory
------
A connection is described by values only: a host and port for TCP; a virtual host and credentials for the
handshake; three limits that are *negotiated* (channel_max, frame_max, heartbeat); and some patience. The
names and defaults are pika's, so that what is written here runs there.

The same can be written as one line, an AMQP URI (CLIENT-11, CLIENT-12)::

    amqp://user:password@host:port/virtual-host?heartbeat=30&frame_max=8192

All parts are percent-decoded. Beware the path: *no* path means the default virtual host ``/``; the path ``/``
alone means the virtual host whose name is empty; ``%2F`` means ``/``. A virtual host is exactly one path
segment.

Negotiation (CLIENT-02): if either side says 0, "no limit", the other side's value counts, else the smaller.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from amqplab.errors import UsageError
from amqplab.wire.table import Table

if TYPE_CHECKING:
    import ssl

__all__ = [
    "AMQPlainCredentials",
    "ConnectionParameters",
    "Credentials",
    "ExternalCredentials",
    "PlainCredentials",
    "Target",
    "URLParameters",
    "negotiate",
    "parameters_from",
    "targets_from",
]

DEFAULT_PORT = 5672
DEFAULT_TLS_PORT = 5671


class Credentials(ABC):
    """How to say who we are: a SASL mechanism and its response."""

    mechanism = ""

    @abstractmethod
    def response(self) -> bytes:
        """The `response` of connection.start-ok; each mechanism has its own."""


@dataclass(frozen=True, repr=False)
class PlainCredentials(Credentials):
    """PLAIN: NUL user NUL password, in clear (CONN-15)."""

    username: str
    password: str
    mechanism = "PLAIN"

    def response(self) -> bytes:
        return b"\0" + self.username.encode() + b"\0" + self.password.encode()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.username!r}, '***')"


class AMQPlainCredentials(PlainCredentials):
    """AMQPLAIN: a field table without its length, keys LOGIN and PASSWORD (CONN-19)."""

    mechanism = "AMQPLAIN"

    def response(self) -> bytes:
        return Table({"LOGIN": self.username, "PASSWORD": self.password}).encode()[4:]


@dataclass(frozen=True)
class ExternalCredentials(Credentials):
    """EXTERNAL: who we are is known from elsewhere, such as a TLS certificate (CONN-21)."""

    mechanism = "EXTERNAL"

    def response(self) -> bytes:
        return b""


@dataclass(kw_only=True)
class _Limits:
    """What `ConnectionParameters` holds beyond the four that are usually written by position."""

    channel_max: int = 65535
    frame_max: int = 131072
    heartbeat: int | None = None
    ssl_options: ssl.SSLContext | bool | None = None
    server_hostname: str | None = None
    connection_attempts: int = 1
    retry_delay: float = 2.0
    socket_timeout: float | None = 10.0
    stack_timeout: float | None = 15.0
    locale: str = "en_US"
    blocked_connection_timeout: float | None = None
    client_properties: Mapping[str, Any] | None = None


@dataclass
class ConnectionParameters(_Limits):
    """Everything needed to connect.

    ``heartbeat`` is in seconds: None accepts the broker's offer, 0 turns heartbeats off. ``frame_max`` is in
    octets, 4096 at least. ``socket_timeout`` is the patience for TCP, ``stack_timeout`` for the whole
    handshake, ``blocked_connection_timeout`` for a connection.blocked; all in seconds, None for ever.
    ``ssl_options`` is an `ssl.SSLContext`, or True for the default one, which trusts what the system trusts
    and checks the name in the certificate: ``host``, unless ``server_hostname`` is another. Raises UsageError
    for values that no connection can have.
    """

    host: str = "localhost"
    port: int = DEFAULT_PORT
    virtual_host: str = "/"
    credentials: Credentials = field(default_factory=lambda: PlainCredentials("guest", "guest"))

    def __post_init__(self) -> None:
        _check_type("host", self.host, str, "the broker's name or address")
        _check_range("port", self.port, 1, 65535)
        _check_type("virtual_host", self.virtual_host, str, "'/' unless you made another one")
        _check_type(
            "credentials", self.credentials, Credentials, "for example PlainCredentials('me', 'secret')"
        )
        _check_range("channel_max", self.channel_max, 0, 65535)
        _check_range("frame_max", self.frame_max, 4096, 2**31)
        if self.heartbeat is not None:
            _check_range("heartbeat", self.heartbeat, 0, 65535)
        _check_range("connection_attempts", self.connection_attempts, 1, 2**31)

    @property
    def url(self) -> str:
        """Where this leads, without the password."""
        return f"{'amqps' if self.ssl_options else 'amqp'}://{self.host}:{self.port}"


class URLParameters(ConnectionParameters):
    """The same from one line, e.g. ``URLParameters("amqp://guest:guest@localhost:5672/%2F")``."""

    def __init__(self, url: str) -> None:
        super().__init__(**_read_url(url))


Target = ConnectionParameters | str | None
"""What says where to connect: parameters, an AMQP URI, or nothing for RabbitMQ's defaults on this machine."""


def parameters_from(target: Target, **changes: Any) -> ConnectionParameters:
    """What `connect` was given (parameters, an AMQP URI, or nothing) as parameters, with `changes` made."""
    if target is None:
        target = ConnectionParameters()
    elif isinstance(target, str):
        target = URLParameters(target)
    elif not isinstance(target, ConnectionParameters):
        raise UsageError(
            f"Connect with an AMQP URI such as 'amqp://localhost:5672' or with ConnectionParameters, "
            f"not with {_a(target)}."
        )
    if not changes:
        return target
    known = {each.name for each in fields(ConnectionParameters)}
    if unknown := sorted(set(changes) - known):
        raise UsageError(
            f"Connection parameters have no {unknown[0]!r}; there are {', '.join(sorted(known))}."
        )
    values = {name: getattr(target, name) for name in known}
    return ConnectionParameters(**(values | changes))


def targets_from(target: Target | Sequence[Target], **changes: Any) -> tuple[ConnectionParameters, ...]:
    """The hosts to try, in order: one target or a list of them, each with `changes` made."""
    one = target is None or isinstance(target, str) or not isinstance(target, Sequence)
    choices: list[Any] = [target] if one else list(cast(Sequence[Target], target))
    if not choices:
        raise UsageError("An empty list of connection parameters leads nowhere; give at least one.")
    return tuple(parameters_from(each, **changes) for each in choices)


def negotiate(ours: int, theirs: int) -> int:
    """The smaller limit, where 0 means "no limit" (CLIENT-02)."""
    return min(ours, theirs) if ours and theirs else ours or theirs


# --- reading a URI ---------------------------------------------------------------------------------------


def _integer(text: str) -> int:
    return int(text)


_QUERY: dict[str, Callable[[str], Any]] = {
    "heartbeat": _integer,
    "channel_max": _integer,
    "frame_max": _integer,
    "connection_attempts": _integer,
    "retry_delay": float,
    "socket_timeout": float,
    "stack_timeout": float,
    "blocked_connection_timeout": float,
    "locale": str,
}
_MECHANISMS: dict[str, type[PlainCredentials]] = {"PLAIN": PlainCredentials, "AMQPLAIN": AMQPlainCredentials}


def _read_url(url: str) -> dict[str, Any]:
    """The keyword arguments of `ConnectionParameters` that the URI means."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(
            f"{url!r} is not an AMQP URI ({error}); one looks like amqp://localhost:5672."
        ) from None
    if parts.scheme not in ("amqp", "amqps"):
        raise UsageError(
            f"{url!r} is not an AMQP URI; one looks like amqp://user:password@localhost:5672/%2F."
        )
    secure = parts.scheme == "amqps"
    if port is None:
        port = DEFAULT_TLS_PORT if secure else DEFAULT_PORT
    values: dict[str, Any] = {"port": port}
    if secure:
        values["ssl_options"] = True
    if parts.hostname:
        values["host"] = unquote(parts.hostname)
    if parts.path:
        values["virtual_host"] = _virtual_host(parts.path, url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    values["credentials"] = _credentials(parts.username, parts.password, query.pop("auth_mechanism", None))
    if "connection_timeout" in query:
        query["socket_timeout"] = query.pop("connection_timeout")
    for key, text in query.items():
        values[key] = _query_value(key, text)
    return values


def _virtual_host(path: str, url: str) -> str:
    """The one segment after the slash (CLIENT-11)."""
    if "/" in path[1:]:
        raise UsageError(
            f"The virtual host of {url!r} has more than one path segment; write a slash in its name as %2F."
        )
    return unquote(path[1:])


def _credentials(user: str | None, password: str | None, mechanism: str | None) -> Credentials:
    if mechanism == "EXTERNAL":
        return ExternalCredentials()
    kind = _MECHANISMS.get(mechanism or "PLAIN")
    if kind is None:
        raise UsageError(f"auth_mechanism={mechanism} is not known here; use PLAIN, AMQPLAIN or EXTERNAL.")
    if user is None:
        return kind("guest", "guest")
    return kind(unquote(user), unquote(password or ""))


def _query_value(key: str, text: str) -> Any:
    read = _QUERY.get(key)
    if read is None:
        raise UsageError(f"An AMQP URI has no {key!r} here; there are {', '.join(sorted(_QUERY))}.")
    try:
        return read(text)
    except ValueError:
        raise UsageError(f"{key}={text} in an AMQP URI must be a number.") from None


# --- checks ----------------------------------------------------------------------------------------------


def _a(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _check_type(name: str, value: object, kind: type, instead: str) -> None:
    if not isinstance(value, kind):
        raise UsageError(f"{name} must be {_a_kind(kind)}, not {_a(value)}: give {instead}.")


def _a_kind(kind: type) -> str:
    return "a str" if kind is str else f"a {kind.__name__}"


def _check_range(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
