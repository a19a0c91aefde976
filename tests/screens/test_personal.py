"""What a person chose is there at the next start, whatever happened to the file between."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.screens.personal import Choices, Personal, personal_path

Until = Callable[..., Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people" / "ann@.json"


def test_what_was_chosen_is_found_again(path: Path) -> None:
    Personal(path).set(theme="rlhf-light", fast=True)
    Personal(path).set(fast=False)
    assert Personal(path).choices == Choices(theme="rlhf-light", fast=False)


def test_two_programs_keep_each_others_changes(path: Path) -> None:
    one, other = Personal(path), Personal(path)
    one.set(theme="rlhf-light", guidelines={"/a": "v1"})
    other.set(markdown=False, guidelines={"/b": "v2"})
    kept = Personal(path).choices
    assert (kept.theme, kept.markdown) == ("rlhf-light", False)
    assert kept.guidelines == {"/a": "v1", "/b": "v2"}


def test_changes_at_the_same_time_are_all_kept(path: Path) -> None:
    programs = [Personal(path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        places = [str(number) for number in range(8)]
        list(pool.map(lambda p, at: p.set(guidelines={at: "v"}), programs, places))
    assert sorted(Personal(path).choices.guidelines) == places


@pytest.mark.parametrize("broken", [b"", b"{", b"\xff", b"[]", b'{"fast": "often"}'])
def test_a_broken_file_is_told_and_kept_beside(path: Path, broken: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(broken)
    personal = Personal(path)
    assert personal.choices == Choices()
    assert "broken" in personal.notice
    assert path.with_suffix(".broken").read_bytes() == broken
    personal.set(fast=True)
    assert Personal(path).choices.fast


def test_what_another_version_wrote_stays(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"later": [1], "fast": true}')
    Personal(path).set(fast=False)
    assert json.loads(path.read_text())["later"] == [1]


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "people").write_text("a file where the directory should be")
    personal = Personal(tmp_path / "people" / "ann@.json")
    personal.set(fast=True)
    assert personal.choices.fast
    assert "cannot be kept" in personal.notice


def test_people_have_files_of_their_own() -> None:
    names = ["ann", "ann.lock", "..", "a/b", "A" * 64, "ü" * 64, "ann@"]
    paths = {personal_path(name) for name in names}
    assert len(paths) == len(names)
    assert {path.parent.name for path in paths} == {"people"}


async def test_theme_and_markdown_are_remembered(
    make_app: Callable[..., RlhfApp], fake: Any, until: Until, path: Path
) -> None:
    async def use(personal: Personal, then: Callable[[Pilot[int]], Awaitable[None]]) -> None:
        app = make_app(fake.hub([fake.thumbs(1)]), "label:thumbs", personal=personal)
        async with app.run_test() as pilot:
            await until(pilot, lambda: app.screen.drawn is not None)
            await then(pilot)

    async def change(pilot: Pilot[int]) -> None:
        await pilot.press("T", "m")
        assert pilot.app.theme == "rlhf-light"

    async def look(pilot: Pilot[int]) -> None:
        assert pilot.app.theme == "rlhf-light"
        assert not pilot.app.screen.markdown  # type: ignore[attr-defined]

    await use(Personal(path), change)
    await use(Personal(path), look)
