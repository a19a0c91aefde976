"""When a run will end: right within a tenth after a tenth, on runs whose end is known."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.tracking.clock import Clock, TimeClock, XAxis
from rlhf_tui.tracking.progress import estimate, throughput
from rlhf_tui.tracking.time_left import seconds_left

BEGAN = 1_700_000_000.0
Pace = Callable[[int], float]


def scatter(share: float, seed: int) -> Callable[[], float]:
    rng = random.Random(seed)
    return lambda: max(0.2, rng.gauss(1, share))


def steady(total: int, seed: int) -> Pace:
    noise = scatter(0.1, seed)
    return lambda step: 2 * noise()


def with_evaluations(total: int, seed: int) -> Pace:
    """One of 25 steps' time every 24th part of the run, and a checkpoint at every other."""
    noise, every = scatter(0.1, seed), total // 24
    return lambda step: noise() + (step % every == 0) * 25 * noise() + (step % (2 * every) == 0) * 8


def with_one_evaluation_so_far(total: int, seed: int) -> Pace:
    noise, every = scatter(0.1, seed), total // 12
    return lambda step: noise() + (step % every == 0) * total / 40


def slow_at_first(total: int, seed: int) -> Pace:
    noise = scatter(0.1, seed)
    return lambda step: noise() * (1 + 60 * math.exp(-(step - 1)))


def ppo(total: int, seed: int) -> Pace:
    """Responses that grow longer by half, fast at first; rollouts scatter by a fifth."""
    noise = scatter(0.2, seed)
    return lambda step: (1 + 0.15 * (1 - math.exp(-3 * step / total))) * noise()


def drifting(total: int, seed: int) -> Pace:
    """A third slower at the end, evenly, with hardly any scatter."""
    noise = scatter(0.01, seed)
    return lambda step: (1 + step / total / 3) * noise()


def two_lengths(total: int, seed: int) -> Pace:
    noise = scatter(0.05, seed)
    return lambda step: (1 if step % 3 else 4) * noise()


def slept(total: int, seed: int) -> Pace:
    """The machine slept for as long as half of the run would take."""
    noise = scatter(0.1, seed)
    return lambda step: noise()


RUNS = [
    steady,
    with_evaluations,
    with_one_evaluation_so_far,
    slow_at_first,
    ppo,
    drifting,
    two_lengths,
]


def times(pace: Pace, total: int) -> list[float]:
    """When each step from 1 on is done, in seconds since the first began."""
    now, found = 0.0, []
    for step in range(1, total + 1):
        now += pace(step)
        found.append(now)
    return found


@pytest.mark.parametrize("total", [1000, 2400, 60_000])
@pytest.mark.parametrize("run", RUNS)
def test_within_a_tenth_after_a_tenth(run: Callable[[int, int], Pace], total: int) -> None:
    seeds = range(10) if total < 5000 else range(1)
    off = []
    for seed in seeds:
        done = times(run(total, seed), total)
        known = total // 10
        found = estimate(range(1, known + 1), done[:known], total)
        assert found is not None
        off.append((done[known - 1] + found.seconds) / done[-1] - 1)
    # The scatter alone of 100 PPO steps may put one of ten runs a little further off.
    assert sorted(map(abs, off))[-2:][0] < 0.1, off
    assert max(map(abs, off)) < 0.13, off


@pytest.mark.parametrize("every", [5, 10])
def test_within_a_tenth_where_only_some_steps_are_logged(every: int) -> None:
    total = 4800
    done = times(with_evaluations(total, 3), total)
    logged = range(every, total // 10 + 1, every)
    found = estimate(logged, [done[step - 1] for step in logged], total)
    assert found is not None
    assert (done[logged[-1] - 1] + found.seconds) / done[-1] == pytest.approx(1, abs=0.1)


def test_only_the_time_since_the_last_start_counts() -> None:
    """Ten times slower before the resume, on another machine, and a night in between."""
    before = [float(10 * step) for step in range(1, 301)]
    after = [before[-1] + 40_000 + step for step in range(1, 51)]
    steps = range(1, 351)
    found = estimate(steps, [*before, *after], 1000, since=before[-1] + 39_990)
    assert found is not None
    assert found.seconds == pytest.approx(650, rel=0.02)


def test_a_machine_that_slept_is_not_expected_to_sleep_again() -> None:
    done = [step + (5000.0 if step > 60 else 0.0) for step in range(1, 101)]
    found = estimate(range(1, 101), done, 1000)
    assert found is not None
    assert found.seconds == pytest.approx(900, rel=0.02)


def test_a_hiccup_that_does_not_come_again_is_no_habit() -> None:
    """Two slow steps at the fourth, and none since; as another job's start makes them."""
    paces = [1.2, 1.2, 1.4, 2.1, 2.6, *([1.2] * 25)]
    done = [sum(paces[:n]) for n in range(1, len(paces) + 1)]
    found = estimate(range(1, 31), done, 60)
    assert found is not None
    assert found.seconds == pytest.approx(30 * 1.2, rel=0.1)


def test_a_machine_that_has_become_slower_stays_so() -> None:
    paces = [1.0] * 150 + [2.0] * 100
    done = [sum(paces[:n]) for n in range(1, len(paces) + 1)]
    found = estimate(range(1, 251), done, 1000)
    assert found is not None
    assert found.seconds == pytest.approx(750 * 2, rel=0.15)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1e6)), max_size=60),
    st.integers(0, 10_000),
    st.one_of(st.just(-math.inf), st.floats(-1e6, 1e8)),
)
def test_never_negative_nor_beyond_reason(
    distances: list[tuple[int, float]], left: int, since: float
) -> None:
    steps, seconds = [0.0], [0.0]
    for step, second in distances:
        steps.append(steps[-1] + step)
        seconds.append(seconds[-1] + second)
    found = estimate(steps, seconds, steps[-1] + left, since)
    if found is not None:
        assert math.isfinite(found.seconds)
        assert found.seconds >= 0
        assert found.per_step >= 0
        assert left or found.seconds == 0


