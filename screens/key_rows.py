"""The rows of the one table of keys; `keys` makes bindings, footer, help and README of them.

Rules of the table: nothing needs Ctrl-S, Ctrl-Q, Ctrl-B, Alt or Esc, because terminals and
multiplexers keep those for themselves; every action has a plain key.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One row of the table."""

    id: str
    """Unique, `screen.what`; the name under which a person's keymap may move it."""
    keys: str
    """Textual key names, comma-separated; the first one is shown in the footer."""
    action: str
    """The screen's action. `{key}` stands for the key pressed: one binding a key is made."""
    description: str
    """For the help and the README."""
    screen: str
    """everywhere | home | label (rank and thumbs alike) | rank | thumbs | ask | aspects |
    dashboard | launch | history | statistics."""
    group: str
    """The help's heading."""
    footer: str = ""
    """Its word in the footer; empty: not shown there. Earlier rows are kept longer when the
    terminal is narrow."""

    @property
    def per_key(self) -> bool:
        """Each key means something of its own, as the digits do."""
        return "{key}" in self.action


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

DASHBOARD: tuple[Key, ...] = (
    Key("dashboard.down", "j,down", "choose(1)", "Next run of the list", "dashboard", "Runs",
        "run"),
    Key("dashboard.up", "k,up", "choose(-1)", "Previous run of the list", "dashboard", "Runs"),
    Key("dashboard.next-view", "tab", "next_view(1)", "Next pane", "dashboard", "Panes", "pane"),
    Key("dashboard.previous-view", "shift+tab", "next_view(-1)", "Previous pane", "dashboard",
        "Panes"),
    Key("dashboard.view", "1,2,3,4,5,6,7,8", "view({key})",
        "Charts, samples, distributions, warnings, machine, log, arguments, data",
        "dashboard", "Panes"),
    Key("dashboard.search", "slash", "search",
        "Find: charts by name or regular expression; a text in the log or the samples",
        "dashboard", "Panes", "find"),
    Key("dashboard.next-match", "full_stop", "match(1)", "Next place that was found", "dashboard",
        "Panes"),
    Key("dashboard.previous-match", "comma", "match(-1)", "Place found before it", "dashboard",
        "Panes"),
    Key("dashboard.right", "right", "turn(1)",
        "Crosshair a step on, else the next page of charts; next step of samples and "
        "distributions", "dashboard", "Panes", "page"),
    Key("dashboard.left", "left", "turn(-1)", "The same, back", "dashboard", "Panes"),
    Key("dashboard.far-right", "shift+right,n", "turn(10)",
        "Crosshair ten steps on, else the next page; the last step of samples",
        "dashboard", "Panes"),
    Key("dashboard.far-left", "shift+left,N", "turn(-10)", "Crosshair ten steps back, else the page before; the first step", "dashboard", "Panes"),
    Key("dashboard.line-down", "J,shift+down", "line(1)", "Scroll down a line; the next prompt of "
        "the samples", "dashboard", "Panes"),
    Key("dashboard.line-up", "K,shift+up", "line(-1)", "The same, up", "dashboard", "Panes"),
    Key("dashboard.scroll-down", "pagedown,space", "scroll(1)", "A page down", "dashboard",
        "Panes"),
    Key("dashboard.scroll-up", "pageup,b", "scroll(-1)", "A page up", "dashboard", "Panes"),
    Key("dashboard.log", "l", "log", "Logarithmic y axis, and back", "dashboard", "Charts",
        "log y"),
    Key("dashboard.smooth", "s", "smooth", "Smoothing: off, 0.6, 0.9, 0.99", "dashboard",
        "Charts", "smooth"),
    Key("dashboard.full", "f", "full", "One chart on the whole pane, and back", "dashboard",
        "Charts", "full"),
    Key("dashboard.crosshair", "c", "crosshair", "Crosshair with values, and off", "dashboard",
        "Charts", "values"),
    Key("dashboard.axis", "t", "axis", "x axis: step, time, tokens, samples", "dashboard",
        "Charts", "x axis"),
    Key("dashboard.zoom-in", "plus_sign", "zoom(1)", "Zoom in, around the crosshair or the newest",
        "dashboard", "Charts"),
    Key("dashboard.zoom-out", "minus", "zoom(-1)", "Zoom out", "dashboard", "Charts"),
    Key("dashboard.zoom-all", "0", "zoom(0)", "The whole run again", "dashboard", "Charts"),
    Key("dashboard.pan-right", "right_square_bracket", "pan(1)", "Later part of what is zoomed",
        "dashboard", "Charts"),
    Key("dashboard.pan-left", "left_square_bracket", "pan(-1)", "Earlier part", "dashboard",
        "Charts"),
    Key("dashboard.overlay", "o", "overlay",
        "Compare: keep this run's curves and arguments beside those of others, and take it off",
        "dashboard", "Runs", "compare"),
    Key("dashboard.diff", "d", "diff", "Samples: side by side, or as a diff to the reference",
        "dashboard", "Samples"),
    Key("dashboard.label", "enter", "label", "Samples: rank this one against the reference's",
        "dashboard", "Samples"),
    Key("dashboard.stop", "x", "stop", "Stop the run, with a checkpoint (asks first)",
        "dashboard", "Runs", "stop"),
    Key("dashboard.resume", "r", "resume", "Go on with a stopped or failed run", "dashboard",
        "Runs", "resume"),
    Key("dashboard.earlier", "less_than_sign", "move(-1)", "A waiting run one place earlier",
        "dashboard", "Runs"),
    Key("dashboard.later", "greater_than_sign", "move(1)", "A waiting run one place later",
        "dashboard", "Runs"),
    Key("dashboard.priority", "p", "priority", "Priority of a waiting run", "dashboard", "Runs"),
    Key("dashboard.rename", "e", "rename", "Edit the run's title", "dashboard", "Runs"),
    Key("dashboard.note", "m", "note", "Write a note on the run (memo)", "dashboard", "Runs"),
    Key("dashboard.tag", "g", "tag", "Tags of the run", "dashboard", "Runs"),
    Key("dashboard.archive", "a", "archive", "Put the run away, or back", "dashboard", "Runs"),
    Key("dashboard.archived", "A", "archived", "Show the runs that were put away, and hide them",
        "dashboard", "Runs"),
    Key("dashboard.promote", "P", "promote", "Make its model the workspace's current policy",
        "dashboard", "Runs"),
    Key("dashboard.delete", "D", "delete", "Delete the run and its model (asks first)",
        "dashboard", "Runs"),
)
"""Rows of the dashboard's screens."""

