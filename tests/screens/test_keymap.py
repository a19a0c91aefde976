"""Keys that people move: read, checked before the screen opens, and effective everywhere."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pexpect
import pytest
from helpers import Cli, Result, refused
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from rlhf_tui.app import RlhfApp
from rlhf_tui.config.keys import KeysTable, read_keys
from rlhf_tui.config.settings import load_settings
from rlhf_tui.config.template import template
from rlhf_tui.errors import UsageError
from rlhf_tui.screens import key_names, keys
from rlhf_tui.screens.help import HelpScreen
from rlhf_tui.screens.keymap import PRESETS, Keymap, load_keymap, moved, personal_keys
from rlhf_tui.screens.widgets.statusline import KeyLine
from rlhf_tui.workspace import Workspace

Until = Callable[..., Awaitable[None]]


def on_a_terminal(cwd: Path, *arguments: str) -> Result:
    """`rlhf-tui ARGUMENTS` on a terminal, to its end; what it wrote stands in `err`."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "rlhf_tui.cli", *arguments],
        cwd=str(cwd),
        dimensions=(24, 1000),
        encoding="utf-8",
        timeout=90,
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None, child.signalstatus
    return Result(child.exitstatus, "", str(child.before))


def keys_of(found: Keymap, id: str) -> list[str]:
    return next(keys.names_of(row) for row in found.table if row.id == id)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Enter", "enter"),
        ("return", "enter"),
        ("space", "space"),
        (" ", "space"),
        ("?", "question_mark"),
        ("question_mark", "question_mark"),
        (",", "comma"),
        ("+", "plus"),
        ("-", "minus"),
        ("ctrl+n", "ctrl+n"),
        ("Ctrl-N", "ctrl+n"),
        ("ctrl++", "ctrl+plus"),
        ("ctrl+m", "enter"),
        ("shift+tab", "shift+tab"),
        ("Shift-Tab", "shift+tab"),
        ("shift+a", "A"),
        ("PgDn", "pagedown"),
        ("Page Up", "pageup"),
        ("F", "F"),
        ("f5", "f5"),
        ("é", "é"),
    ],
)
def test_keys_are_read_as_people_write_them(written: str, name: str) -> None:
    assert key_names.parse(written, "a file") == name


@pytest.mark.parametrize("written", ["entr", "", "ctrl+", "hyper+x", "\x1b", "ab"])
def test_what_is_no_key_is_told(written: str) -> None:
    with pytest.raises(UsageError, match="a file is not a key"):
        key_names.parse(written, "a file")


@given(st.sampled_from([name for row in keys.KEYS for name in keys.names_of(row)]))
def test_what_the_screens_show_can_be_written(name: str) -> None:
    assert key_names.parse(key_names.shown(name), "a file") == name


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_one_meaning_for_a_key_in_every_room(preset: str) -> None:
    found = load_keymap(KeysTable(preset), Path("rlhf.toml"))  # type: ignore[arg-type]
    changed = {row.id for row, old in zip(found.table, keys.KEYS, strict=True) if row != old}
    assert changed == set(PRESETS[preset])


