"""A run's arguments, what was measured of its model, and the runs kept for comparison beside it.

What was set stands out; with other runs what differs comes first, in a column each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from rich.cells import cell_len
from textual.worker import WorkType

from rlhf_tui.config.meanings import defaults, differs, meaning
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.evaluation.model_wording import lines
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.screens.dashboard_pane import Pane, Seen, Source, Watched, words
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.compare_table import Entry, Section, columns_that_fit, table
from rlhf_tui.screens.widgets.log_view import PagedView
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.wrapping import wrap
from rlhf_tui.tracking.comparison import compare
from rlhf_tui.tracking.manifest import read_manifest
from rlhf_tui.tracking.patterns import Pattern, pattern
from rlhf_tui.tracking.subjects import Subject, read_measured
from rlhf_tui.tracking.views import PaneLayout

NARROWEST = 20
"""Cells that texts are wrapped for at least."""


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
        # Not called yet: the next run may be chosen before this one is begun to be read.
        read: WorkType[None] = partial(self._read, seen.source, watched)
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


def rows_of(found: list[Section], wanted: Pattern | None, width: int | None = None) -> list[Row]:
    """All rows, or those whose name a search wants, under their headings.

    Args:
        width: of the pane in cells: a value that is longer goes on below itself.
    """
    rows: list[Row] = []
    for heading, entries in found:
        kept = [
            row
            for name, told in entries
            if wanted is None or (name and wanted.holds(name))
            for one in told
            for row in (_below_itself(one, width) if width is not None and name else [one])
        ]
        if kept or (wanted is None and heading):
            rows += [*([[]] if rows else []), *heading, *kept]
    return rows


def _below_itself(row: Row, width: int) -> list[Row]:
    """A name and its value in rows of a width."""
    name, *value = row
    indent = len(name[0])
    if sum(cell_len(text) for text, _ in row) <= width or width - indent < NARROWEST // 2:
        return [row]
    first, *others = wrap(value, width - indent)
    return [[name, *first], *([(" " * indent, ""), *other] for other in others)]


def sections(
    info: RunInfo,
    arguments: RunArguments | None,
    measured: Evaluation | None,
    glyphs: Glyphs,
    width: int,
) -> list[Section]:
    """Names and values, grouped; figures on held-out rows first, where there are any.

    Args:
        width: in cells, of the sentences on the figures.
    """
    found: list[Section] = []
    if measured is not None:
        first, *others = lines(measured, min(width, 80))
        told: list[Row] = [[(clean(line, encoding=glyphs.encoding).text, "")] for line in others]
        found.append(([[(first, "accent")]], [("", told)]))
    if arguments is None:
        unread: Row = [("Its arguments cannot be read.", "dim")]
        return [*found, _group("run", {"directory": info.directory}, glyphs), ([unread], [])]
    facts = {
        "directory": info.directory,
        "device": arguments.device,
        "recipe": arguments.recipe,
        "started in": arguments.cwd,
        **arguments.environment,
    }
    found.append(_group("run", facts, glyphs))
    if arguments.lineage:
        found.append(_group("starts from", arguments.lineage, glyphs))
    found.append(_arguments(arguments, glyphs))
    if arguments.versions:
        found.append(_group("versions", arguments.versions, glyphs))
    return found


def said(info: RunInfo) -> str:
    """What people say of a run, in one text: empty where they say nothing."""
    marks = ["current policy"] * info.current + ["archived"] * info.archived
    return "\n".join(filter(None, [info.title, " ".join(info.tags), *marks, info.note]))


def said_section(info: RunInfo, width: int, glyphs: Glyphs) -> Section:
    """Title, tags and marks of a run, and its note in whole."""
    marks = ["current policy"] * info.current + ["archived"] * info.archived
    values = {"title": info.title, "tags": " ".join(info.tags), "marks": ", ".join(marks)}
    heading, entries = _group("said of it", values, glyphs)
    if info.note:
        note = clean(info.note, encoding=glyphs.encoding).text
        lines_of_note = wrap([(note, "")], max(NARROWEST, width - 30))
        named: list[Row] = [
            [(f"  {'note' if n == 0 else '':<24} ", "dim"), *line]
            for n, line in enumerate(lines_of_note)
        ]
        entries.append(("note", named))
    return heading, entries


def fact_sections(info: RunInfo, facts: dict[str, dict[str, Any]], glyphs: Glyphs) -> list[Section]:
    """What the log of another program knows, in its groups."""
    found = [_group("log", {"path": info.directory}, glyphs)]
    for title, values in facts.items():
        shown = clean(title, encoding=glyphs.encoding).text
        # A zero is told as well.
        told = {k: v or str(v) for k, v in values.items() if v not in (None, "")}
        found.append(_group(shown, told, glyphs))
    if not facts:
        found.append(([[("It tells of no arguments.", "dim")]], []))
    return found


def _arguments(arguments: RunArguments, glyphs: Glyphs) -> Section:
    kind = arguments.kind
    default = defaults(kind)
    changed = {k: v for k, v in arguments.arguments.items() if differs(default.get(k, v), v)}

    def row(name: str, value: Any, style: str) -> Row:
        meant = meaning(kind, name, value)
        return [*_pair(name, value, glyphs, style), *([(f"   {meant}", "dim")] if meant else [])]

    entries: list[Entry] = []
    for name, value in changed.items():
        usual = (f"   default {_text(default[name], glyphs)}", "dim")
        entries.append((name, [[*row(name, value, "strong"), usual]]))
    entries += [
        (name, [row(name, value, "dim")])
        for name, value in arguments.arguments.items()
        if name not in changed
    ]
    heading: Row = [("arguments", "accent"), ("   those that differ from the default first", "dim")]
    return [heading], entries


def _group(title: str, values: dict[str, str], glyphs: Glyphs) -> Section:
    return (
        [[(title, "accent")]],
        [(name, [_pair(name, value, glyphs, "")]) for name, value in values.items() if value],
    )


def _pair(name: str, value: Any, glyphs: Glyphs, style: str) -> Row:
    name = clean(name, encoding=glyphs.encoding).text
    return [(f"  {name:<24} ", "dim"), (_text(value, glyphs), style)]


def _text(value: Any, glyphs: Glyphs) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return clean(text or '""', encoding=glyphs.encoding).text.replace("\n", " ")
