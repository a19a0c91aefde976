"""RLOO by TRL's RLOOTrainer (Ahmadian 2024), on our prompts, rewards and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import RLOOOptions
from rlhf_tui.training.process import prepare

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext


def run(context: RunContext) -> None:
    """Train a policy by comparing each response with the others to its prompt.

    Raises:
        NothingToDo, UsageError, InputError: as `training.online.run`.
    """
    options = context.options(RLOOOptions)
    prepare(options)
    from trl import RLOOConfig

    from rlhf_tui.training import online
    from rlhf_tui.training.group_trainer import RLOO

    online.run(context, options, RLOO, RLOOConfig, trl_options(options))


def trl_options(options: RLOOOptions) -> dict[str, Any]:
    """What of our options are fields of RLOOConfig alone."""
    return {"normalize_advantages": options.normalize_advantages}
