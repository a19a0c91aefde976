"""The fields of the launch form: the options of each kind of run, the important ones first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args, get_origin

import msgspec

from rlhf_tui.config.options import OPTIONS, TRAINERS
from rlhf_tui.config.recipes import RECIPES
from rlhf_tui.config.template import default_of, described
from rlhf_tui.runs.layout import RunKind

KINDS: tuple[RunKind, ...] = (
    "generate", "sft", "rm", "ppo", "dpo", "kto", "rloo", "grpo", "evaluate",
)  # fmt: skip
"""In the order in which the loop goes through them."""
_SAMPLED = ("model", "reward_model", "rewards", "total_steps", "rollout_batch_size")
FIRST: dict[str, tuple[str, ...]] = {
    "generate": ("model", "k", "temperature", "top_p", "max_new_tokens", "split", "limit", "seed"),
    "sft": ("model", "dataset", "epochs", "learning_rate", "batch_size", "tune", "include",
            "loss_on", "packing", "eval_steps", "device"),
    "rm": ("model", "dataset", "epochs", "max_steps", "learning_rate", "batch_size", "tune",
           "pairs", "eval_steps", "seed", "device"),
    "ppo": (*_SAMPLED, "response_length", "learning_rate", "kl_coef", "critic", "tune", "device"),
    "dpo": ("model", "dataset", "epochs", "learning_rate", "batch_size", "beta", "loss_type",
            "pairs", "tune", "eval_steps", "device"),
    "kto": ("model", "dataset", "epochs", "learning_rate", "batch_size", "beta",
            "desirable_weight", "undesirable_weight", "tune", "eval_steps", "device"),
    "rloo": (*_SAMPLED, "num_generations", "response_length", "learning_rate", "beta", "tune",
             "device"),
    "grpo": (*_SAMPLED, "num_generations", "response_length", "learning_rate", "beta",
             "loss_type", "tune"),
    "evaluate": ("model", "split", "dataset", "batch_size", "max_length", "device"),
}  # fmt: skip
"""The options that people change, as many as fit in 24 rows; the others come on demand."""


@dataclass(frozen=True)
class Field:
    """One line of the form."""

    name: str
    meaning: str
    takes: str
    """What may stand there, for a sentence: `a number > 0`."""
    choices: tuple[str, ...]
    default: Any
    repeated: bool = False
    """A list; in text its items are parted by commas."""


TITLE = Field("title", "A name for the run, for people", "a text", (), "")
NO_RECIPE = "none"
RECIPE = Field(
    "recipe",
    "Options for a situation; what is set elsewhere wins",
    f"one of {', '.join([NO_RECIPE, *RECIPES])}",
    (NO_RECIPE, *RECIPES),
    NO_RECIPE,
)


PRIORITY = Field(
    "priority",
    "Of runs that wait for a device the highest starts first",
    "a whole number",
    (),
    0,
)
OURS = (TITLE, RECIPE, PRIORITY)
"""Fields that are no options of the run."""


def fields_of(kind: str) -> list[Field]:
    """The fields of a kind's form, the important ones first."""
    found = {field.name: _field(field) for field in msgspec.structs.fields(OPTIONS[kind])}
    first = [found.pop(name) for name in FIRST[kind]]
    return [TITLE, *([RECIPE] if kind in TRAINERS else []), *first, PRIORITY, *found.values()]


def _field(field: msgspec.structs.FieldInfo) -> Field:
    meaning, bounds, choices = described(field.type)
    bare = field.type
    while hasattr(bare, "__metadata__"):
        bare = bare.__origin__
    repeated = get_origin(bare) is list
    if bare is bool:
        choices = ["no", "yes"]
    kinds = {int: "a whole number", float: "a number", str: "a text"}
    if repeated:
        bare = get_args(bare)[0]
        kinds = {float: "numbers, parted by commas", str: "texts, parted by commas"}
    takes = " ".join([kinds.get(bare, ""), " and ".join(bounds)]).strip()
    if choices:
        takes = ("any of " if repeated else "one of ") + ", ".join(choices)
    meaning = meaning or field.name.replace("_", " ").capitalize()
    return Field(field.name, meaning, takes, tuple(choices), default_of(field), repeated)
