"""Moving a run in the queue changes priorities so that it, and no other, changes its place."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_tui.hub.queue_order import Waiting, in_order, moved, places, priorities

BRIEFLY = settings(max_examples=60, deadline=None)


@st.composite
def queues(draw: st.DrawFn) -> tuple[list[Waiting], str, list[str]]:
    """A queue in order, the run to move, and those that it competes with."""
    given_ = draw(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
    runs = in_order([Waiting(f"r{n}", level, (n // 2, n)) for n, level in enumerate(given_)])
    ids = [run.run_id for run in runs]
    mine = draw(st.sampled_from(ids))
    others = draw(st.sets(st.sampled_from(ids)))
    return runs, mine, [one for one in ids if one == mine or one in others]


def after(queue: list[Waiting], run_id: str, by: int, beside: list[str]) -> list[Waiting]:
    changes = priorities(moved(queue, run_id, by, beside), run_id)
    return in_order(
        [
            msgspec.structs.replace(run, priority=changes.get(run.run_id, run.priority))
            for run in queue
        ]
    )


def ids(queue: list[Waiting]) -> list[str]:
    return [run.run_id for run in queue]


@given(queues(), st.integers(-12, 12))
@BRIEFLY
def test_a_run_goes_so_many_places_and_all_others_keep_their_order(
    made: tuple[list[Waiting], str, list[str]], by: int
) -> None:
    queue, mine, beside = made
    now = after(queue, mine, by, beside)
    others = [one for one in ids(queue) if one != mine]
    assert [one for one in ids(now) if one != mine] == others
    rivals = [one for one in ids(now) if one in beside]
    wanted = max(0, min(len(beside) - 1, beside.index(mine) + by))
    assert rivals.index(mine) == wanted
    if wanted == beside.index(mine):
        assert now == queue


@given(queues(), st.integers(-12, 12))
@BRIEFLY
def test_nobody_else_is_lowered_and_only_those_before_it_are_raised(
    made: tuple[list[Waiting], str, list[str]], by: int
) -> None:
    queue, mine, beside = made
    before = {run.run_id: run.priority for run in queue}
    now = after(queue, mine, by, beside)
    place = ids(now).index(mine)
    for number, run in enumerate(now):
        if run.run_id == mine:
            # A run that was launched later at the usual priority does not pass it for the move.
            assert run.priority >= min(0, *before.values())
        elif number > place:
            assert run.priority == before[run.run_id]
        else:
            assert run.priority >= before[run.run_id]


@given(st.integers(2, 6), st.integers(0, 5))
@BRIEFLY
def test_moving_to_and_fro_does_not_make_numbers_grow(count: int, place: int) -> None:
    queue = [Waiting(f"r{n}", 0, (n, 0)) for n in range(count)]
    everybody = ids(queue)
    mine = everybody[place % count]
    for _ in range(20):
        queue = after(after(queue, mine, -1, everybody), mine, 1, everybody)
    assert max(run.priority for run in queue) <= 1


def test_a_run_of_equal_priority_is_passed_and_no_other() -> None:
    queue = [Waiting(name, 0, (n, 0)) for n, name in enumerate("abcd")]
    up = after(queue, "c", -1, list("abcd"))
    assert ids(up) == list("acbd")
    assert {run.run_id: run.priority for run in up} == {"a": 1, "c": 1, "b": 0, "d": 0}
    down = after(queue, "a", 1, list("abcd"))
    assert {run.run_id: run.priority for run in down} == {"b": 1, "a": 0, "c": 0, "d": 0}


def test_a_run_of_another_device_between_is_no_place() -> None:
    queue = [Waiting(name, 0, (n, 0)) for n, name in enumerate("axb")]
    assert ids(after(queue, "b", -1, ["a", "b"])) == list("bax")


def test_places_are_counted_on_each_device() -> None:
    devices = {"a": "cuda:0", "b": "cuda:1", "c": "cuda:0,1", "d": "cuda:1"}
    assert places("abcde", devices) == {"a": 1, "b": 1, "c": 3, "d": 3, "e": 1}
