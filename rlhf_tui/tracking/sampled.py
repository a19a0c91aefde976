"""A run's sample completions, in order: for each fixed prompt one answer a step, and a reference's.

A step of a prompt that comes again, as after a resume from a checkpoint, takes the place of itself
and of all later ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rlhf_tui.runs.layout import REFERENCE, SampleRow


@dataclass
class Answers:
    """The answers to one prompt."""

    prompt: object
    """As it was written: a text, or messages."""
    policy: dict[int, SampleRow] = field(default_factory=dict)
    """By step, ascending."""
    beside: dict[str, SampleRow] = field(default_factory=dict)
    """The newest answer of every other model, by its name; `REFERENCE` among them."""

    def at(self, step: int) -> SampleRow | None:
        """The newest answer not after a step."""
        steps = [one for one in self.policy if one <= step]
        return self.policy[max(steps)] if steps else None

    def reference(self) -> SampleRow | None:
        """What the reference model answers; else the policy before training."""
        return self.beside.get(REFERENCE) or self.policy.get(0)


class Sampled:
    """Samples by prompt and by step."""

    def __init__(self, rows: Iterable[SampleRow]) -> None:
        self.prompts: dict[str, Answers] = {}
        """By the prompt's text, in the order in which they came."""
        for row in rows:
            answers = self.prompts.setdefault(plain(row.prompt), Answers(row.prompt))
            if row.by:
                answers.beside[row.by] = row
                continue
            policy = answers.policy
            while policy and next(reversed(policy)) >= row.step:
                policy.popitem()
            policy[row.step] = row
        self.steps = sorted({step for one in self.prompts.values() for step in one.policy})
        """Of the policy's answers."""

    def mean_reward(self, step: int) -> float | None:
        """Of the policy's answers at a step; None where none has a reward."""
        return _mean(answers.policy.get(step) for answers in self.prompts.values())

    def reference_reward(self) -> float | None:
        """Of the reference's answers."""
        return _mean(answers.reference() for answers in self.prompts.values())


def _mean(rows: Iterable[SampleRow | None]) -> float | None:
    rewards = [row.reward for row in rows if row is not None and row.reward is not None]
    return sum(rewards) / len(rewards) if rewards else None


def plain(value: object) -> str:
    """A prompt or completion as a text; conversations as `role: content` paragraphs."""
    if isinstance(value, str):
        return value
    try:
        if isinstance(value, list):
            return "\n".join(
                f"{turn.get('role', '')}: {turn.get('content', '')}"
                if isinstance(turn, dict)
                else str(turn)
                for turn in value
            )
        return "" if value is None else str(value)
    except RecursionError:
        # Lists in lists in lists are no conversation.
        return ""
