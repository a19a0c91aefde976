"""The settings of a workspace, read from rlhf.toml and the environment into typed structs."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from rlhf_tui.config.keys import KeysTable, read_keys
from rlhf_tui.config.options import OPTIONS, TRAINERS
from rlhf_tui.errors import UsageError, nearest

if TYPE_CHECKING:
    from rlhf_tui.workspace import Workspace

ENVIRONMENT_PREFIX = "RLHF_TUI"
"""A setting's variable is RLHF_TUI_<SECTION>_<FIELD>: RLHF_TUI_TRAIN_PPO_KL_COEF."""


class WorkspaceSettings(msgspec.Struct, frozen=True):
    name: Annotated[str, Meta(description="Shown in titles")] = ""
    seed: Annotated[
        int, Meta(ge=0, description="Decides, with a prompt's text, which split it falls in")
    ] = 0
    validation: Annotated[
        float, Meta(ge=0, le=1, description="Share of the prompts held out for validation")
    ] = 0.1
    test: Annotated[
        float, Meta(ge=0, le=1, description="Share of the prompts that only evaluation reads")
    ] = 0.1
    shared: Annotated[
        bool, Meta(description="Let people of the directory's group label here too")
    ] = False


class LabelSettings(msgspec.Struct, frozen=True):
    overlap: Annotated[
        int, Meta(ge=1, description="People wanted for each ranking, each another one")
    ] = 1
    thumbs_overlap: Annotated[int, Meta(ge=1, description="People wanted for each thumb")] = 1
    lease_minutes: Annotated[
        int, Meta(ge=1, description="Minutes for which a shown item is kept from others")
    ] = 30
    prefetch: Annotated[
        int, Meta(ge=1, le=20, description="Items fetched ahead, so that the next one is there")
    ] = 3
    order: Annotated[
        Literal["priority", "sequential", "random", "fewest", "informative"],
        Meta(
            description="What comes next: highest priority first, as imported, at random, fewest "
            "judgements first, or where reward models are least sure"
        ),
    ] = "priority"
    control_share: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Share of items that order 'informative' never chooses: drawn at random",
        ),
    ] = 0.2
    gold_share: Annotated[
        float, Meta(ge=0, le=0.5, description="Share of items with a known answer, where any are")
    ] = 0.05
    repeat_share: Annotated[
        float, Meta(ge=0, le=0.5, description="Share of items asked again with the sides swapped")
    ] = 0.0
    aspects: Annotated[
        list[str], Meta(description="What completions can be rated for, each on a scale")
    ] = msgspec.field(default_factory=lambda: ["helpful", "harmless", "honest"])
    scale: Annotated[int, Meta(ge=2, le=9, description="Points of that scale, 1 is worst")] = 5
    tags: Annotated[list[str], Meta(description="Tags that annotators can give")] = []
    flag_reasons: Annotated[list[str], Meta(description="Reasons offered for a flag")] = (
        msgspec.field(
            default_factory=lambda: ["unsafe", "private data", "broken text", "wrong language"]
        )
    )
    skip_reasons: Annotated[list[str], Meta(description="Reasons offered for a skip")] = (
        msgspec.field(default_factory=lambda: ["later", "not my field", "unclear prompt"])
    )
    reviewers: Annotated[
        list[str], Meta(description="Annotators who may settle what people disagree on")
    ] = []


class DisplaySettings(msgspec.Struct, frozen=True):
    theme: Annotated[str, Meta(description="Colours of the screens")] = "rlhf-dark"
    ascii: Annotated[
        Literal["auto", "yes", "no"],
        Meta(description="Draw with ASCII only; auto does where the terminal has no UTF-8"),
    ] = "auto"


class KeySettings(msgspec.Struct, frozen=True):
    """The settings of [keys] that have names; the ids of rows stand beside them."""

    preset: Annotated[Literal["default", "vim"], Meta(description="The keys to begin with")] = (
        "default"
    )


