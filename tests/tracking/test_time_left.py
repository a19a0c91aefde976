"""The end that is told of a run until its process is gone: at its start, between, at its end."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
from array import array
from itertools import accumulate
from pathlib import Path

import pytest
from helpers.recordings import RECORDINGS
from helpers.replayed import computed, replay
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.tracking.clock import Clock, TimeClock, XAxis
from rlhf_tui.tracking.plan import Evaluations
from rlhf_tui.tracking.time_left import ENDING, MOST_ENDING_S, seconds_left

BEGAN = 1_700_000_000.0


def lines(*rows: tuple[float, float]) -> dict[XAxis, Clock]:
    """The clocks of a run whose lines have these steps and seconds since `BEGAN`."""
    clock = TimeClock()
    steps, moments = zip(*rows, strict=True)
    clock.tell(array("d", steps), array("d", [BEGAN + moment for moment in moments]))
    return {"time": clock}


def left(
    clocks: dict[XAxis, Clock],
    step: float,
    total: float,
    now: float,
    *,
    started: float = 0.0,
    updated: float | None = None,
    began: float | None = None,
    first: float = 0.0,
    evaluations: Evaluations | None = None,
) -> float | None:
    """`seconds_left` with all moments in seconds since `BEGAN`."""
    return seconds_left(
        clocks,
        step,
        total,
        started=BEGAN + started,
        updated=BEGAN + (now if updated is None else updated),
        now=BEGAN + now,
        began=0.0 if began is None else BEGAN + began,
        first=first,
        evaluations=evaluations,
    )


def test_the_end_takes_a_share_of_what_the_start_took() -> None:
    """The first step begins 20 seconds after the start."""
    rows = [(float(step), 20.0 + 2 * step) for step in range(1, 11)]
    assert left(lines(*rows), 10, 100, 40) == pytest.approx(90 * 2 + ENDING * 20)
    hours = [(float(step), 9000.0 + 2 * step) for step in range(1, 11)]
    assert left(lines(*hours), 10, 100, 9020) == pytest.approx(90 * 2 + MOST_ENDING_S)


def test_the_start_of_a_run_that_was_resumed_is_its_last_one() -> None:
    before = [(float(step), 100.0 + step) for step in range(1, 21)]
    after = [(float(step), 5010.0 + step) for step in range(21, 31)]
    found = left(lines(*before, *after), 30, 100, 5040, started=5010)
    assert found == pytest.approx(70 + ENDING * 20)


def test_a_run_that_was_just_resumed_is_as_fast_as_it_was() -> None:
    """From the checkpoint of step 20; its lines go up to 25, from before it was stopped."""
    before = [(float(step), 10.0 + 3 * step) for step in range(1, 26)]
    found = left(lines(*before), 21, 100, 9000, started=8970)
    assert found == pytest.approx(79 * 3)


def test_two_lines_tell_a_pace_and_the_first_step_is_not_believed() -> None:
    assert left(lines((1, 10), (2, 12)), 2, 50, 12) == pytest.approx(48 * 2 + ENDING * 8)
    warming = lines((0, 10), (1, 19), (2, 21))
    found = left(warming, 2, 50, 21)
    assert found == pytest.approx(48 * 2 + ENDING * 10)


def test_one_line_tells_a_pace_with_the_moment_when_the_steps_began() -> None:
    assert left(lines((1, 10)), 1, 50, 10) is None, "how much of it was loading?"
    assert left(lines((1, 10)), 1, 50, 10, began=8) == pytest.approx(49 * 2 + ENDING * 8)
    # Before the first step it has answered held-out prompts.
    answered = lines((0, 30))
    assert left(answered, 1, 50, 33, began=8, updated=33) == pytest.approx(49 * 3 + ENDING * 8)
    # Lines are rare, but the heartbeat says how far it is.
    found = left(lines((100, 60)), 125, 1000, 62.5, began=50)
    assert found == pytest.approx(875 / 10 + ENDING * 50)


def test_no_line_is_needed_with_the_moment_when_the_steps_began() -> None:
    """Of 500 rows 100 were scored by an earlier start, and 64 since the models are loaded."""
    assert left({}, 164, 500, 52, began=20, first=100) == pytest.approx(336 / 2 + ENDING * 20)
    assert left({}, 100, 500, 22, began=20, first=100) is None
    assert left({}, 500, 500, 240, began=20, first=100) == pytest.approx(ENDING * 20)


def test_a_start_that_lies_ahead_of_the_clock_is_none() -> None:
    assert left({}, 10, 50, 40, began=3600) == pytest.approx(4 * 40), "the start tells, roughly"
    found = left(lines((1, 10), (2, 12)), 2, 50, 12, started=3590, began=3600)
    assert found == pytest.approx(48 * 2)


def test_lines_that_count_something_else_than_steps_tell_nothing() -> None:
    """As those of a learning curve, whose steps are pairs, while a model of it is trained."""
    assert left(lines((2000, 50), (4000, 99)), 10, 60, 100, began=80) is None


def test_evaluations_are_counted_from_the_second_line_on() -> None:
    """Two of 30 seconds, none seen yet; the last of them is that of the last step."""
    told = Evaluations(50, seconds=30.0)
    found = left(lines((1, 0), (2, 1)), 2, 100, 1, evaluations=told)
    assert found == pytest.approx(98 + 2 * 30)


def test_while_it_evaluates_the_end_comes_nearer() -> None:
    rows = [(float(step), float(step)) for step in range(1, 21)]
    rows += [(20.0, 50.0)] + [(float(step), 30.0 + step) for step in range(21, 41)]
    told = Evaluations(20, seconds=30.0)

    def at(now: float) -> float | None:
        return left(lines(*rows), 40, 60, now, evaluations=told)

    assert at(70) == pytest.approx(20 + 2 * 30), "the second evaluation is due"
    assert at(90) == pytest.approx(20 + 2 * 30 - 20)
    assert at(170) == pytest.approx(20 + 30 - 1), "it takes longer than the first one did"


def test_after_the_last_step_it_is_not_over_yet() -> None:
    rows = [(float(step), 50.0 + step) for step in range(1, 101)]
    told = Evaluations(0, at_end=1, steps=20)

    def at(now: float) -> float | None:
        return left(lines(*rows), 100, 100, now, evaluations=told)

    assert at(150) == pytest.approx(2 * 20 + ENDING * 50)
    assert at(170) == pytest.approx(2 * 20 + ENDING * 50 - 20)
    assert at(1000) == 0


@given(
    st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1e9)), min_size=1, max_size=12),
    st.integers(0, 400),
    st.integers(0, 400),
    st.floats(-1e9, 1e9),
    st.floats(-1e9, 1e9),
    st.one_of(st.none(), st.integers(0, 60)),
)
def test_never_negative_nor_beyond_reason(
    distances: list[tuple[int, float]],
    step: int,
    total: int,
    now: float,
    started: float,
    every: int | None,
) -> None:
    steps = list(accumulate(step for step, _ in distances))
    moments = list(accumulate(seconds for _, seconds in distances))
    told = None if every is None else Evaluations(every, 1, 3.0)
    clocks = lines(*zip(map(float, steps), moments, strict=True))
    found = left(clocks, step, total, now, started=started, updated=now - 2, evaluations=told)
    if found is not None:
        assert math.isfinite(found)
        assert found >= 0
        assert 0 < step <= total


ALONE = ("rm-chance", "rm-good-2")
"""Recorded runs that had a core to themselves."""
STEADY = (
    "dpo-chance", "dpo-displaced", "dpo-good", "grpo-alike", "grpo-cut", "grpo-good", "kto-good",
    "ppo-good", "rm-chance", "rm-good", "rm-good-2", "sft-good", "sft-still",
)  # fmt: skip
"""Those with figures of the machine whose responses keep about their length."""


@pytest.mark.parametrize("name", ALONE)
def test_recorded_runs_that_had_the_machine_to_themselves(name: str) -> None:
    run = replay(RECORDINGS / name)
    assert run is not None
    for share in (0.05, 0.1, 0.2, 0.5):
        assert run.error(share) == pytest.approx(0, abs=0.05)


def test_recorded_runs_as_if_they_had_the_machine_to_themselves() -> None:
    """Of 15 to 165 steps, by the time for which they computed: what others took is left out."""
    errors = {name: error_of(name) for name in STEADY}
    assert max(errors.values()) < 0.12, errors
    assert statistics.median(errors.values()) < 0.06, errors


def error_of(name: str) -> float:
    """How far off the end of a recorded run was after a tenth, by the time it computed."""
    run = replay(RECORDINGS / name)
    assert run is not None
    alone = computed(run)
    assert alone is not None
    error = alone.error(0.1)
    assert error is not None
    return abs(error)


def test_the_benchmark_replays_runs_that_are_named() -> None:
    program = RECORDINGS.parents[1] / "benchmarks" / "time_left.py"
    named = [RECORDINGS / "rm-good-2", RECORDINGS / "sft-nan"]
    done = subprocess.run(
        [sys.executable, str(program), *map(str, named)], capture_output=True, text=True, check=True
    )
    rows = done.stdout.splitlines()
    assert [row.split()[:2] for row in rows[1:3]] == [["rm-good-2", "110"], ["rm-good-2", "cpu"]]
    assert rows[-1].split() == ["within", "10%", *["2", "of", "2"] * 4]


def test_what_did_not_finish_is_not_replayed(tmp_path: Path) -> None:
    assert replay(tmp_path) is None
    assert replay(RECORDINGS / "ppo-stopped") is None
    assert replay(RECORDINGS / "sft-nan") is None
    whole = replay(RECORDINGS / "rm-chance")
    assert whole is not None
    assert whole.whole > whole.starting + whole.ending > 0
