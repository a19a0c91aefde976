"""The head of the chosen run says when it is cut, and promises no end of what may be dead."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
from helpers.recorded import info_of, write_run
from rich.cells import cell_len
from textual.app import App

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard_warnings import rows
from rlhf_tui.screens.theme import ASCII, UNICODE, Glyphs
from rlhf_tui.screens.widgets.run_list import RunList
from rlhf_tui.screens.widgets.run_list_head import RunHead, left_of
from rlhf_tui.tracking.follow import RunFollower


async def head_of(info: RunInfo, width: int) -> list[str]:
    class HeadApp(App[None]):
        def compose(self):  # type: ignore[no-untyped-def]
            yield RunHead()

    app = HeadApp()
    async with app.run_test(size=(width, 24)):
        head = app.query_one(RunHead)
        head.tell(info)
        return head.text.splitlines()


async def test_what_is_cut_ends_with_a_sign_of_it(tmp_path: Path) -> None:
    info = info_of(write_run(tmp_path, "ppo-0001", title="漢字 " * 30, steps=5))
    info.message = "The policy's loss is no finite number in rollout 1, " * 3
    rows = await head_of(info, 53)
    assert "漢字…" in rows[0].replace(" ", "")
    assert rows[0].endswith("✓ finished")
    assert rows[2].endswith("…")
    whole = await head_of(msgspec.structs.replace(info, message="Short."), 53)
    assert whole[2] == "Short."


def test_no_end_is_promised_of_a_lost_run(tmp_path: Path) -> None:
    directory = write_run(tmp_path, "ppo-0001", state="running", steps=50)
    info = info_of(directory)
    info.state = "running"
    follower = RunFollower(directory)
    while (batch := follower.read()).more or not batch.empty:
        follower.take(batch)
    assert info.status is not None
    info.status.updated = time.time()
    assert left_of(info, follower) is not None
    info.lost = True
    assert left_of(info, follower) is None


def test_why_a_run_failed_is_read_in_whole_among_the_warnings(tmp_path: Path) -> None:
    info = info_of(write_run(tmp_path, "ppo-0001", steps=5))
    info.state = "failed"
    info.message = "The policy's loss is no finite number in rollout 1. Use a smaller rate."
    told = rows(info, [], 40, UNICODE)
    lines = ["".join(text for text, _ in row) for row in told]
    assert info.message in " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("name", ["数据" * 20, "é\u0301" * 9, "run\x1b[2J.csv", "x" * 60])
async def test_a_file_s_name_in_any_script_takes_its_cells(
    tmp_path: Path, name: str, glyphs: Glyphs
) -> None:
    info = info_of(write_run(tmp_path, "ppo-0001", steps=5))
    info.run_id, problem = name, f"The file of {name} is gone: /{name}"

    class NamesApp(App[None]):
        def compose(self):  # type: ignore[no-untyped-def]
            yield RunList(glyphs)
            yield RunHead(glyphs)

    app = NamesApp()
    async with app.run_test(size=(40, 24)):
        runs, head = app.query_one(RunList), app.query_one(RunHead)
        runs.fill([info])
        head.tell(info, problem)
        for row in (*runs.rows[:2], head.rows[0], head.rows[2]):
            text = "".join(part for part, _ in row).rstrip()
            assert cell_len(text) <= (runs.size.width if row in runs.rows else 40)
            assert "\x1b" not in text
            assert glyphs is UNICODE or text.isascii()
        assert "".join(part for part, _ in runs.rows[0]).rstrip().endswith("5/150")
