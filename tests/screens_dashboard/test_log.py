"""The log pane: followed, scrolled beyond the end that is read at first, and searched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept
from helpers.recorded import FakeLink, info_of, write_run
from screens_dashboard.conftest import NOW
from textual.pilot import Pilot

from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_log import LogPane
from rlhf_tui.screens.theme import ASCII, UNICODE, Glyphs
from rlhf_tui.screens.widgets.log_lines import level, rows_of
from rlhf_tui.tracking.log_tail import LOG_BYTES, Line
from rlhf_tui.tracking.patterns import pattern
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Any
PICTURES = Path(__file__).with_name("pictures")
TRACEBACK = """Traceback (most recent call last):
  File "/w/rlhf_tui/training/sft.py", line 71, in run
    trainer.train()
  File "/w/rlhf_tui/training/hf_trainer.py", line 140, in step
    loss.backward()
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.
"""


@pytest.fixture
def log(workspace: Workspace, link: FakeLink) -> Path:
    """The log of the only run, which is alive."""
    directory = write_run(workspace.runs, "sft-0009", kind="sft", state="running", steps=3)
    link.infos[:] = [info_of(directory, "running")]
    return directory / "log.txt"


def pane(pilot: Pilot[int]) -> LogPane:
    screen = pilot.app.screen
    assert isinstance(screen, DashboardScreen)
    found = screen.pane
    assert isinstance(found, LogPane)
    return found


async def opened(pilot: Pilot[int], until: Until, shows: str) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, DashboardScreen)
    await until(pilot, lambda: screen.followed is not None)
    await pilot.press("6")
    await until(pilot, lambda: shows in pane(pilot).text)


async def search(pilot: Pilot[int], until: Until, query: str) -> None:
    await pilot.press("slash")
    await until(pilot, lambda: not isinstance(pilot.app.screen, DashboardScreen))
    pilot.app.screen.query_one("Input").value = query  # type: ignore[attr-defined]
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))


def told(pilot: Pilot[int]) -> list[str]:
    return [note.message for note in pilot.app._notifications]


async def test_places_are_found_marked_and_gone_through(
    log: Path, program: Open, until: Until
) -> None:
    log.write_text("".join(f"step {n}: {'saved' if n % 50 == 0 else 'on'}\n" for n in range(1000)))
    async with program("dashboard", (80, 24)) as pilot:
        await opened(pilot, until, "step 999: on")
        await search(pilot, until, "SAVED")
        assert "▸  step 950: saved" in pane(pilot).text
        assert pane(pilot).notes()[0].startswith("20 of 20")
        await pilot.press("comma", "comma")
        assert "▸  step 850: saved" in pane(pilot).text
        assert pane(pilot).notes()[0] == "18 of 20, not following"
        assert pane(pilot).notes()[1] == "18/20"
        await pilot.press("full_stop")
        assert "▸  step 900: saved" in pane(pilot).text
        await pilot.press("full_stop", "full_stop")
        assert "▸  step 0: saved" in pane(pilot).text
        await search(pilot, until, "step 9[0-9]9:")
        assert pane(pilot).notes()[0].endswith("of 10, not following")
        await search(pilot, until, "(")
        assert any("no regular expression" in sentence for sentence in told(pilot))
        assert pane(pilot).sought == "step 9[0-9]9:"
        await search(pilot, until, "walrus")
        assert any("Nothing in the log holds 'walrus'" in sentence for sentence in told(pilot))
        await search(pilot, until, "")
        assert pane(pilot).notes()[1] == ""
        assert "▸" not in pane(pilot).text


async def test_an_endless_expression_is_given_up_and_the_keys_go_on(
    log: Path, program: Open, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlhf_tui.tracking.patterns.MOST_S", 0.3)
    end = "".join(f"step {n}\n" for n in range(LOG_BYTES // 8))
    log.write_text(f"aaa\n{'a' * 20_000}!\nsoon aaa\n{end}")
    async with program("dashboard", (80, 24)) as pilot:
        await opened(pilot, until, "step")
        await search(pilot, until, "(a|aa)+$")
        # The end that is held has none; what lies before it is read piece by piece.
        await until(pilot, lambda: any("given up" in sentence for sentence in told(pilot)))
        await until(pilot, lambda: "too slow" in pane(pilot).notes()[1])
        pilot.app.clear_notifications()
        with log.open("a") as file:
            file.write(f"{'a' * 20_000}!\n")
        await search(pilot, until, "(aa|a)+$")
        await until(pilot, lambda: any("(aa|a)+$" in sentence for sentence in told(pilot)))
        await search(pilot, until, "^soon")
        await until(pilot, lambda: "▸  soon aaa" in pane(pilot).text)


async def test_what_comes_is_followed_until_someone_scrolls(
    log: Path, program: Open, until: Until
) -> None:
    log.write_text("".join(f"step {n}\n" for n in range(200)))
    async with program("dashboard", (80, 24)) as pilot:
        await opened(pilot, until, "step 199")
        with log.open("a") as file:
            file.write("step 200\nstep 2")
            file.flush()
            await until(pilot, lambda: "step 200" in pane(pilot).text)
            await pilot.press("K")
            top = pane(pilot).text.splitlines()[0]
            file.write("01\nlast words\n")
            file.flush()
            await until(pilot, lambda: pane(pilot).window.tail[-1].text == "last words")
        assert pane(pilot).text.splitlines()[0] == top
        assert "last words" not in pane(pilot).text
        await pilot.press("N")
        assert pane(pilot).text.splitlines()[0].strip() == "step 0"
        await pilot.press("n")
        assert "last words" in pane(pilot).text
        assert "not following" not in pane(pilot).notes()[0]


async def test_new_lines_are_searched_too(log: Path, program: Open, until: Until) -> None:
    log.write_text("begun\n")
    async with program("dashboard", (80, 24)) as pilot:
        await opened(pilot, until, "begun")
        await search(pilot, until, "needle")
        with log.open("a") as file:
            file.write("a nee")
            file.flush()
            await until(pilot, lambda: "a nee" in pane(pilot).text)
            file.write("dle\nmore\n")
            file.flush()
            await until(pilot, lambda: "more" in pane(pilot).text)
        assert pane(pilot).notes()[1] == "0/1"
        await pilot.press("full_stop")
        assert "▸  a needle" in pane(pilot).text
        assert pane(pilot).notes()[1] == "1/1"


async def test_the_part_before_the_end_that_is_read(log: Path, program: Open, until: Until) -> None:
    """A log many times as long as what is read at first."""
    with log.open("w") as file:
        for number in range(150_000):
            file.write(f"row {number}{' the only needle' if number == 777 else ''}\n")
    assert log.stat().st_size > 5 * LOG_BYTES
    async with program("dashboard", (80, 24)) as pilot:
        await opened(pilot, until, "row 149999")
        first = pane(pilot).window.start
        for _ in range(400):
            pane(pilot).page(-20)
            if pane(pilot).window.start < first:
                break
            await pilot.pause(0.01)
        lines = pane(pilot).window.lines
        assert [line.text for line in lines[:3]] == [
            f"row {int(lines[0].text.split()[1]) + n}" for n in range(3)
        ]
        await search(pilot, until, "only needle")
        await until(pilot, lambda: "▸  row 777 the only needle" in pane(pilot).text)
        await until(pilot, lambda: pane(pilot).notes()[1] == "1/1")
        assert not pane(pilot).window.attached
        await pilot.press("pagedown")
        assert "row 790" in pane(pilot).text
        await search(pilot, until, "walrus")
        await until(pilot, lambda: any("holds 'walrus'" in sentence for sentence in told(pilot)))
        await pilot.press("n")
        assert "row 149999" in pane(pilot).text


async def test_a_log_that_is_cut_short_or_replaced(log: Path, program: Open, until: Until) -> None:
    log.write_text("".join(f"old {n}\n" for n in range(500)))
    async with program("dashboard", (80, 24)) as pilot:
        await opened(pilot, until, "old 499")
        await search(pilot, until, "old 4")
        await pilot.press("comma", "comma")
        log.write_text("anew old 4\n")
        await until(pilot, lambda: pane(pilot).text.startswith(":  anew old 4"))
        assert pane(pilot).notes()[1] == "0/1"
        other = log.with_name("other.txt")
        other.write_text("rotated\n")
        other.replace(log)
        await until(pilot, lambda: pane(pilot).text.strip() == "rotated")
        log.unlink()
        await pilot.press("pageup", "comma", "full_stop")


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_trouble_is_told_by_a_sign(glyphs: Glyphs) -> None:
    texts = [
        "step 1: eval_error=0.1, errors: 0",
        "UserWarning: no padding token",
        "Traceback (most recent call last):",
        '  File "sft.py", line 7, in train',
        "    loss.backward()",
        "torch.OutOfMemoryError: CUDA out of memory.",
        "saved",
    ]
    lines = [Line(n, text) for n, text in enumerate(texts)]
    levels = [level(lines, index) for index in range(len(lines))]
    assert levels == ["", "warn", "bad", "trace", "trace", "bad", ""]
    shown = [
        "".join(text for text, _ in rows_of(line.text, grave, "", None, 60, glyphs)[0])
        for line, grave in zip(lines, levels, strict=True)
    ]
    bad, trace = ("✗", "│") if glyphs is UNICODE else ("x", "|")
    assert [line[1] for line in shown] == [" ", "!", bad, trace, trace, bad, " "]
    assert glyphs is UNICODE or all(line.isascii() for line in shown)


def test_long_lines_are_wrapped_with_an_indent() -> None:
    text = "a warning that goes on for more than thirty cells, 漢字漢字漢字漢字漢字漢字 end"
    rows = rows_of(text, "warn", "here", pattern("cells, 漢字"), 30, UNICODE)
    shown = ["".join(part for part, _ in row) for row in rows]
    assert shown[0].startswith("▸! a warning")
    assert all(line.startswith("     ") for line in shown[1:])
    assert "".join([shown[0][3:], *(line[5:] for line in shown[1:])]) == text
    from rich.cells import cell_len

    assert all(cell_len(line.rstrip()) <= 30 for line in shown)
    assert [part for row in rows for part, style in row if style == "cursor"][1:] == [
        "cells, ",
        "漢字",
    ]


def test_a_line_of_a_million_characters_is_cut() -> None:
    rows = rows_of("x" * 1_000_000, "", "", None, 80, UNICODE)
    assert len(rows) < 60
    assert "996,000 more characters" in "".join(part for part, _ in rows[-1])


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_pictures(
    size: tuple[int, int], workspace: Workspace, link: FakeLink, program: Open, until: Until
) -> None:
    directory = write_run(
        workspace.runs, "sft-0009", kind="sft", state="stopped", steps=3, created=NOW - 600
    )
    link.infos[:] = [info_of(directory, "stopped")]
    (directory / "log.txt").write_text(
        "".join(
            f"step {n}: loss {4 - n / 50:.3f}, saved {n // 20} checkpoints\n" for n in range(80)
        )
        + "UserWarning: the tokenizer has no padding token; the end-of-text token stands in for it,"
        " and is left out of the loss\n" + TRACEBACK
    )
    async with program("dashboard", size) as pilot:
        await opened(pilot, until, "OutOfMemoryError")
        await search(pilot, until, "saved|loss")
        await pilot.press("comma", "comma")
        await until(pilot, lambda: pane(pilot).notes()[1] != "")
        name = f"log-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)  # type: ignore[arg-type]
