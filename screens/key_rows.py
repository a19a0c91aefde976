"""The rows of the one table of keys; `keys` makes bindings, footer, help and README of them.

Rules of the table: nothing needs Ctrl-S, Ctrl-Q, Ctrl-B, Alt or Esc, because terminals and
multiplexers keep those for themselves; every action has a plain key.
"""

from __future__ import annotations

from rlhf_tui.screens.key_row import Key
from rlhf_tui.screens.key_rows_runs import DASHBOARD, LAUNCH

# fmt: off
EVERYWHERE: tuple[Key, ...] = (
    Key("help", "question_mark", "help", "Show the keys of this screen", "everywhere", "Program"),
    Key("leave", "q", "leave", "Back to the screen before; from the first one, quit", "everywhere",
        "Program"),
    Key("quit", "ctrl+c", "leave_program", "Quit at once; nothing is lost", "everywhere",
        "Program"),
    Key("palette", "colon", "command_palette", "Find anything that can be done here by name",
        "everywhere", "Program"),
    Key("theme", "T", "next_theme", "Next colour theme", "everywhere", "Program"),
)

HOME: tuple[Key, ...] = (
    Key("home.rank", "r", "go('label:rank')", "Rank completions", "home", "Go to", "rank"),
    Key("home.thumbs", "t", "go('label:thumbs')", "Thumbs up or down", "home", "Go to", "thumbs"),
    Key("home.generate", "g", "go('launch:generate')", "Generate completions", "home", "Go to",
        "generate"),
    Key("home.train", "n", "go('launch:sft')", "New training run", "home", "Go to", "train"),
    Key("home.history", "h", "go('history')", "Your history: search, read again, revise", "home",
        "Go to", "history"),
    Key("home.review", "a", "go('review:rank')", "Settle what people disagree on (reviewers)",
        "home", "Go to"),
    Key("home.statistics", "s", "go('statistics')", "Statistics of the labelling", "home",
        "Go to"),
    Key("home.runs", "d", "go('dashboard')", "Runs and their curves", "home", "Go to", "runs"),
    Key("home.init", "i", "make_workspace", "Make a workspace in this directory", "home", "Start"),
)

RANK: tuple[Key, ...] = (
    Key("rank.pick", "1,2,3,4,5,6,7,8,9", "pick({key})", "Rank that completion next, best first",
        "rank", "Judge", "pick"),
    Key("rank.tie", "equals_sign", "tie", "The next pick ties with the last tier", "rank",
        "Judge", "tie"),
    Key("rank.bad", "b", "bad", "All of them are bad (again: take it back)", "rank", "Judge",
        "all bad"),
    Key("rank.unsure", "x", "unsure",
        "Unsure: no preference can be told, the order is put away (again: take it back)", "rank",
        "Judge", "unsure"),
    Key("rank.up", "left_square_bracket", "move(-1)",
        "Move the chosen completion, or the last pick, up a place", "rank", "Judge"),
    Key("rank.down", "right_square_bracket", "move(1)", "Move it down a place", "rank", "Judge"),
    Key("rank.stronger", "greater_than_sign", "strength(1)",
        "Of a pair: a stronger preference, slightly to much", "rank", "Judge"),
    Key("rank.weaker", "less_than_sign", "strength(-1)", "Of a pair: a weaker preference", "rank",
        "Judge"),
    Key("rank.thumb-up", "y,plus", "thumb(1)",
        "Thumb up for the chosen completion, or the next one without a thumb", "rank", "Judge"),
    Key("rank.thumb-down", "n,minus", "thumb(0)", "Thumb down, likewise", "rank", "Judge"),
    Key("rank.fast", "F", "fast", "Fast mode: of a pair 1, 2, =, b or x judges and goes on",
        "rank", "Judge"),
    Key("rank.submit", "enter", "submit", "Submit: one left over comes last, more stay unranked",
        "rank", "Judge", "submit"),
)

THUMBS: tuple[Key, ...] = (
    Key("thumbs.up", "y,plus", "thumb(1)", "Good: thumb up, and on to the next", "thumbs", "Judge",
        "good"),
    Key("thumbs.down", "n,minus", "thumb(0)", "Bad: thumb down, and on to the next", "thumbs",
        "Judge", "bad"),
)

