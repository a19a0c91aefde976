"""A run's arguments, what was measured of its model, and the runs kept for comparison beside it.

What was set stands out; with other runs what differs comes first, in a column each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.screens.dashboard_argument_rows import (
    NARROWEST,
    fact_sections,
    rows_of,
    said,
    said_section,
    sections,
)
from rlhf_tui.screens.dashboard_pane import Pane, Seen, Source, Watched, words
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.compare_table import Section, columns_that_fit, table
from rlhf_tui.screens.widgets.log_view import PagedView
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.tracking.comparison import compare
from rlhf_tui.tracking.manifest import read_manifest
from rlhf_tui.tracking.patterns import Pattern, pattern
from rlhf_tui.tracking.subjects import Subject, read_measured
from rlhf_tui.tracking.views import PaneLayout


class ArgumentsPane(PagedView, Pane):
    """The chosen run's arguments, read when another run is chosen and when it has ended."""

    TITLE = "arguments"
    FINDS = "Arguments and metrics by name"
    WORDS = words()

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs, follow=False)
        self._of: Sequence[tuple[str, str]] = ()
        self._sections: Callable[[int], list[Section]] = _none
        """What there is to tell, for a width in cells."""
        self._subjects: list[Subject] = []
        self._first = 1
        """Of the other runs, the one beside the chosen one."""
        self._wanted: Pattern | None = None

    def take_layout(self, layout: PaneLayout) -> None:
        try:
            self._wanted = pattern(layout.sought) if layout.sought else None
        except UsageError:
            self._wanted = None
        self.sought = layout.sought if self._wanted else ""

    def tell(self, seen: Seen) -> None:
        if seen.run is None:
            self._of, self._sections, self._subjects = (), _none, []
            self.fill([])
            return
        watched = [seen.run, *seen.others]
        of = tuple((one.info.run_id, one.info.state + said(one.info)) for one in watched)
        if of == self._of and seen.batch is not None:
            if self._subjects and seen.batch.rows:
                self._refill()
            return
        if [run for run, _ in of] != [run for run, _ in self._of]:
            self._first, self.top = 1, 0
        self._of = of
        read = work(self._read, seen.source, watched)
        self.run_worker(read, group="arguments", exclusive=True)

    async def _read(self, source: Source, watched: list[Watched]) -> None:
        chosen = watched[0].info
        arguments = await source.details(chosen)
        measured = await source.measured(chosen)
        subjects = []
        if len(watched) > 1:
            subjects = [await _subject(source, one) for one in watched]
        facts = await source.facts(chosen) if chosen.kind == "log" else {}

        def told(width: int) -> list[Section]:
            found = sections(chosen, arguments, measured, self.glyphs, width)
            if chosen.kind == "log":
                found = fact_sections(chosen, facts, self.glyphs)
            people = said(chosen) and chosen.kind != "log"
            return [said_section(chosen, width, self.glyphs), *found] if people else found

        self._sections, self._subjects = told, subjects
        self._refill()

    def _refill(self) -> None:
        beside: list[Section] = []
        # Without any as long as the pane is not laid out.
        width = max(NARROWEST, self.size.width)
        if self._subjects:
            found = compare(self._subjects)
            beside = table(found, self._first, width, self.glyphs)
        above = rows_of(beside, self._wanted)
        rows = rows_of(self._sections(width), self._wanted, width)
        self.fill([*above, *([[]] if above and rows else []), *rows])

    def relayout(self) -> None:
        self._refill()

    def turn(self, by: int) -> None:
        """The other runs' columns, one to the left or right."""
        fit = columns_that_fit(self.size.width, len(self._subjects))
        last = max(1, len(self._subjects) - fit + 1)
        self._first = max(1, min(last, self._first + by))
        self._refill()

    def line(self, by: int) -> None:
        self.move(by)

    def find(self, query: str) -> str:
        query = query.strip()
        try:
            wanted = pattern(query) if query else None
        except UsageError as error:
            return str(error)
        before, self._wanted = self._wanted, wanted
        self._refill()
        if wanted is not None and (wanted.problem or not self.all_rows):
            self._wanted = before
            self._refill()
            return wanted.problem or f"No argument's name holds {query!r}."
        self.sought, self.top = query, 0
        self._refill()
        return ""

    def notes(self) -> tuple[str, str]:
        told = f"only {self.sought!r}" if self.sought else ""
        if self._subjects:
            told = f"{len(self._subjects)} runs{', ' if told else ''}{told}"
        return told, f"/{self.sought}" if self.sought else ""


async def _subject(source: Source, watched: Watched) -> Subject:
    """A run as it is followed; what cannot be read of it is left out."""
    info, directory = watched.info, Path(watched.info.directory)
    manifest, measured = None, dict[str, float]()
    with suppress(InputError, OSError):
        manifest = await asyncio.to_thread(read_manifest, directory)
    with suppress(InputError, OSError):
        measured = await asyncio.to_thread(read_measured, directory)
    return Subject(
        run_id=info.run_id,
        kind=info.kind,
        state=info.state,
        title=info.title,
        arguments=await source.details(info),
        manifest=manifest,
        series=watched.follower.series,
        measured=measured,
        directory=directory,
    )


def _none(width: int) -> list[Section]:
    return []
