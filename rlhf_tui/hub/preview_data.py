"""Snapshots for previews: made as a launch makes them, beside the runs, and removed again."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.config.options import EvaluateOptions, Options, TrainOptions
from rlhf_tui.config.settings import Settings
from rlhf_tui.dataset import from_file
from rlhf_tui.dataset.snapshot import data_of, write_snapshot
from rlhf_tui.dataset.summary import Summary, summary
from rlhf_tui.hub.beside import run_beside
from rlhf_tui.hub.hub import Hub
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.reading import SCRATCH
from rlhf_tui.store.database import Store

PREFIX = ".preview-"
KEPT_S = 300.0
"""How long a snapshot is there for the next request."""
MOST_KEPT = 3


class Kept(msgspec.Struct):
    """A snapshot on the disk, for a while."""

    key: str
    directory: Path
    summary: Summary

    @property
    def dataset(self) -> Path:
        return self.directory / layout.DATASET

    @property
    def split(self) -> str:
        """The file whose rows are shown."""
        return next(iter(self.summary.manifest.rows))


class Snapshots:
    """Those of one hub; used on the event loop's thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._kept: dict[str, Kept] = {}
        self._ends: dict[str, asyncio.Task[None]] = {}
        self._one = asyncio.Lock()
        self._cleared = False

    async def get(self, kind: RunKind, options: Options, settings: Settings) -> Kept:
        """The data set that a run would get, made now or a while ago.

        Raises:
            RlhfError: as a launch's.
        """
        key = await self._key(kind, options, settings)
        # One at a time: a form that is gone through asks for each of its states.
        async with self._one:
            if key in self._kept:
                self._keep(key)
                return self._kept[key]
            await self._clear()
            directory = Path(
                await asyncio.to_thread(tempfile.mkdtemp, "", PREFIX, self._hub.workspace.runs)
            )
            try:
                await self._write(kind, options, directory, settings)
                found = await asyncio.to_thread(summary, directory / layout.DATASET)
            except BaseException:
                await _remove(directory)
                raise
            self._kept[key] = Kept(key, directory, found)
            self._keep(key)
            for old in list(self._kept)[:-MOST_KEPT]:
                self._ends[old].cancel()
            return self._kept[key]

    async def _key(self, kind: RunKind, options: Options, settings: Settings) -> str:
        """What decides about the rows: equal for equal data sets."""
        known: list[Any] = [kind, msgspec.to_builtins(data_of(kind, options))]
        if isinstance(options, EvaluateOptions):
            known += [options.model, options.split]
        if from_file.from_file(options):
            assert isinstance(options, TrainOptions | EvaluateOptions)
            state = await asyncio.to_thread(Path(options.dataset).stat)
            rules = settings.workspace
            known += [options.dataset, options.dataset_format, state.st_size, state.st_mtime_ns]
            known += [rules.seed, rules.validation, rules.test]
        else:
            known += await self._hub.read(_counts)
        return msgspec.json.encode(known).decode()

    async def _write(
        self, kind: RunKind, options: Options, directory: Path, settings: Settings
    ) -> None:
        target = directory / layout.DATASET
        if not from_file.from_file(options):
            await self._hub.read_at_length(write_snapshot, kind, options, target)
            return
        scratch = directory / SCRATCH
        await asyncio.to_thread(
            from_file.write_request, scratch, kind, options, target, settings.workspace
        )
        said = await run_beside(
            from_file.MODULE, scratch, what="The data set", limit_s=from_file.LIMIT_S
        )
        from_file.manifest_of(said)
        await _remove(scratch)

    def _keep(self, key: str) -> None:
        """Begin the time anew in which a snapshot is kept; it goes at the hub's end, too."""
        if key in self._ends:
            self._ends.pop(key).cancel()
            # Its directory stays: `_end` looks whether it still is the one that counts.
        self._kept[key] = self._kept.pop(key)
        self._ends[key] = asyncio.create_task(self._end(key))

    async def _end(self, key: str) -> None:
        me = asyncio.current_task()
        try:
            await asyncio.sleep(KEPT_S)
        finally:
            if self._ends.get(key) is me:
                del self._ends[key]
                kept = self._kept.pop(key)
                # At once: at the hub's end nothing is awaited any more.
                shutil.rmtree(kept.directory, ignore_errors=True)

    async def _clear(self) -> None:
        """Once: remove what a hub that was killed left."""
        if self._cleared:
            return
        self._cleared = True
        self._hub.workspace.runs.mkdir(exist_ok=True)
        for path in self._hub.workspace.runs.glob(f"{PREFIX}*"):
            await _remove(path)


async def _remove(directory: Path) -> None:
    await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


def _counts(store: Store) -> list[int]:
    """What grows with everything that is added or judged."""
    with store.reading() as con:
        ((events, prompts, completions),) = con.execute(
            """SELECT (SELECT coalesce(max(seq), 0) FROM events),
                (SELECT count(*) FROM prompts), (SELECT count(*) FROM completions)"""
        ).fetchall()
    return [int(events), int(prompts), int(completions)]
