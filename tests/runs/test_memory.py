"""Runs that memory is too small for: smaller batches where that was asked for, else advice."""

from __future__ import annotations

import json

import pytest

from rlhf_tui.runs import batching, layout
from rlhf_tui.runs.layout import Adjusted

ASKED = {"batch_size": 8, "gradient_accumulation": 1, "auto_batch": True}


@pytest.mark.parametrize("by_kernel", [False, True])
def test_auto_batch_goes_on_with_half_until_memory_is_enough(runs, by_kernel):
    run = runs("memory_for_two", by_kernel=by_kernel, **ASKED)
    run.start()
    facts = run.expect("finished")
    adjusted = layout.read(run.directory / layout.ADJUSTED, Adjusted)
    assert adjusted.arguments == {"batch_size": 2, "gradient_accumulation": 4}
    first = "Memory ran out with batch_size 8: it went on with batch_size 4 and"
    assert adjusted.reason == (
        f"{first} gradient_accumulation 2. Memory ran out with batch_size 4: it went on with "
        "batch_size 2 and gradient_accumulation 4."
    )
    assert facts.message == adjusted.reason
    assert first in run.log
    assert facts.arguments.arguments["batch_size"] == 8, "what was asked for stays on record"
    rows = (run.directory / layout.METRICS).read_text().splitlines()
    assert [json.loads(row)["batch_size"] for row in rows] == [2]


def test_auto_batch_starts_from_the_latest_checkpoint_and_ends_at_a_single_row(runs):
    run = runs("memory_for_two", never_enough=True, **(ASKED | {"batch_size": 2}))
    run.start()
    facts = run.expect("finished")
    rows = (run.directory / layout.METRICS).read_text().splitlines()
    steps = [(row["step"], row["batch_size"]) for row in map(json.loads, rows)]
    assert steps == [(1, 2), (2, 1)]
    assert facts.exit.code == 0


def test_with_a_single_row_there_is_nothing_left_to_halve(runs):
    run = runs("memory", **(ASKED | {"batch_size": 1, "max_length": 99, "tune": "full"}))
    run.start()
    facts = run.expect("failed")
    assert facts.exit.out_of_memory
    assert facts.message == (
        "Memory ran out with batch_size 1. Try a max_length below 99, or tune = 'lora'."
    )
    assert not (run.directory / layout.ADJUSTED).exists()


def test_the_kernels_kill_is_told_with_advice(runs):
    run = runs("memory_for_two", by_kernel=True, batch_size=4, auto_batch=False)
    run.start()
    facts = run.expect("failed")
    assert facts.exit.out_of_memory
    assert facts.message.startswith("The system ended the worker because memory ran out. Try b")
    assert "With auto_batch a run goes on by itself" in facts.message


@pytest.mark.parametrize(
    ("batch", "accumulation", "expected"),
    [
        (8, 1, (4, 2)),
        (8, 3, (4, 6)),
        (3, 1, (1, 3)),
        (6, 1, (3, 2)),
        (5, 2, (2, 5)),
        (2, 4, (1, 8)),
    ],
)
def test_the_rows_of_a_step_stay_as_many(batch, accumulation, expected):
    changed = batching.smaller({"batch_size": batch, "gradient_accumulation": accumulation})
    assert (changed["batch_size"], changed["gradient_accumulation"]) == expected
    assert batch * accumulation == expected[0] * expected[1]


def test_a_rollouts_passes_are_only_split_further():
    assert batching.smaller({"batch_size": 32, "rollout_batch_size": 64}) == {"batch_size": 16}
    assert batching.smaller({"batch_size": 9, "rollout_batch_size": 18}) == {"batch_size": 3}
    assert batching.smaller({"batch_size": 1}) is None
