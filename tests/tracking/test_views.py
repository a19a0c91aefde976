"""The files that hold how a dashboard stood: found again, whatever happened to them between."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.views import (
    ChartsLayout,
    KindCharts,
    Layout,
    PaneLayout,
    Place,
    SavedViews,
    Spot,
    Stretch,
    View,
    place_path,
    read_view,
    write_view,
)

VIEW = View(
    layout=Layout(
        "samples",
        folded=True,
        charts=ChartsLayout(True, 0.9, "tokens", True, {"ppo": KindCharts("kl|loss", "clip")}),
        panes={"samples": PaneLayout("film", diff=True)},
    ),
    place=Place(
        "ppo-0002",
        went=True,
        beside=["sft-0001", "rm-0001"],
        styles={"sft-0001": 1, "rm-0001": 0},
        archived=True,
        stretch=Stretch("tokens", (10.0, 20.5), cross=12.0),
        spots={"samples": Spot("ppo-0002", 50, 2)},
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return place_path("anna", [tmp_path])


def test_all_that_was_kept_is_found_again(path: Path) -> None:
    assert read_view(path) == (View(), "")
    write_view(path, VIEW)
    assert read_view(path) == (VIEW, "")
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_nobody_else_reads_it(path: Path) -> None:
    write_view(path, VIEW)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.is_relative_to(Path.home())


def test_people_workspaces_and_sets_of_files_have_a_file_each(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    files = {
        place_path("anna", [one]),
        place_path("ben", [one]),
        place_path("anna", [other]),
        place_path("anna", [one, other]),
        place_path("a/../b" * 100, [one]),
    }
    assert len(files) == 5
    assert len({path.parent for path in files}) == 1
    assert place_path("anna", [one, other]) == place_path("anna", [other, one])


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b'{"version": 1, "layout": {"charts": {"smoothing": "much"}}}',
        b'{"version": 1, "layout": {"charts": {"axis": "moon"}}}',
        b'{"version": 1, "place": {"stretch": {"seen": [1e999, 2]}}}',
        b'{"version": 1, "place": {"spots": {"samples": {"index": -1}}}}',
        b'{"version": 1, "a": ' + b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_told_and_kept_aside(path: Path, damaged: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(damaged)
    view, problem = read_view(path)
    assert view == View()
    assert "is damaged" in problem
    aside = path.with_suffix(".aside")
    assert str(aside) in problem
    assert aside.read_bytes() == damaged
    assert read_view(path) == (View(), "")


def test_a_newer_file_is_kept_aside_though_nothing_in_it_is_known(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('{"version": 2, "layout": "grid"}')
    view, problem = read_view(path)
    assert view == View()
    assert "newer version" in problem
    assert path.with_suffix(".aside").exists()


def test_what_another_program_of_this_version_adds_is_passed_over(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('{"version": 1, "layout": {"pane": "log", "colour": 3}}')
    assert read_view(path) == (View(layout=Layout("log")), "")


def test_a_file_that_cannot_be_read_is_told_and_left(path: Path) -> None:
    path.mkdir(parents=True)
    view, problem = read_view(path)
    assert view == View()
    assert str(path) in problem
    assert path.is_dir()


# --- by name --------------------------------------------------------------------------------------


def test_a_saved_view_is_there_for_its_person_in_all_workspaces() -> None:
    views = SavedViews("anna")
    assert views.names() == []
    views.save("kl, smooth", VIEW.layout)
    views.save("../a", Layout("log"))
    assert SavedViews("anna").names() == ["../a", "kl, smooth"]
    assert SavedViews("anna").read("kl, smooth") == VIEW.layout
    assert SavedViews("ben").names() == []
    views.save("../a", Layout("data"))
    assert views.read("../a") == Layout("data")
    views.delete("../a")
    views.delete("../a")
    assert views.names() == ["kl, smooth"]
    assert {path.parent for path in views.directory.rglob("*.json")} == {views.directory}


def test_the_standard_view_is_always_there() -> None:
    assert SavedViews("anna").read("standard") == Layout()
    with pytest.raises(UsageError, match="another name"):
        SavedViews("anna").save("standard", Layout())


@pytest.mark.parametrize("name", ["", " ", " a", "a\n", "\x1b[2J", "a" * 41, "長" * 17])
def test_what_cannot_be_a_name_is_told(name: str) -> None:
    with pytest.raises(UsageError, match="A view's name"):
        SavedViews("anna").save(name, Layout())
    with pytest.raises(UsageError, match="There is no view"):
        SavedViews("anna").read(name)


@pytest.mark.parametrize("name", ["é" * 25, "長" * 16, "a/b c.json", "." * 40])
def test_what_can_be_a_name_is_listed_as_it_is(name: str) -> None:
    SavedViews("anna").save(name, Layout(pane="log"))
    assert SavedViews("anna").names() == [name]
    assert SavedViews("anna").read(name).pane == "log"


def test_a_view_that_there_is_not_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        SavedViews("anna").read("losses")
    assert caught.value.hint == "None is saved yet."
    SavedViews("anna").save("losses", Layout())
    with pytest.raises(UsageError, match="'loses'") as caught:
        SavedViews("anna").read("loses")
    assert "losses" in (caught.value.hint or "")


def test_a_damaged_saved_view_is_told() -> None:
    views = SavedViews("anna")
    views.save("losses", Layout())
    views.path("losses").write_text("{")
    with pytest.raises(UsageError, match="'losses' is damaged"):
        views.read("losses")
    assert views.names() == []
