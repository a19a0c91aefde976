"""What was judged, in words: for the rows and the details of the history."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from textual.content import Content

from rlhf_tui.hub.messages import HistoryEntry
from rlhf_tui.records import Event, TaskKind
from rlhf_tui.screens.label_words import STRENGTHS
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.text import clean

KINDS: dict[TaskKind, str] = {"rank": "ranking", "thumbs": "thumb"}


def judged(event: Event, glyphs: Glyphs, shown: Sequence[str] = ()) -> str:
    """A judgement or skip in a few words; panes by their number in the order shown.

    Args:
        shown: the panes as this person sees them, for somebody else's judgement.
    """
    if event.kind == "skip":
        return f"skipped: {plain_row(event.reason, glyphs)}" if event.reason else "skipped"
    panes = {one: pane for pane, one in enumerate(shown or event.shown, 1)}
    tier_of = dict(zip(event.shown, event.tiers, strict=False))
    parts = [order(tier_of, panes, glyphs)]
    if event.strength:
        parts.append(STRENGTHS[event.strength])
    if event.both_bad:
        parts.append("all bad")
    if event.unsure:
        parts.append("unsure")
    thumbs = dict(zip(event.shown, event.thumbs, strict=False))
    given = [
        (panes[one], thumb) for one, thumb in thumbs.items() if thumb is not None and one in panes
    ]
    for pane, thumb in sorted(given):
        word = "good" if thumb else "bad"
        parts.append(word if len(event.shown) == 1 else f"{pane} {word}")
    if event.written:
        parts.append("with a text of one's own")
    return ", ".join(part for part in parts if part) or "nothing"


def order(tier_of: dict[str, int | None], panes: dict[str, int], glyphs: Glyphs) -> str:
    """`2 › 1 = 3`; a text that this person does not see is a `*`."""
    tiers: dict[int, list[str]] = {}
    for one, tier in tier_of.items():
        if tier is not None:
            tiers.setdefault(tier, []).append(str(panes.get(one, "*")))
    groups = (" = ".join(sorted(tiers[tier])) for tier in sorted(tiers))
    return f" {glyphs.then} ".join(groups)


def plain_row(text: str, glyphs: Glyphs) -> str:
    """An untrusted text in one row."""
    return " ".join(clean(text, encoding=glyphs.encoding).text.split())


def when(event: Event, *, short: bool = False) -> str:
    """The date and time of day here; only the day with `short`."""
    at = datetime.datetime.fromtimestamp(event.created_ms / 1000)
    return at.strftime("%d %b" if short else "%d %b %Y %H:%M")


def row(entry: HistoryEntry, glyphs: Glyphs, *, chosen: bool, width: int) -> Content:
    """One line of the list."""
    event = entry.event
    marks = ("!" if entry.flagged else " ") + ("~" if entry.revisions else " ")
    what = judged(event, glyphs)
    parts = [(f"{glyphs.marker if chosen else ' '} ", "bold $accent")]
    parts.append((f"{when(event, short=width < 80)}  ", "$quiet"))
    if width >= 100:
        parts.append((f"{KINDS[entry.kind]:<9}", "$quiet"))
    room = max(12, min(28, width // 4))
    parts += [
        (f"{marks} ", "bold $error"),
        (f"{_fit(what, room, glyphs):<{room}}  ", "bold" if chosen else ""),
        (plain_row(entry.prompt, glyphs), "bold" if chosen else ""),
    ]
    return Content.assemble(*parts)


def _fit(text: str, cells: int, glyphs: Glyphs) -> str:
    return text if len(text) <= cells else text[: cells - len(glyphs.more)] + glyphs.more


def details(
    entry: HistoryEntry, glyphs: Glyphs, votes: Sequence[Event] | None, problem: str
) -> Content:
    """All that is told of one entry; `votes` are those of others, None when not asked for."""
    event = entry.event
    parts: list[tuple[str, str]] = [
        (f"{KINDS[entry.kind].capitalize()} of {when(event)}: ", "$quiet"),
        (judged(event, glyphs), "bold"),
    ]
    if entry.revisions:
        noun = "revision" if entry.revisions == 1 else "revisions"
        parts.append((f", after {entry.revisions} {noun}", "$quiet"))
    lines = [
        ("Flagged: ", entry.flagged),
        ("Critique: ", event.critique),
        ("Tags: ", ", ".join(event.tags)),
    ]
    for name, text in lines:
        if text:
            parts += [(f"\n{name}", "$quiet"), (plain_row(text, glyphs), "")]
    if problem:
        parts.append((f"\n{problem}", "$quiet"))
    elif votes is not None:
        parts.append(("\nOthers: " if votes else "\nNobody else has judged it yet.", "$quiet"))
        said = [f"{plain_row(v.annotator, glyphs)} {judged(v, glyphs, event.shown)}" for v in votes]
        parts.append((f"  {glyphs.dot}  ".join(said), ""))
    parts += [("\n", ""), (plain_row(entry.prompt, glyphs), "$quiet")]
    return Content.assemble(*parts)
