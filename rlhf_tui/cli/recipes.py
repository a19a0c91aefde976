"""`train --list-recipes`: what the recipes are for, and the options that each sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption
from rlhf_tui.cli.output import say, say_json, say_table
from rlhf_tui.config.options import TRAINERS
from rlhf_tui.config.recipes import RECIPES, Recipe

WIDTH = 60
"""Cells of options beside the name, in 80."""


def before_training(
    context: typer.Context,
    list_recipes: Annotated[
        bool,
        typer.Option(
            "--list-recipes", help="Show the recipes for --recipe, with all that they set."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """The options of `train` itself."""
    if not list_recipes:
        pages.alone(context)
        return
    if json:
        say_json([as_document(recipe) for recipe in RECIPES.values()])
    else:
        show_recipes()
    raise typer.Exit


def as_document(recipe: Recipe) -> dict[str, Any]:
    """A recipe for scripts: the options of every trainer in full."""
    options = {kind: recipe.options(kind) for kind in TRAINERS}
    return {"name": recipe.name, "summary": recipe.summary, "options": options}


def show_recipes() -> None:
    """A table of names, then what each sets: what all trainers share, and each one's own."""
    say_table(["RECIPE", "FOR WHOM"], [[r.name, r.summary] for r in RECIPES.values()])
    for recipe in RECIPES.values():
        say()
        own = {kind: recipe.kinds[kind] for kind in TRAINERS if kind in recipe.kinds}
        rows = [
            row
            for kind, options in {"all": recipe.every, **own}.items()
            for row in _lines(kind, options)
        ]
        say_table([recipe.name, ""], rows)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _lines(kind: str, options: Mapping[str, Any]) -> list[list[str]]:
    """Options in lines of a terminal's width, the kind before the first."""
    lines: list[str] = []
    for setting in (f"{name} = {_value(value)}" for name, value in options.items()):
        if lines and len(lines[-1]) + len(setting) + 2 <= WIDTH:
            lines[-1] += f", {setting}"
        else:
            lines.append(setting)
    return [[kind if index == 0 else "", line] for index, line in enumerate(lines)]
