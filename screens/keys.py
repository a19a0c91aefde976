"""The one table of keys: bindings, footer, the `?` help and the README's section come from it.

Rules of the table: nothing needs Ctrl-S, Ctrl-Q, Ctrl-B, Alt or Esc, because terminals and
multiplexers keep those for themselves; every action has a plain key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from textual.binding import Binding, BindingType


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
    """everywhere | home | label (rank and thumbs alike) | rank | thumbs | dashboard | launch."""
    group: str
    """The help's heading."""
    footer: str = ""
    """Its word in the footer; empty: not shown there. Earlier rows are kept longer when the
    terminal is narrow."""


# fmt: off
EVERYWHERE: tuple[Key, ...] = (
    Key("help", "question_mark", "help", "Show the keys of this screen", "everywhere", "Program"),
    Key("leave", "q", "leave", "Back to the screen before; from the first one, quit", "everywhere",
        "Program"),
    Key("quit", "ctrl+c", "leave_program", "Quit at once; nothing is lost", "everywhere",
        "Program"),
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
    Key("home.review", "a", "go('review')", "Settle what people disagree on (reviewers)", "home",
        "Go to"),
    Key("home.statistics", "s", "go('statistics')", "Statistics of the labelling", "home",
        "Go to"),
    Key("home.runs", "d", "go('dashboard')", "Runs and their curves", "home", "Go to", "runs"),
    Key("home.init", "i", "make_workspace", "Make a workspace in this directory", "home", "Start"),
)

RANK: tuple[Key, ...] = (
    Key("rank.pick", "1,2,3,4,5,6,7,8,9", "pick({key})", "Rank that completion next, best first",
        "rank", "Judge", "pick"),
    Key("rank.tie", "equals_sign", "tie", "The next pick ties with the one before", "rank",
        "Judge", "tie"),
    Key("rank.bad", "b", "bad", "All of them are bad (again: take it back)", "rank", "Judge",
        "all bad"),
    Key("rank.unsure", "x", "unsure", "Unsure: no preference can be told (again: take it back)",
        "rank", "Judge", "unsure"),
    Key("rank.up", "left_square_bracket", "move(-1)", "Move the last pick up a place", "rank",
        "Judge"),
    Key("rank.down", "right_square_bracket", "move(1)", "Move the last pick down a place", "rank",
        "Judge"),
    Key("rank.stronger", "greater_than_sign", "strength(1)",
        "Of a pair: a stronger preference, slightly to much", "rank", "Judge"),
    Key("rank.weaker", "less_than_sign", "strength(-1)", "Of a pair: a weaker preference", "rank",
        "Judge"),
    Key("rank.thumb-up", "y,plus", "thumb(1)",
        "Thumb up for the chosen completion, or the next one without a thumb", "rank", "Judge"),
    Key("rank.thumb-down", "n,minus", "thumb(0)", "Thumb down, likewise", "rank", "Judge"),
    Key("rank.fast", "F", "fast", "Fast mode: of a pair 1, 2 or = judges and goes on", "rank",
        "Judge"),
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
    Key("dashboard.next-view", "tab", "next_view(1)", "Next pane: charts, log, samples, arguments",
        "dashboard", "Panes", "pane"),
    Key("dashboard.previous-view", "shift+tab", "next_view(-1)", "Previous pane", "dashboard",
        "Panes"),
    Key("dashboard.view", "1,2,3,4", "view({key})", "Charts, log, samples, arguments",
        "dashboard", "Panes"),
    Key("dashboard.log", "l", "log", "Logarithmic y axis, and back", "dashboard", "Charts",
        "log y"),
    Key("dashboard.smooth", "s", "smooth", "Smoothing: off, 0.6, 0.9, 0.99", "dashboard",
        "Charts", "smooth"),
    Key("dashboard.full", "f", "full", "One chart on the whole pane, and back", "dashboard",
        "Charts", "full"),
    Key("dashboard.next-page", "n,right", "page(1)", "Next page of charts", "dashboard",
        "Charts", "page"),
    Key("dashboard.previous-page", "N,left", "page(-1)", "Previous page of charts", "dashboard",
        "Charts"),
    Key("dashboard.scroll-down", "pagedown,space", "scroll(1)", "Scroll down a page",
        "dashboard", "Panes"),
    Key("dashboard.scroll-up", "pageup,b", "scroll(-1)", "Scroll up a page", "dashboard",
        "Panes"),
    Key("dashboard.stop", "x", "stop", "Stop the run, with a checkpoint (asks first)",
        "dashboard", "Runs", "stop"),
    Key("dashboard.resume", "r", "resume", "Go on with a stopped or failed run", "dashboard",
        "Runs", "resume"),
)
"""Rows of the dashboard's screens."""

