"""Lettering: names of any script are cut by their width, between characters, and can be put into XML."""

from __future__ import annotations

import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqplab.stage.ink import text
from amqplab.stage.lettering import FSI, PDI, abridged, clusters, cut, presentable, width, wrapped

SCRIPTS = {
    "latin": "a rather long name of a queue " * 8,
    "cjk": "非常に長いキューの名前" * 20,
    "hebrew": "שם ארוך מאוד של תור " * 12,
    "arabic": "اسم طويل جدا لقائمة الانتظار " * 9,
    "combining": "e\u0301" * 85,
    "emoji": "👩\u200d💻" * 23,
    "control": "\x00\x1f\x7f\u202e" * 60,
}


@pytest.mark.parametrize("name", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("room", [40, 118, 184])
def test_a_name_of_255_octets_in_any_script_fits_its_room(name: str, room: int) -> None:
    for shorten in (cut, abridged):
        shown = shorten(name, room, 13)
        assert width(shown, 13) <= room
        assert "…" in shown


def test_a_chinese_name_is_cut_sooner_than_a_latin_one() -> None:
    assert len(cut("キ" * 50, 120, 12)) < len(cut("i" * 50, 120, 12))


def test_what_fits_is_left_alone() -> None:
    assert cut("orders", 100, 13) == abridged("orders", 100, 13) == "orders"


def test_a_server_s_name_keeps_its_end() -> None:
    shown = abridged("amq.gen-Ej4nQ2fU3nung", 120, 13)
    assert shown.startswith("amq") and shown.endswith("U3nung") and "…" in shown


def test_a_cut_never_parts_what_belongs_together() -> None:
    for shown in (cut(SCRIPTS["emoji"], 60, 12), cut(SCRIPTS["combining"], 30, 12)):
        kept = shown.rstrip("…")
        assert not kept.endswith("\u200d")
        assert kept in "".join(SCRIPTS.values())
    assert list(clusters("e\u0301a👩\u200d💻")) == ["e\u0301", "a", "👩\u200d💻"]


def test_a_right_to_left_name_keeps_its_ellipsis_at_its_own_end() -> None:
    shown = cut(SCRIPTS["hebrew"], 100, 13)
    assert shown.startswith(FSI) and shown.endswith("…" + PDI)


def test_a_name_cannot_turn_the_words_around_it() -> None:
    assert "\u202e" not in presentable("abc\u202edef") and "\u2066" not in cut("\u2066abc", 200, 12)


@given(st.text(max_size=255), st.integers(20, 300))
def test_whatever_the_name_it_is_cut_to_its_room_and_is_xml(name: str, room: int) -> None:
    shown = cut(name, room, 12)
    assert width(shown, 12) <= max(room, 12)
    parsed = ElementTree.fromstring(text(0, 0, shown or "·"))
    assert parsed.text == (shown or "·")


@given(st.text(st.characters(), max_size=60))
def test_nothing_unprintable_is_left(name: str) -> None:
    for one in presentable(name):
        assert unicodedata.category(one) not in ("Cc", "Cs")


@given(st.text(max_size=400), st.integers(100, 900))
def test_wrapped_words_fit_their_lines_and_are_few(words: str, room: int) -> None:
    lines = wrapped(words, room, 15, bold=True)
    assert 1 <= len(lines) <= 3
    assert all(width(line, 15, bold=True) <= room for line in lines)


def test_lines_beyond_the_last_are_marked_as_left_out() -> None:
    assert wrapped("word " * 200, 100, 15)[-1].endswith("…")
