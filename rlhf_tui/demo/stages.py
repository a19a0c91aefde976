"""Progress of the demo's stages: a live bar each on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed


class Stage:
    """One stage under way; safe to advance from several threads."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, count: int) -> None:
        self._progress.advance(self._task, count)

    def at(self, done: int, total: int, note: str = "") -> None:
        """Show `done` of `total`; a total of 0 is one that is not known yet."""
        self._progress.update(self._task, completed=done, total=total or None, note=note)


class Stages:
    """Opens stages and remembers how long each took, in seconds."""

    def __init__(self, console: Console) -> None:
        self.seconds: dict[str, float] = {}
        self._live = console.is_terminal
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            Elapsed(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not self._live,
        )

    def __enter__(self) -> Stages:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    @contextmanager
    def stage(self, name: str, total: int = 0) -> Iterator[Stage]:
        """Time a stage and show it under `name`; a failed one leaves no time."""
        started = time.monotonic()
        task = self._progress.add_task(name, total=total or None, note="")
        if not self._live:
            self._console.print(f"{name} …", highlight=False)
        yield Stage(self._progress, task)
        self.seconds[name] = round(time.monotonic() - started, 2)
        done = self._progress.tasks[task]
        self._progress.update(task, total=done.total or done.completed or 1)
        self._progress.update(task, completed=self._progress.tasks[task].total or 1, note="")
        if not self._live:
            self._console.print(f"{name}: {self.seconds[name]:.1f} s", highlight=False)
