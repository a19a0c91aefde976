"""What is shown while a launch reads a `--dataset` file: how many rows it has taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rlhf_tui.cli.output import note, printable
from rlhf_tui.counting import count
from rlhf_tui.runs.reading import rows_read

LOOK_S = 0.5
PLAIN_S = 10.0
"""Between two lines without a terminal."""


@contextmanager
def reading_shown(runs: Path, dataset: str) -> Iterator[None]:
    """Say how far the file is read until the block is left; nothing without a file.

    Args:
        runs: the workspace's directory of runs.
        dataset: the file as it was given, empty for none.
    """
    if not dataset:
        yield
        return
    file = Path(dataset).expanduser().absolute()
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(runs, file, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(runs: Path, file: Path, over: threading.Event) -> None:
    console = Console(stderr=True)
    if not console.is_terminal:
        while not over.wait(PLAIN_S):
            if rows := rows_read(runs, file):
                note(f"{file.name}: {count(rows, 'row')} read")
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        name = printable(file.name)
        task = progress.add_task(f"Reading {name}", total=None)
        while not over.wait(LOOK_S):
            if rows := rows_read(runs, file):
                progress.update(task, description=f"Reading {name}: {count(rows, 'row')}")
