"""The palette: WCAG's contrast holds in both schemes, and the page gets the very same colours."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from amqplab.stage.palette import (
    DARK,
    GROUNDS,
    HUES,
    LIGHT,
    OUTLINES,
    WORDS,
    Hue,
    Scheme,
    as_json,
    css_variables,
    hue_of,
)

SCHEMES = {"light": LIGHT, "dark": DARK}


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance of "#rrggbb"."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_ratio_of_black_and_white_is_21() -> None:
    assert round(contrast("#000000", "#ffffff"), 6) == 21


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("word", WORDS)
def test_words_can_be_read_on_every_ground(word: str, ground: str, scheme: Scheme) -> None:
    assert contrast(getattr(scheme, word), getattr(scheme, ground)) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("ground", ["paper", "panel", "sunk"])
@pytest.mark.parametrize("outline", OUTLINES)
def test_outlines_can_be_seen_on_paper_and_ground(outline: str, ground: str, scheme: Scheme) -> None:
    assert contrast(getattr(scheme, outline), getattr(scheme, ground)) >= 3


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("kind", "pxqc")
def test_a_shape_s_outline_can_be_seen_on_its_own_fill(kind: str, scheme: Scheme) -> None:
    assert contrast(getattr(scheme, f"{kind}_line"), getattr(scheme, kind)) >= 3


@pytest.mark.parametrize("hue", HUES, ids=lambda hue: hue.fill)
def test_a_message_s_number_can_be_read_on_it(hue: Hue) -> None:
    assert contrast(hue.ink, hue.fill) >= 4.5


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("hue", HUES, ids=lambda hue: hue.fill)
def test_a_message_s_outline_can_be_seen_wherever_it_is(hue: Hue, ground: str) -> None:
    assert contrast(hue.light_edge, getattr(LIGHT, ground)) >= 3
    assert contrast(hue.dark_edge, getattr(DARK, ground)) >= 3


def test_the_page_and_the_scene_have_the_same_colours() -> None:
    css, scene = css_variables(), as_json()
    for name, colour in asdict(LIGHT).items():
        assert f"--{name.replace('_', '-')}: " in css
        assert f"light-dark({colour}, {scene['dark'][name]})" in css
    for number, fill in enumerate(scene["messages"]):
        assert f".m{number} {{ --m-fill: {fill}; --m-ink: {scene['inks'][number]};" in css


def test_hues_come_round_again() -> None:
    assert hue_of(1) == HUES[0] and hue_of(8) == HUES[0] and hue_of(7) == HUES[6]
