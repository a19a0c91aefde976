"""The README names every command, and every file that it links to is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from rlhf_tui.cli.main import app

ROOT = Path(__file__).parents[2]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The words behind `rlhf-tui` of every command."""
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from commands(child, (*path, name))
    else:
        yield " ".join(path)


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", list(commands(typer.main.get_command(app))))
def test_the_readme_names_the_command(readme: str, command: str) -> None:
    group, _, last = command.rpartition(" ")
    # Groups may stand as one line: `runs list|show|logs`.
    together = (
        rf"{re.escape(group)} [\w|]*\b{re.escape(last)}\b" if group else rf"rlhf-tui {last}\b"
    )
    assert re.search(rf"rlhf-tui {re.escape(command)}\b|{together}|`{re.escape(command)}\b", readme)


def test_the_readme_names_no_command_that_is_not_there(readme: str) -> None:
    known = {command.split()[0] for command in commands(typer.main.get_command(app))}
    named = set(re.findall(r"(?:^|[`\s])rlhf-tui ([a-z]+)", readme))
    assert named <= known


def test_files_that_the_readme_links_to_are_there(readme: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", readme)
    files = [link for pair in links for link in pair if link and "://" not in link]
    assert not [name for name in files if not (ROOT / name).exists()]
