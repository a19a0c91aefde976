"""When a run evaluates by its arguments, and its end told with that."""

from __future__ import annotations

import json
import math
import random
from array import array
from pathlib import Path

import pytest
from helpers.recordings import RECORDINGS
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.tracking.clock import Clock
from rlhf_tui.tracking.metrics import Metrics
from rlhf_tui.tracking.plan import Evaluations, Plan, plan_of
from rlhf_tui.tracking.progress import estimate
from rlhf_tui.tracking.series import Series
from rlhf_tui.tracking.time_left import seconds_left


def test_evaluations_are_counted_between_steps_and_to_the_end() -> None:
    every = Evaluations(20, at_end=1)
    assert [every.between(0, 19), every.between(19, 20), every.between(20, 100)] == [0, 1, 4]
    assert every.coming(20, 100) == 5, "the last step's is one of them, and one follows it"
    assert every.coming(20, 110) == 6
    assert Evaluations(0, at_end=1).coming(50, 100) == 2
    assert Evaluations(0).between(0, 100) == 0


def made(
    total: int, every: int, cost: float, seed: int, *, drift: float = 0.0, warm_up: float = 0.0
) -> tuple[list[float], list[float], float]:
    """Steps and moments of the lines of a run, and the moment of its end.

    Args:
        cost: of an evaluation, in steps.
        drift: how much longer the last step takes than the first one.
        warm_up: extra of the first step, halved with each further one.
    """
    rng = random.Random(seed)
    now, done = 0.0, []
    for step in range(1, total + 1):
        now += max(0.2, rng.gauss(1, 0.1)) * (1 + drift * step / total) + warm_up * 0.5**step
        now += cost * max(0.2, rng.gauss(1, 0.1)) * (step % every == 0)
        done.append(now)
    # Measured once more when it is saved.
    return [float(step) for step in range(1, total + 1)], done, now + cost


@pytest.mark.parametrize("total", [300, 500, 1000, 3000])
@pytest.mark.parametrize(
    ("share", "how"),
    [
        (0.02, {}),
        (0.05, {"warm_up": 40.0}),
        (0.05, {"drift": 0.15}),
        (0.2, {}),
        (0.2, {"warm_up": 40.0}),
    ],
    ids=["often", "slow start", "drift", "none seen", "none seen, slow start"],
)
def test_within_a_tenth_after_a_tenth(total: int, share: float, how: dict[str, float]) -> None:
    """Evaluations take a quarter of the run; of those not seen the rows tell, a fifth too much."""
    every = round(total * share)
    cost = every / 3
    for seed in range(5):
        steps, done, end = made(total, every, cost, seed, **how)
        known = total // 10
        told = Evaluations(every, at_end=1, steps=cost * 1.2)
        found = estimate(steps[:known], done[:known], total, evaluations=told)
        assert found is not None
        assert done[known - 1] + found.seconds == pytest.approx(end, rel=0.1)


def test_an_evaluation_that_goes_on_is_not_taken_for_a_short_one() -> None:
    """The line of its step is there, that of the evaluation is not."""
    steps, done, end = made(200, 20, 10.0, 0)
    for known in (20, 40):
        for told in (Evaluations(20, at_end=1, steps=10.0), Evaluations(20, at_end=1)):
            if known == 20 and not told.steps:
                continue
            begun = [*done[: known - 1], done[known - 2] + 1.0]
            found = estimate(steps[:known], begun, 200, evaluations=told)
            assert found is not None
            assert begun[-1] + found.seconds == pytest.approx(end, rel=0.1)


def test_evaluations_in_every_distance_are_in_the_pace() -> None:
    steps, done, end = made(2000, 5, 3.0, 0)
    found = estimate(steps[4:200:5], done[4:200:5], 2000, evaluations=Evaluations(5))
    assert found is not None
    assert done[199] + found.seconds == pytest.approx(end, rel=0.05)


