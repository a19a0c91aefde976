"""What a generate run wrote, in the samples pane: its newest completions, and where all are.

Such a run has no fixed prompts that it answers again and again: there are no samples to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rlhf_tui.counting import count
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.runs.layout import COMPLETIONS
from rlhf_tui.screens.dashboard_empty import ENDED
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.wrapping import wrap
from rlhf_tui.tracking.sampled import plain
from rlhf_tui.tracking.written import Written

LONGEST = 1000
"""Characters of a completion that are shown."""


def where(info: RunInfo, key: Callable[[str], str] | None) -> str:
    """Where a generate run's completions are, and which keys lead to them.

    Args:
        key: how the key of a row of the table is shown; None where there is no way home.
    """
    place = "/".join([*Path(info.directory).parts[-2:], COMPLETIONS])
    if key is None:
        return f"What it writes is in {place}."
    return (
        f"What it writes can be labelled as it comes: {key('leave')} leads home, where "
        f"{key('home.rank')} ranks it and {key('home.thumbs')} rates it. It is in {place}."
    )


def written_rows(
    info: RunInfo, written: Sequence[Written], told: str, width: int, glyphs: Glyphs
) -> list[Row]:
    """The sentence `told`, and the newest completions, the last one first."""

    def shown(text: str) -> str:
        return clean(text, encoding=glyphs.encoding).text

    rows = wrap([(shown(told), "dim")], width)
    if not written:
        none = "It wrote no completions." if info.state in ENDED else "No completions yet."
        return [[(none, "strong")], [], *rows]
    rows += [[], [(f"the newest {len(written)}" if len(written) > 1 else "the only one", "strong")]]
    before = ""
    for one in reversed(written):
        if one.prompt_id != before:
            before = one.prompt_id
            rows += [[], *wrap([(f"prompt {shown(one.prompt_id)}", "dim")], width)]
        facts = [count(one.tokens, "token") if one.tokens is not None else ""]
        facts.append("cut at its length limit" if one.finish_reason == "length" else "")
        text = plain(one.completion)
        head = ", ".join(filter(None, facts))
        cut: Row = [(f" [{len(text):,} characters]", "warn")] if len(text) > LONGEST else []
        body = [[("  ", ""), *row] for row in wrap([(shown(text[:LONGEST]), ""), *cut], width - 2)]
        rows += [*([[("  ", ""), (head, "accent")]] if head else []), *body]
    return rows