def test_a_clash_names_both_ids_the_file_and_the_key(workspace: Workspace, cli: Cli) -> None:
    workspace.config.write_text('[keys]\n"rank.submit" = "space"\n')
    for arguments in (["label"], ["label", "--mode", "thumbs"], []):
        refused(
            on_a_terminal(cli.cwd, *arguments),
            2,
            "Space",
            "'rank.submit'",
            "'label.page-down'",
            "[keys] of",
            "rlhf.toml",
        )


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        ({"rank.submitt": ["x"]}, ["'rank.submitt'", "'rank.submit'"]),
        ({"nonsense": ["x"]}, ["'nonsense'", "README"]),
        ({"rank.submit": ["entre"]}, ["'entre'", "'enter'"]),
        ({"rank.pick": ["a", "b"]}, ["'rank.pick'", "9 keys", "They are 2"]),
        ({"help": []}, ["'help'", "must keep"]),
        ({"leave": [""]}, ["'leave'", "must keep"]),
        ({"theme": ["u"]}, ["u stands for", "'theme'", "'label.undo'"]),
        ({"rank.pick": ["1"] * 9}, ["'rank.pick'", "1 twice"]),
    ],
)
def test_a_mistake_is_told_in_a_sentence(moves: dict[str, list[str]], words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        moved({id: (names, "keys.toml") for id, names in moves.items()})
    for word in [*words, "keys.toml"]:
        assert word in str(caught.value)


def test_two_rows_can_change_places() -> None:
    found = moved({"label.undo": (["c"], "a file"), "label.critique": (["u"], "a file")})
    assert (keys_of(found, "label.undo"), keys_of(found, "label.critique")) == (["c"], ["u"])


def test_the_workspaces_keys_and_ones_own_over_them(workspace: Workspace) -> None:
    workspace.config.write_text(
        '[keys]\nlabel.undo = "ctrl+z"\n"label.redo" = ["ctrl+y", "U"]\ntheme = ""\n'
    )
    table = load_settings(workspace, {}).keys
    found = load_keymap(table, workspace.config)
    assert keys_of(found, "label.undo") == ["ctrl+z"]
    assert keys_of(found, "label.redo") == ["ctrl+y", "U"]
    assert keys_of(found, "theme") == []

    personal_keys().parent.mkdir(parents=True)
    personal_keys().write_text('"label.undo" = "f2"\n')
    found = load_keymap(table, workspace.config)
    assert (keys_of(found, "label.undo"), keys_of(found, "theme")) == (["f2"], [])

    personal_keys().write_text('[keys]\npreset = "vim"\n')
    found = load_keymap(table, workspace.config)
    assert keys_of(found, "label.next-match") == ["n", "full_stop"]
    assert keys_of(found, "label.undo") == ["u"]


DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = {
    "rlhf.toml": [line.removeprefix("#   ") for line in template({}).splitlines()],
    "annotators.md": (DOCS / "annotators.md").read_text(encoding="utf-8").splitlines(),
    "running-a-labelling.md": (DOCS / "running-a-labelling.md").read_text("utf-8").splitlines(),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_docs_can_be_used(name: str) -> None:
    lines = [line.strip() for line in EXAMPLES[name]]
    example = [line for line in lines if line.startswith(('"rank.', '"label.', 'preset = "vim'))]
    assert len(example) >= 2
    table = read_keys(tomllib.loads("\n".join(example)), name)
    changed = load_keymap(table, Path(name))
    assert keys_of(changed, "label.markdown") == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"preset": "emacs"}, ["preset", "'emacs'", "vim"]),
        ({"rank.submit": 3}, ["rank.submit", "3", "no key"]),
        ({"rank": {"submit": [1]}}, ["rank.submit", "no key"]),
    ],
)
def test_a_table_of_another_form_is_told(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        read_keys(values, "keys.toml")
    for word in [*words, "keys.toml"]:
        assert word in str(caught.value)


def test_a_broken_file_of_ones_own_is_told(workspace: Workspace, cli: Cli) -> None:
    personal_keys().parent.mkdir(parents=True)
    personal_keys().write_text("preset =")
    refused(on_a_terminal(cli.cwd, "label"), 2, "keys.toml", "not valid TOML")


async def test_moved_keys_work_and_the_old_ones_do_not(
    make_app: Callable[..., RlhfApp], fake: Any, until: Until
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    found = moved(
        {
            "rank.pick": (list("asdfghjkl"), "a file"),
            "label.down": (["down"], "a file"),
            "label.up": (["up"], "a file"),
            "label.aspects": ([], "a file"),
            "label.skip": (["1"], "a file"),
            "label.diff": ([], "a file"),
            "label.full": ([], "a file"),
            "label.guidelines": ([], "a file"),
            "label.history": ([], "a file"),
            "rank.submit": (["space", "enter"], "a file"),
            "label.page-down": (["pagedown"], "a file"),
        }
    )
    app = make_app(hub, keymap=found)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.drawn is not None)
        footer = [hint[:2] for hint in app.screen.query_one(KeyLine).hints()]
        assert ("asdfghjkl", "pick") in footer
        assert ("Space", "submit") in footer
        await pilot.press("s", "a", "d", "f", "space")
        await until(pilot, lambda: len(hub.judged()) == 1)
        assert hub.judged()[0].tiers == [2, 1, 3, 4]
        await pilot.press("1")
        await until(pilot, lambda: len(hub.judged()) == 2)
        assert hub.judged()[1].kind == "skip"
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        told = dict(row for rows in app.screen.rows.values() for row in rows)
        assert "Space Enter" in told
        assert not [key for key, what in told.items() if "aspect" in what]


async def test_the_vim_preset_on_a_screen(
    make_app: Callable[..., RlhfApp], fake: Any, until: Until
) -> None:
    hub = fake.hub([fake.thumbs(1), fake.thumbs(2)])
    found = load_keymap(KeysTable("vim"), Path("rlhf.toml"))
    app = make_app(hub, "label:thumbs", keymap=found)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.drawn is not None)
        assert "- bad" in str(app.screen.line.render())
        await pilot.press("n", "minus")
        await until(pilot, lambda: len(hub.judged()) == 1)
        assert hub.judged()[0].thumbs == [False]
        await pilot.press("u", "ctrl+r")
        await until(pilot, lambda: [e.kind for e in hub.judged()][-2:] == ["retract", "judge"])