LAUNCH: tuple[Key, ...] = (
    Key("launch.edit", "enter,space", "edit", "Change the value: type it, or the next choice",
        "launch", "Form", "change"),
    Key("launch.start", "s", "start", "Start the run", "launch", "Form", "start"),
    Key("launch.down", "j,down,tab", "move(1)", "Next option", "launch", "Form", "option"),
    Key("launch.up", "k,up,shift+tab", "move(-1)", "Previous option", "launch", "Form"),
    Key("launch.kind", "t", "kind(1)", "Next kind of run: generate, sft, rm, ppo, dpo …", "launch",
        "Form", "kind"),
    Key("launch.kind-back", "b", "kind(-1)", "The kind of run before it", "launch", "Form"),
    Key("launch.preview", "p", "preview",
        "The data set and the first examples, exactly as the model will see them", "launch",
        "Form", "preview"),
    Key("launch.copy", "y", "copy", "Copy the shell command", "launch", "Form", "copy"),
    Key("launch.all", "a", "all", "All options, or only the important ones", "launch", "Form",
        "all options"),
    Key("launch.next", "right,l", "turn(1)", "Next choice", "launch", "Form"),
    Key("launch.previous", "left,h", "turn(-1)", "Previous choice", "launch", "Form"),
    Key("launch.reset", "d,backspace", "reset", "The default again", "launch", "Form",
        "default"),
)
"""Rows of the launch screen."""

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
