"""What every test gets: a world of its own, without home, settings or network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from helpers import Cli

from rlhf_tui.workspace import Workspace, init_workspace

# The same examples every time, and no clock: these tests run beside others on two cores.
hypothesis.settings.register_profile("project", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("project")

FOREIGN = (
    "RLHF_TUI_",
    "XDG_",
    "HF_",
    "HUGGING_FACE_",
    "OPENAI_",
    "TRANSFORMERS_",
    "TRACKIO_",
    "WANDB_",
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "FORCE_COLOR",
)


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty home, no settings of the person who runs the tests, and no model downloads."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(FOREIGN):
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        for kind in ("CONFIG", "CACHE", "DATA", "STATE"):
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        patch.setenv("TERM", "xterm-256color")
        patch.setenv("LC_ALL", "C.UTF-8")
        yield home


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A new workspace on disk; no hub runs on it yet."""
    return init_workspace(tmp_path / "w", name="test")


@pytest.fixture
def cli(workspace: Workspace) -> Iterator[Cli]:
    """`rlhf-tui` as a process on the workspace; a hub that it started is stopped at the end."""
    runner = Cli(workspace.root)
    yield runner
    runner.stop_hub()
