"""The pages of --help: plain text under headings, nothing cut off at 80 columns.

Typer's framed pages cut long option names and need box characters; these go through pipes, ASCII
terminals and screen readers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from rlhf_tui.cli.output import say
from rlhf_tui.errors import UsageError

if TYPE_CHECKING:
    from typer._click.core import Command as AnyCommand
    from typer._click.core import Context, Parameter
    from typer._click.formatting import HelpFormatter


class Command(TyperCommand):
    """A command whose options stand under their headings (`rich_help_panel`)."""

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        names = [argument_name(p) if p.required else f"[{argument_name(p)}]" for p in arguments]
        return ["[OPTIONS]", *names]

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        write_parameters(self, ctx, formatter)


class EachOnce(Command):
    """A command that refuses an option with one value where it is given twice.

    Of two values the last would count, and nothing would say so.
    """

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:
            # A line that is not finished, which the shell completes.
            return super().parse_args(ctx, args)
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        seen = set[str]()
        for parameter in order:
            if not isinstance(parameter, TyperOption) or parameter.multiple or parameter.is_flag:
                continue
            name = max(parameter.opts, key=len)
            if name in seen:
                raise UsageError(f"{name} is given twice, and takes one value.")
            seen.add(name)
        return super().parse_args(ctx, args)


class Group(TyperGroup):
    """A group whose commands stand under their headings, in the order of registration."""

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is None or command.hidden:
                continue
            for path, text in described(name, command):
                sections.setdefault(panel_of(command) or "Commands", []).append((path, text))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)
        write_parameters(self, ctx, formatter)


def alone(context: typer.Context) -> None:
    """What a group does without a command: it prints its help and ends as a wrong use."""
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(UsageError.exit_code)


def group(text: str, callback: Callable[..., None] = alone) -> typer.Typer:
    """A group of commands.

    Args:
        callback: runs before each command; its parameters are the group's own options.
    """
    made = typer.Typer(help=text, cls=Group, rich_markup_mode=None)
    made.callback(help=text, cls=Group, invoke_without_command=True)(callback)
    return made


def described(name: str, command: AnyCommand) -> list[tuple[str, str]]:
    """A command's line; of a small group one for each of its commands."""
    if isinstance(command, TyperGroup):
        return [
            (f"{name} {inner}", first_sentence(child)) for inner, child in command.commands.items()
        ]
    return [(name, first_sentence(command))]


def first_sentence(command: AnyCommand) -> str:
    return (command.help or "").split("\n\n")[0].replace("\n", " ").strip()


def argument_name(parameter: Parameter) -> str:
    """An argument's name in help: OUT, or FILE... where several are taken."""
    name = (getattr(parameter, "metavar", None) or parameter.name or "").upper()
    return f"{name}..." if parameter.nargs == -1 else name


def panel_of(thing: Any) -> str:
    """The heading that a command or an option was given; empty without one."""
    return getattr(thing, "rich_help_panel", None) or ""


def write_parameters(command: AnyCommand, ctx: Context, formatter: HelpFormatter) -> None:
    """Arguments and options as definition lists, one a heading."""
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for parameter in command.get_params(ctx):
        if parameter.param_type_name == "argument":
            text = getattr(parameter, "help", None) or ""
            sections["Arguments"].append((argument_name(parameter), text))
        elif (record := parameter.get_help_record(ctx)) is not None:
            sections.setdefault(panel_of(parameter) or "Options", []).append(record)
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)
