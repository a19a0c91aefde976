"""Logs of other programs in the tests: files made by the programs themselves, and how to read."""

from __future__ import annotations

from pathlib import Path

from rlhf_tui.tracking.foreign.reader import LogFollower
from rlhf_tui.tracking.foreign.scan import Found, Scan, Scanner

DATA = Path(__file__).parents[1] / "tracking" / "foreign_data"
"""Made by tests/tracking/make_foreign_data.py."""
WANDB = DATA / "wandb" / "offline-run-20251120_120000-a1b2c3d4" / "run-a1b2c3d4.wandb"


def scan(*paths: Path) -> Scan:
    return Scanner(paths).scan()


def found(path: Path) -> Found:
    """The only run in a path."""
    (only,) = scan(path).runs
    return only


def follower(path: Path) -> LogFollower:
    """A follower of the only run in a path, which has not read anything yet."""
    run = found(path)
    return LogFollower(run.path, run.reader(), run.log)


def read_all(follower: LogFollower, most: int = 1000) -> LogFollower:
    """Read to the end, as the dashboard does."""
    for _ in range(most):
        batch = follower.read()
        follower.take(batch)
        if not batch.more:
            return follower
    raise AssertionError("it never came to an end")


def values(follower: LogFollower, name: str) -> list[float]:
    """The values of a series."""
    series = follower.series[name]
    return [series.values.value(at) for at in range(len(series))]


def steps(follower: LogFollower, name: str) -> list[float]:
    return follower.series[name].steps.tolist()
