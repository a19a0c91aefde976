"""What a terminal or a log shows while a launch reads a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import wait_until

from rlhf_tui.cli import reading as shown
from rlhf_tui.cli.reading import reading_shown
from rlhf_tui.runs.reading import SCRATCH, Progress, tell


def test_rows_are_counted_in_lines_where_there_is_no_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(shown, "PLAIN_S", 0.01)
    monkeypatch.setattr(shown, "note", told.append)
    monkeypatch.chdir(tmp_path)
    scratch = tmp_path / "runs" / "rm-0001" / SCRATCH
    scratch.mkdir(parents=True)
    tell(scratch, Progress(str(tmp_path / "other.jsonl"), 5))
    with reading_shown(tmp_path / "runs", "big.jsonl"):
        tell(scratch, Progress(str(tmp_path / "big.jsonl"), 40_000))
        wait_until(lambda: "big.jsonl: 40,000 rows read" in told)
    assert set(told) == {"big.jsonl: 40,000 rows read"}
    counted = len(told)
    with reading_shown(tmp_path / "runs", ""):
        pass
    assert len(told) == counted
