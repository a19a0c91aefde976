"""Which options a run gets: defaults, recipe, rlhf.toml, --config, environment, command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlhf_tui.config.combinations import check
from rlhf_tui.config.options import OPTIONS, Options
from rlhf_tui.config.recipes import recipe_options
from rlhf_tui.config.settings import (
    Settings,
    convert_fields,
    from_environment,
    read_tables,
    table_of_kind,
)
from rlhf_tui.errors import UsageError, nearest


def chosen_options(
    kind: str,
    settings: Settings,
    *,
    config_file: Path | None,
    environ: Mapping[str, str],
    given: Mapping[str, Any],
    recipe: str = "",
) -> dict[str, Any]:
    """What was set for a kind of run anywhere, later places winning; no defaults.

    Args:
        config_file: a file like rlhf.toml, of which the table of this kind is read.
        given: what the command line or a form gave, in the options' own names.
        recipe: name of a set of options that lies under all other places.

    Raises:
        UsageError: an unknown kind, name, table or recipe (with the nearest one), or a bad value.
    """
    if kind not in OPTIONS:
        raise UsageError(f"There is no kind of run {kind!r}.", hint=nearest(kind, OPTIONS))
    table = table_of_kind(kind)
    chosen = recipe_options(recipe, kind)
    chosen |= settings.of_kind(kind)
    if config_file is not None:
        chosen |= read_tables(config_file).get(table, {})
    chosen |= from_environment(table, environ)
    chosen |= convert_fields(OPTIONS[kind], given, where=f"the options of {kind}")
    return chosen


def checked_options(
    kind: str,
    settings: Settings,
    *,
    config_file: Path | None,
    environ: Mapping[str, str],
    given: Mapping[str, Any],
    recipe: str = "",
) -> dict[str, Any]:
    """`chosen_options`, refused where they exclude each other: for a client, before the hub.

    Raises:
        UsageError: as `chosen_options`, or options that exclude each other.
    """
    chosen = chosen_options(
        kind, settings, config_file=config_file, environ=environ, given=given, recipe=recipe
    )
    check(kind, OPTIONS[kind](**chosen))
    return chosen


def resolve_options(
    kind: str,
    settings: Settings,
    *,
    config_file: Path | None,
    environ: Mapping[str, str],
    given: Mapping[str, Any],
    recipe: str = "",
) -> Options:
    """The full options of a run: the defaults, and over them what was set.

    Raises:
        UsageError: as `chosen_options`, or options that exclude each other.
    """
    chosen = chosen_options(
        kind, settings, config_file=config_file, environ=environ, given=given, recipe=recipe
    )
    options = OPTIONS[kind](**chosen)
    check(kind, options)
    return options
