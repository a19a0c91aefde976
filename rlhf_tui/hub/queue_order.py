"""Moving a run among those that wait: which priorities give the order that a person asked for.

Runs start by priority, the highest first, and those of one priority as they came. That order is
all that is stored, so a move is a change of priorities. No other run is ever put below where it
was: one with a priority under 0 would be passed by every run that is launched later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from rlhf_tui.hub.devices import overlap


class Waiting(msgspec.Struct, frozen=True):
    """A run that waits."""

    run_id: str
    priority: int
    came: tuple[int, int]
    """When it joined the queue: milliseconds, and its number among those of one moment."""


def in_order(waiting: Sequence[Waiting]) -> list[Waiting]:
    """In the order of their starts."""
    return sorted(waiting, key=lambda run: (-run.priority, run.came))


def places(order: Sequence[str], devices: Mapping[str, str]) -> dict[str, int]:
    """Run id → its place among those of the queue that would meet it on a device, from 1.

    Args:
        order: ids in the order of their starts.
        devices: where each is to run; those left out run on the CPU.
    """
    found: dict[str, int] = {}
    before: Counter[str] = Counter()
    for run_id in order:
        device = devices.get(run_id, "cpu")
        rivals = sum(count for other, count in before.items() if overlap(other, device))
        found[run_id] = rivals + 1
        before[device] += 1
    return found


def moved(waiting: Sequence[Waiting], run_id: str, by: int, beside: Sequence[str]) -> list[Waiting]:
    """The order that a move asks for, with the priorities as they were.

    Args:
        waiting: all that wait, in order.
        by: places among `beside`; below 0 is earlier. As far as the queue goes.
        beside: those of the queue that the run competes with, itself among them: runs of other
            devices are no places.
    """
    rivals = [run for run in waiting if run.run_id in beside]
    place = next(number for number, run in enumerate(rivals) if run.run_id == run_id)
    target = max(0, min(len(rivals) - 1, place + by))
    if target == place:
        return list(waiting)
    mine, other = rivals[place], rivals[target]
    rest = [run for run in waiting if run is not mine]
    # Behind the one whose place it takes when it goes back, before it when it goes forward.
    at = rest.index(other) + (target > place)
    return [*rest[:at], mine, *rest[at:]]


def priorities(order: Sequence[Waiting], run_id: str) -> dict[str, int]:
    """The changes of priority that make the queue go in this order; empty where none is needed.

    The run that was moved gets what its neighbours leave it. Runs before it are raised where they
    must be, as little as does; those behind it stay as they are.

    Args:
        order: the order wanted: as it was, but for the place of one run.
        run_id: that run.
    """
    at = next(number for number, run in enumerate(order) if run.run_id == run_id)
    found = [run.priority for run in order]

    def step(number: int) -> int:
        """How much higher than the next one a run has to be."""
        return int(order[number].came > order[number + 1].came)

    least = found[at + 1] + step(at) if at + 1 < len(order) else None
    most = found[at - 1] - step(at - 1) if at else None
    chosen = found[at]
    if most is not None and chosen > most:
        # Not under 0 for the move alone, nor over those before it.
        chosen = max(most, min(0, found[at - 1]))
    if least is not None:
        chosen = max(chosen, least)
    found[at] = chosen
    for number in range(at - 1, -1, -1):
        found[number] = max(found[number], found[number + 1] + step(number))
    return {
        run.run_id: priority
        for run, priority in zip(order, found, strict=True)
        if priority != run.priority
    }
