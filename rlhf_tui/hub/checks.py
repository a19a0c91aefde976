"""Whether a submitted event can be what it says, against the task that it is about."""

from __future__ import annotations

from collections.abc import Sequence

from rlhf_tui.errors import InputError
from rlhf_tui.records import JUDGEMENT_KINDS, MAX_COMPLETIONS, Event, Task

SUBMITTED = JUDGEMENT_KINDS | {"retract", "skip", "flag", "release"}
LONGEST_ID = 128
LONGEST_TEXT = 1_000_000
"""Characters of a critique or a reason."""
LARGEST_NUMBER = 2**53
"""Of times: what every JSON reader still reads exactly."""


def _require(condition: bool, problem: str, event: Event) -> None:
    if not condition:
        raise InputError(
            f"The {event.kind} of task {event.task_id[:40]!r} is not possible: {problem}."
        )


def check_event(event: Event, task: Task) -> None:
    """
    Raises:
        InputError: the event cannot be a judgement, skip … of this task; the sentence says why.
    """
    _require(event.kind in SUBMITTED, "the hub alone makes leases", event)
    _require(0 < len(event.event_id) <= LONGEST_ID, "it has no usable event id", event)
    _check_sizes(event)
    if event.kind not in JUDGEMENT_KINDS:
        return
    shown = event.shown
    _require(bool(shown), "it does not say which completions were shown", event)
    _require(len(set(shown)) == len(shown), "a completion was shown twice", event)
    _require(
        set(shown) <= set(task.completion_ids), "a completion shown is not of this task", event
    )
    for name, values in (("tiers", event.tiers), ("thumbs", event.thumbs)):
        _require(
            len(values) in (0, len(shown)),
            f"there are {len(values)} {name} for {len(shown)} completions",
            event,
        )
    _check_tiers(event)
    if task.kind == "thumbs":
        decided = any(thumb is not None for thumb in event.thumbs)
        _require(decided or event.unsure or event.both_bad, "it holds no thumb", event)
    else:
        ranked = any(tier is not None for tier in event.tiers)
        _require(ranked or event.unsure or event.both_bad, "it ranks nothing", event)


def _check_tiers(event: Event) -> None:
    tiers = [tier for tier in event.tiers if tier is not None]
    _require(
        all(1 <= tier <= MAX_COMPLETIONS for tier in tiers),
        f"tiers go from 1 (best) to {MAX_COMPLETIONS}",
        event,
    )
    strength = event.strength
    _require(strength is None or 1 <= strength <= 4, "strength goes from 1 to 4", event)


def _check_sizes(event: Event) -> None:
    times = (event.active_ms, event.wall_ms, event.created_ms)
    _require(all(0 <= t <= LARGEST_NUMBER for t in times), "a time is out of range", event)
    longest = max(len(event.critique), len(event.reason))
    _require(longest <= LONGEST_TEXT, f"a text has more than {LONGEST_TEXT} characters", event)
    ids: Sequence[str] = (event.supersedes or "", event.client)
    _require(all(len(i) <= LONGEST_ID for i in ids), "an id is too long", event)


def check_task(task: Task) -> None:
    """
    Raises:
        InputError: a task that nobody could judge.
    """
    count = len(set(task.completion_ids))
    if task.kind == "thumbs":
        possible, wanted = count == len(task.completion_ids) == 1, "exactly one completion"
    else:
        possible = count == len(task.completion_ids) and 2 <= count <= MAX_COMPLETIONS
        wanted = f"2 to {MAX_COMPLETIONS} different completions"
    if not possible:
        raise InputError(
            f"Task {task.task_id[:40]!r} has {len(task.completion_ids)} completions; a task of "
            f"kind {task.kind} needs {wanted}."
        )
    if not 1 <= task.overlap <= 10_000 or abs(task.priority) > 1_000_000:
        raise InputError(f"Task {task.task_id[:40]!r} has an overlap or priority out of range.")
