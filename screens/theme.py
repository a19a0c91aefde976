"""Colours and glyphs: six themes, and signs that an ASCII terminal can draw.

Nothing is told by colour alone; a colour only repeats what a word or a sign says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from textual.theme import BUILTIN_THEMES, Theme

from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.screens.widgets.canvas import unicode_terminal

DEFAULT = "rlhf-dark"
MONO = "rlhf-mono"


@dataclass(frozen=True)
class Glyphs:
    """The signs that the screens draw beside words."""

    rule: str = "─"
    then: str = "›"
    dot: str = "·"
    on: str = "●"
    off: str = "○"
    marker: str = "▸"
    full: str = "━"
    empty: str = "─"
    more: str = "…"
    check: str = "✓"
    encoding: str = "utf-8"
    """What untrusted text is squeezed into."""
    down: str = "▼"


UNICODE = Glyphs()
ASCII = Glyphs("-", ">", "-", "*", "o", ">", "#", ".", "...", "+", "ascii", "v")


def glyphs(setting: Literal["auto", "yes", "no"]) -> Glyphs:
    """The signs for this terminal: `auto` looks at the locale."""
    if setting == "auto":
        return UNICODE if unicode_terminal() else ASCII
    return ASCII if setting == "yes" else UNICODE


_OWN = (
    "prompt-background",
    "head-background",
    "quiet",
    "picked",
    "picked-text",
    "badge",
    "badge-text",
    "waiting",
    *(f"curve-{index}" for index in range(6)),
)
"""The colours that the screens' styles name beside Textual's own."""
_DARK = Theme(
    name=DEFAULT,
    primary="#7aa2f7",
    secondary="#9d8cd9",
    accent="#e0af68",
    success="#8fcf7f",
    warning="#e0af68",
    error="#f7768e",
    foreground="#d5d9e6",
    background="#14161d",
    surface="#1d2130",
    panel="#262b3d",
    variables={
        "prompt-background": "#1d2130",
        "head-background": "#262b3d",
        "quiet": "#949bb3",
        "picked": "#8fcf7f",
        "picked-text": "#10130f",
        "badge": "#3b4468",
        "badge-text": "#e8ebf5",
        "waiting": "#e0af68",
        "curve-0": "#7aa2f7",
        "curve-1": "#e0af68",
        "curve-2": "#8fcf7f",
        "curve-3": "#bb9af7",
        "curve-4": "#7dcfff",
        "curve-5": "#ff9ecf",
    },
)
_LIGHT = Theme(
    name="rlhf-light",
    primary="#2c5aa8",
    secondary="#6b4fa0",
    accent="#8a5300",
    success="#24682a",
    warning="#8a5300",
    error="#b3243c",
    foreground="#22252e",
    background="#fbfaf7",
    surface="#efede6",
    panel="#e2dfd5",
    dark=False,
    variables={
        "prompt-background": "#efede6",
        "head-background": "#e2dfd5",
        "quiet": "#565b67",
        "picked": "#24682a",
        "picked-text": "#ffffff",
        "badge": "#c9cfdd",
        "badge-text": "#1b2233",
        "waiting": "#8a5300",
        "curve-0": "#2c5aa8",
        "curve-1": "#8a5300",
        "curve-2": "#24682a",
        "curve-3": "#6b4fa0",
        "curve-4": "#00707f",
        "curve-5": "#a3206a",
    },
)
_COLOUR_BLIND = replace(
    _DARK,
    name="rlhf-colour-blind",
    # Okabe and Ito's palette: blue, orange, sky and yellow stay apart under every common form
    # of colour blindness; no meaning rests on red against green. Errors have Tol's orange: Okabe
    # and Ito's is too near to the yellow.
    primary="#56b4e9",
    secondary="#cc79a7",
    accent="#e69f00",
    success="#56b4e9",
    warning="#f0e442",
    error="#ee7733",
    variables={
        **_DARK.variables,
        "picked": "#56b4e9",
        "picked-text": "#06121a",
        "waiting": "#f0e442",
        "curve-0": "#56b4e9",
        "curve-1": "#e69f00",
        "curve-2": "#009e73",
        "curve-3": "#cc79a7",
        "curve-4": "#f0e442",
        "curve-5": "#d55e00",
    },
)
_ANSI = replace(
    BUILTIN_THEMES["ansi-dark"],
    name="rlhf-ansi",
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "prompt-background": "ansi_default",
        "head-background": "ansi_default",
        "quiet": "ansi_bright_black",
        "picked": "ansi_green",
        "picked-text": "ansi_black",
        "badge": "ansi_blue",
        "badge-text": "ansi_bright_white",
        "waiting": "ansi_yellow",
        "curve-0": "ansi_bright_blue",
        "curve-1": "ansi_yellow",
        "curve-2": "ansi_green",
        "curve-3": "ansi_magenta",
        "curve-4": "ansi_cyan",
        "curve-5": "ansi_default",
    },
)
_ANSI_LIGHT = replace(
    BUILTIN_THEMES["ansi-light"],
    name="rlhf-ansi-light",
    variables={
        **BUILTIN_THEMES["ansi-light"].variables,
        **{name: _ANSI.variables[name] for name in _OWN},
        "waiting": "ansi_magenta",
        "curve-0": "ansi_blue",
        "curve-1": "ansi_red",
        "curve-2": "ansi_green",
        "curve-3": "ansi_magenta",
        "curve-4": "ansi_cyan",
        "curve-5": "ansi_default",
        "quiet": "ansi_bright_black",
    },
)
_MONO = replace(
    _ANSI,
    name=MONO,
    primary="ansi_default",
    secondary="ansi_default",
    accent="ansi_default",
    success="ansi_default",
    warning="ansi_default",
    error="ansi_default",
    variables={
        **_ANSI.variables,
        "quiet": "ansi_default",
        "picked": "ansi_default",
        "picked-text": "ansi_default",
        "badge": "ansi_default",
        "badge-text": "ansi_default",
        "waiting": "ansi_default",
        "curve-0": "ansi_default",
        "curve-1": "ansi_default",
        "curve-2": "ansi_default",
        "curve-3": "ansi_default",
        "curve-4": "ansi_default",
        "curve-5": "ansi_default",
    },
)
THEMES: tuple[Theme, ...] = (_DARK, _LIGHT, _COLOUR_BLIND, _ANSI, _ANSI_LIGHT, _MONO)
"""In the order in which the theme key walks through them. `rlhf-ansi` takes the terminal's own
sixteen colours and sends 42 % fewer bytes."""


def code_theme(theme: Theme) -> str:
    """How code is highlighted under a theme: in the terminal's colours, or in bold alone."""
    if theme.name == MONO:
        return "bw"
    return "ansi_dark" if theme.dark else "ansi_light"


def checked(name: str) -> str:
    """The name of a theme, as the settings give it.

    Raises:
        UsageError: there is no such theme.
    """
    known = [theme.name for theme in THEMES]
    if name not in known:
        raise UsageError(f"There is no theme {name!r}.", hint=nearest(name, known))
    return name
