"""What goes wrong in the chosen run, what it means and what to change; counted on its tab."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard_pane import Pane, Seen
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.log_view import PagedView
from rlhf_tui.screens.widgets.run_list_head import KINDS
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.screens.widgets.wrapping import wrap
from rlhf_tui.tracking.follow import Follower
from rlhf_tui.tracking.rules.finding import Finding, order
from rlhf_tui.tracking.rules.judge import Pace, looks, rules_for
from rlhf_tui.tracking.rules.view import Situation, View, situation
from rlhf_tui.tracking.rules.words import at

SIGNS = {"critical": ("!!", "CRITICAL", "bad"), "warning": ("!", "WARNING", "warn"),
         "note": ("i", "NOTE", "accent")}  # fmt: skip
"""Of each severity the sign, the word, and the style, which only repeats them."""
OVER = ("-", "OVER", "dim")
MOST_WIDTH = 100
"""Cells of a line: longer ones are hard to read."""


class WarningsPane(PagedView, Pane):
    """The findings, what holds first. It looks at the run also while another pane is seen."""

    TITLE = "warnings"

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs, follow=False)
        self.findings: list[Finding] | None = None
        """None before the first look."""
        self._laid: tuple[object, ...] = ()
        """What the rows are laid out of."""
        self._info: RunInfo | None = None
        self._follower: Follower | None = None
        self._arguments: dict[str, Any] | None = None
        """None until they are read."""
        self._stood: tuple[object, ...] = ()
        self._dirty = False
        self._pace = Pace()

    def heed(self, seen: Seen) -> None:
        chosen = seen.run
        if chosen is None:
            self._info, self._follower, self.findings, self.flagged = None, None, None, 0
            return
        info = chosen.info
        if self._follower is not chosen.follower:
            self._follower, self._info, self.findings, self.flagged = chosen.follower, info, None, 0
            self.top, self._pace, self._dirty, self._arguments = 0, Pace(), True, None
            self.run_worker(
                work(self._read_arguments, seen, info), group="arguments", exclusive=True
            )
        stands = (info.state, info.lost, info.exit)
        news = seen.batch is None or not seen.batch.empty or stands != self._stood or info.lost
        self._info, self._stood = info, stands
        self._dirty = self._dirty or news
        # A first look at half of the lines would have to wait for the second.
        half = seen.batch is None or seen.batch.more
        known = self._arguments is not None and not (half and self.findings is None)
        if self._dirty and known and self._pace.due():
            self._dirty = False
            self.run_worker(work(self._judge, info, chosen.follower), group="judge", exclusive=True)

    async def _read_arguments(self, seen: Seen, info: RunInfo) -> None:
        found = await seen.source.details(info)
        self._arguments = found.arguments if found else {}

    async def _judge(self, info: RunInfo, follower: Follower) -> None:
        """Rule by rule: keys have their turn in between."""
        view = View(
            info.kind,
            follower.series,
            samples=follower.samples,
            distributions=follower.distributions,
            machine=follower.machine,
            arguments=self._arguments,
            state=_situation(info),
        )
        found, spent, began = [], 0.0, time.monotonic()
        for finding in looks(view):
            if finding is not None:
                found.append(finding)
            spent += time.monotonic() - began
            await asyncio.sleep(0)
            began = time.monotonic()
        self._pace.took(spent)
        if follower is not self._follower:
            return
        self.findings = order(found)
        held = [f for f in self.findings if f.holds and f.severity != "note"]
        self.flagged = len(held)
        self.flag_style = "bad" if any(f.severity == "critical" for f in held) else "warn"
        self.relayout()

    def tell(self, seen: Seen) -> None:
        self.relayout()

    def relayout(self) -> None:
        """Lay the findings out for the width that there is."""
        width, info = min(MOST_WIDTH, self.size.width), self._info
        of = (info and (info.run_id, info.state, info.message), self.findings, width)
        if width and of != self._laid:
            self._laid = of
            self.fill(rows(info, self.findings, width, self.glyphs))
        else:
            self.move(0)

    def line(self, by: int) -> None:
        self.move(by)


def _situation(info: RunInfo) -> Situation:
    return situation(
        info.state, info.status, info.exit, message=info.message, lost=info.lost, now=time.time()
    )


def rows(
    info: RunInfo | None, findings: list[Finding] | None, width: int, glyphs: Glyphs
) -> list[Row]:
    """All rows of the pane.

    Args:
        info: None when no run is chosen.
        findings: None before the first look.
    """
    if info is None:
        return [[("No run chosen.", "dim")]]
    if findings is None:
        return [[("Looking at its figures.", "dim")]]
    laid = [*wrap([_summary(info, findings)], width), []]
    if info.state == "failed" and info.message:
        # Above the panes there is a single row for it.
        laid += [*wrap([(info.message, "bad")], width), []]
    if not findings:
        looked = ", ".join(rule.title[0].lower() + rule.title[1:] for rule in rules_for(info.kind))
        told = f"Looked for: {looked}. What each means is in docs/warnings.md."
        laid += wrap([(told, "dim")], width)
    for finding in findings:
        laid += [*_finding(finding, width, glyphs), []]
    return [[(_seen(text, glyphs), style) for text, style in row] for row in laid]


def _summary(info: RunInfo, findings: list[Finding]) -> tuple[str, str]:
    if info.kind == "log":
        looked = "Rules look at it by the names of its metrics."
    else:
        kind = KINDS.get(info.kind, info.kind)
        looked = f"{len(rules_for(info.kind))} rules look at a run of this kind ({kind})."
    holding = [f for f in findings if f.holds]
    if not findings and info.state == "queued":
        return f"Nothing to judge yet. {looked}", "dim"
    if not findings:
        return f"Nothing looks wrong. {looked}", "good"
    parts = []
    for severity in ("critical", "warning", "note"):
        number = sum(f.severity == severity for f in holding)
        if number:
            word = severity if severity == "critical" or number == 1 else f"{severity}s"
            parts.append(f"{number} {word}")
    if len(findings) > len(holding):
        parts.append(f"{len(findings) - len(holding)} over")
    style = "bad" if any(f.severity == "critical" for f in holding) else "warn"
    return f"{', '.join(parts)}. {looked}", style if holding else "dim"


def _finding(finding: Finding, width: int, glyphs: Glyphs) -> list[Row]:
    sign, word, style = SIGNS[finding.severity] if finding.holds else OVER
    since = f"since step {at(finding.step)}"
    if finding.until is not None:
        since = f"step {at(finding.step)} to {at(finding.until)}"
    rule = finding.rule
    head: list[Row] = wrap([(f"{sign:2} {word}  ", style), (rule.title, "strong")], width)
    used = sum(len(text) for text, _ in head[-1])
    tail = f"{rule.id} {glyphs.dot} {since}"
    if used + len(tail) + 2 <= width:
        head[-1].append((" " * (width - used - len(tail)) + tail, "dim"))
    else:
        head += _indented([(tail, "dim")], "   ", "   ", width)
    body = _indented([(finding.sentence, "")], "   ", "   ", width)
    if not finding.holds:
        return [*head, *body]
    body += _indented([(rule.means, "dim")], "   What it means: ", "   ", width, "accent")
    body.append([("   What to change:", "accent")])
    for advice in rule.change:
        body += _indented([(advice, "")], f"   {glyphs.dot} ", "     ", width, "accent")
    return [*head, *body]


def _indented(
    runs: list[tuple[str, str]], first: str, rest: str, width: int, style: str = ""
) -> list[Row]:
    """Wrapped text behind a lead; later lines stand behind a shorter one."""
    lead, begun = first[: len(rest)], first[len(rest) :]
    lines = wrap([(begun, style), *runs], max(8, width - len(rest)))
    return [[(rest if i else lead, "" if i else style), *line] for i, line in enumerate(lines)]


def _seen(text: str, glyphs: Glyphs) -> str:
    return clean(text, encoding=glyphs.encoding).text
