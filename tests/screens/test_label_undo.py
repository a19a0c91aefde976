"""Undo and redo as stacks over the log, against the plainest model: a list of steps and a place."""

from __future__ import annotations

from dataclasses import dataclass, field

import hypothesis.strategies as st
import pytest
from hypothesis import given

from rlhf_tui.records import Event
from rlhf_tui.screens import label_undo
from rlhf_tui.screens.label_undo import UndoStacks

TASKS = ("a", "b", "c")
PAGE = 4


def replayed(log: list[Event]) -> dict[str, tuple[str, str]]:
    """What stands after a log, by task: kind and content, as a plain reader of events sees it."""
    standing: dict[str, tuple[str, str]] = {}
    for event in log:
        if event.kind == "retract":
            standing.pop(event.task_id, None)
        else:
            kind = "skip" if event.kind == "skip" else "judged"
            standing[event.task_id] = (kind, event.critique)
    return standing


@dataclass
class Model:
    """Steps as (task, kind, content) and how many of them are done."""

    steps: list[tuple[str, str, str]] = field(default_factory=list)
    place: int = 0

    def do(self, step: tuple[str, str, str]) -> None:
        kept = self.steps[: self.place]
        if step[1] != "revise":
            kept = [one for one in kept if one[0] != step[0]]
        self.steps = [*kept, step]
        self.place = len(self.steps)

    def undo(self) -> bool:
        self.place -= (can := self.place > 0)
        return can

    def redo(self) -> bool:
        self.place += (can := self.place < len(self.steps))
        return can

    @property
    def standing(self) -> dict[str, tuple[str, str]]:
        return {
            task: ("skip" if kind == "skip" else "judged", content)
            for task, kind, content in self.steps[: self.place]
        }


def read_back(log: list[Event], *, undo: bool) -> UndoStacks:
    """The stacks as a new program reads them: pages of the log, as many as it takes."""
    size = PAGE
    while True:
        stacks = UndoStacks.of(log[-size:], complete=size >= len(log))
        if stacks.undo_known if undo else stacks.redo_known:
            return stacks
        assert size < len(log)
        size += PAGE


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("judge", "skip", "revise", "undo", "undo", "redo")), st.sampled_from(TASKS)
    ),
    max_size=60,
)


@given(ACTIONS, st.booleans())
def test_undo_and_redo_are_those_of_a_plain_list_of_steps(
    actions: list[tuple[str, str]], restart: bool
) -> None:
    log: list[Event] = []
    stacks, model = UndoStacks(complete=True), Model()

    def add(event: Event) -> None:
        log.append(event)
        stacks.apply(event)

    for number, (what, task) in enumerate(actions):
        if what in ("undo", "redo"):
            if restart:
                stacks = read_back(log, undo=what == "undo")
            event = stacks.undo() if what == "undo" else stacks.redo()
            moved = model.undo() if what == "undo" else model.redo()
            assert (event is not None) == moved
            if event is not None:
                add(event)
        else:
            standing = model.standing.get(task)
            if (what == "revise") != (standing is not None and standing[0] == "judged"):
                continue  # only a judgement that stands is revised, and it is judged no other way
            before = stacks.standing.get(task)
            supersedes = before.event_id if before and what == "revise" else None
            content = f"{number}"
            add(Event(f"e{number}", what, task, critique=content, supersedes=supersedes))  # type: ignore[arg-type]
            model.do((task, what, content))
        assert replayed(log) == model.standing
    assert len({event.event_id for event in log}) == len(log)


def test_a_day_of_steps_stays_small_and_the_rest_is_read_from_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(label_undo, "KEPT_STEPS", 10)
    log = [Event(f"e{number}", "judge", f"t{number}") for number in range(100)]
    stacks = UndoStacks(complete=True)
    for event in log:
        stacks.apply(event)
        stacks.forget_oldest()
        assert len(stacks.done) <= 10
        assert len(stacks.standing) <= 10
    for number in reversed(range(100)):
        if not stacks.undo_known:
            stacks = read_back(log, undo=True)
        back = stacks.undo()
        assert back is not None
        event = back
        assert (event.kind, event.task_id) == ("retract", f"t{number}")
        log.append(event)
        stacks.apply(event)
    assert replayed(log) == {}


def test_a_revision_is_undone_to_what_stood_and_done_again() -> None:
    first = Event("e1", "judge", "t", shown=["x", "y"], tiers=[1, 2], active_ms=5)
    second = Event("e2", "revise", "t", shown=["x", "y"], tiers=[2, 1], supersedes="e1")
    stacks = UndoStacks.of([first, second], complete=True)
    back = stacks.undo()
    assert back is not None
    assert (back.kind, back.tiers, back.supersedes, back.reason) == (
        "revise",
        [1, 2],
        "e2",
        "undo",
    )
    stacks.apply(back)
    retract = stacks.undo()
    assert retract is not None
    assert (retract.kind, retract.supersedes) == ("retract", back.event_id)
    forward = stacks.redo()
    assert forward is not None
    assert (forward.tiers, forward.supersedes, forward.reason) == ([2, 1], back.event_id, "redo")
