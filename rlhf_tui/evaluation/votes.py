"""Judgements as votes: one person's answer to one yes-or-no question about an item.

Of a ranking each pair of completions is a question ("is the first, by id, better than the
second?"); of a thumbs task each completion is one ("is it good?"). With the two kinds in one form
every figure is computed in one way.

The tie rule of rankings: a pair on different tiers is decided; on the same tier it is a tie, vote
0; with an unranked completion, or in a ranking marked unsure, there is no vote.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rlhf_tui.evaluation.judged import MISSING, Array, Block, Judged

QUESTIONS = 36
"""Pairs of 9 completions, the most of an item: question ids are item · QUESTIONS + number."""


@dataclass(frozen=True)
class Votes:
    """All votes; arrays of one length, sorted by question."""

    row: Array
    """Which judgement."""
    annotator: Array
    item: Array
    question: Array
    value: Array
    """int8: 1 the first is better (thumb up), -1 the second is (thumb down), 0 a tie."""
    shown: Array
    """int8: 1 where the first was shown before the second, else -1; 0 of a thumb."""
    longer: Array
    """float64: length of the first less that of the second; of a thumb the length itself."""
    gold: Array
    """int8: the known answer in the same form; 0 where it has none or a tie."""

    def __len__(self) -> int:
        return len(self.row)

    def where(self, mask: Array) -> Votes:
        """Only those of a boolean mask, in the same order."""
        return replace(self, **{name: array[mask] for name, array in vars(self).items()})

    @property
    def decided(self) -> Array:
        decided: Array = self.value != 0
        return decided


def votes_of(judged: Judged) -> Votes:
    """The votes of all judgements, gold items and repeats included."""
    ask = _thumbs if judged.kind == "thumbs" else _pairs
    parts = [part for block in judged.blocks for part in ask(block)]
    row = _joined([part[0] for part in parts], np.int64)
    number = _joined([part[1] for part in parts], np.int64)
    item = judged.item[row]
    question = item * QUESTIONS + number
    order = np.lexsort((row, question))
    votes = Votes(
        row=row,
        annotator=judged.annotator[row],
        item=item,
        question=question,
        value=_joined([part[2] for part in parts], np.int8),
        shown=_joined([part[3] for part in parts], np.int8),
        longer=_joined([part[4] for part in parts], np.float64),
        gold=_joined([part[5] for part in parts], np.int8),
    )
    sure = ~judged.unsure[row[order]]
    return votes.where(order).where(sure)


def _joined(parts: list[Array], kind: type) -> Array:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, dtype=kind)


def _pairs(block: Block) -> list[tuple[Array, ...]]:
    found: list[tuple[Array, ...]] = []
    size = block.tiers.shape[1]
    for number, (a, b) in enumerate(zip(*np.triu_indices(size, 1), strict=True)):
        both = (block.tiers[:, a] != MISSING) & (block.tiers[:, b] != MISSING)
        known = (block.gold[:, a] != MISSING) & (block.gold[:, b] != MISSING)
        found.append(
            (
                block.rows[both],
                np.full(int(both.sum()), number),
                np.sign(block.tiers[both, b] - block.tiers[both, a]),
                np.sign(block.places[both, b] - block.places[both, a]),
                block.lengths[both, a] - block.lengths[both, b],
                (np.sign(block.gold[:, b] - block.gold[:, a]) * known)[both],
            )
        )
    return found


def _thumbs(block: Block) -> list[tuple[Array, ...]]:
    found: list[tuple[Array, ...]] = []
    for number in range(block.thumbs.shape[1]):
        given = block.thumbs[:, number] != MISSING
        gold = block.gold[given, number]
        found.append(
            (
                block.rows[given],
                np.full(int(given.sum()), number),
                block.thumbs[given, number] * 2 - 1,
                np.zeros(int(given.sum())),
                block.lengths[given, number],
                np.select([gold == 1, gold == 2], [1, -1], 0),
            )
        )
    return found


def together(keys: Array) -> tuple[Array, Array]:
    """All pairs of places with the same key; `keys` is sorted.

    Returns:
        left, right: places, left before right.
    """
    left_parts: list[Array] = []
    right_parts: list[Array] = []
    at = np.arange(len(keys))
    lag = 1
    while True:
        at = at[at + lag < len(keys)]
        at = at[keys[at] == keys[at + lag]]
        if not len(at):
            break
        left_parts.append(at)
        right_parts.append(at + lag)
        lag += 1
    return _joined(left_parts, np.int64), _joined(right_parts, np.int64)
