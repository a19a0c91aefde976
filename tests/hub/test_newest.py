"""Which run is taken where none is named."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rlhf_tui.hub.models import newest
from rlhf_tui.runs.layout import MODEL
from rlhf_tui.store.write import RunRow


def finished(place: Path, number: int) -> RunRow:
    directory = place / f"rm-{number:04d}"
    (directory / MODEL).mkdir(parents=True)
    return RunRow(
        directory.name, "rm", "finished", directory=str(directory), created_ms=number * 1000
    )


def test_the_newest_that_was_not_put_away(tmp_path: Path) -> None:
    rows = [finished(tmp_path, number) for number in (1, 2)]
    assert newest({row.run_id: row for row in rows}, "rm") is rows[1]
    rows[1] = msgspec.structs.replace(rows[1], archived=True)
    assert newest({row.run_id: row for row in rows}, "rm") is rows[0]
    assert newest({rows[1].run_id: rows[1]}, "rm") is None
