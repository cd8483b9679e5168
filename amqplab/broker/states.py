"""Legality, as tables: what may come in which state, and what happens to everything else.

Theory
------
A connection walks through the states of :data:`CONNECTION`; its names are RabbitMQ's own, which
it even prints in reply texts. Each state lists the channel-0 methods it understands and the state they lead
to. What a state does *not* list meets the state's :class:`Otherwise`.

    pre_init → starting → (securing →) tuning → opening → running ⇄ blocked → closing → closed
                  └──────────┴───────────┴──→ silenced: a bad peer is left without a word for 3 s, then reset

A channel is unopened, open, or closing after the broker's own channel.close; :data:`CHANNEL` says what each
does with channel.open, channel.close, close-ok and anything else. :data:`COPY` is the life of one copy of a
message.

The code consults these tables, the documentation prints them, and tests try every state with every input:
against the running broker, and beside RabbitMQ (``tests/conformance/test_legality.py`` and
``test_legality_copies.py``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = [
    "CHANNEL",
    "CHANNEL_ACTIONS",
    "CONNECTION",
    "CONNECTION_ACTIONS",
    "COPY",
    "ConnectionRules",
    "Otherwise",
]


class Otherwise(NamedTuple):
    """What a connection state does with what it does not list.

    `wrong_method`: a channel-0 method not listed. `other_channel`: any frame on a channel above 0. `fault`:
    octets that are no frame, or an error that has a reply code. Each is the name of one of
    :data:`CONNECTION_ACTIONS`.
    """

    wrong_method: str
    other_channel: str
    fault: str


class ConnectionRules(NamedTuple):
    """One row of :data:`CONNECTION`: method name → next state, and the rest."""

    methods: dict[str, str]
    otherwise: Otherwise


CONNECTION_ACTIONS: Final = {
    "silence": "say nothing for 3 seconds, then reset (CONN-35, CONN-36, CODEC-07)",
    "504": 'connection.close 504 "unexpected method in connection state <state>" (CONN-38)',
    "505": "connection.close 505 (the frame came too early)",
    "close": "connection.close with the error's own code (CONN-45)",
    "dispatch": "hand to the channel (CHAN)",
    "ignore": "read and forget (CONN-57, CONN-58)",
}

_SILENT: Final = Otherwise(wrong_method="silence", other_channel="silence", fault="silence")
_RUNNING: Final = Otherwise(wrong_method="504", other_channel="dispatch", fault="close")
_RUNNING_METHODS: Final = {"connection.close": "closed", "connection.update-secret": "running"}

CONNECTION: Final[dict[str, ConnectionRules]] = {
    "pre_init": ConnectionRules({}, _SILENT),  # only a protocol header leads on: to "starting"
    "starting": ConnectionRules({"connection.start-ok": "tuning"}, _SILENT),
    "securing": ConnectionRules({"connection.secure-ok": "tuning"}, _SILENT),
    "tuning": ConnectionRules({"connection.tune-ok": "opening"}, _SILENT),
    "opening": ConnectionRules({"connection.open": "running"}, Otherwise("504", "505", "close")),
    "running": ConnectionRules(_RUNNING_METHODS, _RUNNING),
    "blocked": ConnectionRules(_RUNNING_METHODS, _RUNNING),
    "closed": ConnectionRules(
        {"connection.close": "closed", "connection.close-ok": "gone"},
        Otherwise(wrong_method="ignore", other_channel="ignore", fault="ignore"),
    ),
    "silenced": ConnectionRules({}, Otherwise("ignore", "ignore", "ignore")),
    "gone": ConnectionRules({}, Otherwise("ignore", "ignore", "ignore")),
}
"""Connection state → what it understands. "closed" is after a close was agreed or announced, before TCP
ends.
"""

CHANNEL_ACTIONS: Final = {
    "open": "channel.open-ok; the channel is open (CHAN-01)",
    "handle": "the method's own handler",
    "close": "channel.close-ok; the number is free again (CHAN-05)",
    "close-ok": "channel.close-ok, and go on waiting for the client's own (CHAN-08)",
    "forget": "the number is free again",
    "ignore": "read and forget (CHAN-07), if an empty queue name can be completed (CHAN-20)",
    "504 expected": "connection.close 504 \"expected 'channel.open'\" (CHAN-02)",
    "504 second": "connection.close 504 \"second 'channel.open' seen\" (CHAN-03, CHAN-04)",
    "503": 'connection.close 503 "unimplemented method" (CHAN-06)',
}

CHANNEL: Final[dict[str, dict[str, str]]] = {
    "unopened": {
        "channel.open": "open",
        "channel.close": "504 expected",
        "channel.close-ok": "504 expected",
        "other": "504 expected",
    },
    "open": {
        "channel.open": "504 second",
        "channel.close": "close",
        "channel.close-ok": "503",
        "other": "handle",
    },
    "closing": {
        "channel.open": "504 second",
        "channel.close": "close-ok",
        "channel.close-ok": "forget",
        "other": "ignore",
    },
}
"""Channel state → method → one of :data:`CHANNEL_ACTIONS`; "other" is every method not listed."""

COPY: Final[dict[str, dict[str, str]]] = {
    "new": {"enqueue": "ready"},
    "ready": {"deliver": "unacked", "deliver without ack": "gone", "purge": "gone", "drop": "gone"},
    "unacked": {"ack": "gone", "discard": "gone", "requeue": "ready"},
    "gone": {},
}
"""The life of one copy of a message in one queue: state → what can happen → next state."""
