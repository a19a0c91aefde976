"""The one table of keys: complete, without keys that terminals keep, and the source of all else."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rlhf_tui import screens
from rlhf_tui.screens import keys
from rlhf_tui.screens.label_ask import Panel
from rlhf_tui.screens.room import Room

ROOMS = {name: (*room, "everywhere") for name, room in keys.ROOMS.items()} | keys.DIALOGS


def test_ids_are_unique() -> None:
    assert not [row for row, times in Counter(key.id for key in keys.KEYS).items() if times > 1]


@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS)
def test_a_key_has_one_meaning_in_a_room(room: tuple[str, ...]) -> None:
    rows = keys.of(*room)
    names = Counter(name for row in rows for name in row.keys.split(","))
    assert not [name for name, times in names.items() if times > 1]


def test_every_action_has_a_key_that_terminals_let_through() -> None:
    for row in keys.KEYS:
        for name in row.keys.split(","):
            assert not name.startswith("alt+"), row
            assert name not in ("ctrl+s", "ctrl+q", "ctrl+b", "escape"), row


@pytest.mark.parametrize("room", keys.ROOMS.values(), ids=keys.ROOMS)
@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_footer_fits_and_keeps_the_way_to_the_help(room: tuple[str, ...], width: int) -> None:
    pairs = keys.footer(width, *room)
    assert sum(hint.width for hint in pairs) <= width
    assert [hint[:2] for hint in pairs[-2:]] == [("?", "help"), ("q", "leave")]


def test_every_room_of_the_program_is_in_the_table() -> None:
    for path in Path(screens.__file__).parent.glob("*.py"):
        importlib.import_module(f"rlhf_tui.screens.{path.stem}")
    for base, table in ((Room, keys.ROOMS), (Panel, keys.DIALOGS)):
        found = {one.ROOMS for one in subclasses(base) if one.ROOMS}
        assert found == set(table.values())


def subclasses(kind: type[Any]) -> set[type[Any]]:
    return {kind, *(below for one in kind.__subclasses__() for below in subclasses(one))}


def test_every_row_holds_in_a_room() -> None:
    held = {name for room in ROOMS.values() for name in room}
    assert {row.screen for row in keys.KEYS} == held == set(keys.TITLES)


def test_the_help_of_a_room_holds_all_of_its_rows() -> None:
    groups = keys.help_groups("rank", "label")
    told = [description for rows in groups.values() for _, description in rows]
    assert sorted(told) == sorted(row.description for row in keys.of("rank", "label", "everywhere"))


def test_bindings_are_those_of_the_table() -> None:
    bound = {(binding.key, binding.action) for binding in keys.bindings("rank")}  # type: ignore[union-attr]
    assert ("3", "pick(3)") in bound
    assert ("equals_sign", "tie") in bound


def test_the_markdown_table_names_every_row() -> None:
    table = keys.markdown()
    for row in keys.KEYS:
        assert row.description in table


def test_the_readme_holds_the_table() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = readme.partition("<!-- keys -->")[2].partition("<!-- /keys -->")[0]
    assert section.strip() == keys.markdown()


def test_the_annotators_page_holds_their_keys() -> None:
    page = (Path(__file__).parents[2] / "docs" / "annotators.md").read_text(encoding="utf-8")
    section = page.partition("<!-- keys -->")[2].partition("<!-- /keys -->")[0]
    assert section.strip() == keys.markdown("rank", "thumbs", "label", "everywhere")
