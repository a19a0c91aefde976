"""How much a completion repeats itself, and how many completions are the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from rlhf_tui.runs.layout import SampleRow

N = 3
"""Words in a row that count as said again."""
LEAST_WORDS = 8
"""Of shorter texts nothing is said: they have hardly any three words in a row."""
MOST_CHARACTERS = 8000
"""Of a text are read: a loop shows by then."""
DEEPEST = 4
"""Levels in a text: turns, of parts, of words."""
MOST_STEPS = 60
"""Evaluations looked at, the newest and the first among them."""


class Told(NamedTuple):
    """The samples of one step."""

    step: int
    repeated: float
    """Mean share of the word triples of a completion that it holds before; NaN-free."""
    same: float
    """Share of the prompts whose completion another prompt got, too."""
    prompts: int


def plain(text: Any, deepest: int = DEEPEST) -> str:
    """A text, or the words of the turns of one.

    Args:
        deepest: levels of lists and turns that are looked into.
    """
    if isinstance(text, str):
        return text
    if not deepest:
        return ""
    if isinstance(text, list | tuple):
        return " ".join(plain(part, deepest - 1) for part in text)
    if isinstance(text, dict):
        return plain(text.get("content", ""), deepest - 1)
    return ""


@lru_cache(maxsize=8192)
def repeated(text: str) -> float:
    """The share of a text's word triples that it held before, from 0 to nearly 1.

    This is 1 less the distinct-3 of Li et al. (2016); 0 for a text of fewer than `LEAST_WORDS`
    words. Texts without spaces count their letters as words.
    """
    words: Sequence[str] = text[:MOST_CHARACTERS].lower().split()
    if len(words) < LEAST_WORDS <= len(text) // 16:
        words = text[:MOST_CHARACTERS]
    if len(words) < LEAST_WORDS:
        return 0.0
    triples = [tuple(words[i : i + N]) for i in range(len(words) - N + 1)]
    return 1 - len(set(triples)) / len(triples)


def told(rows: Iterable[SampleRow]) -> list[Told]:
    """The policy's own samples by step, at most `MOST_STEPS` of them."""
    groups: dict[int, list[SampleRow]] = {}
    for row in rows:
        if not row.by:
            groups.setdefault(row.step, []).append(row)
    steps = sorted(groups)
    if len(steps) > MOST_STEPS:
        last = len(steps) - 1
        places = sorted({round(i * last / (MOST_STEPS - 1)) for i in range(MOST_STEPS)})
        steps = [steps[i] for i in places]
    return [_told(step, groups[step]) for step in steps]


def _told(step: int, rows: Sequence[SampleRow]) -> Told:
    texts = [(plain(row.prompt), plain(row.completion).strip()) for row in rows]
    shares = [repeated(text) for _, text in texts]
    prompts = {prompt for prompt, _ in texts}
    askers: dict[str, set[str]] = {}
    for prompt, text in texts:
        askers.setdefault(text, set()).add(prompt)
    shared = {prompt for some in askers.values() if len(some) > 1 for prompt in some}
    return Told(step, sum(shares) / len(shares), len(shared) / len(prompts), len(prompts))
