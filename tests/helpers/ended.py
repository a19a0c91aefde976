"""Runs that have ended, in the store and in their directories, for a hub that is started later."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from helpers.recorded import write_run
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import MODEL, ProcessMark, RunStatus, State, write_atomic
from rlhf_tui.runs.process import boot_id
from rlhf_tui.store.database import Store
from rlhf_tui.store.write import RunRow, save_run
from rlhf_tui.workspace import Workspace


def enter_run(
    workspace: Workspace,
    run_id: str,
    *,
    state: State = "finished",
    title: str = "",
    created_ms: int = 1,
    model: bool = True,
    arguments: dict[str, Any] | None = None,
) -> Path:
    """Make a run; its kind is the first part of its id.

    Args:
        model: it has one, as far as a hub can see.
    """
    kind: Any = run_id.rpartition("-")[0]
    options = arguments or {}
    directory = write_run(
        workspace.runs, run_id, kind=kind, state=state, steps=2, total=2, title=title,
        created=created_ms / 1000, arguments=options,
    )  # fmt: skip
    status = layout.read(directory / layout.STATUS, RunStatus)
    if status is not None:
        # Of this machine, so that it is known to be dead.
        status.process = ProcessMark(4_000_000, 1.0, socket.gethostname(), boot_id())
        write_atomic(directory / layout.STATUS, status)
    if model:
        (directory / MODEL).mkdir()
        (directory / MODEL / "config.json").write_text("{}")
    row = RunRow(
        run_id, kind, state, title, str(directory), created_ms, created_ms, created_ms,
        arguments=options,
    )  # fmt: skip
    with Store(workspace.store, workspace.lock) as store:
        save_run(store, row)
    return directory
