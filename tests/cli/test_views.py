"""`dashboard --view` and `--views`: the views that a person saved on the screen."""

from __future__ import annotations

import getpass
import json

import pytest
from helpers import Cli, refused

from rlhf_tui.cli import main, targets
from rlhf_tui.cli.quick import quick
from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.views import Layout, SavedViews
from rlhf_tui.workspace import Workspace


@pytest.fixture
def saved() -> SavedViews:
    views = SavedViews(getpass.getuser())
    views.save("losses", Layout())
    views.save("à la carte", Layout("log"))
    return views


@pytest.mark.usefixtures("saved")
def test_the_names_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, told in ((["--views"], "losses\nà la carte\n"), (["--views", "--json"], None)):
        with pytest.raises(SystemExit) as left:
            main.main(["dashboard", *arguments])
        assert not left.value.code
        out = capsys.readouterr().out
        assert told is None or out == told
    assert json.loads(out) == ["losses", "à la carte"]


def test_without_any_it_tells_how_one_is_saved(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["dashboard", "--views"])
    out, err = capsys.readouterr()
    assert out == ""
    assert "v on the dashboard saves one" in err


@pytest.mark.usefixtures("saved")
def test_a_view_is_handed_to_the_screen_on_both_ways(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    def take(here: Workspace | None, start: str, **more: object) -> int:
        opened.append((start, more["view"]))
        return 7

    monkeypatch.setattr(targets, "need_terminal", lambda command: None)
    monkeypatch.setattr(targets, "open_screens", take)
    monkeypatch.setattr(targets, "ask_runs_early", lambda here: None)
    monkeypatch.chdir(workspace.root)
    for given in (["--view", "losses"], ["--view=standard"]):
        short = quick(["dashboard", *given])
        assert short is not None
        short()
        with pytest.raises(SystemExit):
            main.main(["dashboard", *given])
    assert opened == [("dashboard", "losses")] * 2 + [("dashboard", "standard")] * 2


@pytest.mark.usefixtures("saved")
def test_a_view_that_there_is_not_is_told_before_the_screen_opens(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root)
    with pytest.raises(UsageError, match="'loses'") as caught:
        targets.open_dashboard([], None, "loses")
    assert "losses" in (caught.value.hint or "")


def test_a_view_is_nothing_to_print(workspace: Workspace) -> None:
    done = Cli(workspace.root)("dashboard", "--once", "--view", "standard")
    refused(done, 2, "--view is for the screen")