@given(
    st.lists(st.floats(-1e308, 1e308), min_size=3, max_size=80, unique=True),
    st.lists(st.floats(0, 1e308), min_size=80, max_size=80),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_absurd_numbers_raise_nothing(
    steps: list[float], seconds: list[float], total: float
) -> None:
    steps.sort()
    found = estimate(steps, sorted(seconds)[: len(steps)], total)
    assert found is None or math.isfinite(found.seconds)


@given(st.floats(0.001, 1000), st.integers(40, 400))
def test_steady_runs_to_the_second(pace: float, total: int) -> None:
    known = total // 10 + 3
    done = [pace * step for step in range(1, known + 1)]
    found = estimate(range(1, known + 1), done, total)
    assert found is not None
    assert found.seconds == pytest.approx(pace * (total - known), rel=1e-6)


def clocks(count: int, pace: float = 2.0) -> dict[XAxis, Clock]:
    time, tokens = TimeClock(), Clock()
    steps = array("d", range(1, count + 1))
    time.tell(steps, array("d", [BEGAN + pace * step for step in steps]))
    tokens.extend(steps, array("d", [100 * step for step in steps]))
    return {"time": time, "tokens": tokens}


def test_what_is_left_falls_while_a_step_is_waited_for() -> None:
    now = BEGAN + 2 * 50
    kept = clocks(50)

    def left(later: float) -> float | None:
        return seconds_left(kept, 50, 150, started=BEGAN, updated=now, now=now + later)

    assert left(0) == pytest.approx(200)
    assert left(1.5) == pytest.approx(198.5)
    assert left(500) == pytest.approx(198), "a step that does not come takes no time off"


def test_a_heartbeat_ahead_of_the_last_line_counts() -> None:
    kept = clocks(50)
    now = BEGAN + 2 * 58
    found = seconds_left(kept, 58, 150, started=BEGAN, updated=now, now=now)
    assert found == pytest.approx(2 * 92)


def test_before_the_first_lines_the_start_tells() -> None:
    found = seconds_left({}, 5, 50, started=BEGAN, updated=BEGAN + 10, now=BEGAN + 10)
    assert found == pytest.approx(90)
    assert seconds_left({}, 0, 50, started=BEGAN, updated=0, now=BEGAN + 10) is None
    assert seconds_left({}, 50, 50, started=BEGAN, updated=0, now=BEGAN + 10) is None


def test_a_clock_that_was_set_moves_no_end() -> None:
    kept = TimeClock()
    steps = array("d", range(1, 101))
    moments = [BEGAN + s + (1e6 if 20 < s < 30 else 0) - (5000 if s > 60 else 0) for s in steps]
    kept.tell(steps, array("d", moments))
    now = moments[-1]
    found = seconds_left({"time": kept}, 100, 1000, started=BEGAN - 1, updated=now, now=now)
    assert found == pytest.approx(900, rel=0.05)


def test_throughput_is_that_of_late() -> None:
    kept = clocks(100)
    time, tokens = kept["time"], kept["tokens"]
    assert isinstance(time, TimeClock)
    assert throughput(kept) == pytest.approx({"step": 0.5, "tokens": 50})
    for step in range(101, 301):
        time.tell(array("d", [step]), array("d", [BEGAN + 200 + (step - 100) * 0.5]))
        tokens.add(step, tokens.values[-1] + 10)
    assert throughput(kept) == pytest.approx({"step": 2, "tokens": 20})
    assert throughput({}) == {}
    assert throughput({"tokens": tokens}) == {}
