"""What lines do to the marks of an item, and how marks are told in words; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.plain.commands import Judge
from rlhf_tui.screens.label_marks import Marks
from rlhf_tui.screens.label_state import RankState, tokens
from rlhf_tui.screens.label_words import with_keys


def marked(marks: Marks, said: Judge, shown: Sequence[str]) -> Marks:
    """The marks with what a line says in place of what was said of the same before.

    Raises:
        UsageError: a completion that there is not, or that is named twice.
    """
    size = len(shown)
    kept = tokens(marks.keys)
    panes = [int(sign) for sign in said.order or "" if sign.isdecimal()] + [*said.thumbs]
    for pane in panes:
        if pane > size:
            raise UsageError(f"There is no completion {pane} here: there are {size}.")
    if said.submit and size > 1:
        # A whole judgement: what was written stays where it was put, the order is said anew.
        kept = [key for key in kept if key[0] in "ynew<>"]
        order = _order(said, size)
        at = next((i for i, key in enumerate(kept) if key[0] in "ew"), len(kept))
        kept[at:at] = order
    if said.strength is not None:
        if size != 2:
            raise UsageError("Strength of preference is for pairs.")
        kept = [key for key in kept if key not in "<>"] + [">"] * said.strength
    for pane, up in said.thumbs.items():
        kept = [key for key in kept if key not in (f"y{pane}", f"n{pane}")]
        kept.append(f"{'y' if up else 'n'}{pane}")
    state, refusal = RankState(size), ""
    for key in kept:
        state, refusal = state.press(key)
        if refusal:
            raise UsageError(by_words(refusal))
    return replace(marks, keys=state.keys)


def by_words(refusal: str) -> str:
    """What the screens say by keys, told by the words of the same name."""
    return with_keys(refusal, lambda id: f"'{id.partition('.')[2]}'")


def _order(said: Judge, size: int) -> list[str]:
    signs = said.order or ""
    if said.tie_all:
        signs = "=".join(str(pane) for pane in range(1, size + 1))
    digits = [sign for sign in signs if sign.isdecimal()]
    twice = next((digit for digit in digits if digits.count(digit) > 1), None)
    if twice is not None:
        raise UsageError(f"Completion {twice} is named twice.")
    return [*signs, *("b" * said.both_bad), *("x" * said.unsure)]


def aspect(
    marks: Marks, rest: str, shown: Sequence[str], names: Sequence[str], scale: int
) -> Marks:
    """The marks with what `aspect helpful 1=4 2=3` says; `helpful 4` where there is one only.

    Raises:
        UsageError: an unknown aspect, completion or point.
    """
    name, _, points = rest.partition(" ")
    if name not in names:
        raise UsageError(f"There is no aspect '{name}'.", hint=nearest(name, names))
    pairs = points.replace(",", " ").split()
    if not pairs:
        raise UsageError(f"aspect {name} needs points.", hint=f"As in: aspect {name} 1={scale}")
    for pair in pairs:
        pane, equals, point = pair.partition("=")
        if not equals:
            pane, point = ("1", pair) if len(shown) == 1 else ("", pair)
        if not (pane.isdecimal() and 1 <= int(pane) <= len(shown)):
            raise UsageError(
                f"'{pair}' names no completion.", hint=f"As in: aspect {name} 1={scale}"
            )
        if not (point.isdecimal() and 0 <= int(point) <= scale):
            raise UsageError(f"'{pair}': points go from 1 (worst) to {scale}; 0 takes one back.")
        marks = marks.rated(shown[int(pane) - 1], name, int(point) or None)
    return marks


def told(marks: Marks, shown: Sequence[str], *, ranking: bool) -> str:
    """The marks in words: `order 2, then 1 and 3 tied; thumb up 2`; empty for none."""
    state = marks.state(shown)
    parts: list[str] = []
    if ranking and state.ranked:
        places = [" and ".join(map(str, group)) + _tied(group) for group in state.ranked]
        parts.append("order " + ", then ".join(places))
        if state.unpicked and state.left_over is None:
            parts.append("unranked " + " and ".join(map(str, state.unpicked)))
    if state.both_bad:
        parts.append("all bad")
    if state.unsure:
        parts.append("unsure")
    if state.leaning:
        parts.append(f"strength {state.leaning} of 4")
    for up, word in ((True, "good"), (False, "bad")):
        panes = [str(pane) for pane, thumb in sorted(state.thumbs.items()) if thumb is up]
        if panes:
            parts.append(
                f"thumb {'up' if up else 'down'} {' and '.join(panes)}" if ranking else word
            )
    for pane, one in enumerate(shown, 1):
        for name, point in sorted(marks.aspects.get(one, {}).items()):
            parts.append(f"{name} of {pane} is {point}" if ranking else f"{name} is {point}")
    if marks.tags:
        parts.append("tags " + ", ".join(marks.tags))
    if marks.critique:
        parts.append("critique: " + " / ".join(marks.critique.splitlines()))
    return "; ".join(parts)


def _tied(group: Sequence[int]) -> str:
    return " tied" if len(group) > 1 else ""
