"""The short way to the screens reads what the tree of commands reads, or leaves it to the tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import Cli

from rlhf_tui.cli import labelling, main, opening
from rlhf_tui.cli.quick import quick

FORMS = [
    [],
    ["label"],
    ["label", "--mode", "thumbs"],
    ["label", "--mode=rank", "-w", "w"],
    ["label", "--workspace=w", "--as", "Zoë Ann"],
    ["label", "--as=ann", "--workspace", "w", "--mode", "thumbs"],
]
LEFT = [
    ["--help"],
    ["label", "--help"],
    ["label", "--mode", "best"],
    ["label", "--mode"],
    ["label", "--as="],
    ["label", "--as", "--mode"],
    ["label", "extra"],
    ["label", "-ww"],
    ["label", "--plain"],
    ["-w", "w", "label"],
    ["dashboard", "--once"],
    ["labl"],
]


def opened(monkeypatch: pytest.MonkeyPatch, way: Any) -> list[tuple[Any, ...]]:
    """What would be opened, as (function, arguments)."""
    calls: list[tuple[Any, ...]] = []

    def take(name: str) -> Any:
        def opens(*arguments: Any) -> int:
            calls.append((name, *arguments))
            return 7

        return opens

    for module in (opening, labelling, main):
        for name in ("open_home", "open_label"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, take(name))
    with pytest.raises(SystemExit) as left:
        way()
    assert left.value.code == 7
    return calls


@pytest.mark.parametrize("arguments", FORMS, ids=" ".join)
def test_both_ways_open_the_same(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.delenv("RLHF_TUI_WORKSPACE", raising=False)
    short = quick(arguments)
    assert short is not None
    one = opened(monkeypatch, lambda: sys.exit(short()))
    other = opened(monkeypatch, lambda: main.main(arguments))
    assert one == other
    assert len(one) == 1


@pytest.mark.parametrize("arguments", LEFT, ids=" ".join)
def test_the_rest_is_left_to_the_tree(arguments: list[str]) -> None:
    assert quick(arguments) is None


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("rlhf-tui runs expo", "export"),
        # A line that would be refused once it is given.
        ("rlhf-tui runs export a --size 6x4 --size 6x4 --over", "--overwrite"),
    ],
)
def test_the_shell_completes_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, found: str
) -> None:
    asked = {
        "_RLHF_TUI_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    assert Cli(tmp_path)(env=asked).ok().out.split() == [found]
    monkeypatch.setenv(*next(iter(asked.items())))
    assert quick([]) is None


def test_the_short_way_loads_no_tree(tmp_path: Path) -> None:
    code = (
        "import sys; from rlhf_tui.cli import __main__ as m\n"
        "from rlhf_tui.cli.quick import quick\n"
        "quick(['label'])\nimport rlhf_tui.cli.opening, rlhf_tui.app, rlhf_tui.hub.aio\n"
        "print([n for n in ('typer', 'pydantic', 'duckdb', 'importlib.metadata')"
        " if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "[]"
