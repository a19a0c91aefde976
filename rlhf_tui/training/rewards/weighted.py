"""The reward of a run: the weighted sum of its sources, each one's own mean kept for the curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from rlhf_tui.config.online_options import OnlineOptions
from rlhf_tui.config.reward_sources import RewardEntry, entries, names
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.records import Text
from rlhf_tui.training.rewards.function import FunctionSource
from rlhf_tui.training.rewards.source import RewardSource

METRIC = "objective/scores/"
"""In front of a source's name: its own mean, before its weight."""


@dataclass
class WeightedSum:
    """Σ weight · score. A source that has no score for a completion is left out of its sum."""

    terms: Sequence[tuple[str, float, RewardSource]]
    """Name, weight and source of each."""
    partial: bool = False
    """Whether a completion may stay without any score (NaN); else that is an error."""
    means: dict[str, float] = field(default_factory=dict)
    """By metric, of the last call: each source's mean over what it scored. Empty where the
    sources are one, whose mean is the reward's."""

    def score(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[float]:
        """The sums: [n].

        Raises:
            InputError: no source had a score for a completion, unless `partial`.
        """
        sums = [0.0] * len(completions)
        scored = [False] * len(completions)
        means = {}
        for name, weight, source in self.terms:
            given = source.score(prompts, completions)
            known = [value for value in given if not math.isnan(value)]
            means[METRIC + name] = sum(known) / len(known) if known else math.nan
            for place, value in enumerate(given):
                if not math.isnan(value):
                    sums[place] += weight * value
                    scored[place] = True
        self.means = means if len(self.terms) > 1 else {}
        if not self.partial and not all(scored):
            raise InputError(
                f"{scored.count(False)} of {len(scored)} completions got no reward from any source "
                f"({', '.join(name for name, _, _ in self.terms)}).",
                hint="PPO needs a score for each; RLOO and GRPO leave such completions out.",
            )
        return [value if got else math.nan for value, got in zip(sums, scored, strict=True)]


def make_rewards(
    options: OnlineOptions, device: torch.device, cwd: Path, *, partial: bool = False
) -> WeightedSum:
    """Load every source that the options name.

    Args:
        cwd: where the launch was given; functions are imported from there.
        partial: see `WeightedSum`.

    Raises:
        UsageError: no source is named, or one cannot be read.
        InputError: a model or function cannot be loaded.
    """
    found = entries(options)
    if not found:
        raise UsageError(
            "There is no reward: neither reward_model nor rewards is given.",
            hint="Train a reward model with `rlhf-tui train rm`, or name a source in --rewards.",
        )
    terms = [
        (name, entry.weight, _source(entry, options, device, cwd))
        for name, entry in zip(names(found), found, strict=True)
    ]
    listed = " + ".join(f"{weight:g} × {name}" for name, weight, _ in terms)
    print(f"Reward: {listed}.", flush=True)
    return WeightedSum(terms, partial=partial)


def _source(
    entry: RewardEntry, options: OnlineOptions, device: torch.device, cwd: Path
) -> RewardSource:
    if entry.is_function:
        return FunctionSource(entry.source, cwd)
    from rlhf_tui.training.scoring import RewardScorer

    return RewardScorer(entry.source, device, label=entry.label, batch_size=options.batch_size)
