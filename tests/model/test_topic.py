"""The trie answers what the definition says, for any patterns and keys (EXCH-23 … EXCH-26)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab.model.topic import TopicTrie, words


def matches(pattern: list[str], key: list[str]) -> bool:
    """The definition, word by word."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(matches(pattern[1:], key[skip:]) for skip in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and matches(pattern[1:], key[1:])


WORD = st.sampled_from(["a", "b", "", "a*", "é"])
KEY = st.lists(WORD, max_size=5).map(".".join)
PATTERN = st.lists(st.one_of(WORD, st.just("*"), st.just("#")), max_size=5).map(".".join)


@settings(max_examples=300)
@given(st.lists(PATTERN, max_size=8), st.lists(PATTERN, max_size=3), st.lists(KEY, min_size=1, max_size=5))
def test_the_trie_finds_exactly_the_patterns_that_match(
    patterns: list[str], removed: list[str], keys: list[str]
) -> None:
    trie: TopicTrie[str] = TopicTrie()
    for pattern in patterns + removed:
        trie.add(pattern, pattern)
    for pattern in removed:
        trie.remove(pattern, pattern)
    left = set(patterns) - set(removed)
    for key in keys:
        found = trie.match(key)
        assert len(found) == len(set(found))
        assert set(found) == {one for one in left if matches(words(one), words(key))}
    for pattern in left:
        trie.remove(pattern, pattern)
    assert not trie, "an empty trie keeps no branches"


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("#", "", True),
        ("", "", True),
        ("*", "", False),
        ("*.*", ".", True),
        ("a.*", "a.", True),
        ("a.#.c", "a.c", True),
        ("#.a.#", "a", True),
        ("#.#", "", True),
        ("*.#", "x", True),
        ("#.*", "", False),
        ("a*", "ab", False),
        ("a*", "a*", True),
        ("a", "*", False),
    ],
)
def test_the_catalogue_of_odd_patterns(pattern: str, key: str, expected: bool) -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add(pattern, pattern)
    assert (trie.match(key) == [pattern]) is expected


def test_many_hashes_do_not_explode() -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add(".".join(["#", "a"] * 12), "deep")
    assert trie.match(".".join(["a"] * 60)) == ["deep"]
    assert trie.match(".".join(["a"] * 60 + ["b"])) == []
