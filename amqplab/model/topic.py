"""Topic patterns: words, `*` and `#`, matched by a trie.

Theory
------
A topic key is a list of words separated by dots; the empty key is the empty list, ``.`` is two empty words
(EXCH-23). In a binding's pattern ``*`` stands for exactly one word and ``#`` for any number of words, none
included; both work only as whole words (EXCH-26).

All patterns of one exchange live in a **trie**: each edge is one word of a pattern, each node remembers what
is bound there. Routing a key walks the trie once, whatever the number of bindings:

    orders.eu.*    orders.#             root
                                         └─ orders
                                             ├─ eu ── *   <- "orders.eu.*"
                                             └─ #         <- "orders.#"

At a node with words w1 w2 … left there are three ways on: the edge ``w1``, the edge ``*`` (both eat one
word), and the edge ``#``, which eats none; but at the node behind it one may stay, and eat one word more.
Reaching the end of the key at a node means every pattern that ends there matches, and ``#`` edges that follow
may still match nothing.

Several ``#`` in one pattern would let a walk reach the same (node, words left) by many paths; a set of what
was already visited keeps the cost at nodes × words instead of exponential.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

__all__ = ["TopicTrie", "words"]

T = TypeVar("T", bound=Hashable)

ONE_WORD = "*"
ANY_WORDS = "#"


def words(key: str) -> list[str]:
    """The words of a key or pattern: split at every dot, the empty key has none (EXCH-23)."""
    return key.split(".") if key else []


class _Node(Generic[T]):
    __slots__ = ("edges", "greedy", "here")

    def __init__(self, greedy: bool = False) -> None:
        self.greedy = greedy  # the edge that leads here is `#`
        self.edges: dict[str, _Node[T]] = {}
        self.here: dict[T, None] = {}  # a dict used as an ordered set


class TopicTrie(Generic[T]):
    """Patterns with what is bound to each."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, pattern: str, item: T) -> None:
        """Bind `item` under `pattern`."""
        node = self._root
        for word in words(pattern):
            node = node.edges.setdefault(word, _Node(word == ANY_WORDS))
        node.here[item] = None

    def remove(self, pattern: str, item: T) -> None:
        """Unbind `item`, and prune the branch that nobody needs any more. Absent items are ignored."""
        path = [self._root]
        for word in words(pattern):
            child = path[-1].edges.get(word)
            if child is None:
                return
            path.append(child)
        path[-1].here.pop(item, None)
        for word, parent, child in zip(
            reversed(words(pattern)), reversed(path[:-1]), reversed(path[1:]), strict=True
        ):
            if child.here or child.edges:
                return
            del parent.edges[word]

    def match(self, key: str) -> list[T]:
        """All items whose pattern matches `key`, each once, in a deterministic order."""
        found: dict[T, None] = {}
        for node in self._ends(words(key)):
            found.update(node.here)
        return list(found)

    def _ends(self, key: list[str]) -> Iterator[_Node[T]]:
        """Every node at which some reading of the whole key ends."""
        length = len(key)
        todo = [(self._root, 0)]
        seen: set[tuple[_Node[T], int]] = set()
        while todo:
            node, at = todo.pop()
            if (node, at) in seen:
                continue
            seen.add((node, at))
            edges = node.edges
            if node.greedy and at < length:
                todo.append((node, at + 1))
            if ANY_WORDS in edges:
                todo.append((edges[ANY_WORDS], at))
            if at == length:
                yield node
                continue
            if ONE_WORD in edges:
                todo.append((edges[ONE_WORD], at + 1))
            word = key[at]
            if word in edges and word not in (ONE_WORD, ANY_WORDS):
                todo.append((edges[word], at + 1))

    def __bool__(self) -> bool:
        return bool(self._root.edges or self._root.here)
