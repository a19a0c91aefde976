"""The data set of the run, and its lineage: from prompts and labels to the policy, and on."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard_pane import Pane, Seen
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.lineage_rows import lineage_rows
from rlhf_tui.screens.widgets.log_view import PagedView
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.tracking import labelled
from rlhf_tui.tracking.labelled import can_tell
from rlhf_tui.tracking.lineage import (
    Known,
    Node,
    read_known,
    read_workspace,
    tree,
    with_judged,
)
from rlhf_tui.tracking.manifest import Manifest, facts, read_manifest

FOREIGN = "Another program wrote this: it tells neither of a data set nor of other runs."


class DataPane(PagedView, Pane):
    """The chosen run's data set and lineage, read when another run is chosen or one changes."""

    TITLE = "data"

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs, follow=False)
        self._of: tuple[object, ...] = ()
        self._infos: dict[str, RunInfo] = {}
        self._roots: list[Node] = []
        self._known: Mapping[str, Known] = {}
        self._manifest: Manifest | None = None
        self._problem = ""
        self._looked_up: tuple[Path, frozenset[str]] | None = None
        self._judged: dict[str, list[str]] = {}

    def tell(self, seen: Seen) -> None:
        if seen.run is None:
            self._of = ()
            self.fill([])
            return
        info = seen.run.info
        # Of what was opened by its path the list has the name of the directory.
        self._infos = {_own_id(one): one for one in [*seen.infos, info]}
        states = tuple((one.run_id, one.state, one.archived, one.current) for one in seen.infos)
        of = (info.run_id, info.directory, states)
        if of == self._of:
            return
        if self._of[:1] != of[:1]:
            self.top = 0
        self._of = of
        self.run_worker(work(self._read, info), group="data", exclusive=True)

    async def _read(self, info: RunInfo) -> None:
        self._problem = FOREIGN if info.kind == "log" else ""
        self._manifest, self._roots, self._known = None, [], {}
        if not self._problem:
            directory = Path(info.directory)
            try:
                self._manifest = await asyncio.to_thread(read_manifest, directory)
            except InputError as error:
                self._problem = error.message
            except OSError as error:
                self._problem = f"Cannot read {info.run_id}: {error.strerror}."
            self._known = await asyncio.to_thread(_family, directory)
            itself = _own_id(info)
            if self._problem and itself not in self._known:
                # Somebody else's files: that it came from nowhere would be untrue.
                self.relayout()
                return
            self._roots = tree(itself, self._known)
            self.relayout()
            judged = await self._look_up(directory.parent, self._known)
            self._known = with_judged(self._known, judged)
            self._roots = tree(itself, self._known)
        self.relayout()

    async def _look_up(self, runs: Path, known: Mapping[str, Known]) -> dict[str, list[str]]:
        """Whose completions the data sets judge; looked up anew when there are other runs."""
        of = (runs, frozenset(known))
        if of != self._looked_up:
            self._judged = {}
            if await asyncio.to_thread(can_tell, runs, known):
                self._judged = await _labelled(runs)
            self._looked_up = of
        return self._judged

    def relayout(self) -> None:
        if not self._of:
            return
        width = max(20, self.size.width)
        if self._problem == FOREIGN:
            self.fill([[(line, "dim")] for line in textwrap.wrap(FOREIGN, width)])
            return
        rows: list[Row] = []
        if self._roots:
            rows.append([("where it comes from, and what came of it", "accent")])
            rows += lineage_rows(self._roots, self._known, self._infos, width, self.glyphs)
            rows.append([])
        rows.append([("data set", "accent")])
        self.fill(rows + self._data_rows(width))

    def _data_rows(self, width: int) -> list[Row]:
        if self._problem:
            told = clean(self._problem, encoding=self.glyphs.encoding).text
            return [[(f"  {line}", "bad")] for line in textwrap.wrap(told, width - 2)]
        if self._manifest is None:
            return [[("  None is recorded in its directory.", "dim")]]
        rows: list[Row] = []
        for note in self._manifest.notes:
            told = clean(note, encoding=self.glyphs.encoding).text
            rows += [[(f"  {line}", "")] for line in textwrap.wrap(told, width - 2)]
        for name, value in facts(self._manifest):
            rows += self._pair(name, value, width)
        return rows

    def _pair(self, name: str, value: str, width: int) -> list[Row]:
        """A name and its value, which goes on below itself where it is long."""
        name, value = (clean(one, encoding=self.glyphs.encoding).text for one in (name, value))
        head = f"  {name:<18} " if len(name) <= 18 else f"  {name} "
        parts = textwrap.wrap(value, max(12, width - len(head))) or [""]
        rows: list[Row] = [[(head, "dim"), (parts[0], "")]]
        return rows + [[(" " * len(head) + part, "")] for part in parts[1:]]

    def line(self, by: int) -> None:
        self.move(by)


async def _labelled(runs: Path) -> dict[str, list[str]]:
    """The same in a process of its own, which may take its time; {} where it could not say."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", labelled.__name__, str(runs)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return {}
    try:
        told, _ = await process.communicate()
        return msgspec.json.decode(told, type=dict[str, list[str]])
    except msgspec.DecodeError:
        return {}
    finally:
        if process.returncode is None:
            # Another run was chosen meanwhile, or the screen has gone.
            process.kill()
            await process.wait()


def _own_id(info: RunInfo) -> str:
    """The id by which a run was launched, and by which others name it."""
    return info.arguments.run_id if info.arguments else info.run_id


def _family(directory: Path) -> dict[str, Known]:
    """The runs that lie beside this one, and itself."""
    found = read_workspace(directory.parent)
    itself = read_known(directory)
    return found | ({itself.arguments.run_id: itself} if itself else {})
