"""Declaring what is there already: only in the same words.

Theory
------
Whoever declares a queue or an exchange does not know whether it is there. If it is, the declaration changes
nothing, and succeeds only where it asks for what there is; what differs is named in the refusal (406, QUEUE-08,
EXCH-03). Arguments are compared one by one, and most of those of an exchange not at all.

A queue that belongs to another connection is refused before that, whatever is asked for (405, QUEUE-18).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amqplab.errors import PreconditionFailed, ResourceLocked
from amqplab.model.arguments import assert_argument_equivalence
from amqplab.model.exchange import Exchange
from amqplab.model.queue import Queue

__all__ = ["assert_exchange", "assert_queue", "check_exclusive"]


def assert_exchange(
    exchange: Exchange,
    resource: str,
    kind: str,
    *,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    arguments: Mapping[str, Any],
) -> None:
    """Raise 406 if a declaration differs from what is there (EXCH-03 … EXCH-05)."""
    _assert_field("type", kind, exchange.type, resource)
    _assert_field("durable", durable, exchange.durable, resource)
    _assert_field("auto_delete", auto_delete, exchange.auto_delete, resource)
    _assert_field("internal", internal, exchange.internal, resource)
    assert_argument_equivalence("alternate-exchange", exchange.arguments, arguments, resource)


def assert_queue(
    queue: Queue,
    *,
    durable: bool,
    owner: str | None,
    auto_delete: bool,
    arguments: Mapping[str, Any],
) -> None:
    """Raise 405 or 406 if a declaration differs from what is there (QUEUE-08 … QUEUE-12)."""
    if queue.owner != owner:
        raise _locked(queue)
    resource = queue.describe()
    _assert_field("durable", durable, queue.durable, resource)
    _assert_field("auto_delete", auto_delete, queue.auto_delete, resource)
    queue.arguments.assert_equivalent(arguments, resource)


def check_exclusive(queue: Queue, connection: str) -> None:
    """Raise 405 if the queue is exclusive to another connection."""
    if queue.owner is not None and queue.owner != connection:
        raise _locked(queue)


def _locked(queue: Queue) -> ResourceLocked:
    return ResourceLocked(
        f"cannot obtain exclusive access to locked {queue.describe()}. It could be originally "
        "declared on another connection or the exclusive property value does not match that of the "
        "original declaration."
    )


def _assert_field(field: str, received: bool | str, current: bool | str, resource: str) -> None:
    if received != current:
        raise PreconditionFailed(
            f"inequivalent arg '{field}' for {resource}: received '{_word(received)}' "
            f"but current is '{_word(current)}'"
        )


def _word(value: bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else value
