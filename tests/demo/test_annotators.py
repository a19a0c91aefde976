"""The simulated annotators: reproducible, imperfect, and as close to each other as people are."""

import itertools
import json
import random

from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.demo.annotators import ANNOTATORS, Care, judgement, tiers
from rlhf_tui.evaluation.agreement import pairwise_agreement
from rlhf_tui.hub.messages import Item
from rlhf_tui.records import Completion, Event, Prompt, Task
from rlhf_tui.sample_data import DIRECTORY


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=9), st.floats(0, 3))
def test_tiers_are_dense_and_follow_what_was_felt(feelings: list[float], tie_below: float) -> None:
    found = tiers(feelings, tie_below)
    assert set(found) == set(range(1, max(found) + 1))
    best_first = sorted(zip(feelings, found, strict=True), key=lambda entry: -entry[0])
    for (better, tier), (worse, next_tier) in itertools.pairwise(best_first):
        assert next_tier - tier == (0 if better - worse < tie_below else 1)


def items() -> list[Item]:
    """The rankings that the sample workspace opens with."""
    made = []
    for number, line in enumerate((DIRECTORY / "completions.jsonl").read_text().splitlines()):
        row = json.loads(line)
        completions = [
            Completion(f"c{number}-{i}", f"p{number}", text)
            for i, text in enumerate(row["completions"])
        ]
        task = Task(f"t{number}", "rank", f"p{number}", [c.completion_id for c in completions])
        made.append(Item(task, Prompt(f"p{number}", row["prompt"]), completions))
    return made


def judge_all(care: Care, work: list[Item], seed: int = 7) -> list[Event]:
    return [judgement(item, care, seed) for item in work]


def test_the_same_seed_judges_alike_in_any_order_and_another_seed_does_not() -> None:
    work = items()
    care = ANNOTATORS[0]
    there = {e.task_id: e.tiers for e in judge_all(care, work)}
    shuffled = list(work)
    random.Random(3).shuffle(shuffled)
    back = {e.task_id: e.tiers for e in judge_all(care, shuffled)}
    assert there == back
    assert there != {e.task_id: e.tiers for e in judge_all(care, work, seed=8)}


def test_any_two_agree_about_as_people_do() -> None:
    work = items()
    events = [
        event
        for seed in range(6)
        for event in (
            Event(
                event_id=f"{seed}{care.name}{e.task_id}",
                kind="judge",
                task_id=f"{seed}{e.task_id}",
                annotator=care.name,
                shown=e.shown,
                tiers=e.tiers,
            )
            for care in ANNOTATORS
            for e in judge_all(care, work, seed)
        )
    ]
    found = pairwise_agreement(events)
    assert len(found) == 3
    assert all(0.70 <= entry.share <= 0.80 for entry in found), found


def test_a_thumb_is_given_where_a_thumb_is_asked() -> None:
    item = items()[0]
    single = Item(
        Task("t", "thumbs", item.task.prompt_id, [item.completions[0].completion_id]),
        item.prompt,
        item.completions[:1],
    )
    event = judgement(single, ANNOTATORS[1], 0)
    assert event.thumbs in ([True], [False])
    assert event.tiers == []
