"""Undo and redo as two stacks that follow from the log: pure, without hub or screen.

Every step is an event, so that the stacks of an earlier program, or of another terminal, are read
from the log again:

- a judgement or a skip pushes a step, and ends what could be redone;
- a retraction moves the step of its task to the other stack; the judgement or skip that names a
  retracted one in `supersedes` moves it back;
- a revision pushes a step; a revision with the reason `undo` brings back the version before it,
  one with the reason `redo` the version after it.

A judgement of a task that has steps already (a skipped one that was taken up) takes their place:
undoing it opens the task again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from rlhf_tui.records import JUDGEMENT_KINDS, Event, new_event_id

UNDO, REDO = "undo", "redo"
"""Reasons of the revisions that undo and redo make."""
KEPT_STEPS = 500
"""Steps in memory; older ones are read from the log when undo comes to them."""


@dataclass(frozen=True)
class Step:
    """One thing that was done."""

    event: Event
    """Its judge, skip or revise; of a step from before what was read of the log, the event that
    took it back."""
    before: Event | None = None
    """Of a revision: the version that it replaced; None when that was not read of the log."""

    @property
    def task_id(self) -> str:
        return self.event.task_id

    @property
    def revision(self) -> bool:
        return self.event.kind == "revise"

    @property
    def known(self) -> bool:
        """The log was read far enough to undo or redo it."""
        if self.event.kind == "retract" or self.event.reason == UNDO:
            return False
        return not self.revision or self.before is not None


@dataclass
class UndoStacks:
    """What can be undone and redone after some events of one person and kind of task."""

    complete: bool = False
    """Nothing lies before the events that were read."""
    done: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)
    standing: dict[str, Event] = field(default_factory=dict)
    """The current judgement or skip of the tasks of these steps."""
    cleared: bool = False
    """Something new was done in these events: nothing from before them can be redone."""

    @classmethod
    def of(cls, events: Iterable[Event], *, complete: bool) -> UndoStacks:
        """The stacks after a stretch of the log, oldest event first."""
        stacks = cls(complete)
        for event in events:
            stacks.apply(event)
        return stacks

    @property
    def undo_known(self) -> bool:
        """What undo would do is told by the events that were read."""
        return self.done[-1].known if self.done else self.complete

    @property
    def redo_known(self) -> bool:
        return self.undone[-1].known if self.undone else self.complete or self.cleared

    def apply(self, event: Event) -> None:
        """Go on by one event; flags and leases change nothing."""
        if event.kind in ("judge", "skip"):
            self._given(event)
        elif event.kind == "revise":
            self._revised(event)
        elif event.kind == "retract":
            self._retracted(event)

    def forget_oldest(self) -> None:
        """Keep a day's steps from filling memory; what is forgotten is read from the log."""
        if len(self.done) <= KEPT_STEPS:
            return
        self.done = self.done[-(KEPT_STEPS // 2) :]
        self.complete = False
        tasks = {step.task_id for step in (*self.done, *self.undone)}
        self.standing = {task: event for task, event in self.standing.items() if task in tasks}

    def undo(self) -> Event | None:
        """The event that undoes the last step; None when there is none or it is not known."""
        if not self.done or not self.undo_known:
            return None
        step = self.done[-1]
        standing = self.standing.get(step.task_id, step.event)
        if step.before is not None:
            return again(step.before, "revise", supersedes=standing.event_id, reason=UNDO)
        return Event(
            new_event_id(),
            "retract",
            step.task_id,
            supersedes=standing.event_id,
            client=step.event.client,
            created_ms=_now_ms(),
        )

    def redo(self) -> Event | None:
        """The event that does the last undone step again; None likewise."""
        if not self.undone or not self.redo_known:
            return None
        step = self.undone[-1]
        if not step.revision:
            return again(step.event, supersedes=step.event.event_id)
        standing = self.standing.get(step.task_id, step.event)
        return again(step.event, supersedes=standing.event_id, reason=REDO)

    # --- inside --------------------------------------------------------------------------------

    def _new(self) -> None:
        self.undone.clear()
        self.cleared = True

    def _given(self, event: Event) -> None:
        if event.supersedes:
            self._take(self.undone, event.task_id, revision=False)
        else:
            self._new()
            self.done = [step for step in self.done if step.task_id != event.task_id]
        self.done.append(Step(event))
        self.standing[event.task_id] = event

    def _revised(self, event: Event) -> None:
        if event.reason == UNDO:
            step = self._take(self.done, event.task_id, revision=True)
            self.undone.append(step or Step(event))
        else:
            if event.reason == REDO:
                self._take(self.undone, event.task_id, revision=True)
            else:
                self._new()
            self.done.append(Step(event, self.standing.get(event.task_id)))
        self.standing[event.task_id] = event

    def _retracted(self, event: Event) -> None:
        step = self._take(self.done, event.task_id, revision=False)
        # Revisions go with what they revised, should they still stand.
        self.done = [one for one in self.done if one.task_id != event.task_id]
        self.undone.append(step or Step(event))
        self.standing.pop(event.task_id, None)

    @staticmethod
    def _take(steps: list[Step], task_id: str, *, revision: bool) -> Step | None:
        """Remove the newest step of a task from one of the stacks."""
        for index in range(len(steps) - 1, -1, -1):
            step = steps[index]
            kind = step.revision or step.event.reason == UNDO
            if step.task_id == task_id and kind == revision:
                return steps.pop(index)
        return None


def again(
    event: Event, kind: str = "", *, supersedes: str | None = None, reason: str | None = None
) -> Event:
    """An event with the same judgement, made now.

    Args:
        kind: instead of the event's own.
        reason: instead of the event's own, unless that says undo or redo.
    """
    own = "" if event.reason in (UNDO, REDO) and event.kind in JUDGEMENT_KINDS else event.reason
    return msgspec.structs.replace(
        event,
        event_id=new_event_id(),
        kind=kind or event.kind,
        supersedes=supersedes,
        reason=own if reason is None else reason,
        annotator="",
        selection="",
        surplus=False,
        acting_uid=-1,
        expires_ms=0,
        seq=0,
        created_ms=_now_ms(),
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