LABEL: tuple[Key, ...] = (
    Key("label.undo", "u", "undo", "Undo: the last pick, then the last judgement", "label",
        "Judge", "undo"),
    Key("label.redo", "U", "redo", "Redo what was undone", "label", "Judge"),
    Key("label.skip", "s", "skip", "Skip this item", "label", "Judge", "skip"),
    Key("label.skip-reason", "z", "skip_reason", "Skip this item with a reason", "label", "Judge"),
    Key("label.skipped", "S", "skipped", "Take up the items you skipped, or go on with new ones",
        "label", "Judge"),
    Key("label.aspects", "a", "aspects", "Rate the completions for each aspect", "label",
        "Say more", "aspects"),
    Key("label.critique", "c", "critique", "Write a critique", "label", "Say more", "critique"),
    Key("label.tags", "t", "tags", "Give tags", "label", "Say more"),
    Key("label.flag", "exclamation_mark", "flag", "Flag this item, with a reason", "label",
        "Say more"),
    Key("label.edit", "e", "edit", "Edit the chosen completion; the edit ranks above it", "label",
        "Say more", "edit"),
    Key("label.write", "w", "write", "Write an answer of your own, ranked best", "label",
        "Say more"),
    Key("label.history", "h", "history", "Your history: search, read again, revise", "label",
        "Say more"),
    Key("label.down", "j,down", "scroll(1)", "Scroll down a line", "label", "Read", "scroll"),
    Key("label.up", "k,up", "scroll(-1)", "Scroll up a line", "label", "Read"),
    Key("label.page-down", "pagedown,space", "page(1)", "Scroll down a page", "label", "Read"),
    Key("label.page-up", "pageup", "page(-1)", "Scroll up a page", "label", "Read"),
    Key("label.half-down", "ctrl+d", "half(1)", "Scroll down half a page", "label", "Read"),
    Key("label.half-up", "ctrl+u", "half(-1)", "Scroll up half a page", "label", "Read"),
    Key("label.top", "home", "jump(-1)", "To the beginning", "label", "Read"),
    Key("label.bottom", "end", "jump(1)", "To the end", "label", "Read"),
    Key("label.next-pane", "tab", "pane(1)", "Choose what scrolls: all, prompt, 1, 2 …", "label",
        "Read", "pane"),
    Key("label.previous-pane", "shift+tab", "pane(-1)", "The same, backwards", "label", "Read"),
    Key("label.full", "f", "full", "One completion on the whole screen, and back", "label", "Read",
        "full"),
    Key("label.diff", "d", "diff", "Show what differs, word by word, and back", "label", "Read",
        "diff"),
    Key("label.search", "slash", "search", "Search in prompt and completions", "label", "Read"),
    Key("label.next-match", "full_stop", "match(1)", "Next match", "label", "Read"),
    Key("label.previous-match", "comma", "match(-1)", "Previous match", "label", "Read"),
    Key("label.guidelines", "g", "guidelines", "The guidelines, and back", "label", "Read"),
    Key("label.markdown", "m", "markdown", "Markdown as it was written, and back", "label",
        "Read"),
)

HISTORY: tuple[Key, ...] = (
    Key("history.open", "enter", "open", "Open the chosen item, to read or revise it", "history",
        "Items", "open"),
    Key("history.down", "j,down", "move(1)", "Next item, an older one", "history", "Items",
        "choose"),
    Key("history.up", "k,up", "move(-1)", "Item before it", "history", "Items"),
    Key("history.page-down", "pagedown,space", "page(1)", "A page of items on", "history",
        "Items"),
    Key("history.page-up", "pageup,b", "page(-1)", "A page of items back", "history", "Items"),
    Key("history.first", "home,0", "first", "The newest item", "history", "Items"),
    Key("history.search", "slash", "search", "Search in prompts, completions and what you wrote",
        "history", "Find", "search"),
    Key("history.state", "f", "state", "Only judged, skipped or flagged items; then all",
        "history", "Find", "filter"),
    Key("history.kind", "t", "kind", "Only rankings, only thumbs; then both", "history", "Find",
        "kind"),
    Key("history.votes", "v", "votes", "How others judged the chosen item", "history", "Items",
        "votes"),
)
"""Rows of the history."""

REVIEW: tuple[Key, ...] = (
    Key("review.votes", "v", "votes", "All that people said of the item, and back", "review",
        "Review", "votes"),
    Key("review.kind", "K", "other_kind", "Rankings, or thumbs", "review", "Review"),
    Key("review.gold", "A", "gold", "Make what is marked now the item's known answer", "review",
        "Review"),
)
"""Rows of the review, beside those of ranking or thumbs."""

