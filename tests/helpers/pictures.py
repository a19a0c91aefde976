"""Pictures of screens, compared with those that are kept.

After a change that is meant: UPDATE_PICTURES=1 pytest …, and look at the pictures.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp

STILL_S = 0.1
"""A screen that has not changed for so long is taken as a new picture."""
PATIENCE_S = 20.0
"""A screen that is still drawn may become the one that is kept; beside other work that takes."""


async def same_as_kept(app: RlhfApp, pilot: Pilot[int], kept: Path) -> None:
    """Fail where the screen does not come to be the picture that is kept."""
    if os.environ.get("UPDATE_PICTURES"):
        svg = ""
        while svg != (svg := _taken(app)):
            await pilot.pause(STILL_S)
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(svg, encoding="utf-8")
    wanted = kept.read_text(encoding="utf-8")
    end = time.monotonic() + PATIENCE_S
    while (svg := _taken(app)) != wanted and time.monotonic() < end:
        await pilot.pause(STILL_S)
    assert svg == wanted


def _taken(app: RlhfApp) -> str:
    # The ids that every export makes anew say nothing.
    return re.sub(r"terminal-\d+", "terminal", app.export_screenshot())
