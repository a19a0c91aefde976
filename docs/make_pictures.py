"""Draw the README's pictures from the running program.

.venv/bin/rlhf-tui demo --auto /tmp/pictures
.venv/bin/python docs/make_pictures.py /tmp/pictures ppo-0001
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.config.settings import load_settings
from rlhf_tui.hub.aio import AsyncHub
from rlhf_tui.workspace import Workspace, find_workspace

PATIENCE_S = 20.0


async def shows(pilot: Pilot[int], words: str) -> None:
    """Wait until the screen holds the words, which may stand apart."""
    deadline = time.monotonic() + PATIENCE_S
    while not all(word in pilot.app.export_screenshot() for word in words.split()):
        if time.monotonic() > deadline:
            raise SystemExit(f"The screen never showed {words!r}.")
        await pilot.pause(0.1)


async def draw(
    workspace: Workspace, start: str, keys: list[str], words: str, size: tuple[int, int], out: Path
) -> None:
    """Open the program on a screen, press keys, and save what it shows as SVG."""
    app = RlhfApp(workspace, start, AsyncHub, load_settings(workspace))
    async with app.run_test(size=size) as pilot:
        await shows(pilot, words)
        while app.link is None or not app.link.connected:
            await pilot.pause(0.1)
        await pilot.press(*keys)
        await pilot.pause(0.5)
        out.write_text(app.export_screenshot(title="rlhf-tui"), encoding="utf-8")


async def main(workspace: Workspace, run: str) -> None:
    here = Path(__file__).parent
    ranking = ["2", "1", "equals_sign", "4"]
    await draw(workspace, "label:rank", ranking, "open ready", (120, 30), here / "ranking.svg")
    await draw(
        workspace, f"dashboard:{run}", ["s"], "objective/scores", (150, 42), here / "dashboard.svg"
    )


if __name__ == "__main__":
    asyncio.run(main(find_workspace(Path(sys.argv[1])), sys.argv[2]))