@pytest.mark.parametrize("known", [50, 60, 90])
def test_checkpoints_beside_some_evaluations_count_as_often_as_they_come(known: int) -> None:
    """Every 10 steps an evaluation of 10 seconds, every 20 a checkpoint of 30 seconds as well."""
    steps = [float(step) for step in range(1, 1001)]
    done = [step + 10.0 * (step // 10) + 30.0 * (step // 20) for step in steps]
    told = Evaluations(10, seconds=10.0)
    found = estimate(steps[:known], done[:known], 1000, evaluations=told)
    assert found is not None
    assert done[known - 1] + found.seconds == pytest.approx(done[-1], rel=0.1)


def test_a_machine_that_slept_while_it_evaluated_is_not_expected_to_do_so_again() -> None:
    steps, done, _ = made(1000, 50, 10.0, 0)
    late = [
        moment + (9000.0 if step >= 50 else 0.0) for step, moment in zip(steps, done, strict=True)
    ]
    told = Evaluations(50, steps=12.0)
    found = estimate(steps[:100], late[:100], 1000, evaluations=told)
    assert found is not None
    assert found.seconds == pytest.approx(900 + 18 * 10, rel=0.1)


def test_rows_of_a_step_are_those_of_the_epochs_or_counted_by_the_run() -> None:
    clock = Clock()
    clock.extend(array("d", [1, 2]), array("d", [16, 32]))
    assert Plan("sft", 10, 480, 1600.0).evaluations({}, {}, 100).steps == 10
    assert Plan("dpo", 10, 480).evaluations({}, {"samples": clock}, 100).steps == 12
    assert Plan("kto", 10, 480).evaluations({}, {"samples": clock}, 100).steps == 21
    assert Plan("dpo", 10, 480).evaluations({}, {}, 100).steps == 0
    told = Series("time/evaluate")
    told.add(0, 7.5)
    assert Plan("ppo", 5, 200).evaluations({"time/evaluate": told}, {}, 40) == Evaluations(
        5, seconds=7.5
    )


def test_what_does_not_say_when_it_evaluates_has_no_plan(tmp_path: Path) -> None:
    assert plan_of(tmp_path) is None
    source = RECORDINGS / "dpo-good"
    found = plan_of(source)
    assert found == Plan("dpo", 20, 1090)
    assert plan_of(RECORDINGS / "rm-good") == Plan("rm", 20, 1090, 3 * 7625.0)
    (tmp_path / "dataset").mkdir()
    args = json.loads((source / "args.json").read_text())
    manifest = (source / "dataset" / "manifest.json").read_text()
    (tmp_path / "dataset" / "manifest.json").write_text(manifest)
    for changes in (
        {"arguments": args["arguments"] | {"eval_steps": "often"}},
        {"kind": "generate"},
        {"arguments": args["arguments"] | {"learning_curve": True}},
    ):
        (tmp_path / "args.json").write_text(json.dumps(args | changes))
        assert plan_of(tmp_path) is None
    (tmp_path / "args.json").write_text("{")
    assert plan_of(tmp_path) is None


@pytest.mark.parametrize(("name", "share"), [("dpo-good", 0.1), ("rm-good", 0.1)])
def test_recorded_runs_with_long_evaluations(name: str, share: float) -> None:
    """After a tenth, before the first evaluation, which takes as long as twenty steps."""
    directory = RECORDINGS / name
    rows = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    total = json.loads((directory / "status.json").read_text())["total_steps"]
    plan = plan_of(directory)
    assert plan is not None
    kept = next(place for place, row in enumerate(rows) if row["step"] >= share * total)
    metrics, now = Metrics(), rows[kept]["time"]
    metrics.take(rows[: kept + 1])
    left = seconds_left(
        metrics.clocks,
        rows[kept]["step"],
        total,
        started=rows[0]["time"] - 3,
        updated=now,
        now=now,
        evaluations=plan.evaluations(metrics.series, metrics.clocks, total),
    )
    assert left is not None
    end = rows[-1]["time"] - rows[0]["time"]
    assert now - rows[0]["time"] + left == pytest.approx(end, rel=0.1)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1e6)), max_size=60),
    st.integers(0, 10_000),
    st.integers(0, 60),
    st.floats(0, 1e9),
    st.floats(0, 1e9),
)
def test_never_negative_nor_beyond_reason(
    distances: list[tuple[int, float]], left: int, every: int, seconds: float, cost: float
) -> None:
    steps, moments = [0.0], [0.0]
    for step, second in distances:
        steps.append(steps[-1] + step)
        moments.append(moments[-1] + second)
    told = Evaluations(every, 1, seconds, cost)
    found = estimate(steps, moments, steps[-1] + left, evaluations=told)
    if found is not None:
        assert math.isfinite(found.seconds)
        assert found.seconds >= 0
