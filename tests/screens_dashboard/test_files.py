"""The dashboard of what other programs wrote: opened without a workspace, live, only shown."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from helpers.foreign import DATA, WANDB
from helpers.recorded import write_run
from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.errors import UsageError
from rlhf_tui.hub.messages import Launched, RunInfo
from rlhf_tui.screens.dashboard_files import FileSource
from rlhf_tui.screens.dashboard_opened import FilesScreen
from rlhf_tui.screens.link import Link
from rlhf_tui.screens.palette import Entries
from rlhf_tui.screens.widgets.run_list import state_word

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Opened = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


def no_link(_: object) -> Link:
    raise AssertionError("files need no hub")


@asynccontextmanager
async def opened(*files: Path, size: tuple[int, int] = (120, 30)) -> AsyncIterator[Pilot[int]]:
    app = RlhfApp(None, "files", no_link, files=files)
    async with app.run_test(size=size) as pilot:
        yield pilot


def screen(pilot: Pilot[int]) -> FilesScreen:
    return cast(FilesScreen, pilot.app.screen)


def shown(pilot: Pilot[int]) -> str:
    """The text of the whole screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def ids(pilot: Pilot[int]) -> list[str]:
    return [info.run_id for info in screen(pilot).runs.infos]


async def test_all_formats_are_listed_and_drawn_without_a_workspace(until: Until) -> None:
    async with opened(DATA) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 8)
        for number in range(8):
            await until(
                pilot, lambda: screen(pilot).followed and screen(pilot).followed.follower.series
            )  # type: ignore[union-attr]
            assert screen(pilot).runs.index == number
            await pilot.press("j")
        assert screen(pilot).runs.infos[0].kind == "log"


async def test_a_file_that_is_no_log_is_named(tmp_path: Path, until: Until) -> None:
    strange = tmp_path / "model.bin"
    strange.write_bytes(bytes(range(256)) * 8)
    async with opened(DATA / "metrics.csv", strange) as pilot:
        await until(pilot, lambda: ids(pilot) == ["metrics.csv"])
        await until(
            pilot, lambda: any("model.bin" in one.message for one in pilot.app._notifications)
        )


async def test_what_a_log_knows_stands_in_the_pane_of_arguments(until: Until) -> None:
    async with opened(WANDB) as pilot:
        await until(pilot, lambda: ids(pilot))
        await pilot.press("7")
        await until(pilot, lambda: "model/name" in shown(pilot))
        assert "sft of the sample" in shown(pilot)


async def test_the_step_is_told_once_the_log_is_read(until: Until) -> None:
    async with opened(WANDB) as pilot:
        await until(pilot, lambda: "299/300" in shown(pilot))
        assert "W&B, sft of the sample" in shown(pilot)


async def test_controls_say_that_it_is_only_shown(tmp_path: Path, until: Until) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"step": 1, "loss": 1}\n')
    async with opened(log) as pilot:
        await until(pilot, lambda: ids(pilot))
        for keys in (("x", "y"), ("P", "y")):
            pilot.app.clear_notifications()
            await pilot.press(*keys)
            await until(
                pilot,
                lambda: any("only shown" in one.message for one in pilot.app._notifications),
            )


async def test_the_palette_leads_to_no_room_that_needs_a_workspace(until: Until) -> None:
    async with opened(WANDB) as pilot:
        await until(pilot, lambda: ids(pilot))
        told = [entry.name for entry in Entries(screen(pilot))._entries()]
        assert "Pane: charts" in told
        assert not [name for name in told if name.startswith("Go to")]


async def test_an_empty_directory_is_waited_for_and_said(tmp_path: Path, until: Until) -> None:
    async with opened(tmp_path) as pilot:
        await until(pilot, lambda: "There is nothing in" in shown(pilot))
        (tmp_path / "a.csv").write_text("step,loss\n1,3\n2,2\n")
        screen(pilot).look_again()
        await until(pilot, lambda: ids(pilot) == ["a.csv"])
        await until(pilot, lambda: "loss" in shown(pilot))


async def test_a_growing_log_is_running_and_a_deleted_one_is_gone(
    tmp_path: Path, until: Until
) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"step": 1, "loss": 1}\n')
    async with opened(log) as pilot:
        await until(pilot, lambda: ids(pilot))
        assert screen(pilot).runs.infos[0].state == "running"
        with log.open("a") as file:
            file.write('{"step": 77, "loss": 0.5}\n')

        def newest() -> float | None:
            followed = screen(pilot).followed
            series = followed.follower.series if followed else {}
            return series["loss"].last if "loss" in series else None

        await until(pilot, lambda: newest() == 0.5)
        log.unlink()
        screen(pilot).look_again()
        await until(pilot, lambda: "is gone" in shown(pilot))
        assert ids(pilot) == ["a.jsonl"]


