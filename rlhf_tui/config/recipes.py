"""Named sets of options for `train --recipe`: sensible values for a situation, over the defaults.

A recipe gives way to rlhf.toml, --config, the environment and the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rlhf_tui.errors import UsageError, nearest


class Recipe(msgspec.Struct, frozen=True):
    name: str
    summary: str
    """For whom and for which machine, in one sentence."""
    every: Mapping[str, Any] = {}
    """Options of all trainers."""
    kinds: Mapping[str, Mapping[str, Any]] = {}
    """Kind of run → its own options, over `every`."""

    def options(self, kind: str) -> dict[str, Any]:
        """What the recipe says of a kind of run."""
        return {**self.every, **self.kinds.get(kind, {})}


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "tiny-cpu",
            "The sample model on two CPU cores: a run takes a minute or two.",
            {"device": "cpu", "max_length": 256, "batch_size": 16},
            {
                "ppo": {"total_steps": 30, "rollout_batch_size": 64, "response_length": 32},
                "rloo": {"total_steps": 30, "rollout_batch_size": 16, "response_length": 32},
                "grpo": {"total_steps": 30, "rollout_batch_size": 16, "response_length": 32},
            },
        ),
    )
}


def recipe_options(name: str, kind: str) -> dict[str, Any]:
    """The options that a recipe sets for a kind of run; none for the empty name.

    Raises:
        UsageError: there is no such recipe; names the nearest one.
    """
    if not name:
        return {}
    if name not in RECIPES:
        raise UsageError(
            f"There is no recipe {name!r}.",
            hint=nearest(name, RECIPES) or "See: rlhf-tui train --list-recipes",
        )
    return RECIPES[name].options(kind)
