"""Wait for another process to get somewhere, with a deadline instead of a guess."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


def wait_until(
    predicate: Callable[[], T], deadline: float = 30.0, what: str = "", poll: float = POLL_S
) -> T:
    """Call `predicate` until it gives something true, and return that.

    Args:
        deadline: seconds after which the test fails; generous, it is no measurement.
        what: what was waited for, for the message of the failure.
        poll: seconds between two looks; longer where a look starts a process.
    """
    end = time.monotonic() + deadline
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what or predicate}")
        time.sleep(poll)
