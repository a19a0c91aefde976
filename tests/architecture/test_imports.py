"""What a program loads: looked at in the process itself, where no rule on paper can be wrong."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODELS = {"torch", "transformers", "trl", "peft", "accelerate", "datasets"}
HEAVY = MODELS | {"duckdb", "textual", "pandas"}

ONE_FILE_BY_DESIGN = {"rlhf_tui/hub/messages.py"}
"""The contract between processes is read as a whole."""

PRINT_LOADED = "import sys, json; print(json.dumps(sorted(sys.modules)))"


def loaded_after(code: str) -> set[str]:
    """Names of all modules in a new process after some code; its working directory is not ours."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{PRINT_LOADED}"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    return set(names)


def help_of(*arguments: str) -> str:
    return (
        "import contextlib, io\n"
        "from rlhf_tui.cli.main import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        f"    main({[*arguments, '--help']!r})"
    )


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        pytest.param(help_of(), HEAVY, id="help"),
        pytest.param(help_of("train", "ppo"), HEAVY, id="train-help"),
        pytest.param(
            "import rlhf_tui.records, rlhf_tui.errors, rlhf_tui.workspace", HEAVY, id="base"
        ),
        pytest.param("import rlhf_tui.config.resolve", HEAVY, id="config"),
        pytest.param("import rlhf_tui.hub.client, rlhf_tui.hub.aio", HEAVY, id="client"),
        pytest.param("import rlhf_tui.runs.supervisor", HEAVY, id="supervisor"),
        pytest.param("import rlhf_tui.app, rlhf_tui.screens.rank", MODELS | {"duckdb"}, id="label"),
        pytest.param("import rlhf_tui.plain.program", HEAVY, id="plain"),
        pytest.param("import rlhf_tui.screens.dashboard", MODELS | {"duckdb"}, id="dashboard"),
        pytest.param("import rlhf_tui.hub.server", MODELS | {"textual"}, id="server"),
        pytest.param("import rlhf_tui.training.sft", {"duckdb", "textual"}, id="sft"),
        pytest.param("import rlhf_tui.training.ppo.run", {"duckdb", "textual"}, id="ppo"),
    ],
)
def test_nothing_heavier_than_needed_is_loaded(code: str, forbidden: set[str]) -> None:
    loaded = loaded_after(code)
    assert not {name.split(".")[0] for name in loaded} & forbidden


def test_screens_load_under_one_name_only() -> None:
    loaded = loaded_after("import rlhf_tui.app, rlhf_tui.screens.rank, rlhf_tui.sample_data")
    assert "rlhf_tui.screens.rank" in loaded
    assert not {"screens", "sample_data"} & loaded


def module_names(root: str) -> list[Path]:
    return sorted((ROOT / root).rglob("*.py"))


@pytest.mark.parametrize("path", module_names("rlhf_tui"), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if tree.body:
        assert ast.get_docstring(tree), f"{path} has no docstring"
    if str(path.relative_to(ROOT)) not in ONE_FILE_BY_DESIGN:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, f"{path} is too long"
