"""Access control: who may log in, and what a user may touch.

Theory
------
A user has, per virtual host, three regular expressions: what may be *configured* (declared,
deleted), *written* (published to, bound) and *read* (consumed, bound from). The name of the resource is
searched for a match, not compared as a whole: ``abc`` also permits ``xabcx``. An empty expression permits
only the empty name (PERM-02). The default exchange is checked under the name ``amq.default`` (PERM-03).

An :class:`Access` is what one channel's user may do in its virtual host; every operation asks it first,
nearly always before it asks whether the thing exists. The last twelve grants are remembered by name, and not
taken back when the rights change, until the channel has slept (PERM-19): see :class:`Fading`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from amqplab.broker.config import Permission, User
from amqplab.broker.passwords import matches, takes_long
from amqplab.broker.timers import SECOND
from amqplab.errors import AccessRefused, UsageError
from amqplab.model.describe import describe
from amqplab.model.pattern import problem_of

if TYPE_CHECKING:
    from amqplab.broker.session import Session

__all__ = ["Access", "Fading", "Users"]

REMEMBERED = 12
SLEEPS_AFTER = SECOND


class Users:
    """Everybody who may log in. UsageError if a pattern of theirs is no regular expression."""

    def __init__(self, users: tuple[User, ...]) -> None:
        for user in users:
            _check_patterns(user)  # now, not when the first client of theirs opens a connection
        self._by_name = {user.name: user for user in users}

    def named(self, name: str) -> User | None:
        """The user of that name, whose identity somebody else vouches for."""
        return self._by_name.get(name)

    def remove(self, name: str) -> None:
        """From now on this user cannot log in. KeyError if unknown."""
        del self._by_name[name]

    def permit(self, name: str, vhost: str, permission: Permission | None) -> User:
        """Change what a user may touch in a virtual host; None: not even enter it. Returns the user as it is
        now. KeyError if unknown, UsageError if a pattern is no regular expression.
        """
        user = self._by_name[name]
        others = {where: three for where, three in user.permissions.items() if where != vhost}
        changed = replace(user, permissions=others | ({} if permission is None else {vhost: permission}))
        _check_patterns(changed)
        self._by_name[name] = changed
        return changed

    def takes_long(self, name: str, password: str) -> bool:
        """Whether :meth:`authenticate` has to compute a hash for this (:mod:`amqplab.broker.guesses`)."""
        user = self._by_name.get(name)
        return user is not None and bool(password) and takes_long(user.password, password)

    def authenticate(self, name: str, password: str, loopback: bool) -> User | None:
        """The user with these credentials, or None (CONN-17, CONN-22). An empty password never works."""
        user = self._by_name.get(name)
        if user is None or not password or not matches(user.password, password):
            return None
        if user.loopback_only and not loopback:
            return None
        return user


class Access:
    """The rights of one channel's user in its virtual host."""

    __slots__ = ("_granted", "_patterns", "user", "vhost")

    def __init__(self, user: User, vhost: str) -> None:
        self.vhost = vhost
        self._granted: dict[tuple[str, str, str], None] = {}
        self.renew(user)

    def renew(self, user: User) -> None:
        """The user's rights have changed: from now on these hold for what is not remembered."""
        self.user = user
        permission = user.permissions.get(self.vhost, Permission("", "", ""))
        self._patterns = {
            "configure": _compile(permission.configure),
            "write": _compile(permission.write),
            "read": _compile(permission.read),
        }

    def forget(self) -> None:
        """Remember no grants any more."""
        self._granted.clear()

    def configure(self, kind: str, name: str) -> None:
        """Raise 403 unless the user may declare and delete this."""
        self._check("configure", kind, name)

    def write(self, kind: str, name: str) -> None:
        """Raise 403 unless the user may write to this."""
        self._check("write", kind, name)

    def read(self, kind: str, name: str) -> None:
        """Raise 403 unless the user may read from this."""
        self._check("read", kind, name)

    def topic(self, right: str, exchange: str, routing_key: str) -> None:
        """Raise 403 unless the user's topic permission allows the key; no entry allows all (PERM-18)."""
        patterns = self.user.topics.get((self.vhost, exchange))
        if patterns is None:
            return
        pattern = patterns[0] if right == "write" else patterns[1]
        filled = pattern.replace("{username}", re.escape(self.user.name)).replace(
            "{vhost}", re.escape(self.vhost)
        )
        if not _compile(filled).search(routing_key):
            raise AccessRefused(
                f"access to topic '{routing_key}' in exchange '{exchange}' in vhost '{self.vhost}' "
                f"refused for user '{self.user.name}'"
            )

    def _check(self, right: str, kind: str, name: str) -> None:
        if (right, kind, name) in self._granted:
            return
        checked = "amq.default" if kind == "exchange" and name == "" else name
        if not self._patterns[right].search(checked):
            raise AccessRefused(
                f"access to {describe(kind, checked, self.vhost)} refused for user '{self.user.name}'"
            )
        if len(self._granted) >= REMEMBERED:
            del self._granted[next(iter(self._granted))]
        self._granted[right, kind, name] = None


class Fading:
    """The rights of a connection's user have changed, and what its channels were granted fades: it is
    forgotten as soon as the client has been silent for a second. RabbitMQ's channels go to sleep then.
    """

    def __init__(self, session: Session, user: User) -> None:
        self._session = session
        for channel in session.channels.values():
            channel.access.renew(user)
        self._look(session.broker.now)

    def _look(self, now: int) -> None:
        session = self._session
        due = session.heard_at + SLEEPS_AFTER
        if now < due:
            session.broker.deadlines.at(due, self._look)
            return
        for channel in session.channels.values():
            channel.access.forget()
            if channel.lane is not None:
                channel.lane.forget()


def _check_patterns(user: User) -> None:
    named = [
        (f"{right} in vhost {vhost!r}", getattr(permission, right))
        for vhost, permission in user.permissions.items()
        for right in ("configure", "write", "read")
    ]
    for (vhost, exchange), patterns in user.topics.items():
        place = f"topics of exchange {exchange!r} in vhost {vhost!r}"
        named += [(place, pattern) for pattern in patterns]
    for place, pattern in named:
        if problem := problem_of(pattern):
            raise UsageError(f"User {user.name!r} has a wrong pattern for {place}, {pattern!r}: {problem}.")


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern or "^$")
