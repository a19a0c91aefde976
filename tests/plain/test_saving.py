"""What the line mode says of a judgement that the hub has not stored."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from rlhf_tui.config.settings import LabelSettings
from rlhf_tui.plain.paper import Paper
from rlhf_tui.plain.talk import Talk
from rlhf_tui.plain.typed import TypedLines

FULL = "There is no room left on the disk of /films. Free some space."


@pytest.mark.parametrize(
    ("connected", "trouble", "said"),
    [
        (False, "", "Saved locally, the hub is away: both bad.\n"),
        (False, "The hub cannot be reached.", "Saved locally, the hub is away: both bad.\n"),
        (True, FULL, f"Saved locally: both bad.\n{FULL}\n"),
    ],
)
async def test_why_it_lies_here_is_said(connected: bool, trouble: str, said: str) -> None:
    async def joined() -> None:
        pass

    link: Any = SimpleNamespace(connected=connected, trouble=trouble, unsent={})
    out = io.StringIO()
    talk = Talk(link, "rank", LabelSettings(), TypedLines(0), Paper(out))
    session: Any = SimpleNamespace(outbox=SimpleNamespace(join=joined), saved="spooled")
    talk.session = session
    await talk._say_saved("both bad")
    assert out.getvalue() == said
