"""The commented rlhf.toml that a new workspace gets, written from the settings' own structs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec
import msgspec.inspect

from rlhf_tui.config.settings import ENVIRONMENT_PREFIX, TABLES

HEADER = f"""\
# Settings of this workspace. A line that begins with '#' shows the default; take the '#' away
# to change it. What counts, the last one wins: defaults, this file, --config FILE, variables
# such as {ENVIRONMENT_PREFIX}_TRAIN_PPO_KL_COEF, options of the command.
"""

BELOW = {
    "keys": (
        "Any key moves by its id; the README and docs/annotators.md list the ids. Examples:",
        '   "rank.submit" = ["enter", "ctrl+n"]',
        '   "rank.pick" = ["F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9"]',
        '   "label.markdown" = ""',
        "The same lines in a person's own keys.toml hold for that person, over these.",
    )
}
"""What the template says under the settings of a table."""


def template(values: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of rlhf.toml, with every setting in it; those in `values` are set, by table."""
    parts = [HEADER]
    for table, struct in TABLES.items():
        given = values.get(table, {})
        lines = [f"[{table}]"]
        for field in msgspec.structs.fields(struct):
            lines += [f"# {line}" for line in textwrap.wrap(meaning(field), 96)]
            value = given.get(field.name, default_of(field))
            mark = "" if field.name in given else "# "
            lines.append(f"{mark}{field.name} = {toml_value(value)}")
        if table in BELOW:
            lines += [f"# {line}" for line in BELOW[table]]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """A field's default; every setting has one."""
    if field.default is not msgspec.NODEFAULT:
        return field.default
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    raise TypeError(f"setting {field.name} has no default")


def meaning(field: msgspec.structs.FieldInfo) -> str:
    """What a setting is for, with its choices or bounds: one line for help and template."""
    description, bounds, choices = described(field.type)
    text = description or field.name.replace("_", " ").capitalize()
    extra = ", ".join([*(["one of " + ", ".join(choices)] if choices else []), *bounds])
    return f"{text} ({extra})." if extra else f"{text}."


def described(annotation: Any) -> tuple[str, list[str], list[str]]:
    """Description, bounds (`>= 0`) and choices of a setting's type."""
    description, bounds = "", []
    while hasattr(annotation, "__metadata__"):
        for meta in annotation.__metadata__:
            description = description or meta.description or ""
            for name, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<=")):
                if getattr(meta, name) is not None:
                    bounds.append(f"{sign} {getattr(meta, name)}")
        annotation = annotation.__origin__
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    choices = [str(c) for c in get_args(annotation)] if get_origin(annotation) is Literal else []
    return description, bounds, choices


def toml_value(value: Any) -> str:
    """A setting's value as TOML writes it: text, number, truth value or list of these."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    # TOML's basic strings take JSON's escapes; DEL is the one that JSON leaves bare.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