class Settings(msgspec.Struct, frozen=True):
    """All of rlhf.toml; tables of runs hold only what was set, in the types of OPTIONS."""

    workspace: WorkspaceSettings = WorkspaceSettings()
    label: LabelSettings = LabelSettings()
    display: DisplaySettings = DisplaySettings()
    keys: KeysTable = KeysTable()
    generate: dict[str, Any] = {}
    score: dict[str, Any] = {}
    evaluate: dict[str, Any] = {}
    train: dict[str, dict[str, Any]] = {}
    """By kind: sft, rm, ppo …"""

    def of_kind(self, kind: str) -> dict[str, Any]:
        """What rlhf.toml says of a kind of run."""
        if kind in TRAINERS:
            return self.train.get(kind, {})
        own = {"generate": self.generate, "score": self.score, "evaluate": self.evaluate}
        return own[kind]


TABLES: dict[str, type[msgspec.Struct]] = {
    "workspace": WorkspaceSettings,
    "label": LabelSettings,
    "display": DisplaySettings,
    "keys": KeySettings,
    "generate": OPTIONS["generate"],
    "score": OPTIONS["score"],
    "evaluate": OPTIONS["evaluate"],
    **{f"train.{kind}": OPTIONS[kind] for kind in TRAINERS},
}
"""Every table that rlhf.toml may hold, with the struct whose fields are its keys."""


def table_of_kind(kind: str) -> str:
    """The table of a kind of run: `ppo` → `train.ppo`."""
    return kind if kind in TABLES else f"train.{kind}"


EXPECTED = re.compile(r"Expected (?P<type>\w+)(?P<bounds> [<>]=? \S+)?(, got .*)?$")
"""msgspec's sentence about a value."""
TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "array": "a list",
}
"""Its types, in words."""


def convert_fields(
    struct: type[msgspec.Struct], values: Mapping[str, Any], *, where: str, lax: bool = False
) -> dict[str, Any]:
    """The values in the types of the struct's fields, each one checked alone.

    Args:
        where: names the place in errors, as in `[train.ppo] of /w/rlhf.toml`.
        lax: take text for numbers and truth values, as the environment gives it.

    Raises:
        UsageError: an unknown name (with the nearest one), or a value out of type or bounds.
    """
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    converted: dict[str, Any] = {}
    for key, value in values.items():
        if key not in fields:
            raise UsageError(f"There is no setting {key!r} in {where}.", hint=nearest(key, fields))
        try:
            converted[key] = msgspec.convert(value, fields[key].type, strict=not lax)
        except msgspec.ValidationError as error:
            raise _impossible(key, value, _choices(fields[key].type), where, error) from None
    return converted


def _impossible(
    key: str, value: Any, choices: tuple[str, ...], where: str, error: Exception
) -> UsageError:
    """The sentence about a value; of a name among choices with the nearest one."""
    items = value if isinstance(value, list) else [value]
    wrong = [item for item in items if isinstance(item, str) and item not in choices]
    if choices and wrong:
        return UsageError(
            f"{key} = {wrong[0]!r} in {where} is not possible.", hint=nearest(wrong[0], choices)
        )
    problem = str(error).split(" - at ")[0].replace("`", "")
    found = EXPECTED.match(problem)
    if found and found["type"] in TYPES:
        problem = f"it should be {TYPES[found['type']]}{found['bounds'] or ''}"
    return UsageError(f"{key} = {value!r} in {where} is not possible: {problem}.")


