"""Pictures of the dashboard over what other programs wrote.

After a wanted change: UPDATE_PICTURES=1 pytest tests/screens_dashboard/test_files_pictures.py,
then look at the SVG files in tests/screens_dashboard/pictures.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.foreign import DATA
from helpers.pictures import same_as_kept
from screens_dashboard.conftest import NOW
from screens_dashboard.test_files import opened, screen, shown
from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.screens.dashboard_opened import FilesScreen

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the tests with dates that never change, below a path that never does."""
    shutil.copytree(DATA, tmp_path / "logs")
    for age, run in enumerate(sorted((tmp_path / "logs").iterdir()), 1):
        for path in (run, *run.rglob("*")):
            os.utime(path, (NOW - 3600 * age, NOW - 3600 * age))
    monkeypatch.chdir(tmp_path)
    return Path("logs")


def still(files: FilesScreen) -> bool:
    """Whether the chosen log is read to its end, and the list was brought up to date since."""
    chosen = files.followed.info.run_id if files.followed else ""
    return chosen in files._settled and chosen in files._read and files._listed > 0


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    ("name", "size", "keys", "shows"),
    [
        ("files-80x24", (80, 24), "", "accuracy"),
        ("files-200x60", (200, 60), "", "accuracy"),
        ("files-arguments-80x24", (80, 24), "7", "train_runtime"),
    ],
)
async def test_picture(
    logs: Path, name: str, size: tuple[int, int], keys: str, shows: str, until: Until
) -> None:
    async with opened(logs, size=size) as pilot:
        await until(pilot, lambda: screen(pilot).runs.infos)
        if keys:
            wanted = [info.run_id for info in screen(pilot).runs.infos].index("trainer_output")
            screen(pilot).runs.choose(wanted)
            await pilot.press(keys)
        await until(pilot, lambda: shows in shown(pilot))
        # The list is read once more when the log was read to its end.
        await until(pilot, lambda: still(screen(pilot)))
        assert isinstance(pilot.app, RlhfApp)
        await same_as_kept(pilot.app, pilot, PICTURES / f"{name}.svg")
