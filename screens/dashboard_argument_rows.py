"""What there is to tell of a run's arguments, as sections of rows: names and values in groups."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.cells import cell_len

from rlhf_tui.config.meanings import defaults, differs, meaning
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.evaluation.model_wording import lines
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.compare_table import Entry, Section
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.wrapping import wrap
from rlhf_tui.tracking.patterns import Pattern

NARROWEST = 20
"""Cells that texts are wrapped for at least."""


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
