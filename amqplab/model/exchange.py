"""The exchange kinds: four ways to decide which bindings a message takes.

Theory
------
An exchange stores no message. It is a rule plus a set of bindings: given a message's routing keys and headers
it answers which of its bindings match.

    direct    the routing key equals the binding key, octet for octet (not the queue's name!)
    fanout    every binding
    topic     the key's words match the binding's pattern (see :mod:`amqplab.model.topic`)
    headers   the message's headers satisfy the binding's arguments (see :mod:`amqplab.model.headers`)

Each kind keeps its bindings indexed for its question, so routing costs what it must and no more. The default
exchange (named "") is direct in spirit, but has no bindings at all: its keys *are* queue names
(EXCH-20); :mod:`amqplab.model.routing` looks them up.

A message usually has one routing key; CC and BCC headers add more (BASIC-10), so a match takes a tuple.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from amqplab.model.binding import Binding
from amqplab.model.headers import Pattern, check_match_argument, headers_match, in_order, pattern_of
from amqplab.model.topic import TopicTrie
from amqplab.wire.table import Table

__all__ = ["KINDS", "DirectExchange", "Exchange", "FanoutExchange", "HeadersExchange", "TopicExchange"]


class Exchange:
    """What all kinds share. `alternate` is the alternate exchange's name or None (EXCH-35)."""

    type: ClassVar[str] = ""
    reads_headers: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        *,
        durable: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.durable = durable
        self.auto_delete = auto_delete
        self.internal = internal
        self.arguments = arguments if arguments is not None else Table()
        alternate = self.arguments.get("alternate-exchange")
        self.alternate: str | None = alternate if isinstance(alternate, str) else None
        self._own_alternate = self.alternate
        self.bindings: dict[Binding, None] = {}  # an ordered set: the bindings from this exchange

    def apply_policy(self, policy: Mapping[str, Any]) -> None:
        """A policy begins, changes or (empty) ends: its alternate counts where there is no own (EXCH-40)."""
        own = self._own_alternate
        self.alternate = own if own is not None else policy.get("alternate-exchange")

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Refuse binding arguments that this kind cannot work with."""

    def add(self, binding: Binding) -> bool:
        """Take a binding in; False if an equal one is here already."""
        if binding in self.bindings:
            return False
        self.bindings[binding] = None
        self._index(binding)
        return True

    def remove(self, binding: Binding) -> bool:
        """Let a binding go; False if it was not here."""
        if binding not in self.bindings:
            return False
        del self.bindings[binding]
        self._unindex(binding)
        return True

    def match(self, keys: tuple[str, ...], headers: Mapping[str, Any]) -> list[Binding]:
        """The bindings that a message with these routing keys and headers takes, each once. It is what makes a
        type of exchange: each has its own.
        """
        raise NotImplementedError  # the rule is all that a type is; there is no exchange without one

    def _index(self, binding: Binding) -> None:
        """Make `binding` quick to find."""

    def _unindex(self, binding: Binding) -> None:
        """Undo :meth:`_index`."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, {len(self.bindings)} bindings>"


class DirectExchange(Exchange):
    """Routing key equals binding key (EXCH-21)."""

    type = "direct"

    def __init__(self, name: str, **flags: Any) -> None:
        super().__init__(name, **flags)
        self._by_key: dict[str, dict[Binding, None]] = {}

    def match(self, keys: tuple[str, ...], headers: Mapping[str, Any]) -> list[Binding]:
        return list({binding: None for key in keys for binding in self._by_key.get(key, ())})

    def _index(self, binding: Binding) -> None:
        self._by_key.setdefault(binding.routing_key, {})[binding] = None

    def _unindex(self, binding: Binding) -> None:
        same_key = self._by_key[binding.routing_key]
        del same_key[binding]
        if not same_key:
            del self._by_key[binding.routing_key]


class FanoutExchange(Exchange):
    """Every binding; the key is ignored (EXCH-22)."""

    type = "fanout"

    def match(self, keys: tuple[str, ...], headers: Mapping[str, Any]) -> list[Binding]:
        return list(self.bindings)


class TopicExchange(Exchange):
    """Words with `*` and `#` (EXCH-23 … EXCH-26)."""

    type = "topic"

    def __init__(self, name: str, **flags: Any) -> None:
        super().__init__(name, **flags)
        self._trie: TopicTrie[Binding] = TopicTrie()

    def match(self, keys: tuple[str, ...], headers: Mapping[str, Any]) -> list[Binding]:
        if len(keys) == 1:
            return self._trie.match(keys[0])
        return list({binding: None for key in keys for binding in self._trie.match(key)})

    def _index(self, binding: Binding) -> None:
        self._trie.add(binding.routing_key, binding)

    def _unindex(self, binding: Binding) -> None:
        self._trie.remove(binding.routing_key, binding)


class HeadersExchange(Exchange):
    """Binding arguments against message headers (EXCH-28 … EXCH-33)."""

    type = "headers"
    reads_headers = True

    def __init__(self, name: str, **flags: Any) -> None:
        super().__init__(name, **flags)
        self._patterns: dict[Binding, Pattern] = {}

    def check(self, arguments: Mapping[str, Any]) -> None:
        check_match_argument(arguments)

    def match(self, keys: tuple[str, ...], headers: Mapping[str, Any]) -> list[Binding]:
        present = in_order(headers)
        return [binding for binding, pattern in self._patterns.items() if headers_match(pattern, present)]

    def _index(self, binding: Binding) -> None:
        self._patterns[binding] = pattern_of(binding.arguments)

    def _unindex(self, binding: Binding) -> None:
        del self._patterns[binding]


KINDS: dict[str, type[Exchange]] = {
    kind.type: kind for kind in (DirectExchange, FanoutExchange, TopicExchange, HeadersExchange)
}
"""The kinds a client may declare, by their name on the wire."""
