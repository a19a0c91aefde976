"""What the line mode says of items, progress, the past and itself; no input here."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rlhf_tui.config.settings import LabelSettings
from rlhf_tui.hub.messages import HistoryEntry, StatsAnswer
from rlhf_tui.plain.marking import told
from rlhf_tui.plain.paper import Paper
from rlhf_tui.records import TaskKind
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_marks import marks_of_event
from rlhf_tui.screens.label_session import LabelSession

HELP = {
    "rank": """\
Rank: 2>1=3 or 2 1=3, best first; = is a tie. It is saved, and the next item comes.
  One that is left over comes last; more that are left over stay unranked.
= : all are equally good.  bad : all are bad, alone or behind an order.  unsure : cannot tell.
strength 3 : of a pair, how much better, 1 slightly to 4 much; before or behind the order.
y2 n1 : thumb up for 2, thumb down for 1.
submit : save what is marked as it is.""",
    "thumbs": """\
y : good.  n : bad.  It is saved, and the next item comes.
submit : save what is marked as it is.""",
    "both": """\
aspect helpful 1=4 2=3 : rate completions for an aspect; 0 takes a point back.
critique TEXT : a critique; 'critique' alone takes lines up to one with a full stop only.
edit 2 : write completion 2 better; yours ranks above it. 'edit' alone takes the best so far.
  edit 2 dull => slow : with these words for those.
write TEXT : an answer of your own, ranked best; 'write' alone takes several lines, as critique
  does. 'write' and 'edit 2' open your editor where VISUAL or EDITOR names one.
tags a,b : tags; 'tags' alone takes them away.  clear : take all marks back.
skip REASON : leave this item.  skipped : take up skipped items, or go on with new ones.
flag REASON : tell whoever runs this that something is wrong with the item.
undo, redo : take back the last mark or judgement, without limit; do it again.
history WORDS : what you judged, newest first.  revise 3 : judge the third of them anew.
r : read all again.  r 2 : read completion 2.  r 2 all : without pages.  prompt : the prompt.
more : go on with a long text.  guidelines, stats, help.  An empty line looks for new items.
quit : leave; what is half-made is kept. Ctrl-C and the end of the input do the same.""",
}


def greet(paper: Paper, kind: TaskKind, workspace: str, annotator: str) -> None:
    what = "Ranking" if kind == "rank" else "Thumbs"
    paper.say(f"{what} in {workspace}, as {annotator}. 'help' tells what can be said.")


def item(paper: Paper, session: LabelSession, work: Work) -> None:
    """All of an item, and what is marked on it already."""
    count = len(work.completions)
    number = "" if session.only else f"{session.mine} judged by you, {session.open} open. "
    what = f"{count} completions." if session.kind == "rank" else "One completion."
    paper.say()
    paper.say(f"{number}{what}")
    prompt(paper, work)
    # The longest comes last where it is cut, so that `more` goes on with what was heard.
    for pane in range(1, count + 1):
        completion(paper, session.kind, work, pane)
    marks(paper, session, work)


def prompt(paper: Paper, work: Work, *, whole: bool = False) -> None:
    paper.read("Prompt:", work.item.prompt.prompt, whole=whole)


def completion(paper: Paper, kind: TaskKind, work: Work, pane: int, *, whole: bool = False) -> None:
    one = work.completions[pane - 1]
    heading = f"Completion {pane}" if kind == "rank" else "Completion"
    if pane > len(work.item.completions):
        heading += ", written by you"
    if one.finish_reason == "length":
        heading += ", cut at its length limit"
    paper.read(f"{heading}:", one.completion, whole=whole)


def marks(paper: Paper, session: LabelSession, work: Work) -> None:
    """What is marked so far, if anything is."""
    words = told(work.marks, work.shown, ranking=session.kind == "rank")
    if work.revises is not None:
        paper.say("You judged this before; 'submit' or a new judgement replaces it, 'skip' leaves.")
    if words:
        paper.say(f"Marked so far: {words}.")


def nothing(paper: Paper, session: LabelSession) -> None:
    """Why there is no item."""
    counts = session.counts
    if session.problem and not session.asked:
        paper.say(f"No items: {session.problem}")
    elif session.skipped:
        paper.say("No skipped items are left. 'skipped' goes back to new ones.")
    elif not counts.tasks:
        paper.say("There is nothing to judge yet: completions are needed first.")
    elif counts.judgements + counts.skipped < counts.judgements_wanted:
        paper.say(
            f"Nothing is open for you now: {counts.judgements} of {counts.judgements_wanted} are "
            "judged, and others are at the rest."
        )
    else:
        paper.say(f"All is judged: {session.mine} by you, {counts.judgements} in all.")
        if counts.skipped:
            paper.say(f"You skipped {counts.skipped}: 'skipped' takes them up.")
    paper.say("An empty line looks again, 'quit' leaves.")


def past(paper: Paper, entries: Sequence[HistoryEntry]) -> None:
    """Numbered lines of the history."""
    if not entries:
        paper.say("Nothing found in your history.")
    for number, entry in enumerate(entries, 1):
        event = entry.event
        if event.kind == "skip":
            did = "skipped" + (f" ({event.reason})" if event.reason else "")
        else:
            ranking = entry.kind == "rank"
            did = told(marks_of_event(event, event.shown), event.shown, ranking=ranking) or "judged"
        if entry.flagged:
            did += f"; flagged: {entry.flagged}"
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(event.created_ms / 1000))
        start = " ".join(entry.prompt.split())[:100]
        paper.say(f"{number}. {when}, {did}. Prompt: {start}")
    if entries:
        paper.say(
            "Numbers are those of the order in which you saw them then. 'revise 1' judges anew."
        )


def statistics(paper: Paper, session: LabelSession, answer: StatsAnswer, name: str) -> None:
    """One's own counts and figures, each with what it rests on."""
    counts = session.counts
    paper.say(f"{session.mine} judged by you, {session.open} open, {counts.skipped} skipped.")
    paper.say(f"{counts.judgements} of {counts.judgements_wanted} wanted judgements by all.")
    mine = next((one for one in answer.report.annotators if one.annotator == name), None)
    if mine is None:
        return
    if mine.per_hour is not None:
        paper.say(f"{mine.per_hour:.0f} judgements an hour of active time.")
    for figure, words in (
        (mine.others, "agreement with others"),
        (mine.self_consistency, "the same said twice"),
    ):
        if figure is not None and figure.value is not None:
            paper.say(f"{figure.value:.0%} {words}, of {figure.cases}. {figure.rule}")


def choices(paper: Paper, settings: LabelSettings) -> None:
    """What this workspace offers to say."""
    for words, names in (
        ("Aspects", settings.aspects),
        ("Tags", settings.tags),
        ("Reasons to flag", settings.flag_reasons),
        ("Reasons to skip", settings.skip_reasons),
    ):
        if names:
            paper.say(f"{words}: {', '.join(names)}.")
