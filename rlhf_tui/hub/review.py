"""Answers to reviewers: what people disagree on, and known answers."""

from __future__ import annotations

from typing import Any

from rlhf_tui.errors import UsageError
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.messages import Disputed, MarkGold


async def not_yet(_hub: Hub, _who: Identity, request: object) -> Any:
    raise UsageError(f"{type(request).__name__} is not there yet.")


HANDLERS: dict[Any, Any] = dict.fromkeys(
    (
        Disputed,
        MarkGold,
    ),
    not_yet,
)
