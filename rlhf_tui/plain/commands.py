"""The line language of `label --plain`: what one line says, as typed commands; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.records import TaskKind

ORDER = re.compile(r"[1-9](?:[\s>=]*[1-9])*")
THUMB = re.compile(r"([yn])([1-9])")
WORDS = {
    "rank": ("bad", "unsure", "strength"),
    "thumbs": ("y", "n", "good", "bad"),
    "both": (
        "submit", "skip", "skipped", "flag", "critique", "tags", "aspect", "edit", "write", "clear",
        "undo", "redo", "history", "revise", "prompt", "r", "more", "guidelines", "stats", "next",
        "help", "quit",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Judge:
    """A line that judges: what it marks, and whether it is the whole judgement."""

    order: str | None = None
    """Digits and `=`, best first; None says nothing of the order."""
    tie_all: bool = False
    both_bad: bool = False
    unsure: bool = False
    strength: int | None = None
    """0 takes it back."""
    thumbs: dict[int, bool] = field(default_factory=dict)
    submit: bool = False
    """True where an order, all bad, unsure, or in thumbs a thumb was said."""


@dataclass(frozen=True)
class Order:
    """A line that begins with a word: the word, and the rest of the line."""

    word: str
    rest: str = ""


def parse(line: str, kind: TaskKind) -> Judge | Order:
    """What a line says.

    Raises:
        UsageError: nothing that is known; the hint names the nearest word.
    """
    text = line.strip()
    if not text:
        return Order("next")
    word, _, rest = text.partition(" ")
    word = {"?": "help", "q": "quit", "exit": "quit", "read": "r"}.get(word.lower(), word.lower())
    if word in WORDS["both"]:
        return Order(word, rest.strip())
    judged = _thumb(text.lower()) if kind == "thumbs" else _ranking(text.lower())
    if judged is not None:
        return judged
    words = (*WORDS["both"], *WORDS[kind])
    close = nearest(word, words).partition(" Known:")[0]
    raise UsageError(
        f"'{text}' says nothing here.",
        hint=close if close.startswith("Did") else "'help' tells what can be said.",
    )


def _thumb(text: str) -> Judge | None:
    up = {"y": True, "yes": True, "good": True, "+": True}
    down = {"n": False, "no": False, "bad": False, "-": False}
    answer = (up | down).get(text)
    return None if answer is None else Judge(thumbs={1: answer}, submit=True)


def _ranking(text: str) -> Judge | None:
    """`2>1=3`, `213`, `=`, `bad`, `unsure`, `strength 3`, `y2 n1`, and several on a line."""
    found: dict[str, object] = {}
    thumbs: dict[int, bool] = {}
    strength = re.search(r"\bstrength\s*([0-4])\b", text)
    if strength:
        found["strength"] = int(strength.group(1))
        text = text[: strength.start()] + " " + text[strength.end() :]
    for sign, pane in THUMB.findall(text):
        thumbs[int(pane)] = sign == "y"
    text = THUMB.sub(" ", text)
    for word in ("bad", "unsure"):
        text, times = re.subn(rf"\b(?:all )?{word}\b", " ", text)
        if times:
            found["both_bad" if word == "bad" else "unsure"] = True
    order = re.sub(r"[\s,;]+", " ", text).strip()
    if order == "=":
        found["tie_all"] = True
    elif order:
        if not ORDER.fullmatch(order):
            return None
        found["order"] = "".join(sign for sign in order if sign.isdecimal() or sign == "=")
    if not found and not thumbs:
        return None
    submit = any(name in found for name in ("order", "tie_all", "both_bad", "unsure"))
    return Judge(**found, thumbs=thumbs, submit=submit)  # type: ignore[arg-type]


def editing(rest: str) -> tuple[int | None, tuple[str, str] | None]:
    """What `edit` is to change: `2`, `2 these words => those`, or nothing for the best so far.

    Returns:
        The completion, None where none is named; the words and what replaces them, None for the
        text as a whole.

    Raises:
        UsageError: it begins with no number, or no words are named.
    """
    number, _, change = rest.partition(" ")
    if not rest:
        return None, None
    if not number.isdecimal():
        raise UsageError("Which completion?", hint="As in: edit 2, or edit 2 dull => slow")
    if not change.strip():
        return int(number), None
    old, arrow, new = change.partition("=>")
    if not (arrow and old.strip()):
        raise UsageError(
            f"'edit {rest}' does not tell what is to change.", hint="As in: edit 2 dull => slow"
        )
    return int(number), (old.strip(), new.strip())


def reading(rest: str) -> tuple[int | None, Literal["page", "all"]]:
    """What `r` is to read: `2`, `2 all`, or nothing for the item as a whole.

    Raises:
        UsageError: neither a number nor `all`.
    """
    parts = rest.lower().split()
    number = next((int(part) for part in parts if part.isdecimal()), None)
    if [part for part in parts if part != "all" and not part.isdecimal()]:
        raise UsageError(f"'r {rest}' says nothing here.", hint="As in: r 2, or r 2 all")
    return number, "all" if "all" in parts else "page"
