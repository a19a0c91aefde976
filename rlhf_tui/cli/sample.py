"""The sample workspace of `demo`: made and filled the first time, opened afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

from rlhf_tui.cli.output import note
from rlhf_tui.config.settings import load_settings
from rlhf_tui.errors import UsageError
from rlhf_tui.exchange import import_file
from rlhf_tui.hub.client import HubClient
from rlhf_tui.records import Split
from rlhf_tui.sample_data import DIRECTORY
from rlhf_tui.workspace import Workspace, init_workspace

FILES: tuple[tuple[str, Split | None], ...] = (
    ("prompts-train.jsonl", None),
    ("prompts-test.jsonl", "test"),
    ("demonstrations.jsonl", None),
    ("completions.jsonl", None),
)
"""What the sample is made of, and the split that a file's prompts are forced into."""

UNFINISHED = "sample.unfinished"
"""Stands in the workspace until the sample is whole: a demo that was killed while it filled the
workspace goes on with it the next time. Importing twice adds nothing."""


def sample_workspace(directory: Path) -> Workspace:
    """The sample workspace at `directory`.

    Raises:
        UsageError: the directory holds something else, or cannot be written.
        RlhfError: the hub refused.
    """
    root = directory.expanduser().absolute()
    workspace = Workspace(root)
    if not workspace.config.exists():
        if root.exists() and any(root.iterdir()):
            raise UsageError(
                f"{directory} is neither empty nor a workspace.",
                hint="Name another directory: rlhf-tui demo DIR",
            )
        root.mkdir(parents=True, exist_ok=True)
        (root / UNFINISHED).touch()
        workspace = init_workspace(root, name="Sample: film reviews")
    if (workspace.root / UNFINISHED).exists():
        note(f"Filling the sample workspace {workspace.root} …")
        label = load_settings(workspace).label
        shutil.copyfile(DIRECTORY / "guidelines.md", workspace.guidelines)
        with HubClient(workspace) as client:
            for name, split in FILES:
                import_file(client, DIRECTORY / name, label=label, split=split)
        (workspace.root / UNFINISHED).unlink()
    return workspace
