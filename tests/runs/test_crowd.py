"""Whether programs wait for a processor, by what the kernel tells."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rlhf_tui.runs import crowd
from rlhf_tui.runs.crowd import CROWDED, ROOM, Crowd

TOLD = """\
some avg10={} avg60=1.00 avg300=0.10 total=12374601096
full avg10=99.00 avg60=0.00 avg300=0.00 total=0
"""


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question is a look."""
    monkeypatch.setattr(crowd, "LOOK_S", 0.0)


def test_crowded_from_a_share_of_waiting_until_there_is_room(tmp_path: Path) -> None:
    told = tmp_path / "cpu"
    looked = Crowd(told)
    middle = (CROWDED + ROOM) / 2
    for waiting, crowded in (
        (0.0, False), (middle, False), (CROWDED + 1, True), (middle, True), (ROOM - 1, False),
        (middle, False), (100.0, True),
    ):  # fmt: skip
        told.write_text(TOLD.format(f"{waiting:.2f}"))
        assert looked.crowded() is crowded


def test_between_two_looks_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "LOOK_S", 3600.0)
    told = tmp_path / "cpu"
    told.write_text(TOLD.format("50.00"))
    looked = Crowd(told)
    assert looked.crowded()
    told.unlink()
    assert looked.crowded()


@pytest.mark.parametrize("text", [None, "", "some avg10=\n", "full avg10=90.00\n"])
def test_without_pressure_the_load_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    told = tmp_path / "cpu"
    if text is not None:
        told.write_text(text)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    for load, crowded in ((3.9, False), (4.1, True), (0.0, False)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert Crowd(told).crowded() is crowded


def test_where_nothing_tells_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def untold() -> tuple[float, float, float]:
        raise OSError("load average not obtainable")

    monkeypatch.setattr(os, "getloadavg", untold)
    assert not Crowd(tmp_path / "none").crowded()
