"""The configuration file: who may do what, and where the broker listens.

Theory
------
A broker that strangers reach wants more than defaults: users with passwords, virtual hosts, rights, limits,
policies, TLS. All of it stands in one TOML file::

    [limits]                          # every key is optional; times in seconds unless it says _ms
    heartbeat_s = 60
    memory_high_watermark = 0.4

    [[listeners]]
    host = "0.0.0.0"
    port = 5671
    certificate = "server.pem"        # with a certificate it is TLS
    key = "server.key"
    authority = "ca.pem"              # who signs the clients' certificates
    require_client_certificate = true

    [[vhosts]]
    name = "/"
    max_queues = 1000

    [[users]]
    name = "ann"
    password = "scrypt$…"             # made by `python -m amqplab passwd`
    tags = ["administrator"]
    permissions = [{ vhost = "/", configure = ".*", write = ".*", read = ".*" }]
    topics = [{ vhost = "/", exchange = "amq.topic", write = "^ann\\\\.", read = ".*" }]

    [[policies]]
    name = "short"
    pattern = "^tmp\\\\."
    apply_to = "queues"
    definition = { message-ttl = 60000 }

Reading it is strict: an unknown key, a wrong type, a pattern that is none, a file that is not there. All
mistakes are found in one go, each is one sentence that says where.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from amqplab.broker.config import HARD_MAX_MESSAGE_SIZE, BrokerConfig, Permission, User
from amqplab.broker.passwords import check_hash, is_hash
from amqplab.errors import UsageError
from amqplab.model.pattern import problem_of
from amqplab.model.policy import Policy
from amqplab.wire.frames import FRAME_MIN_SIZE

__all__ = ["Configuration", "ConfigurationError", "Listener", "read_configuration"]

NUMBER = (int, float)
LIMITS: dict[str, Any] = {
    "channel_max": int,
    "frame_max": int,
    "heartbeat_s": int,
    "handshake_timeout_s": NUMBER,
    "max_message_size": int,
    "max_connections": int,
    "consumer_timeout_ms": int,
    "cluster_name": str,
    "memory_high_watermark": NUMBER,
    "disk_free_limit": int,
}
WATERMARKS = ("memory_high_watermark", "disk_free_limit")
"""Limits that are not the broker's own, but about the machine it runs on."""
BOUNDS: dict[str, tuple[float, float]] = {
    "channel_max": (0, 65535),
    "frame_max": (0, (1 << 32) - 1),
    "heartbeat_s": (0, 65535),
    "handshake_timeout_s": (0.001, 86400),
    "max_message_size": (0, HARD_MAX_MESSAGE_SIZE),
    "max_connections": (0, 1 << 32),
    "consumer_timeout_ms": (0, 1 << 53),
    "disk_free_limit": (0, 1 << 63),
}
"""From and to: what has a place on the wire must fit there, and what is a time must end."""
LISTENER: dict[str, Any] = {
    "host": str,
    "port": int,
    "certificate": str,
    "key": str,
    "authority": str,
    "require_client_certificate": bool,
    "login_from": str,
}
VHOST: dict[str, Any] = {"name": str, "max_connections": int, "max_queues": int}
USER: dict[str, Any] = {
    "name": str,
    "password": str,
    "tags": list,
    "permissions": list,
    "topics": list,
    "max_connections": int,
    "max_channels": int,
    "loopback_only": bool,
}
PERMISSION: dict[str, Any] = {"vhost": str, "configure": str, "write": str, "read": str}
TOPIC: dict[str, Any] = {"vhost": str, "exchange": str, "write": str, "read": str}
POLICY: dict[str, Any] = {
    "name": str,
    "pattern": str,
    "vhost": str,
    "apply_to": str,
    "priority": int,
    "operator": bool,
    "definition": dict,
}
SECTIONS: dict[str, Any] = {
    "limits": dict,
    "listeners": list,
    "vhosts": list,
    "users": list,
    "policies": list,
}
DEFAULTS: dict[str, Any] = {"vhost": "/", "host": "127.0.0.1"}
"""What a missing key means, in the comparison of two entries."""
LOGIN_FROM = ("common_name", "distinguished_name")


