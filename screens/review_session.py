"""A reviewer settling: the items on which people disagree, and what is settled of them.

The queue comes from the hub's list of disputes instead of leases: nothing is kept from others,
and settling is one more event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rlhf_tui.hub.messages import Dispute, Disputed, DisputedAnswer
from rlhf_tui.records import Event, EventKind
from rlhf_tui.screens.label_drafts import Work, work_of
from rlhf_tui.screens.label_session import LabelSession


@dataclass
class ReviewSession(LabelSession):
    """The state behind a review screen."""

    disputes: dict[str, Dispute] = field(default_factory=dict)
    """What is told of each item that is here, by task."""
    settled: list[tuple[Work, Event]] = field(default_factory=list)
    """What was settled since the screen was opened, newest last."""
    reopened: list[tuple[Work, Event]] = field(default_factory=list)
    """What undo took back of it, newest last."""

    @property
    def mine(self) -> int:
        return len(self.settled)

    # --- items ---------------------------------------------------------------------------------

    async def _fetch_more(self) -> None:
        if self._wanted <= 0:
            return
        self.outbox.asking()
        limit = self._wanted + len(self._here) + len(self.outbox.unsent)
        answer = await self.link.call(Disputed(kind=self.kind, limit=limit), DisputedAnswer)
        here = {*self._here, *self.outbox.unknown_when_asked}
        new = [one for one in answer.disputes if one.item.task.task_id not in here]
        before = (self.current, self.remaining, self.problem, self.asked)
        for dispute in new[: self._wanted]:
            self.waiting.append(self._work(dispute))
        self.remaining = max(0, answer.total - len(here | set(self._here)))
        self.problem, self.asked = "", True
        if self.current is None and self.waiting:
            self._advance()
        if before != (self.current, self.remaining, self.problem, self.asked):
            self.on_change()

    def _work(self, dispute: Dispute) -> Work:
        self.disputes[dispute.item.task.task_id] = dispute
        return work_of(dispute.item)

    @property
    def dispute(self) -> Dispute | None:
        """What is told of the current item."""
        return self.disputes.get(self.current.task_id) if self.current is not None else None

    # --- settling ------------------------------------------------------------------------------

    def _finish(self, kind: EventKind, **fields: Any) -> None:
        work = self.current
        if work is None:
            raise RuntimeError("no item to settle")
        if kind == "skip":
            self.waiting.append(work)
            self._advance()
            return
        self._keep_time(work)
        work.taken_back.clear()
        event = self._post(
            "adjudicate",
            work.task_id,
            shown=work.shown,
            active_ms=work.active_ms,
            wall_ms=work.wall_ms,
            written=work.written,
            guidelines=self.guidelines,
            **fields,
        )
        self.settled.append((work, event))
        self.reopened.clear()
        self.drafts.forget(work.task_id)
        self._advance()

    def undo(self) -> Event | None:
        """Open again what was settled last since the screen was opened."""
        if not self.settled:
            return None
        work, event = self.settled.pop()
        self.reopened.append((work, event))
        self._bring_back(work)
        return self._post("reopen", work.task_id, supersedes=event.event_id)

    def redo(self) -> Event | None:
        """Settle again what undo opened."""
        if not self.reopened:
            return None
        work, event = self.reopened.pop()
        again = self.new_event(
            "adjudicate",
            work.task_id,
            **{name: getattr(event, name) for name in _AGAIN},
        )
        self.outbox.post(again)
        self.settled.append((work, again))
        self.drafts.forget(work.task_id)
        if self.current is not None and self.current.task_id == work.task_id:
            self._advance()
        else:
            self._drop(work.task_id)
        return again

    async def fetch_undo(self) -> Event | None:
        """Open again what was settled before this screen was opened, the newest first.

        Raises:
            RlhfError: the hub refused, or is away.
        """
        async with self._stepping:
            await self.outbox.join()
            answer = await self.link.call(
                Disputed(kind=self.kind, limit=1, settled=True), DisputedAnswer
            )
            if not answer.disputes or (event := answer.disputes[0].settled) is None:
                return None
            work = self._work(answer.disputes[0])
            work.restore(event)
            self._bring_back(work)
            return self._post("reopen", work.task_id, supersedes=event.event_id)

    async def fetch_redo(self) -> Event | None:
        return None

    async def _give_back(self) -> None:
        """Nothing was leased."""


_AGAIN = (
    "shown", "tiers", "thumbs", "both_bad", "unsure", "strength", "aspects", "critique", "tags",
    "written", "guidelines", "active_ms", "wall_ms",
)  # fmt: skip
"""What a settling says."""
