"""The dashboard of files and directories that a person named: without a workspace and its hub."""

from __future__ import annotations

import asyncio

from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_files import FileSource
from rlhf_tui.screens.dashboard_pane import Source
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.tracking.foreign.scan import passed_over

LOOK_S = 2.0
"""How often one that waits for its first log looks for it."""


class FilesScreen(DashboardScreen):
    """The same screen over `FileSource`."""

    def on_mount(self) -> None:
        self._read: set[str] = set()
        # Textual calls the one of the class above by itself.
        self.set_interval(LOOK_S, self._look_while_empty)
        self.run_worker(work(self._say_what_is_passed_over))

    async def _say_what_is_passed_over(self) -> None:
        if told := await asyncio.to_thread(passed_over, self.program.files):
            self.notify(told, severity="warning", timeout=10, markup=False)

    def _workspace_source(self) -> Source:
        return FileSource(self.program.files)

    async def _read_runs(self) -> bool:
        more = await super()._read_runs()
        if not more and self.followed and self.followed.info.run_id not in self._read:
            # Read to its end for the first time: now its step and its end are known.
            self._read.add(self.followed.info.run_id)
            self.look_again()
        return more

    def _look_while_empty(self) -> None:
        if not self.runs.infos:
            self.look_again()

    def tell_head(self) -> None:
        super().tell_head()
        if self.runs.chosen is None and isinstance(self.source, FileSource):
            self.head.tell(None, self.source.waiting)
