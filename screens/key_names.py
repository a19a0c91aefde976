"""Names of keys: as people write them in settings, as Textual knows them, as screens show them."""

from __future__ import annotations

import string
import unicodedata

from textual.keys import KEY_NAME_REPLACEMENTS

from rlhf_tui.errors import UsageError, nearest

WORDS = {
    "enter": "Enter", "space": "Space", "tab": "Tab", "backspace": "Backspace",
    "escape": "Esc", "delete": "Del", "insert": "Ins", "home": "Home", "end": "End",
    "pageup": "PgUp", "pagedown": "PgDn", "up": "Up", "down": "Down", "left": "Left",
    "right": "Right", **{f"f{number}": f"F{number}" for number in range(1, 13)},
}  # fmt: skip
"""Textual's names of the keys that print nothing, and how they are shown."""

ALSO = {
    "return": "enter", "esc": "escape", "del": "delete", "ins": "insert", "pgup": "pageup",
    "pgdn": "pagedown", "pgdown": "pagedown", "page_up": "pageup", "page_down": "pagedown",
    "spacebar": "space", "backtab": "shift+tab",
}  # fmt: skip
SAME = {"ctrl+m": "enter", "ctrl+i": "tab", "ctrl+left_square_bracket": "escape"}
"""What a terminal cannot tell apart."""
MODIFIERS = {"ctrl": "Ctrl", "control": "Ctrl", "shift": "Shift", "alt": "Alt"}


def of_character(character: str) -> str:
    """Textual's name of the key that writes a character: `?` → `question_mark`."""
    if character.isalnum() or character == " ":
        return "space" if character == " " else character
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


_CHARACTERS = {of_character(character): character for character in string.punctuation}


def shown(name: str) -> str:
    """A key as people know it: `question_mark` → `?`, `ctrl+c` → `Ctrl-C`."""
    *modifiers, key = name.split("+")
    word = _CHARACTERS.get(key) or WORDS.get(key) or (key.upper() if modifiers else key)
    return "-".join([*(MODIFIERS[modifier] for modifier in modifiers), word])


def parse(text: str, where: str) -> str:
    """Textual's name of a key written by a person: `Enter`, `ctrl+n`, `Ctrl-N`, `?`, `PgDn`.

    Args:
        where: names the place in errors, as in `[keys] of /w/rlhf.toml`.

    Raises:
        UsageError: there is no such key.
    """
    written = text.strip()
    if len(written) == 1 and written.isprintable() and of_character(written):
        return of_character(written)
    if text == " ":
        return "space"
    rest, modifiers = written, set()
    while (cut := min((i for i in map(rest.find, "+-") if i > 0), default=0)) and rest[cut + 1 :]:
        word = rest[:cut].lower()
        if word not in MODIFIERS:
            break
        modifiers.add(MODIFIERS[word].lower())
        rest = rest[cut + 1 :]
    if len(rest) == 1 and rest.isprintable():
        # With Ctrl a terminal sends the same for both cases; Shift and a letter is its capital.
        letter = rest.upper() if modifiers == {"shift"} else rest.lower() if modifiers else rest
        modifiers -= {"shift"} if letter.isalpha() else set()
        key = of_character(letter)
    else:
        key = rest.lower().replace(" ", "_")
        key = ALSO.get(key, key)
    known = {*WORDS, *_CHARACTERS, "shift+tab"}
    if not (key in known or (len(key) == 1 and key.isprintable())):
        raise UsageError(
            f"{text!r} in {where} is not a key.",
            hint=nearest(key, WORDS) + " Others are written as they print, or as in 'ctrl+n'.",
        )
    name = "+".join([*sorted(modifiers), key])
    return SAME.get(name, name)
