"""A disk that fills up while somebody labels: nothing that was called saved is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import Cli, refused, wait_until
from helpers.films import films
from helpers.terminals import LOOK_S, PATIENCE_S, Pane, Terminals

from rlhf_tui.workspace import Workspace, init_workspace

ITEMS = 60
SAVED = r"(?m)^ Ranking.*\S saved *$"


@pytest.fixture
def workspace(small_disk: Path) -> Workspace:
    # Many items at hand: a hub whose disk is full may leave at any moment.
    settings = {"workspace": {"validation": 0.0, "test": 0.0}, "label": {"prefetch": 20}}
    return init_workspace(small_disk / "w", settings=settings)


@pytest.fixture
def cli(workspace: Workspace) -> Iterator[Cli]:
    runner = Cli(workspace.root)
    yield runner
    (workspace.root / "filler").unlink(missing_ok=True)
    runner.stop_hub()


def fill(path: Path) -> None:
    """Take every block that is left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue


def item(screen: str) -> str:
    found = re.search(r"Film number \d+ is", screen)
    return found.group() if found else ""


def rank_one(pane: Pane) -> str:
    """Rank what is on the screen, wait for the next; returns what was ranked."""
    before = item(pane.shows("Film number"))
    pane.press("1", "2", "Enter")
    wait_until(
        lambda: item(pane.screen) not in ("", before), PATIENCE_S, f"what follows {before}", LOOK_S
    )
    return before


def judged(cli: Cli, out: Path) -> list[str]:
    cli("export", "rankings", out, "--split", "all", timeout=PATIENCE_S).ok()
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    return sorted(row["prompt_text"] for row in rows if row["kind"] == "judge")


def test_judgements_wait_on_another_disk_until_there_is_room(
    cli: Cli, workspace: Workspace, screens: Terminals, tmp_path: Path
) -> None:
    films(cli, ITEMS)
    pane = screens.open(workspace.root, "label")
    ranked = [rank_one(pane)]
    pane.shows(SAVED)
    filler = workspace.root / "filler"
    fill(filler)
    while "saved locally" not in pane.screen:
        assert len(ranked) < ITEMS - 5, f"the disk is not full:\n{pane.screen}"
        ranked.append(rank_one(pane))
        pane.shows(r"\S saved|not saved|hub away")
    ranked.append(rank_one(pane))
    pane.shows("saved locally")

    # What else is tried meanwhile says what is the matter and what to do.
    more = tmp_path / "more.txt"
    more.write_text("".join(f"Prompt {n} {'x' * 500}\n" for n in range(2000)))
    told = cli("import", more, timeout=PATIENCE_S)
    refused(told, told.code, "Free some space")
    assert told.code == 4, told.err

    filler.unlink()
    pane.shows(SAVED)
    ranked.append(rank_one(pane))
    pane.shows(SAVED)
    pane.press("q", "q")
    pane.gone()
    assert "Traceback" not in pane.screen
    assert judged(cli, tmp_path / "out.jsonl") == sorted(ranked)
