"""A worker lets the services that its run names hear the figures, however the run ends."""

from __future__ import annotations

import pytest


def scalars(run) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(run.directory / "tensorboard")).Reload()
    return {
        name: [(event.step, event.value) for event in read.Scalars(name)]
        for name in read.Tags()["scalars"]
    }


def test_a_finished_run_has_event_files(runs):
    run = runs("finish", report_to=["tensorboard"])
    run.start()
    run.expect("finished")
    assert scalars(run) == {"train/loss": [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]}


def test_a_stopped_and_resumed_run_has_each_step_once(runs):
    from rlhf_tui.runs.launch import request_stop

    run = runs("train", report_to=["tensorboard"])
    for target in (7, 12):
        run.start()
        run.reach(target)
        request_stop(run.directory)
        run.expect("stopped")
    steps = [step for step, _ in scalars(run)["train/loss"]]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) >= 12


def test_an_unnamed_service_writes_nothing(runs):
    run = runs("finish")
    run.start()
    run.expect("finished")
    assert not (run.directory / "tensorboard").exists()
