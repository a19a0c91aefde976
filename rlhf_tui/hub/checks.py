"""Whether a submitted event can be what it says, against the task that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlhf_tui.errors import Denied, InputError
from rlhf_tui.hub.identity import RANK
from rlhf_tui.hub.messages import AccessRole
from rlhf_tui.records import (
    JUDGEMENT_KINDS,
    MAX_COMPLETIONS,
    Event,
    Task,
    Written,
    imported_completion_id,
)

REVIEWING = frozenset({"adjudicate", "reopen"})
SUBMITTED = JUDGEMENT_KINDS | REVIEWING | {"retract", "skip", "flag", "release"}
DECIDING = JUDGEMENT_KINDS | {"adjudicate"}
"""Kinds of events that say which completions are good."""
LONGEST_ID = 128
LONGEST_TEXT = 1_000_000
"""Characters of a critique, a reason, or a completion that somebody wrote."""
LONGEST_NAME = 64
"""Of an aspect, a tag, a version of the guidelines."""
MOST_NAMES = 50
"""Tags of an event; aspects of a completion."""
HIGHEST_POINT = 9
"""Of any scale that can be set."""
LARGEST_NUMBER = 2**53
"""Of times: what every JSON reader still reads exactly."""


def _require(condition: bool, problem: str, event: Event) -> None:
    if not condition:
        raise InputError(
            f"The {event.kind} of task {event.task_id[:40]!r} is not possible: {problem}."
        )


def check_event(event: Event, task: Task, role: AccessRole = "owner") -> None:
    """
    Args:
        role: of whoever submits it.

    Raises:
        Denied: only reviewers may do that.
        InputError: the event cannot be a judgement, skip … of this task; the sentence says why.
    """
    if event.kind in REVIEWING and RANK[role] < RANK["reviewer"]:
        raise Denied(
            "Only reviewers settle what people disagree on.",
            hint="The owner names reviewers in rlhf.toml: [label] reviewers.",
        )
    _require(event.kind in SUBMITTED, "the hub alone makes leases", event)
    _require(0 < len(event.event_id) <= LONGEST_ID, "it has no usable event id", event)
    _check_sizes(event)
    if event.kind not in DECIDING:
        _require(not event.written, "only judgements hold what somebody wrote", event)
        return
    shown = event.shown
    _check_written(event, task)
    _require(bool(shown), "it does not say which completions were shown", event)
    _require(len(set(shown)) == len(shown), "a completion was shown twice", event)
    known = {*task.completion_ids, *(written.completion_id for written in event.written)}
    _require(set(shown) <= known, "a completion shown is not of this task", event)
    _check_marks(event)
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
    last = MAX_COMPLETIONS + len(event.written)
    _require(all(1 <= tier <= last for tier in tiers), f"tiers go from 1 (best) to {last}", event)
    strength = event.strength
    _require(strength is None or 1 <= strength <= 4, "strength goes from 1 to 4", event)


def _check_written(event: Event, task: Task) -> None:
    _require(
        len(event.written) <= MAX_COMPLETIONS, f"more than {MAX_COMPLETIONS} texts in it", event
    )
    known = set(task.completion_ids)
    tiers = dict(zip(event.shown, event.tiers, strict=False))
    for written in event.written:
        _check_text(written, event)
        expected = imported_completion_id(task.prompt_id, written.text, written.origin, "")
        _require(written.completion_id == expected, "an id is not that of the text written", event)
        _require(written.completion_id not in known, "a text written is there already", event)
        _require(
            written.parent is None or written.parent in known,
            "it edits a completion that is not of this task",
            event,
        )
        # An edit of an edit is possible: what stands before it in the list is its parent.
        known.add(written.completion_id)
        _require(
            written.completion_id in event.shown, "a text written is not among those shown", event
        )
        own, parents = tiers.get(written.completion_id), tiers.get(written.parent or "")
        _require(
            own is None or parents is None or own < parents,
            "an edit is ranked no better than what it is an edit of",
            event,
        )


def _check_text(written: Written, event: Event) -> None:
    text = written.text
    parts = [text] if isinstance(text, str) else [message.content for message in text]
    _require(any(part.strip() for part in parts), "a text written is empty", event)
    _require(
        sum(map(len, parts)) <= LONGEST_TEXT and len(parts) <= LONGEST_NAME,
        f"a text written has more than {LONGEST_TEXT} characters or {LONGEST_NAME} messages",
        event,
    )


def _check_marks(event: Event) -> None:
    """Aspects and tags in bounds; their names are not compared with the settings, which may have
    changed since they were offered."""
    _require(set(event.aspects) <= set(event.shown), "it rates what was not shown", event)
    for points in event.aspects.values():
        _check_names(list(points), "aspects", event)
        _require(
            all(1 <= point <= HIGHEST_POINT for point in points.values()),
            f"points go from 1 (worst) to {HIGHEST_POINT}",
            event,
        )
    _check_names(event.tags, "tags", event)


def _check_names(names: Sequence[str], what: str, event: Event) -> None:
    _require(len(names) <= MOST_NAMES, f"it has more than {MOST_NAMES} {what}", event)
    _require(
        all(0 < len(name) <= LONGEST_NAME for name in names),
        f"the names of {what} have 1 to {LONGEST_NAME} characters",
        event,
    )


def _check_sizes(event: Event) -> None:
    times = (event.active_ms, event.wall_ms, event.created_ms)
    _require(all(0 <= t <= LARGEST_NUMBER for t in times), "a time is out of range", event)
    longest = max(len(event.critique), len(event.reason))
    _require(longest <= LONGEST_TEXT, f"a text has more than {LONGEST_TEXT} characters", event)
    ids: Sequence[str] = (event.supersedes or "", event.client, event.guidelines)
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
    if task.gold is not None:
        _check_gold_bounds(task.gold, task)


def check_gold(gold: Mapping[str, int], task: Task) -> None:
    """
    Raises:
        InputError: no known answer of this task, or one by which nobody can be measured.
    """
    _check_gold_bounds(gold, task)
    if task.repeat_of is not None:
        raise InputError(
            f"Task {task.task_id[:40]!r} asks another one again.",
            hint=f"Give the known answer to {task.repeat_of[:40]}.",
        )
    if task.kind == "thumbs" and list(gold.values()) not in ([1], [2]):
        raise InputError("The known answer to a thumb is 1 for good or 2 for bad.")
    if task.kind == "rank" and len(set(gold.values())) < 2:
        raise InputError("A known answer has completions on two tiers at least.")


def _check_gold_bounds(gold: Mapping[str, int], task: Task) -> None:
    if not set(gold) <= set(task.completion_ids):
        raise InputError(
            f"The known answer to task {task.task_id[:40]!r} names a completion that is not its."
        )
    if any(not 1 <= tier <= MAX_COMPLETIONS for tier in gold.values()):
        raise InputError(f"Tiers go from 1 (best) to {MAX_COMPLETIONS}.")
