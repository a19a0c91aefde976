"""`dashboard --once` as text: the list, the chosen run's charts, warnings, last metrics and log."""

from __future__ import annotations

import time
from textwrap import wrap

from rlhf_tui.cli.once_snapshot import Snapshot
from rlhf_tui.cli.output import printable
from rlhf_tui.cli.run_names import marked
from rlhf_tui.screens.dashboard_curves import drawing_of, panels_of
from rlhf_tui.screens.dashboard_pane import Watched
from rlhf_tui.screens.dashboard_source import ACTIVE
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.chart_data import Look
from rlhf_tui.screens.widgets.chart_plot import render
from rlhf_tui.screens.widgets.run_list import duration, state_word, steps
from rlhf_tui.screens.widgets.run_list_head import KINDS, left_of
from rlhf_tui.tracking.rules.finding import Finding
from rlhf_tui.tracking.rules.words import at

NARROWEST = 43
"""Columns of a chart below which a second one beside it does not pay."""
CHART_ROWS = 9
MOST_CHARTS = 6
MOST_RUNS = 20
MOST_METRICS = 40
LOG_LINES = 8


def text(taken: Snapshot, width: int, *, ascii_only: bool) -> list[str]:
    """The snapshot as lines of at most `width` characters."""
    lines = _list(taken, width)
    if taken.chosen is None:
        return [*lines, taken.waiting]
    chosen = taken.chosen
    lines += [*([""] if lines else []), *_head(chosen)]
    lines += _charts(chosen, width, ascii_only)
    lines += _warnings(taken.findings, width)
    lines += _metrics(chosen, width)
    log = [line for line in chosen.follower.log.shown if line.strip()][-LOG_LINES:]
    if log:
        lines += ["", "log", *(f"  {line}" for line in log)]
    return [_fit(line, width, ascii_only) for line in lines]


def _fit(line: str, width: int, ascii_only: bool) -> str:
    line = printable(line).replace("\n", " ").expandtabs(4)
    if ascii_only:
        line = line.encode("ascii", "replace").decode()
    return line[:width].rstrip()


def _list(taken: Snapshot, width: int) -> list[str]:
    infos = taken.infos
    rows = [
        [info.run_id[: width // 2], state_word(info), steps(info), marked(info)]
        for info in infos[:MOST_RUNS]
    ]
    head = ["RUN", "STATE", "STEP", "TITLE"]
    wide = [max(len(row[n]) for row in [head, *rows]) for n in range(3)]
    lines = [
        "  ".join([*(row[n].ljust(wide[n]) for n in range(3)), row[3]])
        for row in ([head, *rows] if rows else [])
    ]
    more = len(infos) - len(rows) + taken.older
    return [*lines, f"and {more} more"] if more > 0 else lines


def _head(chosen: Watched) -> list[str]:
    info, follower = chosen.info, chosen.follower
    what = ", ".join(part for part in (KINDS.get(info.kind, info.kind), marked(info)) if part)
    lines = [f"{info.run_id}  {state_word(info)}  {what}"]
    facts = []
    if info.status is not None and info.status.step:
        step, total = info.status.step, info.status.total_steps
        share = f" of {total} ({min(1.0, step / total):.0%})" if total else ""
        facts.append(f"step {step}{share}")
    if info.started_ms:
        past = (info.ended_ms or time.time() * 1000) - info.started_ms
        facts.append(f"{duration(past / 1000)} so far" if not info.ended_ms
                     else f"took {duration(past / 1000)}")  # fmt: skip
    left = left_of(info, follower)
    if left is not None:
        facts.append(f"about {duration(left)} left")
    if facts:
        lines.append(", ".join(facts))
    message = follower.problem or info.message or (info.status.message if info.status else "")
    lines += [message] if message else []
    return [*lines, *(f"note: {line}" for line in info.note.splitlines())]


def _charts(chosen: Watched, width: int, ascii_only: bool) -> list[str]:
    panels = panels_of(chosen, [])[:MOST_CHARTS]
    if not chosen.follower.series:
        return ["", "No numbers yet."]
    columns = max(1, min(2 if width < 3 * NARROWEST else 3, width // NARROWEST, len(panels)))
    each = (width - 2 * (columns - 1)) // columns
    info = chosen.info
    look = Look(
        ascii_only=ascii_only,
        total_steps=float(info.status.total_steps if info.status else 0),
        live=info.state in ACTIVE,
    )
    arguments = {info.run_id: info.arguments.arguments} if info.arguments else {}
    encoding = "ascii" if ascii_only else "utf-8"
    lines: list[str] = []
    for first in range(0, len(panels), columns):
        row = [
            render(each, CHART_ROWS, drawing, look)
            for drawing in (
                drawing_of(panel, [chosen], [0], "step", arguments, encoding)
                for panel in panels[first : first + columns]
            )
        ]
        lines.append("")
        lines += [
            "  ".join("".join(part for part, _ in chart[y]).ljust(each) for chart in row)
            for y in range(CHART_ROWS)
        ]
    return lines


def _warnings(findings: list[Finding], width: int) -> list[str]:
    held = [finding for finding in findings if finding.holds]
    if not held:
        return ["", "No warnings."]
    lines = ["", "warnings"]
    for finding in held:
        lines += [
            f"  {finding.severity.upper()} {finding.rule.title} ({finding.rule.id}), since step "
            f"{at(finding.step)}",
        ]
        told = [finding.sentence]
        told += [f"Try: {finding.rule.change[0]}."] if finding.rule.change else []
        for sentence in told:
            lines += wrap(sentence, width, initial_indent="    ", subsequent_indent="    ")
    return lines


def _metrics(chosen: Watched, width: int) -> list[str]:
    series = chosen.follower.series
    if not series:
        return []
    cells = [(printable(name), number(one.last)) for name, one in series.items()][:MOST_METRICS]
    name_wide = min(max(len(name) for name, _ in cells), 40)
    each = name_wide + 12
    columns = max(1, width // each)
    told = [f"  {name[:name_wide].ljust(name_wide)} {value:>9}" for name, value in cells]
    rows = -(-len(told) // columns)
    lines = ["", "last metrics"]
    lines += ["".join(told[y::rows]) for y in range(rows)]
    left = len(series) - len(cells)
    return [*lines, f"  and {left} more"] if left else lines
