"""How far annotators agree on rankings; pure arithmetic.

Tie rule: a pair of completions counts only where both people ranked both of them and neither
called it a tie. Raw agreement is the share of those pairs that both put in the same order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from rlhf_tui.records import Event

Tiers = Mapping[str, int | None]
"""Completion id → tier (1 is best), None for unranked."""


class PairAgreement(msgspec.Struct):
    """Raw agreement of two annotators over the pairs that both decided."""

    first: str
    second: str
    pairs: int
    agreed: int

    @property
    def share(self) -> float:
        """In [0, 1]; nan without a common pair."""
        return self.agreed / self.pairs if self.pairs else float("nan")


def tiers_of(event: Event) -> dict[str, int | None]:
    """A judgement's tiers by completion id, whatever order it was shown in."""
    return dict(zip(event.shown, event.tiers, strict=True))


def common_pairs(one: Tiers, other: Tiers) -> tuple[int, int]:
    """Pairs that both rankings decide, and how many of these they decide alike."""
    pairs = agreed = 0
    for a, b in itertools.combinations(sorted(one.keys() & other.keys()), 2):
        one_a, one_b, other_a, other_b = one[a], one[b], other[a], other[b]
        if one_a is None or one_b is None or other_a is None or other_b is None:
            continue
        if one_a == one_b or other_a == other_b:
            continue
        pairs += 1
        agreed += (one_a < one_b) == (other_a < other_b)
    return pairs, agreed


def pairwise_agreement(judgements: Iterable[Event]) -> list[PairAgreement]:
    """Raw agreement of every two annotators who ranked the same tasks.

    Args:
        judgements: current judgements, at most one a task and annotator.
    """
    by_task: dict[str, list[tuple[str, Tiers]]] = {}
    for event in judgements:
        if event.tiers:
            by_task.setdefault(event.task_id, []).append((event.annotator, tiers_of(event)))
    found: dict[tuple[str, str], PairAgreement] = {}
    for entries in by_task.values():
        for (name, one), (other_name, other) in itertools.combinations(_by_name(entries), 2):
            pairs, agreed = common_pairs(one, other)
            total = found.setdefault((name, other_name), PairAgreement(name, other_name, 0, 0))
            total.pairs += pairs
            total.agreed += agreed
    return [found[key] for key in sorted(found)]


def _by_name(entries: Sequence[tuple[str, Tiers]]) -> list[tuple[str, Tiers]]:
    return sorted(entries, key=lambda entry: entry[0])
