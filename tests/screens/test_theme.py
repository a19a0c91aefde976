"""Themes by numbers: contrast of words, and colours that stay apart under colour blindness."""

from __future__ import annotations

from itertools import combinations
from math import dist

import pytest
from textual.color import Color
from textual.theme import Theme

from rlhf_tui.screens.theme import MONO, THEMES, code_theme

OWN_COLOURS = [theme for theme in THEMES if not theme.ansi]
WORDS = [
    ("foreground", "background"),
    ("foreground", "prompt-background"),
    ("foreground", "head-background"),
    ("quiet", "background"),
    ("quiet", "head-background"),
    ("accent", "background"),
    ("accent", "head-background"),
    ("picked", "background"),
    ("picked", "head-background"),
    ("waiting", "head-background"),
    ("error", "head-background"),
    ("picked-text", "picked"),
    ("badge-text", "badge"),
]
SIMULATIONS = {
    # Machado, Oliveira, Fernandes 2009, severity 1, over linear RGB.
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip
Linear = tuple[float, float, float]


def colour(theme: Theme, name: str) -> str:
    return theme.variables.get(name) or str(getattr(theme, name))


def linear(text: str) -> Linear:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in Color.parse(text).normalized
    )
    return red, green, blue


def luminance(text: str) -> float:
    red, green, blue = linear(text)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.1: 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(values: Linear) -> Linear:
    """CIE L*a*b* under D65."""
    red, green, blue = (min(1.0, max(0.0, value)) for value in values)
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    fx, fy, fz = (
        value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116 for value in (x, y, z)
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def seen(text: str, kind: str) -> Linear:
    values = linear(text)
    rows = SIMULATIONS[kind]
    return lab(
        tuple(sum(a * b for a, b in zip(row, values, strict=True)) for row in rows)  # type: ignore[arg-type]
    )


def test_the_measures() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert lab(linear("#ff0000")) == pytest.approx((53.24, 80.09, 67.20), abs=0.1)


@pytest.mark.parametrize("theme", OWN_COLOURS, ids=lambda theme: theme.name)
@pytest.mark.parametrize(("words", "behind"), WORDS)
def test_words_can_be_read(theme: Theme, words: str, behind: str) -> None:
    assert contrast(colour(theme, words), colour(theme, behind)) >= 4.5


@pytest.mark.parametrize("kind", SIMULATIONS)
def test_meanings_stay_apart_under_colour_blindness(kind: str) -> None:
    theme = next(theme for theme in THEMES if theme.name == "rlhf-colour-blind")
    for one, other in combinations(("picked", "waiting", "error"), 2):
        apart = dist(seen(colour(theme, one), kind), seen(colour(theme, other), kind))
        assert apart >= 20, (one, other, apart)  # 2.3 is a difference that is just seen


def test_the_theme_without_colours_has_none() -> None:
    mono = next(theme for theme in THEMES if theme.name == MONO)
    own = ("primary", "secondary", "accent", "success", "warning", "error", "quiet", "picked",
           "picked-text", "badge", "badge-text", "waiting", "prompt-background",
           "head-background")  # fmt: skip
    assert {colour(mono, name) for name in own} == {"ansi_default"}
    assert code_theme(mono) == "bw"
