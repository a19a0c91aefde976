"""A workspace whose items come in the order of import, and terminals to judge them in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.terminals import Terminals, terminals

from rlhf_tui.workspace import Workspace, init_workspace


@pytest.fixture
def screens() -> Iterator[Terminals]:
    with terminals() as server:
        yield server


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Nothing is held out, so that an export holds all that was judged."""
    label = {"order": "sequential", "tags": ["short", "odd"]}
    settings = {"workspace": {"validation": 0.0, "test": 0.0}, "label": label}
    return init_workspace(tmp_path / "w", settings=settings)
