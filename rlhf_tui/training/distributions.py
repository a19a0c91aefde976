"""How the values of a step or an evaluation lie: what trainers hand to `RunContext.distribution`.

Only what a step has computed anyway: no model is asked again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.ppo.rollout import Rollout

MOST = 300
"""Rows of a name over a whole run: more than a screen has columns, and some 60 KB."""
Values = Mapping[str, tuple[Any, str]]
"""By name: values, as `RunContext.distribution` takes them, and their unit."""


def is_due(step: int, total: int, every: int) -> bool:
    """Whether this step's values are kept: those of each n-th line, and of the last.

    Args:
        step: one of those that are logged.
        total: steps of the run.
        every: steps between the lines of the log.
    """
    apart = math.ceil(total / every / MOST)
    return step == total or (step // every) % max(1, apart) == 0


def write(context: RunContext, step: int, found: Values) -> None:
    """Keep histograms of some values."""
    for name, (values, unit) in found.items():
        context.distribution(step, name, values, unit)


def of_rollout(rollout: Rollout) -> Values:
    """What PPO tells of a rollout: of each response, and of each of their tokens."""
    mask = rollout.mask
    return {
        "reward": (rollout.scores, ""),
        "response_length": ([len(r.tokens) for r in rollout.written.responses], "tokens"),
        "token_kl": (rollout.kl[mask], "nats"),
        "advantage": (rollout.advantages[mask], ""),
        "return": (rollout.returns[mask], ""),
    }
