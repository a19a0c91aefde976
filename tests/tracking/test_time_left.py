"""The end that is told of a run until its process is gone: at its start, between, at its end."""

from __future__ import annotations

import json
from array import array
from pathlib import Path

import pytest
from helpers.recordings import NAMES, RECORDINGS
from helpers.replayed import Replay, computed, replay

from rlhf_tui.tracking.clock import Clock, TimeClock, XAxis
from rlhf_tui.tracking.plan import Evaluations
from rlhf_tui.tracking.progress import ENDING, LOADED_S, MOST_ENDING_S, seconds_left

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


def test_one_line_tells_something_only_where_loading_was_short_beside_it() -> None:
    assert left(lines((1, 10)), 1, 50, 10) is None
    took = LOADED_S + 60
    assert left(lines((1, took)), 1, 50, took) == pytest.approx(49 * took)
    # Lines are rare, but the heartbeat says how far it is.
    found = left(lines((100, 60)), 125, 1000, 72, updated=70)
    assert found == pytest.approx(875 * 10 / 25)


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


ALONE = 90.0
"""Per cent of one core that a run of one thread has if nobody else is at work."""


def recorded() -> list[Replay]:
    found = [replay(RECORDINGS / name) for name in NAMES]
    return [run for run in found if run is not None]


def alone(run: Replay) -> bool:
    """Whether a run had a core to itself from its first step to its last."""
    path = run.directory / "machine.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    between = (run.rows[0]["time"] + 2, run.rows[-1]["time"])
    shares = [row["run_cpu"] for row in rows if between[0] <= row["time"] <= between[1]]
    return len(shares) > 1 and min(shares) >= ALONE


def test_recorded_runs_that_had_the_machine_to_themselves() -> None:
    """Of those that keep to the length of what they write: from half of a tenth on."""
    runs = [run for run in recorded() if alone(run) and run.kind == "rm"]
    assert len(runs) >= 2
    for run in runs:
        for share in (0.05, 0.1, 0.2, 0.5):
            assert run.error(share) == pytest.approx(0, abs=0.05), run.directory.name


def test_recorded_runs_by_the_time_for_which_they_computed() -> None:
    """Short ones, with what they do not tell beforehand: half of them within a tenth."""
    runs = [one for run in recorded() if (one := computed(run))]
    errors = sorted(abs(error) for run in runs if (error := run.error(0.1)) is not None)
    assert len(errors) == len(runs)
    assert errors[len(errors) // 2] < 0.12, errors


def test_what_did_not_finish_is_not_replayed(tmp_path: Path) -> None:
    assert replay(tmp_path) is None
    assert replay(RECORDINGS / "ppo-stopped") is None
    assert replay(RECORDINGS / "sft-nan") is None
    whole = replay(RECORDINGS / "rm-chance")
    assert whole is not None
    assert whole.whole > whole.starting + whole.ending > 0