async def test_sentences_name_the_keys_as_they_were_moved(
    make_app: Callable[..., RlhfApp], fake: Any, until: Until
) -> None:
    hub = fake.hub([fake.rank(1, 3), fake.rank(2, 3)])
    moves = {"rank.bad": ["B"], "rank.submit": ["ctrl+n"], "label.undo": ["ctrl+z"]}
    found = load_keymap(KeysTable("vim", moves), Path("rlhf.toml"))
    app = make_app(hub, keymap=found)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.drawn is not None)

        def line() -> str:
            return str(app.screen.line.render())

        assert "(B bad, x unsure, s skip)" in line()
        await pilot.press("1", "1")
        assert "Ctrl-Z takes back" in line()
        await pilot.press("i")
        assert "i goes back" in line()
        await pilot.press("i", "2", "ctrl+n")
        await until(pilot, lambda: len(hub.judged()) == 1)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: "Ctrl-R does it again" in line())


async def test_clicks_on_the_footer_and_on_a_pane(
    make_app: Callable[..., RlhfApp], fake: Any, until: Until
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.screen.drawn is not None)
        await pilot.click(app.screen.panes.panes[2].body)
        assert app.screen.chosen == 3
        await pilot.click(app.screen.prompt_title)
        assert (app.screen.chosen, app.screen.target) == (None, 0)
        line = app.screen.query_one(KeyLine)
        at = 0
        for hint in line.hints():
            if hint.word == "all bad":
                break
            at += hint.width
        await pilot.click(line, offset=(at + 1, 0))
        await pilot.press("enter")
        await until(pilot, lambda: len(hub.judged()) == 1)
        assert hub.judged()[0].both_bad


async def test_the_wheel_scrolls_the_pane_under_it(
    make_app: Callable[..., RlhfApp], fake: Any, until: Until
) -> None:
    item = fake.rank(1, size=2)
    long = "\n".join(f"line {number}" for number in range(200))
    item.completions = [msgspec.structs.replace(one, completion=long) for one in item.completions]
    app = make_app(fake.hub([item]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.screen.drawn is not None)
        one, other = (pane.body for pane in app.screen.panes.panes[:2])
        await until(pilot, lambda: other.max_scroll_y > 0)
        middle = (other.size.width // 2, other.size.height // 2)
        wheel = {"delta_x": 0, "delta_y": 1, "button": 0, "shift": False, "meta": False}
        x, y = other.region.x + middle[0], other.region.y + middle[1]
        other.post_message(
            events.MouseScrollDown(
                other, *middle, **wheel, ctrl=False, screen_x=x, screen_y=y, style=None
            )
        )
        await until(pilot, lambda: other.scroll_y > 0)
        assert one.scroll_y == 0
