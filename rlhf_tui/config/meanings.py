"""What values of options stand for, where they do not say so themselves."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path, PurePath
from typing import Any, get_type_hints

import msgspec

import rlhf_tui
from rlhf_tui.config.options import OPTIONS
from rlhf_tui.config.template import described

ZERO = re.compile(r"; 0: ([^;(]+)")
"""What an option's description says of the value 0, where that stands for something else."""
_BUNDLED = ("sample_data", "model")
"""How the path of the bundled model ends, wherever the program is installed."""
SAMPLE = "sample"
"""The name of the bundled model, whose path is what a run's arguments hold."""


def of_zero(description: str) -> str:
    """What 0 stands for by an option's description; empty where it is a number like others."""
    found = ZERO.search(description)
    return found[1].strip() if found else ""


def meaning(kind: str, name: str, value: Any) -> str:
    """What a run's argument stands for, in a few words; empty where it says it itself.

    A learning rate of 0.0 would be read as one that learns nothing.
    """
    if is_bundled(value) and name.endswith("model"):
        return f"{SAMPLE}, the bundled model"
    if kind not in OPTIONS or isinstance(value, bool) or value != 0:
        return ""
    return _zeros(kind).get(name, "")


def defaults(kind: str) -> dict[str, Any]:
    """The defaults of a kind's options; {} for a kind that has none."""
    return msgspec.structs.asdict(OPTIONS[kind]()) if kind in OPTIONS else {}


def differs(default: Any, value: Any) -> bool:
    """Whether an argument is another than the option's default."""
    return bool(default != value) and not (default == SAMPLE and is_bundled(value))


def is_bundled(value: Any) -> bool:
    """Whether a value is the path of the bundled model of this very installation."""
    return isinstance(value, str) and value == str(_bundled())


def is_bundled_anywhere(path: str) -> bool:
    """Whether a path is that of the bundled model here or on another machine, by its end."""
    return PurePath(path).parts[-2:] == _BUNDLED


@cache
def _zeros(kind: str) -> dict[str, str]:
    """What 0 stands for, by option."""
    annotations = get_type_hints(OPTIONS[kind], include_extras=True)
    return {name: of_zero(described(one)[0]) for name, one in annotations.items()}


@cache
def _bundled() -> Path:
    return Path(rlhf_tui.__file__).parent.joinpath(*_BUNDLED).resolve()
