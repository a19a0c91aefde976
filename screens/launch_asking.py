"""Keeps the launch screen's summary up to date: asks the hub a little after each change."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from textual.worker import WorkType

from rlhf_tui.counting import count
from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import Preview, PreviewLaunch
from rlhf_tui.runs.environment import carried, secrets
from rlhf_tui.runs.reading import rows_read
from rlhf_tui.screens.launch_summary import Told

if TYPE_CHECKING:
    from rlhf_tui.screens.launch import LaunchScreen

SETTLED_S = 0.4
"""Without a change for so long, the hub is asked: who goes through a field's choices does not ask
for each."""
LOOK_S = 0.5
"""Between two looks at how far a file is read."""


class Asking:
    """What the hub said last of the form, and the way to something newer."""

    def __init__(self, screen: LaunchScreen) -> None:
        self._screen = screen
        self._asked: PreviewLaunch | None = None
        self.told = Told()

    def request(self, examples: int = 0) -> PreviewLaunch:
        """What the form comes to."""
        form = self._screen.form
        return PreviewLaunch(
            kind=form.kind,
            arguments=form.arguments,
            cwd=str(Path.cwd()),
            environment=carried(os.environ),
            secrets=secrets(os.environ),
            priority=form.priority,
            examples=examples,
        )

    def changed(self, *, examples: int, force: bool = False) -> None:
        """The form may have changed: ask anew if it has.

        Args:
            examples: to be rendered, where there is room to show them.
            force: also when nothing changed.
        """
        request = self.request(examples)
        if request == self._asked and not force:
            return
        if self._asked is None or self._asked.kind != request.kind:
            self.told.preview = None
        self._asked = request
        self.told.kind = request.kind
        self.told.asking = True

        async def ask() -> None:
            await self._ask(request)

        # Not the coroutine itself: of one that is superseded before it begins Python complains.
        work: WorkType[None] = ask
        self._screen.run_worker(work, group="preview", exclusive=True)

    async def _ask(self, request: PreviewLaunch) -> None:
        told = self.told
        await asyncio.sleep(SETTLED_S)
        watching = asyncio.create_task(self._watch(str(request.arguments.get("dataset", ""))))
        try:
            if request.examples:
                # The figures come at once, the rows some seconds later.
                plain = self.request()
                told.preview = await self._screen.link.call(plain, Preview)
                self._screen.draw_summary()
            told.preview = await self._screen.link.call(request, Preview)
            told.trouble = ""
        except RlhfError as error:
            told.preview, told.trouble = None, str(error)
        finally:
            watching.cancel()
        told.asking, told.reading = False, ""
        self._screen.draw_summary()

    async def _watch(self, dataset: str) -> None:
        """Say how far a file is read, for as long as that takes."""
        workspace = self._screen.program.workspace
        if not dataset or workspace is None:
            return
        file = Path(dataset).expanduser().absolute()
        while True:
            await asyncio.sleep(LOOK_S)
            rows = await asyncio.to_thread(rows_read, workspace.runs, file)
            if rows:
                self.told.reading = f"reading {file.name}: {count(rows, 'row')}; it can be left"
                self._screen.draw_summary()