async def test_a_log_that_tells_no_end_is_quiet_and_one_that_does_says_how(
    tmp_path: Path, until: Until
) -> None:
    then = time.time() - 7200
    (tmp_path / "below").mkdir()
    silent = tmp_path / "below" / "a.jsonl"
    silent.write_text('{"step": 40, "total_steps": 100, "loss": 1}\n')
    shutil.copy(WANDB, tmp_path / "killed.wandb")
    with (tmp_path / "killed.wandb").open("r+b") as file:
        file.truncate(WANDB.stat().st_size // 2)
    shutil.copy(WANDB, tmp_path / "whole.wandb")
    for path in tmp_path.rglob("*.*"):
        os.utime(path, (then, then))
    source = FileSource([tmp_path, silent])
    told = {info.run_id: info for info in source.look()}
    assert {name: state_word(info) for name, info in told.items()} == {
        "a.jsonl": "quiet", "killed": "quiet", "whole": "finished",
    }  # fmt: skip
    assert "step 40 of 100: stopped, or broken off" in told["a.jsonl"].message
    assert "killed, or broken off" in told["killed"].message
    assert told["whole"].status is not None
    assert told["whole"].status.step == 299
    silent.unlink()
    assert {state_word(info) for info in source.look()} == {"quiet", "finished"}
    async with opened(tmp_path / "killed.wandb", size=(80, 24)) as pilot:
        await until(pilot, lambda: "· quiet" in shown(pilot) and "last written" in shown(pilot))


async def test_run_directories_of_somebody_else(tmp_path: Path, until: Until) -> None:
    write_run(tmp_path / "runs", "sft-0001", kind="sft")
    write_run(tmp_path / "runs", "ppo-0001")
    async with opened(tmp_path / "runs") as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 2)
        assert {info.kind for info in screen(pilot).runs.infos} == {"sft", "ppo"}
        await pilot.press("7")
        await until(pilot, lambda: "differ from the default" in shown(pilot))


async def test_curves_of_different_formats_are_compared(until: Until) -> None:
    async with opened(DATA / "trainer_log.jsonl", DATA / "trainer_output") as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 2)
        await until(pilot, lambda: screen(pilot).followed)
        await pilot.press("o", "j")
        await until(pilot, lambda: len(screen(pilot).seen().others) == 1)
        await until(pilot, lambda: "loss" in shown(pilot))


async def test_names_that_act_on_terminals_are_shown_harmless(tmp_path: Path, until: Until) -> None:
    log = tmp_path / "a\x1b[2J[red].jsonl"
    log.write_text(json.dumps({"step": 1, "lo\x1b]52;c;x\x07ss [bold]": 1, "\u202eb": 2}) + "\n")
    async with opened(log) as pilot:
        await until(pilot, lambda: ids(pilot) and "ss [bold]" in shown(pilot))
        assert "\x1b" not in shown(pilot)
        assert "\u202e" not in shown(pilot)


async def test_a_package_that_is_missing_is_named_on_the_screen(
    monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    def missing(self: object) -> None:
        raise UsageError("Reading it needs its package.", hint="pip install 'rlhf-tui[report]'")

    monkeypatch.setattr("rlhf_tui.tracking.foreign.scan.Found.reader", missing)
    async with opened(WANDB) as pilot:
        await until(pilot, lambda: "rlhf-tui[report]" in shown(pilot))


# --- the source -----------------------------------------------------------------------------------


async def test_the_source_tells_times_and_ends(tmp_path: Path) -> None:
    copy = tmp_path / "trainer_log.jsonl"
    shutil.copy(DATA / "trainer_log.jsonl", copy)
    then = time.time() - 7200
    os.utime(copy, (then, then))
    source = FileSource([tmp_path])
    (info,) = await source.list()
    assert (info.state, info.ended_ms) == ("finished", round(then * 1000))
    assert info.status is not None
    assert (info.status.step, info.status.total_steps) == (50, 50)
    follower = source.follow(info)
    assert source.follow(info) is follower
    follower.take(follower.read())
    (info,) = await source.list()
    assert info.ended_ms - info.started_ms == 610_000


async def test_facts_are_there_before_the_log_is_followed() -> None:
    source = FileSource([DATA / "tensorboard" / "tuned"])
    (info,) = await source.list()
    assert (await source.facts(info))["hparams"] == {"lr": 0.1, "optimizer": "adam"}
    assert await source.details(info) is None
    assert await source.measured(info) is None


async def test_the_source_changes_nothing() -> None:
    source = FileSource([WANDB])
    (info,) = await source.list()
    calls: list[Callable[[], Awaitable[RunInfo | Launched]]] = [
        lambda: source.stop(info.run_id),
        lambda: source.resume(info.run_id),
        lambda: source.ask(cast(Any, None), cast(Any, None)),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="only shown"):
            await call()
