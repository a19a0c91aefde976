"""How ended runs ended is remembered, as long as it is true."""

from __future__ import annotations

import pytest

from rlhf_tui.errors import InputError
from rlhf_tui.runs import layout, state
from rlhf_tui.runs.layout import RunExit, RunStatus
from rlhf_tui.runs.process import mark
from rlhf_tui.runs.state import Ended


def test_an_ended_run_is_described_once_until_it_ends_anew(runs, monkeypatch):
    run = runs("finish")
    ended, described = Ended(), []
    original = state.describe
    monkeypatch.setattr(state, "describe", lambda path: described.append(path) or original(path))
    assert ended.describe(run.directory).state == "queued"
    assert ended.describe(run.directory).state == "queued"
    assert len(described) == 2, "a run that goes on is asked each time"
    layout.write_atomic(run.directory / layout.SUPERVISOR, mark())
    layout.write_atomic(run.directory / layout.STATUS, RunStatus("finished", mark(), 2.0))
    layout.write_atomic(run.directory / layout.EXIT, RunExit(0, None, False, 2.0))
    assert [ended.describe(run.directory).state for _ in range(3)] == ["finished"] * 3
    assert len(described) == 3
    # Resumed: how it ended is forgotten.
    (run.directory / layout.EXIT).unlink()
    assert ended.describe(run.directory).state == "running"
    layout.write_atomic(run.directory / layout.EXIT, RunExit(1, None, False, 9.0, "It broke."))
    assert ended.describe(run.directory).message == "It broke."


def test_a_removed_run_is_not_remembered(runs):
    run = runs("finish")
    ended = Ended()
    layout.write_atomic(run.directory / layout.EXIT, RunExit(0, None, False, 2.0))
    ended.describe(run.directory)
    for path in run.directory.iterdir():
        if path.is_file():
            path.unlink()
    with pytest.raises(InputError):
        ended.describe(run.directory)
