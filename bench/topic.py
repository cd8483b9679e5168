"""Routing by topic through 100,000 bindings, against what one would write first: a regular expression each.

Every key is new (nothing is remembered between them), and both give the same bindings.
"""

from __future__ import annotations

import re
from itertools import product

from amqplab.model.topic import TopicTrie
from bench.table import Row, faster

WORDS = [f"w{number}" for number in range(46)]
BINDINGS = 100_000
KEYS = 40


def run() -> list[Row]:
    patterns = [pattern_of(*words) for words in product(WORDS, WORDS, WORDS)]
    patterns = (patterns * 2)[: BINDINGS // 2] + [f"{one}.{number}" for number, one in enumerate(patterns)]
    patterns = patterns[:BINDINGS]
    trie: TopicTrie[int] = TopicTrie()
    for number, pattern in enumerate(patterns):
        trie.add(pattern, number)
    expressions = [re.compile(expression_of(pattern)).fullmatch for pattern in patterns]
    keys = [f"w{n % 46}.w{n * 7 % 46}.w{n * 11 % 46}" for n in range(KEYS)]

    def ours() -> list[list[int]]:
        return [sorted(trie.match(key)) for key in keys]

    def linear() -> list[list[int]]:
        return [[number for number, match in enumerate(expressions) if match(key)] for key in keys]

    assert ours() == linear()
    name = "topic, 100,000 bindings"
    return [faster(name, "routings/s", ours, "a regex for each", linear, KEYS, goal=100.0, runs=3)]


def pattern_of(first: str, second: str, third: str) -> str:
    """Some patterns with a star, some with a hash, most with neither."""
    number = hash_of(first, second, third)
    if number % 7 == 0:
        return f"{first}.*.{third}"
    if number % 11 == 0:
        return f"{first}.{second}.#"
    return f"{first}.{second}.{third}"


def hash_of(*words: str) -> int:
    return sum(int(word[1:]) * 31**place for place, word in enumerate(words))


def expression_of(pattern: str) -> str:
    """The pattern as a regular expression."""
    return r"\.".join({"*": r"[^.]*", "#": r".*"}.get(word, re.escape(word)) for word in pattern.split("."))
