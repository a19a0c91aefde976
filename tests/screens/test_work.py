"""What a worker is given, when it is cancelled before it begins."""

from __future__ import annotations

import gc
import warnings

import pytest
from textual.app import App

from rlhf_tui.screens.widgets.work import work


async def test_a_worker_cancelled_before_it_begins_leaves_no_coroutine_behind() -> None:
    called: list[int] = []

    async def remember(number: int) -> None:
        called.append(number)

    app: App[None] = App()
    async with app.run_test():
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patched:
            warnings.simplefilter("error")
            unraised: list[object] = []
            patched.setattr("sys.unraisablehook", unraised.append)
            worker = app.run_worker(work(remember, 1))
            worker.cancel()
            await app.workers.wait_for_complete([app.run_worker(work(remember, 2))])
            del worker
            gc.collect()
            assert unraised == []
    assert called == [2]
