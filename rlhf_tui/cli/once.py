"""`dashboard --once`: the runs and one of them in detail as plain text or JSON, for logs and CI.

Read from files alone: no hub is started, and nothing is drawn on a terminal.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from rlhf_tui.cli.output import printable, say, say_json
from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard_curves import drawing_of, panels_of
from rlhf_tui.screens.dashboard_directories import read_runs
from rlhf_tui.screens.dashboard_files import FileSource
from rlhf_tui.screens.dashboard_pane import Watched
from rlhf_tui.screens.dashboard_source import ACTIVE, place_of
from rlhf_tui.screens.widgets.canvas import unicode_terminal
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.chart_data import Look
from rlhf_tui.screens.widgets.chart_plot import render
from rlhf_tui.screens.widgets.run_list import duration, state_word, steps
from rlhf_tui.screens.widgets.run_list_head import KINDS, left_of
from rlhf_tui.tracking.follow import Follower, RunFollower
from rlhf_tui.tracking.foreign.scan import Scanner, check
from rlhf_tui.tracking.rules.finding import Finding
from rlhf_tui.tracking.rules.judge import judge
from rlhf_tui.tracking.rules.view import situation
from rlhf_tui.tracking.rules.words import at
from rlhf_tui.workspace import Workspace

WIDTH = 100
"""Columns without a terminal: what most logs show without wrapping."""
NARROWEST = 43
"""Columns of a chart below which a second one beside it does not pay."""
CHART_ROWS = 9
MOST_CHARTS = 6
MOST_RUNS = 20
MOST_METRICS = 40
LOG_LINES = 8


@dataclass(frozen=True)
class Snapshot:
    """All that is told."""

    infos: list[RunInfo]
    chosen: Watched | None
    findings: list[Finding]
    waiting: str = ""


def print_once(
    place: Workspace | None,
    run: str,
    files: Sequence[Path],
    *,
    width: int,
    height: int,
    ascii_only: bool,
    json: bool,
) -> None:
    """Print how the runs stand.

    Args:
        place: the workspace; None with files.
        run: the one to tell of; empty: the first active one, else the newest.
        width, height: columns and lines at most; 0: as the terminal has, or as it takes.

    Raises:
        UsageError: no such run, or nothing in the files that can be shown.
    """
    taken = take(place, run, files)
    if json:
        say_json(as_json(taken))
        return
    columns = width or (shutil.get_terminal_size((WIDTH, 0)).columns if _on_terminal() else WIDTH)
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    ascii_only = ascii_only or encoding != "utf8" or not unicode_terminal()
    lines = text(taken, max(40, columns), ascii_only=ascii_only)
    for line in lines[: height or None]:
        say(line)


def take(place: Workspace | None, run: str, files: Sequence[Path]) -> Snapshot:
    """Read the list of runs, and all of the chosen one."""
    source = FileSource(files) if files else None
    if source is not None:
        check(Scanner(files).scan())
        infos = sorted(source.look(), key=place_of)
    else:
        assert place is not None
        infos = sorted(read_runs(place.runs), key=place_of)
    if run and all(info.run_id != run for info in infos):
        raise UsageError(
            f"There is no run {run!r}.", hint=nearest(run, [info.run_id for info in infos])
        )
    info = next((i for i in infos if i.run_id == run), infos[0] if infos else None)
    if info is None:
        return Snapshot([], None, [], source.waiting if source else "There are no runs yet.")
    follower = source.follow(info) if source else RunFollower(Path(info.directory))
    while True:
        batch = follower.read()
        follower.take(batch)
        if not batch.more:
            break
    if source is not None:
        # What was read tells more of it than the glance of the list.
        infos = sorted(source.look(), key=place_of)
        info = next(i for i in infos if i.run_id == info.run_id)
    return Snapshot(infos, Watched(info, follower), _judged(info, follower))


def _judged(info: RunInfo, follower: Follower) -> list[Finding]:
    return judge(
        info.kind,
        follower.series,
        follower.samples,
        follower.distributions,
        follower.machine,
        info.arguments.arguments if info.arguments else None,
        situation(
            info.state,
            info.status,
            info.exit,
            message=info.message,
            lost=info.lost,
            now=time.time(),
        ),
    )


def _on_terminal() -> bool:
    return sys.stdout.isatty()


# --- as text --------------------------------------------------------------------------------------


def text(taken: Snapshot, width: int, *, ascii_only: bool) -> list[str]:
    """The snapshot as lines of at most `width` characters."""
    lines = _list(taken.infos, width)
    if taken.chosen is None:
        return [*lines, taken.waiting]
    chosen = taken.chosen
    lines += ["", *_head(chosen)]
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


def _list(infos: list[RunInfo], width: int) -> list[str]:
    rows = [[i.run_id[: width // 2], state_word(i), steps(i), i.title] for i in infos[:MOST_RUNS]]
    head = ["RUN", "STATE", "STEP", "TITLE"]
    wide = [max(len(row[n]) for row in [head, *rows]) for n in range(3)]
    lines = [
        "  ".join([*(row[n].ljust(wide[n]) for n in range(3)), row[3]])
        for row in ([head, *rows] if rows else [])
    ]
    more = len(infos) - len(rows)
    return [*lines, f"and {more} more"] if more > 0 else lines


def _head(chosen: Watched) -> list[str]:
    info, follower = chosen.info, chosen.follower
    what = ", ".join(part for part in (KINDS.get(info.kind, info.kind), info.title) if part)
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
    return [*lines, message] if message else lines


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


# --- as JSON --------------------------------------------------------------------------------------


def as_json(taken: Snapshot) -> dict[str, Any]:
    """The same facts for scripts; a number that is not finite is null."""
    document: dict[str, Any] = {"runs": [_brief(info) for info in taken.infos], "run": None}
    chosen = taken.chosen
    if chosen is None:
        return document | {"message": taken.waiting}
    left = left_of(chosen.info, chosen.follower)
    document["run"] = _brief(chosen.info) | {
        "directory": chosen.info.directory,
        "message": chosen.info.message,
        "problem": chosen.follower.problem,
        "seconds_left": None if left is None else round(left, 1),
        "metrics": {
            name: {
                "step": one.steps[-1],
                "value": one.last if math.isfinite(one.last) else None,
                "points": len(one),
            }
            for name, one in chosen.follower.series.items()
            if len(one)
        },
        "warnings": [
            {
                "rule": finding.rule.id,
                "severity": finding.severity,
                "step": finding.step,
                "sentence": finding.sentence,
                "change": list(finding.rule.change),
            }
            for finding in taken.findings
            if finding.holds
        ],
        "log": [line for line in chosen.follower.log.shown if line.strip()][-LOG_LINES:],
    }
    return document


def _brief(info: RunInfo) -> dict[str, Any]:
    return {
        "run_id": info.run_id,
        "kind": info.kind,
        "state": state_word(info),
        "title": info.title,
        "step": info.status.step if info.status else 0,
        "total_steps": info.status.total_steps if info.status else 0,
    }
