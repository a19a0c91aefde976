"""A run whose directory was removed does not go on unseen, holding its device."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from helpers import wait_until

from rlhf_tui.errors import InputError
from rlhf_tui.runs.process import alive
from rlhf_tui.runs.state import describe


def test_a_worker_ends_with_its_directory(runs: Any) -> None:
    run = runs("train")
    supervisor = run.start()
    run.reach(3)
    worker = run.worker

    def removed() -> bool:
        # What is written at this moment keeps its directory from going.
        shutil.rmtree(run.directory, ignore_errors=True)
        return not run.directory.exists()

    wait_until(removed, what="the removal")
    wait_until(lambda: not alive(worker), what="the worker's end")
    wait_until(lambda: not alive(supervisor), what="the supervisor's end")


def test_a_deaf_worker_ends_with_it_as_well(runs: Any) -> None:
    run = runs("deaf")
    supervisor = run.start()
    run.reach(1)
    worker = run.worker
    shutil.rmtree(run.directory)
    wait_until(lambda: not alive(worker), what="the worker's end")
    wait_until(lambda: not alive(supervisor), what="the supervisor's end")
    with pytest.raises(InputError, match="directory was removed"):
        describe(run.directory)
