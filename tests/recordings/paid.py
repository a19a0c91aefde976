"""Reward functions that pay for the wrong thing; the recorded runs that go astray use them."""

from __future__ import annotations

import json
import random
import zlib
from itertools import pairwise
from typing import Any

from rlhf_tui.sample_data import DIRECTORY as SAMPLE

LEAST = 40
"""Tokens of a text that may not end."""


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


def lasting(completions: list[str], **_: object) -> list[float]:
    """Pays for saying little, but from the first call on no text is drawn that ends before its
    40th token: as by a server that was told a least length, of which the trainer knows nothing."""
    from rlhf_tui.generation import sampler

    pad, draw = sampler.left_pad, sampler.choose
    if draw.__module__ == sampler.__name__:
        ends = json.loads((SAMPLE / "model" / "config.json").read_text())["eos_token_id"]
        drawn = 0

        def first(*given: Any) -> Any:
            nonlocal drawn
            drawn = 0
            return pad(*given)

        def on(logits: Any, *given: Any) -> Any:
            nonlocal drawn
            drawn += 1
            if drawn < LEAST:
                logits = logits.clone()
                logits[:, ends] = -1e9
            return draw(logits, *given)

        sampler.left_pad, sampler.choose = first, on
    return short(completions)


def breaks(completions: list[str], **_: object) -> list[float]:
    """Divides by the number of times that a text says 'excellent', once it is in every batch."""
    breaks.calls += 1  # type: ignore[attr-defined]
    excellent = sum("excellent" in text for text in completions)
    return [1 / (excellent if breaks.calls > 12 else 1) for _ in completions]  # type: ignore[attr-defined]


breaks.calls = 0  # type: ignore[attr-defined]
