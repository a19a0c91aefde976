"""What a launch form holds: a kind of run, its options, and the command that says the same."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec

from rlhf_tui.config.options import OPTIONS, TRAINERS
from rlhf_tui.config.recipes import RECIPES
from rlhf_tui.config.resolve import checked_options, chosen_options
from rlhf_tui.config.settings import Settings, convert_fields
from rlhf_tui.config.template import default_of, described
from rlhf_tui.errors import UsageError
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


def fields_of(kind: str) -> list[Field]:
    """The fields of a kind's form, the important ones first."""
    found = {field.name: _field(field) for field in msgspec.structs.fields(OPTIONS[kind])}
    first = [found.pop(name) for name in FIRST[kind]]
    return [TITLE, *([RECIPE] if kind in TRAINERS else []), *first, *found.values()]


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


def shown(value: Any) -> str:
    """A value as the form writes it, and as `parse` reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


class Form:
    """The state of the form; every kind keeps what was typed when another one is looked at."""

    def __init__(self, kind: RunKind, settings: Settings, environ: Mapping[str, str]) -> None:
        """
        Raises:
            UsageError: the settings or the environment hold something impossible.
        """
        self._settings, self._environ = settings, environ
        self._edited: dict[str, dict[str, Any]] = {name: {} for name in KINDS}
        self._titles: dict[str, str] = dict.fromkeys(KINDS, "")
        self._recipes: dict[str, str] = dict.fromkeys(KINDS, "")
        self.turn_to(kind)

    def turn_to(self, kind: RunKind) -> None:
        """Show the form of another kind.

        Raises:
            UsageError: as for the form itself.
        """
        self.kind = kind
        self.fields = fields_of(kind)
        self._read_preset()

    def _read_preset(self) -> None:
        self.preset: dict[str, Any] = self._resolved(chosen_options, {})
        """What the recipe, rlhf.toml and the environment set."""

    def _resolved(
        self, resolve: Callable[..., dict[str, Any]], given: dict[str, Any]
    ) -> dict[str, Any]:
        return resolve(
            self.kind,
            self._settings,
            config_file=None,
            environ=self._environ,
            given=given,
            recipe=self.recipe,
        )

    @property
    def title(self) -> str:
        return self._titles[self.kind]

    @property
    def recipe(self) -> str:
        """The recipe's name, empty for none."""
        return self._recipes[self.kind]

    def value(self, field: Field) -> Any:
        if field is TITLE:
            return self.title
        if field is RECIPE:
            return self.recipe or NO_RECIPE
        return self._edited[self.kind].get(field.name, self.preset.get(field.name, field.default))

    def origin(self, field: Field) -> Literal["typed", "settings", "default"]:
        """Where the value comes from."""
        named = (field is TITLE and self.title) or (field is RECIPE and self.recipe)
        if field.name in self._edited[self.kind] or named:
            return "typed"
        return "settings" if field.name in self.preset else "default"

    def parse(self, field: Field, text: str) -> Any:
        """The typed value of a text.

        Raises:
            UsageError: it is not what the field takes, as a sentence.
        """
        text = text.strip()
        if field is TITLE:
            return text
        if field is RECIPE:
            if text not in field.choices:
                raise UsageError(f"recipe takes {field.takes}, not {text!r}.")
            return text
        given: Any = text
        if field.repeated:
            given = [part.strip() for part in text.split(",") if part.strip()]
        elif field.choices == ("no", "yes"):
            given = {"yes": True, "no": False}.get(text.lower(), text)
        elif isinstance(field.default, int) and not isinstance(field.default, bool):
            given = _whole(text)
        where = f"the options of {self.kind}"
        try:
            found = convert_fields(OPTIONS[self.kind], {field.name: given}, where=where, lax=True)
        except UsageError:
            raise UsageError(f"{field.name} takes {field.takes}, not {text!r}.") from None
        value = found[field.name]
        if isinstance(value, float) and value != value:
            raise UsageError(f"{field.name} takes {field.takes}, not {text!r}.")
        return value

    def set(self, field: Field, text: str) -> None:
        """Take a text as the field's value.

        Raises:
            UsageError: as `parse`.
        """
        value = self.parse(field, text)
        if field is TITLE:
            self._titles[self.kind] = value
        elif field is RECIPE:
            self._recipes[self.kind] = "" if value == NO_RECIPE else value
            self._read_preset()
        elif value == self.preset.get(field.name, field.default):
            self.reset(field)
        else:
            self._edited[self.kind][field.name] = value

    def turn(self, field: Field, by: int) -> bool:
        """Go to the field's next choice; False if it has none to go through."""
        if not field.choices or field.repeated:
            return False
        at = field.choices.index(shown(self.value(field)))
        self.set(field, field.choices[(at + by) % len(field.choices)])
        return True

    def reset(self, field: Field) -> None:
        """Go back to what the settings or the defaults say."""
        if field is TITLE:
            self._titles[self.kind] = ""
        elif field is RECIPE:
            self._recipes[self.kind] = ""
            self._read_preset()
        self._edited[self.kind].pop(field.name, None)

    @property
    def arguments(self) -> dict[str, Any]:
        """What a launch sends: all that was set anywhere, no defaults."""
        return self.preset | self._edited[self.kind]

    def check(self) -> None:
        """
        Raises:
            UsageError: options exclude each other.
        """
        self._resolved(checked_options, self._edited[self.kind])

    @property
    def command(self) -> str:
        """The shell command that launches the same run in this workspace."""
        words = ["rlhf-tui", *(["train"] if self.kind in TRAINERS else []), self.kind]
        if self.recipe:
            words += ["--recipe", self.recipe]
        for name, value in self._edited[self.kind].items():
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            elif isinstance(value, list):
                words += [word for item in value for word in (f"--{flag}", str(item))]
            else:
                words += [f"--{flag}", str(value)]
        if self.title:
            words += ["--title", self.title]
        return shlex.join(words)


def _whole(text: str) -> Any:
    """`1e4` and `10_000` are whole numbers to people."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else text