class ConfigurationError(UsageError):
    """What is wrong with a file; `mistakes` has a sentence for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True)
class Listener:
    """One address to listen on; with a `certificate` it speaks TLS. `login_from` says what in a client's
    certificate is the user's name, for EXTERNAL.
    """

    host: str = "127.0.0.1"
    port: int = 5672
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    require_client_certificate: bool = False
    login_from: str = "common_name"


@dataclass(frozen=True)
class Configuration:
    """What a file says. `memory_high_watermark` is in octets if whole, else a part of the machine's memory;
    `disk_free_limit` is in octets. The defaults are RabbitMQ's (LIMIT-01).
    """

    broker: BrokerConfig = field(default_factory=BrokerConfig)
    listeners: tuple[Listener, ...] = ()
    memory_high_watermark: int | float = 0.4
    disk_free_limit: int = 50_000_000

    def most_memory(self, machine: int | None) -> int | None:
        """How many octets may be used on a machine with so many; None if that is not known."""
        mark = self.memory_high_watermark
        if isinstance(mark, int):
            return mark
        return None if machine is None else int(mark * machine)

    def summary(self) -> str:
        """The same for people, a line for each thing."""
        broker = self.broker
        lines = [
            f"listens on {one.host}:{one.port}{', TLS' if one.certificate else ''}" for one in self.listeners
        ]
        lines += [f"virtual host {name!r}" for name in broker.vhosts]
        for user in broker.users:
            where = ", ".join(repr(vhost) for vhost in user.permissions) or "nowhere"
            tags = f" ({', '.join(user.tags)})" if user.tags else ""
            lines.append(f"user {user.name!r}{tags}, may enter {where}")
        lines += [f"policy {one.name!r} for {one.apply_to} like {one.pattern!r}" for one in broker.policies]
        return "\n".join(lines)


def read_configuration(path: str | Path) -> Configuration:
    """What the file says. Raises ConfigurationError with every mistake in it."""
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}."]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path} is not TOML: {error}."]) from None
    except RecursionError:
        raise ConfigurationError([f"{path} is not TOML that can be read: it is nested too deep."]) from None
    reader = _Reader(path)
    found = reader.configuration(tables)
    if reader.mistakes:
        raise ConfigurationError([f"{path}: {one}" for one in reader.mistakes])
    return found


class _Reader:
    """Reads the tables of one file and collects what is wrong with them."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self.mistakes: list[str] = []

    def configuration(self, tables: Mapping[str, Any]) -> Configuration:
        known = self._known("the file", tables, SECTIONS)
        limits = self._known("[limits]", known.get("limits", {}), LIMITS)
        self._check_limits(limits)
        marks = {name: limits.pop(name) for name in WATERMARKS if name in limits}
        vhosts = self._entries("vhosts", known, VHOST, ("name",))
        self._check_twice(vhosts, "name")
        config = replace(BrokerConfig(), **limits, **self._vhosts(vhosts))
        if users := self._entries("users", known, USER, ("name", "password")):
            self._check_twice(users, "name")
            config = replace(config, users=tuple(self._user(where, one) for where, one in users))
        policies = self._entries("policies", known, POLICY, ("name", "pattern", "definition"))
        for operator in (False, True):  # they have names of their own
            some = [one for one in policies if one[1].get("operator", False) is operator]
            self._check_twice(some, "name", "vhost")
        found = tuple(made for where, one in policies if (made := self._policy(where, one)) is not None)
        self._check_vhosts(config, found)
        listeners = self._entries("listeners", known, LISTENER, ())
        self._check_twice([one for one in listeners if one[1].get("port", 1)], "host", "port")
        config = replace(config, policies=found)
        found_listeners = tuple(self._listener(where, one) for where, one in listeners)
        return Configuration(config, found_listeners, **marks)

    def _check_limits(self, limits: dict[str, Any]) -> None:
        """Take out what is out of bounds."""
        for name, (least, most) in BOUNDS.items():
            if name in limits and not least <= limits[name] <= most:
                self._wrong("[limits]", f"{name} must be from {least} to {most}, not {limits.pop(name)!r}")
        if 0 < limits.get("frame_max", 0) < FRAME_MIN_SIZE:
            small = limits.pop("frame_max")
            self._wrong("[limits]", f"frame_max must be {FRAME_MIN_SIZE} at least, or 0 for any, not {small}")
        mark = limits.get("memory_high_watermark", 0)
        if not (mark >= 0 if isinstance(mark, int) else 0 <= mark <= 1):
            sense = "is a part (0.0 to 1.0) or a whole number of octets"
            self._wrong("[limits]", f"memory_high_watermark {sense}, not {mark!r}")

    # --- tables ----------------------------------------------------------------------------------------

    def _wrong(self, where: str, text: str) -> None:
        self.mistakes.append(f"{where}: {text}.")

    def _known(self, where: str, table: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
        """The entries that are known and of the right type."""
        good = {}
        for key, value in table.items():
            kind = keys.get(key)
            if kind is None:
                self._wrong(where, f"{key!r} is not known here; there are {', '.join(sorted(keys))}")
            elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                self._wrong(where, f"{key} must be {_kind_name(kind)}, not {value!r}")
            else:
                good[key] = value
        return good

    def _entries(
        self, section: str, tables: Mapping[str, Any], keys: Mapping[str, Any], needed: tuple[str, ...]
    ) -> list[tuple[str, dict[str, Any]]]:
        """The tables of a list, each with its place; those without what is needed are left out."""
        found = []
        for number, table in enumerate(tables.get(section, ()), 1):
            where = f"[[{section}]] {number}"
            if not isinstance(table, dict):
                self._wrong(where, f"must be a table, not {table!r}")
                continue
            known = self._known(where, table, keys)
            missing = [key for key in needed if key not in table]
            for key in missing:
                self._wrong(where, f"{key} is missing")
            if not missing and all(key in known for key in needed):
                self._check_counts(where, known)
                found.append((where, known))
        return found

    def _check_counts(self, where: str, table: Mapping[str, Any]) -> None:
        """How many of something there may be: none at least."""
        for key in ("max_connections", "max_queues", "max_channels"):
            if table.get(key, 0) < 0:
                self._wrong(where, f"{key} must not be negative; without it there is no limit")

    def _check_twice(self, entries: list[tuple[str, dict[str, Any]]], *keys: str) -> None:
        """Of two entries about the same thing, one would silently count for nothing."""
        first: dict[tuple[Any, ...], str] = {}
        for where, table in entries:
            named = tuple(table.get(key, DEFAULTS.get(key)) for key in keys)
            before = first.setdefault(named, where)
            if before != where:
                self._wrong(where, f"has the same {' and '.join(keys)} as {before}")

    # --- what they stand for ---------------------------------------------------------------------------

    def _vhosts(self, vhosts: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        if not vhosts:
            return {}
        tables = [one for _, one in vhosts]
        return {
            "vhosts": tuple(one["name"] for one in tables),
            **{
                f"vhost_{limit}": {one["name"]: one[limit] for one in tables if limit in one}
                for limit in ("max_connections", "max_queues")
            },
        }

    def _user(self, where: str, table: dict[str, Any]) -> User:
        password = table["password"]
        if is_hash(password):
            try:
                check_hash(password)
            except UsageError as error:
                self._wrong(where, str(error).removesuffix("."))
        rights = self._list(where, "permissions", table, PERMISSION, ("vhost",))
        topics = self._list(where, "topics", table, TOPIC, ("vhost", "exchange"))
        tags = table.get("tags", [])
        if not all(isinstance(tag, str) for tag in tags):
            self._wrong(where, "tags must be strings")
        rest = {
            key: table[key] for key in ("max_connections", "max_channels", "loopback_only") if key in table
        }
        return User(
            table["name"],
            password,
            tuple(tags),
            permissions={
                one["vhost"]: Permission(*(one.get(right, "") for right in ("configure", "write", "read")))
                for one in rights
            },
            topics={
                (one["vhost"], one["exchange"]): (one.get("write", ""), one.get("read", "")) for one in topics
            },
            **rest,
        )

    def _list(
        self,
        where: str,
        key: str,
        table: dict[str, Any],
        keys: Mapping[str, Any],
        needed: tuple[str, ...],
    ) -> list[dict[str, Any]]:
        """A list of tables with patterns in an entry, each about something else."""
        found: list[tuple[str, dict[str, Any]]] = []
        for number, one in enumerate(table.get(key, ()), 1):
            place = f"{where}, {key} {number}"
            if not isinstance(one, dict):
                self._wrong(place, f"must be a table, not {one!r}")
                continue
            known = self._known(place, one, keys)
            for name in needed:
                if name not in one:
                    self._wrong(place, f"{name} is missing")
            for right in ("configure", "write", "read"):
                self._pattern(place, right, known.get(right, ""))
            if all(name in known for name in needed):
                found.append((place, known))
        self._check_twice(found, *reversed(needed))
        return [known for _, known in found]

    def _pattern(self, where: str, name: str, pattern: str) -> None:
        if problem := problem_of(pattern):
            self._wrong(where, f"{name} = {pattern!r} is no regular expression: {problem}")

    def _policy(self, where: str, table: dict[str, Any]) -> Policy | None:
        try:
            return Policy(**table)
        except UsageError as error:
            self._wrong(where, str(error).removesuffix("."))
            return None

    def _check_vhosts(self, config: BrokerConfig, policies: tuple[Policy, ...]) -> None:
        """Rights and policies are about virtual hosts that exist."""
        named = [
            (f"user {user.name!r}", vhost)
            for user in config.users
            for vhost in dict.fromkeys([*user.permissions, *(vhost for vhost, _ in user.topics)])
        ]
        named += [(f"policy {one.name!r}", one.vhost) for one in policies]
        for who, vhost in named:
            if vhost not in config.vhosts:
                self._wrong(who, f"there is no virtual host {vhost!r}; declare it under [[vhosts]]")

    def _listener(self, where: str, table: dict[str, Any]) -> Listener:
        files = {key: self._file(where, key, table) for key in ("certificate", "key", "authority")}
        port = table.get("port", 5671 if files["certificate"] else 5672)
        if table.get("host") == "":
            self._wrong(where, "host must not be empty; 0.0.0.0 is every address of this machine")
        if not 0 <= port <= 65535:
            self._wrong(where, f"{port} is no port")
        if (files["certificate"] is None) is not (files["key"] is None):
            self._wrong(where, "certificate and key go together")
        demanding = table.get("require_client_certificate", False)
        if demanding and files["authority"] is None:
            self._wrong(where, "require_client_certificate needs an authority")
        login_from = table.get("login_from", "common_name")
        if login_from not in LOGIN_FROM:
            self._wrong(where, f"login_from is {' or '.join(LOGIN_FROM)}, not {login_from!r}")
        return Listener(
            table.get("host", "127.0.0.1"),
            port,
            **files,
            require_client_certificate=demanding,
            login_from=login_from,
        )

    def _file(self, where: str, key: str, table: dict[str, Any]) -> Path | None:
        """A path in the file, relative to the file."""
        if key not in table:
            return None
        path = self.folder / table[key]
        try:
            found = path.is_file()
        except OSError as error:
            self._wrong(where, f"{key} = {table[key]!r} cannot be read: {error.strerror}")
        else:
            if not found:
                self._wrong(where, f"{key} = {table[key]!r}: there is no such file")
        return path


def _kind_name(kind: Any) -> str:
    names = {int: "a whole number", str: "a string", bool: "true or false", list: "a list", dict: "a table"}
    return names.get(kind, "a number")
