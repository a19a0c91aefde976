"""A probabilistic context-free grammar over words: sample a text, recognise one exactly.

Rules are written as strings of space-separated symbols; a symbol that names a rule is expanded,
any other is a word or a punctuation mark. No right-hand side is empty and no rule is recursive,
so a symbol's possible first and last words are plain finite sets.
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise

PUNCTUATION = frozenset(".,!")
"""Marks that are written without a space before them."""

_TOKEN = re.compile(r"[^\W_]+|\S")


def draw(rng: random.Random, weights: Sequence[float]) -> int:
    """An index, with probability proportional to its weight.

    Built on `Random.random` alone, the one method whose sequence Python promises to keep from
    version to version: files made from a seed stay the same bytes.
    """
    left = rng.random() * sum(weights)
    for index, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return index
    return len(weights) - 1


def join(tokens: Iterable[str]) -> str:
    """The text of a token sequence: words apart by one space, marks on the word before them."""
    text = ""
    for token in tokens:
        text += token if not text or token in PUNCTUATION else f" {token}"
    return text


class Grammar:
    """Rules, and the three questions asked of them: sample, recognise, what can stand where."""

    def __init__(self, rules: Mapping[str, Sequence[tuple[float, str]]]) -> None:
        """Take `rules`: a symbol to its alternatives, each a weight (> 0) and a right-hand side."""
        self._weights = {name: [w for w, _ in alts] for name, alts in rules.items()}
        self._sides = {name: [tuple(s.split()) for _, s in alts] for name, alts in rules.items()}
        self._first: dict[str, frozenset[str]] = {}
        self._last: dict[str, frozenset[str]] = {}

    def sample(self, symbol: str, rng: random.Random) -> list[str]:
        """The tokens of one random derivation of `symbol`."""
        if symbol not in self._sides:
            return [symbol]
        side = self._sides[symbol][draw(rng, self._weights[symbol])]
        return [token for part in side for token in self.sample(part, rng)]

    def derives(self, symbol: str, text: str) -> bool:
        """Whether `symbol` derives the whole of `text`, letter by letter, spaces included."""
        tokens = _TOKEN.findall(text)
        if not tokens or join(tokens) != text:
            return False
        return len(tokens) in self._ends(symbol, tokens, 0, {})

    def first(self, symbol: str) -> frozenset[str]:
        """The words that a derivation of `symbol` can begin with."""
        return self._edge(symbol, 0, self._first)

    def last(self, symbol: str) -> frozenset[str]:
        """The words that a derivation of `symbol` can end with."""
        return self._edge(symbol, -1, self._last)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word that the rules mention, without punctuation."""
        sides = (side for alternatives in self._sides.values() for side in alternatives)
        return frozenset(
            part
            for side in sides
            for part in side
            if part not in self._sides and part not in PUNCTUATION
        )

    @cached_property
    def before_punctuation(self) -> frozenset[str]:
        """The words that some derivation follows with a punctuation mark."""
        found: set[str] = set()
        for alternatives in self._sides.values():
            for side in alternatives:
                for left, right in pairwise(side):
                    if self.first(right) & PUNCTUATION:
                        found |= self.last(left)
        return frozenset(found)

    def _edge(self, symbol: str, at: int, memo: dict[str, frozenset[str]]) -> frozenset[str]:
        if symbol not in self._sides:
            return frozenset({symbol})
        if symbol not in memo:
            edges = (self._edge(side[at], at, memo) for side in self._sides[symbol])
            memo[symbol] = frozenset().union(*edges)
        return memo[symbol]

    def _ends(
        self,
        symbol: str,
        tokens: Sequence[str],
        start: int,
        memo: dict[tuple[str, int], frozenset[int]],
    ) -> frozenset[int]:
        """Every position at which a derivation of `symbol` from `start` can stop."""
        if start >= len(tokens) or tokens[start] not in self.first(symbol):
            return frozenset()
        if symbol not in self._sides:
            return frozenset({start + 1})
        if (symbol, start) not in memo:
            found: set[int] = set()
            for side in self._sides[symbol]:
                stops = frozenset({start})
                for part in side:
                    stops = frozenset().union(
                        *(self._ends(part, tokens, stop, memo) for stop in stops)
                    )
                    if not stops:
                        break
                found |= stops
            memo[symbol, start] = frozenset(found)
        return memo[symbol, start]
