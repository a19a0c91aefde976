"""Pictures of screens, compared with those that are kept.

After a change that is meant: UPDATE_PICTURES=1 pytest …, and look at the pictures.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp

STILL_S = 0.1
"""A screen that has not changed for so long is taken."""


async def same_as_kept(app: RlhfApp, pilot: Pilot[int], kept: Path) -> None:
    """Fail where the screen, once it stands still, differs from the picture that is kept."""
    svg = ""
    # The ids that every export makes anew say nothing.
    while svg != (svg := re.sub(r"terminal-\d+", "terminal", app.export_screenshot())):
        await pilot.pause(STILL_S)
    if os.environ.get("UPDATE_PICTURES"):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(svg, encoding="utf-8")
    assert svg == kept.read_text(encoding="utf-8")
