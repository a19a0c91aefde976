"""Draw the README's pictures from the running program.

.venv/bin/rlhf-tui demo --auto /tmp/pictures
.venv/bin/python docs/make_pictures.py /tmp/pictures ppo-0001
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.config.settings import load_settings
from rlhf_tui.hub.aio import AsyncHub
from rlhf_tui.workspace import Workspace, find_workspace

PATIENCE_S = 60.0


PASSING = "looking at data set"
"""What a screen says that is not done yet."""


async def shows(pilot: Pilot[int], words: str) -> None:
    """Wait until the screen holds the words, which may stand apart, and is done."""
    deadline = time.monotonic() + PATIENCE_S

    def done() -> bool:
        seen = pilot.app.export_screenshot().replace("&#160;", " ")
        return all(word in seen for word in words.split()) and PASSING not in seen

    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"The screen never showed {words!r}.")
        await pilot.pause(0.1)


SIZE = (150, 42)


async def draw(
    workspace: Workspace,
    start: str,
    keys: list[str],
    words: str,
    out: Path,
    size: tuple[int, int] = SIZE,
) -> None:
    """Open the program on a screen, press keys until it shows the words, and save it as SVG."""
    app = RlhfApp(workspace, start, AsyncHub, load_settings(workspace))
    async with app.run_test(size=size) as pilot:
        while app.link is None or not app.link.connected:
            await pilot.pause(0.1)
        await pilot.pause(1.0)
        await save(pilot, keys, words, out)


async def draw_file(path: Path, keys: list[str], words: str, out: Path) -> None:
    """The same of a run directory that lies in no workspace."""
    app = RlhfApp(None, "files", AsyncHub, files=(path,))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(1.0)
        await save(pilot, keys, words, out)


async def save(pilot: Pilot[int], keys: list[str], words: str, out: Path) -> None:
    await pilot.press(*keys)
    await shows(pilot, words)
    await pilot.pause(2.0)
    out.write_text(pilot.app.export_screenshot(title="rlhf-tui"), encoding="utf-8")


async def main(workspace: Workspace, run: str) -> None:
    here = Path(__file__).parent.resolve()
    # As people start it: a shell command needs no `-w` there.
    os.chdir(workspace.root)
    ranking = ["2", "1", "equals_sign", "4"]
    await draw(workspace, "label:rank", ranking, "open ready", here / "ranking.svg", (120, 30))
    for name, keys, words in (
        ("dashboard", ["s"], "objective/scores"),
        ("dashboard-samples", ["2"], "mean reward"),
        ("dashboard-distributions", ["3"], "response_length"),
        ("dashboard-machine", ["5"], "CPU"),
    ):
        await draw(workspace, f"dashboard:{run}", keys, words, here / f"{name}.svg")
    await draw(workspace, "launch:ppo", [], "steps", here / "launch.svg")
    recorded = here.parent / "tests" / "recordings" / "ppo-repeats"
    await draw_file(recorded, ["4"], "CRITICAL", here / "dashboard-warnings.svg")


if __name__ == "__main__":
    asyncio.run(main(find_workspace(Path(sys.argv[1])), sys.argv[2]))
