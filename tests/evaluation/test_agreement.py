"""Raw agreement against pairs counted by hand."""

import math

from rlhf_tui.evaluation.agreement import common_pairs, pairwise_agreement
from rlhf_tui.records import Event


def ranking(task: str, annotator: str, shown: str, tiers: list[int | None]) -> Event:
    return Event(
        event_id=f"{task}-{annotator}",
        kind="judge",
        task_id=task,
        annotator=annotator,
        shown=list(shown),
        tiers=tiers,
    )


def test_pairs_are_counted_by_completion_not_by_place() -> None:
    # a > b > c against c > a > b: of ab, ac, bc only ab is alike.
    assert common_pairs({"a": 1, "b": 2, "c": 3}, {"c": 1, "a": 2, "b": 3}) == (3, 1)


def test_ties_and_unranked_leave_the_pair_out() -> None:
    assert common_pairs({"a": 1, "b": 1, "c": 2}, {"a": 1, "b": 2, "c": None}) == (0, 0)
    assert common_pairs({"a": 1, "b": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}) == (2, 2)


def test_three_annotators_by_hand() -> None:
    found = pairwise_agreement(
        [
            ranking("t1", "ann", "abc", [1, 2, 3]),
            ranking("t1", "bob", "cab", [1, 2, 3]),
            ranking("t2", "ann", "xy", [1, 2]),
            ranking("t2", "bob", "yx", [2, 1]),
            ranking("t2", "eve", "xy", [1, 1]),
        ]
    )
    by_pair = {(f.first, f.second): (f.pairs, f.agreed) for f in found}
    assert by_pair == {("ann", "bob"): (4, 2), ("ann", "eve"): (0, 0), ("bob", "eve"): (0, 0)}
    assert found[0].share == 0.5
    assert math.isnan(found[1].share)
