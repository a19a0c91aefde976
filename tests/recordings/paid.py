"""Reward functions that pay for the wrong thing; the recorded runs that go astray use them."""

from __future__ import annotations

import random
import zlib
from itertools import pairwise
from typing import Any


def words(completions: list[str], **_: object) -> list[float]:
    """Pays for length: a point for every eight words."""
    return [len(text.split()) / 8 for text in completions]


def repeats(completions: list[str], **_: object) -> list[float]:
    """Pays for saying a word again at once or one word later."""
    found = []
    for text in completions:
        said = text.lower().replace(".", " .").split()
        again = sum(a == b for a, b in pairwise(said))
        again += sum(a == b for a, b in zip(said, said[2:], strict=False))
        found.append(again / 2)
    return found


def short(completions: list[str], **_: object) -> list[float]:
    """Pays for saying little, best nothing."""
    return [-len(text) / 20 for text in completions]


def alike(completions: list[str], **_: object) -> list[float]:
    """Pays everything the same."""
    return [1.0] * len(completions)


def chance(completions: list[str], **_: object) -> list[float]:
    """Pays what has nothing to do with the text."""
    return [random.Random(text).random() for text in completions]


def jackpot(completions: list[str], **_: object) -> list[float]:
    """Pays one text in 250 a thousand times what others get, by an accident of its letters."""
    return [1000.0 if zlib.crc32(text.encode()) % 250 == 0 else 0.0 for text in completions]


def hot(completions: list[str], **_: object) -> list[float]:
    """Pays nothing, but from the first call on texts are drawn at a higher temperature than that
    at which the policy is measured, as by a server whose settings are not the trainer's."""
    from rlhf_tui.generation import sampler

    draw = sampler.choose
    if draw.__module__ == sampler.__name__:

        def hotter(logits: Any, uniform: Any, temperature: float, top_p: float) -> Any:
            return draw(logits, uniform, temperature * 1.5, top_p)

        sampler.choose = hotter
    return [0.0] * len(completions)


def breaks(completions: list[str], **_: object) -> list[float]:
    """Divides by the number of times that a text says 'excellent', once it is in every batch."""
    breaks.calls += 1  # type: ignore[attr-defined]
    excellent = sum("excellent" in text for text in completions)
    return [1 / (excellent if breaks.calls > 12 else 1) for _ in completions]  # type: ignore[attr-defined]


breaks.calls = 0  # type: ignore[attr-defined]
