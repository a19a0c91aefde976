"""Edits and demonstrations: in an editor, in the built-in area, ranked, undone, kept, submitted."""

from __future__ import annotations

import stat
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.errors import InputError
from rlhf_tui.records import Completion, Event, Message, Written, imported_completion_id
from rlhf_tui.screens.editor import edit_in, editor_command
from rlhf_tui.screens.label import LabelScreen
from rlhf_tui.screens.label_edit import TextEdit

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]


@pytest.fixture(autouse=True)
def no_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)


def editor(tmp_path: Path, code: str) -> list[str]:
    """An editor that runs this code with the file's path as `path`."""
    program = tmp_path / "editor.py"
    program.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{code}\n")
    return [sys.executable, str(program)]


def label(app: RlhfApp) -> LabelScreen:
    assert isinstance(app.screen, LabelScreen)
    return app.screen


def ready(app: RlhfApp) -> bool:
    return isinstance(app.screen, LabelScreen) and app.screen.drawn is not None


def line(app: RlhfApp) -> str:
    return str(label(app).line.content)


async def write(app: RlhfApp, pilot: Pilot[int], until: Until, key: str, text: str) -> None:
    """Press `key`, and leave this text in the built-in area."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, TextEdit))
    assert isinstance(app.screen, TextEdit)
    app.screen.area.text = text
    await pilot.press("f2")
    await until(pilot, lambda: isinstance(app.screen, LabelScreen))
    await pilot.pause()


def only(events: list[Event]) -> Event:
    assert len(events) == 1, events
    return events[0]


# --- the editor --------------------------------------------------------------------------------


def test_the_editor_gets_a_file_of_ones_own_that_does_not_stay(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = (
        f"told = pathlib.Path({str(told)!r})\n"
        "told.write_text(f'{path} {path.stat().st_mode}')\n"
        "path.write_text(path.read_text() + ' more\\n')"
    )
    assert edit_in(editor(tmp_path, code), " was good", nullcontext()) == " was good more"
    name, mode = told.read_text().split()
    assert stat.S_IMODE(int(mode)) == 0o600
    assert not Path(name).exists()


@pytest.mark.parametrize(
    "code", ["sys.exit(3)", "path.unlink()", "path.write_bytes(b'\\xff\\xfe')"]
)
def test_an_editor_that_fails_is_a_sentence(tmp_path: Path, code: str) -> None:
    with pytest.raises(InputError, match="nothing was changed"):
        edit_in(editor(tmp_path, code), "text", nullcontext())


def test_an_editor_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(InputError, match="could not be used"):
        edit_in(["/no/such/editor"], "text", nullcontext())


def test_the_terminal_comes_back_from_an_editor_that_does_not_start() -> None:
    given: list[str] = []

    @contextmanager
    def terminal() -> Iterator[None]:
        given.append("taken")
        yield
        given.append("back")  # as in App.suspend(): nothing brings it back after an exception

    with pytest.raises(InputError, match="could not be used"):
        edit_in(["/no/such/editor"], "text", terminal())
    assert given == ["taken", "back"]


def test_visual_comes_before_editor_and_has_options(monkeypatch: pytest.MonkeyPatch) -> None:
    assert editor_command() == []
    monkeypatch.setenv("EDITOR", "nano")
    monkeypatch.setenv("VISUAL", "code --wait")
    assert editor_command() == ["code", "--wait"]
    monkeypatch.setenv("VISUAL", "'broken")
    assert editor_command() == []


# --- on the screens ----------------------------------------------------------------------------


async def test_an_edit_in_the_editor_is_a_new_pane_above_its_parent(
    make_app: MakeApp,
    until: Until,
    fake: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = editor(tmp_path, "path.write_text(path.read_text().replace('dull', 'slow'))")
    monkeypatch.setenv("EDITOR", " ".join(command))
    monkeypatch.setattr(RlhfApp, "suspend", lambda _: nullcontext())
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("2", "1", "e")
        await until(pilot, lambda: len(label(app).panes.shown) == 5)
        await until(pilot, lambda: "5 › 2 › 1" in line(app))
        # The best is the edit itself now: there is nothing dull in it any more.
        await pilot.press("e")
        await until(pilot, lambda: "Nothing was changed" in line(app))
        await pilot.press("enter")
        await until(pilot, lambda: bool(hub.judged()))
    event = only(hub.judged())
    text = hub.items["t1"].completions[1].completion.replace("dull", "slow")
    own = imported_completion_id("p1", text, "edit", "")
    assert event.written == [Written(own, text, "c1-2")]
    assert event.shown == ["c1-1", "c1-2", "c1-3", "c1-4", own]
    assert event.tiers == [3, 2, None, None, 1]


async def test_an_editor_that_fails_loses_nothing(
    make_app: MakeApp,
    until: Until,
    fake: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EDITOR", " ".join(editor(tmp_path, "sys.exit(1)")))
    monkeypatch.setattr(RlhfApp, "suspend", lambda _: nullcontext())
    app = make_app(fake.hub([fake.rank(1)]))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("3", "2", "e")
        await until(pilot, lambda: "nothing was changed" in line(app))
        assert "3 › 2" in line(app)
        assert len(label(app).panes.shown) == 4


async def test_guests_write_in_the_built_in_area_and_undo_takes_it_back(
    make_app: MakeApp, until: Until, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "/must/not/run")
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    app.guest = True
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: ready(app))
        await write(app, pilot, until, "w", "splendid.")
        assert "Your answer is 5" in line(app)
        await pilot.press("u")
        assert len(label(app).panes.shown) == 4
        await pilot.press("U", "4")
        assert len(label(app).panes.shown) == 5
        assert "5 › 4" in line(app)
        await until(pilot, lambda: "w5" in hub.drafts.get("t1", {}).get("keys", ""))
        assert hub.drafts["t1"]["written"][0]["text"] == " splendid."
        await pilot.press("enter")
        await until(pilot, lambda: bool(hub.judged()))
        # Taken back after it was submitted, it comes with all that was written.
        await until(pilot, lambda: len(label(app).panes.shown) == 4)
        await pilot.press("u")
        assert len(label(app).panes.shown) == 5
        assert "5 › 4" in line(app)
    event = hub.judged()[0]
    # Where all others begin with a space, so that they join the prompt, this one does too.
    own = imported_completion_id("p1", " splendid.", "human", "")
    assert event.written == [Written(own, " splendid.")]
    assert event.tiers == [None, None, None, 2, 1]


async def test_leaving_the_area_changes_nothing(make_app: MakeApp, until: Until, fake: Any) -> None:
    app = make_app(fake.hub([fake.rank(1)]))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        for key in ("e", "w"):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, TextEdit))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, LabelScreen))
            await until(pilot, lambda: "Left as it was" in line(app))
        assert len(label(app).panes.shown) == 4


async def test_of_messages_the_assistants_turn_is_edited(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    item = fake.rank(1, 2, [Message("user", "Why?")])
    item.completions = [
        Completion(one.completion_id, one.prompt_id, [Message("assistant", f"Because {n}.")])
        for n, one in enumerate(item.completions)
    ]
    hub = fake.hub([item])
    app = make_app(hub)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: ready(app))
        await write(app, pilot, until, "e", "Because of 0.")
        await write(app, pilot, until, "w", "Why not?")
        await pilot.press("enter")
        await until(pilot, lambda: bool(hub.judged()))
    event = only(hub.judged())
    assert [one.text for one in event.written] == [
        [Message("assistant", "Because of 0.")],
        [Message("assistant", "Why not?")],
    ]
    assert event.tiers[3] == 1
    edit, parent = event.tiers[2], event.tiers[0]
    assert edit is not None and parent is not None and edit < parent


async def test_a_thumb_goes_to_the_completion_and_the_edit_goes_with_it(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.thumbs(1)])
    app = make_app(hub, "label:thumbs")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: ready(app))
        await write(app, pilot, until, "e", " much better.")
        await pilot.press("n")
        await until(pilot, lambda: bool(hub.judged()))
    event = only(hub.judged())
    assert event.thumbs == [False, None]
    assert [one.parent for one in event.written] == ["c1"]
    assert event.shown == ["c1", event.written[0].completion_id]


async def test_nine_texts_leave_no_room(make_app: MakeApp, until: Until, fake: Any) -> None:
    app = make_app(fake.hub([fake.rank(1, 9)]))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("w")
        await until(pilot, lambda: "no room for another" in line(app))