LAUNCH: tuple[Key, ...] = (
    Key("launch.edit", "enter,space", "edit", "Change the value: type it, or the next choice",
        "launch", "Form", "change"),
    Key("launch.start", "s", "start", "Start the run", "launch", "Form", "start"),
    Key("launch.down", "j,down,tab", "move(1)", "Next option", "launch", "Form", "option"),
    Key("launch.up", "k,up,shift+tab", "move(-1)", "Previous option", "launch", "Form"),
    Key("launch.kind", "t", "kind(1)", "Next kind of run: generate, sft, rm, ppo", "launch",
        "Form", "kind"),
    Key("launch.all", "a", "all", "All options, or only the important ones", "launch", "Form",
        "all options"),
    Key("launch.next", "right,l", "turn(1)", "Next choice", "launch", "Form"),
    Key("launch.previous", "left,h", "turn(-1)", "Previous choice", "launch", "Form"),
    Key("launch.reset", "d,backspace", "reset", "The default again", "launch", "Form",
        "default"),
)
"""Rows of the launch screen."""
# fmt: on

KEYS: tuple[Key, ...] = (*HOME, *RANK, *THUMBS, *LABEL, *DASHBOARD, *LAUNCH, *EVERYWHERE)
"""The table. Its order is the order of footer and help."""

TITLES = {
    "home": "Home",
    "rank": "Ranking",
    "thumbs": "Thumbs",
    "label": "Ranking and thumbs",
    "dashboard": "Dashboard",
    "launch": "Launch",
    "everywhere": "Everywhere",
}
NAMES = {
    "question_mark": "?", "equals_sign": "=", "plus": "+", "minus": "-", "enter": "Enter",
    "space": "Space", "tab": "Tab", "shift+tab": "Shift-Tab", "pagedown": "PgDn",
    "pageup": "PgUp", "up": "Up", "down": "Down", "left": "Left", "right": "Right",
    "home": "Home", "end": "End", "slash": "/", "ctrl+c": "Ctrl-C", "left_square_bracket": "[",
    "right_square_bracket": "]", "comma": ",", "full_stop": ".", "less_than_sign": "<",
    "greater_than_sign": ">", "exclamation_mark": "!", "backspace": "Backspace",
}  # fmt: skip
"""How Textual's key names are written for people."""


def shown(key: Key, *, first: bool = False) -> str:
    """The keys of a row as people know them: `1-9`, `j Down`; only the first with `first`."""
    names = [NAMES.get(name, name) for name in key.keys.split(",")]
    if len(names) > 2 and all(len(name) == 1 and name.isdigit() for name in names):
        return f"{names[0]}-{names[-1]}"
    return names[0] if first else " ".join(names)


def of(*screens: str) -> list[Key]:
    """The rows of these screens, in the table's order."""
    return [key for key in KEYS if key.screen in screens]


def bindings(*screens: str) -> list[BindingType]:
    """Textual bindings of the rows of these screens.

    All have priority, so that Tab, Enter and the arrows reach the screen first; a screen with
    text inputs should ask for `plain_bindings`.
    """
    return list(_bindings(of(*screens), priority=True))


def plain_bindings(*screens: str) -> list[BindingType]:
    """The same without priority: a focused input takes the letters it can use."""
    return list(_bindings(of(*screens), priority=False))


def _bindings(rows: Iterable[Key], *, priority: bool) -> Iterator[Binding]:
    for row in rows:
        for name in row.keys.split(","):
            yield Binding(
                name,
                row.action.format(key=name),
                row.description,
                show=bool(row.footer),
                priority=priority,
                id=row.id if "," not in row.keys else f"{row.id}.{name}",
            )


def footer(width: int, *screens: str) -> list[tuple[str, str]]:
    """(key, word) pairs that fit into `width` cells; the first rows of the table stay longest.

    The way to the help is always there: with it every other key is found.
    """
    last = [("?", "help"), ("q", "leave")]
    free = width - sum(len(key) + len(word) + 3 for key, word in last)
    chosen: list[tuple[str, str]] = []
    for row in of(*screens):
        if not row.footer:
            continue
        key = shown(row, first=True)
        free -= len(key) + len(row.footer) + 3
        if free < 0:
            break
        chosen.append((key, row.footer))
    return chosen + last


def help_groups(*screens: str) -> dict[str, list[tuple[str, str]]]:
    """The help of a room: heading → (keys, description), its own rows first."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for row in of(*screens, "everywhere"):
        groups.setdefault(row.group, []).append((shown(row), row.description))
    return groups


def markdown() -> str:
    """The README's section on keys, as a Markdown table."""
    lines = ["| Screen | Key | What it does |", "|---|---|---|"]
    for row in KEYS:
        keys = " ".join(f"`{name}`" for name in shown(row).split(" "))
        lines.append(f"| {TITLES[row.screen]} | {keys} | {row.description} |")
    return "\n".join(lines)
