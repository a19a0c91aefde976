"""A workspace with things to judge, terminals to judge them in, and a small disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.disks import disk_of
from helpers.terminals import Terminals, terminals

from rlhf_tui.workspace import Workspace, init_workspace


@pytest.fixture
def screens() -> Iterator[Terminals]:
    with terminals() as server:
        yield server


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace without held-out splits, so that an export holds all that was judged."""
    return init_workspace(tmp_path / "w", settings={"workspace": {"validation": 0.0, "test": 0.0}})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of("24m", tmp_path / "disk") as disk:
        yield disk