STATISTICS: tuple[Key, ...] = (
    Key("statistics.next-page", "tab,right,l", "page(1)", "Next page", "statistics", "Pages",
        "page"),
    Key("statistics.previous-page", "shift+tab,left,h", "page(-1)", "Previous page", "statistics",
        "Pages"),
    Key("statistics.view", "1,2,3,4,5,6", "view({key})",
        "You, people, agreement, bias, drift, more labels (those you may see)", "statistics",
        "Pages"),
    Key("statistics.down", "j,down", "scroll(1)", "Scroll down a line", "statistics", "Read",
        "scroll"),
    Key("statistics.kind", "t", "kind", "Statistics of rankings, or of thumbs", "statistics",
        "Pages", "rankings/thumbs"),
    Key("statistics.refresh", "r", "refresh", "Work the figures out anew", "statistics", "Pages",
        "refresh"),
    Key("statistics.up", "k,up", "scroll(-1)", "Scroll up a line", "statistics", "Read"),
    Key("statistics.page-down", "pagedown,space", "scroll_page(1)", "Scroll down a page",
        "statistics", "Read"),
    Key("statistics.page-up", "pageup,b", "scroll_page(-1)", "Scroll up a page", "statistics",
        "Read"),
)
"""Rows of the statistics screen."""

ASK: tuple[Key, ...] = (
    Key("ask.choose", "1,2,3,4,5,6,7,8,9", "choose({key})", "Take that line of the list", "ask",
        "Lists"),
    Key("ask.down", "j,down,tab", "move(1)", "Next line", "ask", "Lists"),
    Key("ask.up", "k,up,shift+tab", "move(-1)", "Previous line", "ask", "Lists"),
    Key("ask.toggle", "space", "take", "Take the line, or give it back", "ask", "Lists"),
    Key("ask.another", "o", "another", "Write one that is not in the list", "ask", "Lists"),
    Key("ask.done", "enter", "done", "Done", "ask", "Lists"),
)
"""Rows of the lists of reasons and tags."""

ASPECTS: tuple[Key, ...] = (
    Key("aspects.rate", "1,2,3,4,5,6,7,8,9", "rate({key})", "Rate, and on to the next aspect",
        "aspects", "Aspects"),
    Key("aspects.clear", "backspace,0", "clear", "Take the point back", "aspects", "Aspects"),
    Key("aspects.down", "j,down", "move(1, 0)", "Next aspect", "aspects", "Aspects"),
    Key("aspects.up", "k,up", "move(-1, 0)", "Previous aspect", "aspects", "Aspects"),
    Key("aspects.right", "l,right,tab", "move(0, 1)", "Next completion", "aspects", "Aspects"),
    Key("aspects.left", "h,left,shift+tab", "move(0, -1)", "Previous completion", "aspects",
        "Aspects"),
    Key("aspects.page-down", "pagedown,space", "page(1)", "Scroll the completion down a page",
        "aspects", "Aspects"),
    Key("aspects.page-up", "pageup", "page(-1)", "Scroll it up a page", "aspects", "Aspects"),
    Key("aspects.done", "enter", "done", "Done", "aspects", "Aspects"),
)
"""Rows of the table of aspects."""
# fmt: on

KEYS: tuple[Key, ...] = (
    *HOME, *REVIEW, *RANK, *THUMBS, *LABEL, *ASK, *ASPECTS, *DASHBOARD, *LAUNCH, *HISTORY,
    *STATISTICS, *EVERYWHERE,
)  # fmt: skip
"""The table. Its order is the order of footer and help."""

TITLES = {
    "home": "Home",
    "rank": "Ranking",
    "thumbs": "Thumbs",
    "label": "Ranking and thumbs",
    "ask": "Lists of reasons and tags",
    "aspects": "Aspects",
    "dashboard": "Dashboard",
    "launch": "Launch",
    "history": "History",
    "review": "Review",
    "statistics": "Statistics",
    "everywhere": "Everywhere",
}
"""How the README calls them."""

ROOMS: dict[str, tuple[str, ...]] = {
    "Home": ("home",),
    "Ranking": ("rank", "label"),
    "Thumbs": ("thumbs", "label"),
    "Dashboard": ("dashboard",),
    "Launch": ("launch",),
    "History": ("history",),
    "Review of rankings": ("review", "rank", "label"),
    "Review of thumbs": ("review", "thumbs", "label"),
    "Statistics": ("statistics",),
}
"""Rows that hold at the same time, beside those of `everywhere`: a key has one meaning there."""

DIALOGS: dict[str, tuple[str, ...]] = {"Lists": ("ask",), "Aspects": ("aspects",)}
"""The same of dialogs, where the rows of `everywhere` do not hold."""