def _bare(annotation: Any) -> Any:
    """A field's type without its bounds."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    return annotation


def _choices(annotation: Any) -> tuple[str, ...]:
    """The names that a field, or each item of it, is one of; none for other types."""
    bare = _bare(annotation)
    if get_origin(bare) is list:
        bare = _bare(get_args(bare)[0])
    return get_args(bare) if get_origin(bare) is Literal else ()


def read_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a settings file, flat (`train.ppo`), checked and typed.

    Raises:
        UsageError: unreadable, not TOML, an unknown table or key, or a bad value.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from None
    tables: dict[str, dict[str, Any]] = {}
    for name, values in _flat(document, path):
        if name not in TABLES:
            raise UsageError(f"There is no table [{name}] in {path}.", hint=nearest(name, TABLES))
        where = f"[{name}] of {path}"
        if name == "keys":
            read = read_keys(values, where)
            tables[name] = {"preset": read.preset} | ({"moves": read.moves} if read.moves else {})
        else:
            tables[name] = convert_fields(TABLES[name], values, where=where)
    return tables


def _flat(document: dict[str, Any], path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    for name, value in document.items():
        if not isinstance(value, dict):
            raise UsageError(
                f"{name!r} stands outside of the tables of {path}.", hint=nearest(name, TABLES)
            )
        if name != "train":
            yield name, value
            continue
        for kind, inner in value.items():
            if not isinstance(inner, dict):
                kinds = [table for table in TABLES if table.startswith("train.")]
                raise UsageError(
                    f"{kind!r} stands directly in [train] of {path}.",
                    hint=f"Put it into one of: {', '.join(kinds)}.",
                )
            yield f"train.{kind}", inner


def from_environment(
    table: str, environ: Mapping[str, str], *, said_by: str = ""
) -> dict[str, Any]:
    """What RLHF_TUI_<TABLE>_<FIELD> variables say of a table; lists are split at commas.

    Args:
        said_by: what a refusal names in the place of the variable, which nobody typed.

    Raises:
        UsageError: a variable of this table that names no field, or a bad value.
    """
    struct = TABLES[table]
    prefix = f"{ENVIRONMENT_PREFIX}_{table.replace('.', '_').upper()}_"
    lists = {
        field.name
        for field in msgspec.structs.fields(struct)
        if get_origin(_bare(field.type)) is list
    }
    found: dict[str, Any] = {}
    for name, text in environ.items():
        if not name.startswith(prefix):
            continue
        key = name.removeprefix(prefix).lower()
        where = said_by or f"the environment ({name})"
        value = [part.strip() for part in text.split(",") if part.strip()] if key in lists else text
        found.update(convert_fields(struct, {key: value}, where=where, lax=True))
    return found


def _check_trainers(environ: Mapping[str, str]) -> None:
    """Refuse variables of a trainer that is not there: nothing else would ever look at them.

    Raises:
        UsageError: names the variable, and the nearest trainer.
    """
    prefix = f"{ENVIRONMENT_PREFIX}_TRAIN_"
    for name in environ:
        if name.startswith(prefix):
            kind = name.removeprefix(prefix).partition("_")[0].lower()
            if kind not in TRAINERS:
                raise UsageError(
                    f"There is no trainer {kind!r}, of which the environment has {name}.",
                    hint=nearest(kind, TRAINERS),
                )


def load_settings(workspace: Workspace, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a workspace: defaults, then rlhf.toml, then the environment.

    The tables of runs are left as rlhf.toml has them: `resolve_options` puts the environment
    over them, behind `--config`.

    Raises:
        UsageError: as `read_tables` and `from_environment`.
    """
    environ = os.environ if environ is None else environ
    _check_trainers(environ)
    tables = read_tables(workspace.config)

    def both(table: str) -> dict[str, Any]:
        return tables.get(table, {}) | from_environment(table, environ)

    settings = Settings(
        workspace=WorkspaceSettings(**both("workspace")),
        label=LabelSettings(**both("label")),
        display=DisplaySettings(**both("display")),
        keys=KeysTable(**both("keys")),
        generate=tables.get("generate", {}),
        score=tables.get("score", {}),
        evaluate=tables.get("evaluate", {}),
        train={kind: tables[f"train.{kind}"] for kind in TRAINERS if f"train.{kind}" in tables},
    )
    shares = settings.workspace
    if shares.validation + shares.test >= 1:
        raise UsageError(
            f"validation ({shares.validation}) and test ({shares.test}) in [workspace] of "
            f"{workspace.config} leave nothing to train on: their sum must be below 1."
        )
    return settings
