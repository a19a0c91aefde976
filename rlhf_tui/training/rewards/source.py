"""What every reward comes through: one score a completion, whoever gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rlhf_tui.records import Text


class RewardSource(Protocol):
    """A reward model (`training.scoring.RewardScorer`), a function, or a sum of such."""

    def score(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[float]:
        """One score a completion, in the order given; NaN where the source has none to give.

        Args:
            prompts: [n], one for each completion.
            completions: [n], each in its prompt's form.
        """
