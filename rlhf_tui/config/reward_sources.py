"""Where rewards come from: the entries of `rewards` taken apart, and checked before any launch.

An entry is `WEIGHT*SOURCE` or `SOURCE` (weight 1). A source is a reward model (run id, path or hub
id, with `#LABEL` where it has several outputs) or a Python function `package.module:name`.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

import msgspec

from rlhf_tui.config.online_options import OnlineOptions
from rlhf_tui.errors import UsageError

FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
FORM = "Write WEIGHT*SOURCE or SOURCE, as in '0.5*rm-0003', 'org/classifier#POSITIVE' or "
FORM += "'my_rewards:brevity'."


class RewardEntry(msgspec.Struct, frozen=True):
    """One term of the sum that is the reward."""

    source: str
    """Run id, path or hub id of a model, or `package.module:name` of a function."""
    weight: float = 1.0
    """Any finite number; with 0 the source is measured but teaches nothing."""
    label: str = ""
    """Which output of a classifier counts; empty where it has one alone."""

    @property
    def is_function(self) -> bool:
        return FUNCTION.fullmatch(self.source) is not None

    @property
    def name(self) -> str:
        """What its figures are called: the function's name, the run's id, the model's last part."""
        if self.is_function:
            return self.source.partition(":")[2]
        parts = [part for part in self.source.split("/") if part]
        if len(parts) > 1 and parts[-1] == "model":
            parts.pop()  # a run's model stands in a folder of that name
        return parts[-1] + (f"#{self.label}" if self.label else "")

    def __str__(self) -> str:
        """As an entry that reads back equal, whatever characters its source holds."""
        return f"{self.weight!r}*{self.source}" + (f"#{self.label}" if self.label else "")


def parse(entry: str) -> RewardEntry:
    """One entry of `rewards`.

    Raises:
        UsageError: a weight that is no finite number, no source, an empty label, a label on a
            function, or a function's name that Python could not import.
    """
    weight = 1.0
    number, star, rest = entry.partition("*")
    if star:
        weight = _weight(number.strip(), entry)
    source = (rest if star else entry).strip()
    name, hash_, label = source.rpartition("#")
    if hash_ and "/" not in label:
        source, label = name.strip(), label.strip()
        if not label:
            raise UsageError(f"The reward {entry!r} names no label behind '#'.", hint=FORM)
    else:
        label = ""
    if not source:
        raise UsageError(f"The reward {entry!r} names no source.", hint=FORM)
    found = RewardEntry(source, weight, label)
    if ":" in source and not found.is_function:
        raise UsageError(
            f"{source!r} names no function that Python can import.",
            hint="Write package.module:name, with dots, and without '.py'.",
        )
    if found.is_function and label:
        raise UsageError(
            f"The reward {entry!r} gives a function a label; only classifiers have labels.",
            hint=f"Write {source!r}.",
        )
    return found


def _weight(text: str, entry: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight):
        raise UsageError(
            f"The weight {text!r} of the reward {entry!r} is not a finite number.", hint=FORM
        )
    return weight


def entries(options: OnlineOptions) -> list[RewardEntry]:
    """All terms of the reward: `reward_model` with weight 1, then those of `rewards`.

    Raises:
        UsageError: an entry cannot be read, or `reward_label` has no reward model to belong to.
    """
    named = [parse(entry) for entry in options.rewards]
    if options.reward_model:
        return [RewardEntry(options.reward_model, 1.0, options.reward_label), *named]
    if named and options.reward_label:
        raise UsageError(
            f"reward_label = {options.reward_label!r} belongs to reward_model, which is not given.",
            hint=f"Write the label behind its source: {named[0].source}#{options.reward_label}",
        )
    return named


def names(terms: Sequence[RewardEntry]) -> list[str]:
    """A name for each term, all different: a name that comes again gets a number."""
    found: list[str] = []
    for term in terms:
        name, number = term.name, 2
        while name in found:
            name, number = f"{term.name}-{number}", number + 1
        found.append(name)
    return found


def find_function(entry: RewardEntry, cwd: Path) -> None:
    """Refuse a function whose module is nowhere, without running any of its code.

    Args:
        cwd: where the launch was given; its modules come first.

    Raises:
        UsageError: no such module there or among the installed ones.
    """
    module = entry.source.partition(":")[0]
    places: Sequence[str] | None = [str(cwd), *sys.path]
    for part in module.split("."):
        spec = PathFinder.find_spec(part, places) if places is not None else None
        if spec is None:
            raise UsageError(
                f"The reward function {entry.source!r} is nowhere: there is no module "
                f"{module!r} in {cwd} or among the installed ones.",
                hint="Run the command in the directory that holds the module.",
            )
        found = spec.submodule_search_locations
        places = list(found) if found is not None else None
