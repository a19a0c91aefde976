"""Samples in order of prompts and steps."""

from __future__ import annotations

from rlhf_tui.runs.layout import REFERENCE, SampleRow
from rlhf_tui.tracking.sampled import Sampled, plain


def test_answers_by_prompt_and_step() -> None:
    rows = [
        SampleRow(0, "a", "a0", reward=1.0, by=REFERENCE),
        SampleRow(0, "b", "b0", reward=3.0, by=REFERENCE),
        SampleRow(0, "a", "a0", reward=1.0),
        SampleRow(0, "b", "b0", reward=3.0),
        SampleRow(10, "a", "a10", reward=5.0),
        SampleRow(10, "b", "b10", reward=6.0),
        SampleRow(0, "a", "other", reward=9.0, by="teacher"),
    ]
    found = Sampled(rows)
    assert list(found.prompts) == ["a", "b"]
    assert found.steps == [0, 10]
    assert found.mean_reward(10) == 5.5
    assert found.reference_reward() == 2.0
    answers = found.prompts["a"]
    assert answers.reference() is rows[0]
    assert answers.at(9) is rows[2]
    assert answers.at(99) is rows[4]
    assert answers.beside["teacher"] is rows[6]


def test_without_a_reference_the_first_step_stands_for_it() -> None:
    rows = [SampleRow(0, "a", "before"), SampleRow(5, "a", "after")]
    assert Sampled(rows).prompts["a"].reference() is rows[0]
    assert Sampled(rows[1:]).prompts["a"].reference() is None
    assert Sampled(rows[1:]).prompts["a"].at(4) is None


def test_a_step_that_comes_again_counts_as_written_last() -> None:
    rows = [SampleRow(5, "a", "lost", reward=1.0), SampleRow(5, "a", "kept", reward=None)]
    found = Sampled(rows)
    assert found.prompts["a"].policy == {5: rows[1]}
    assert found.mean_reward(5) is None


def test_conversations_of_the_same_words_are_one_prompt() -> None:
    turns = [{"role": "user", "content": "Hi"}]
    found = Sampled([SampleRow(0, turns, "x"), SampleRow(1, list(turns), "y")])
    assert list(found.prompts) == ["user: Hi"]
    assert plain([{"role": "user"}, 3, None]) == "user: \n3\nNone"
    assert plain(None) == ""


def test_what_a_run_wrote_after_the_checkpoint_that_it_goes_on_from_is_forgotten() -> None:
    rows = [
        SampleRow(0, "a", "a0", by=REFERENCE),
        *(SampleRow(step, name, f"lost {step}") for step in (0, 10, 20, 30) for name in "ab"),
        *(SampleRow(20, name, f"kept {name}") for name in "ab"),
    ]
    found = Sampled(rows)
    assert found.steps == [0, 10, 20]
    assert found.prompts["a"].at(99) is rows[-2]
    assert found.prompts["b"].at(20) is rows[-1]
    assert found.prompts["a"].beside[REFERENCE] is rows[0]


def test_one_prompt_after_the_other_is_an_order_too() -> None:
    rows = [SampleRow(step, name, name) for name in "ab" for step in (0, 10)]
    assert Sampled(rows).steps == [0, 10]
    assert len(Sampled(rows).prompts["a"].policy) == 2
