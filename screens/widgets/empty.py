"""What a labelling screen says when there is nothing to judge: why, and what to do next."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from rlhf_tui.screens.label_session import LabelSession
from rlhf_tui.screens.theme import Glyphs


def nothing_to_label(
    session: LabelSession, glyphs: Glyphs, key: Callable[[str], str], *, connected: bool
) -> Content:
    """A heading and a few lines of advice, by what the hub said last.

    Args:
        key: how the key of a row of the table is shown.
    """
    skipped, leave, generate = key("label.skipped"), key("leave"), key("home.generate")
    counts = session.counts
    judged = "ranked" if session.kind == "rank" else "rated"
    if not session.asked:
        if session.problem:
            return _say("The hub does not answer.", session.problem)
        return _say(f"Fetching items{glyphs.more}")
    if not connected:
        return _say(
            "The hub is away.",
            "It is being called again; what you judged is kept on this machine.",
        )
    if session.skipped:
        return _say("No skipped items are left.", f"{skipped}  back to new items")
    lines = []
    if counts.skipped:
        lines.append(f"{skipped}  take up the {counts.skipped} you skipped")
    if not counts.tasks:
        return _say(
            f"Nothing can be {judged} yet.",
            f"Completions are needed first: {leave}, then {generate} generates them with a model,",
            "or bring your own: rlhf-tui import FILE",
            *lines,
        )
    if counts.judgements + counts.skipped < counts.judgements_wanted:
        return _say(
            f"Nothing is open for you now: {session.mine} {judged} by you, "
            f"{counts.judgements} of {counts.judgements_wanted} in all.",
            *lines,
            "The rest waits for other people; what they leave comes here by itself.",
        )
    return _say(
        f"All is {judged}: {session.mine} by you, {counts.judgements} in all.",
        *lines,
        f"{leave}  back; then {key('home.train')} trains a model on it, {generate} generates more "
        "completions",
        "New items appear here by themselves.",
    )


def _say(heading: str, *lines: str) -> Content:
    return Content.assemble((heading, "bold"), *[("\n\n" + line, "") for line in lines])
