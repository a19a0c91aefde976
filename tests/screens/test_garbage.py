"""The collector that waits for a quiet moment."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from rlhf_tui.screens import garbage
from rlhf_tui.screens.garbage import Collector


class Knot:
    """Refers to itself: only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    made.settle()
    yield made
    gc.unfreeze()
    gc.enable()


def knots(count: int) -> weakref.ref[Knot]:
    made = [Knot() for _ in range(count)]
    return weakref.ref(made[0])


def test_nothing_is_collected_in_the_middle_of_work(collector: Collector) -> None:
    assert not gc.isenabled()
    one = knots(garbage.WORTH_IT)
    assert not collector.look()  # much has been made since the last look
    assert one() is not None
    assert collector.look()  # and nothing since
    assert one() is None
    assert not collector.look()


def test_too_much_is_collected_at_once(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "TOO_MUCH", 30_000)
    one = knots(40_000)
    assert collector.look()
    assert one() is None


def test_what_became_old_is_looked_at_now_and_then(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "FULL_EVERY", 2)
    old = Knot()
    seen = weakref.ref(old)
    gc.collect(1)
    gc.collect(1)
    del old
    for _ in range(2):
        knots(garbage.WORTH_IT)
        collector.look()
        assert collector.look()
    assert seen() is None
