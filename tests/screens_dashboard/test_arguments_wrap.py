"""On a narrow pane a long argument goes on below itself; nothing of it is cut off."""

from __future__ import annotations

from rlhf_tui.screens.dashboard_argument_rows import rows_of
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.tracking.patterns import pattern

PATH = "/srv/models/a-rather-long-name/checkpoints/step-000400"
VALUE: Row = [(f"  {'model':<24} ", "dim"), (PATH, "strong"), ("   default sample", "dim")]


def texts(width: int | None) -> list[str]:
    rows = rows_of([([[("arguments", "accent")]], [("model", [VALUE])])], pattern("mod"), width)
    return ["".join(text for text, _ in row) for row in rows]


def test_a_value_goes_on_below_itself() -> None:
    told = texts(52)
    assert told[0] == "arguments"
    assert told[1].startswith("  model ")
    assert all(len(line) <= 52 for line in told)
    assert all(line.startswith(" " * 27) for line in told[2:])
    assert "".join(line[27:] for line in told[1:]).replace(" ", "") == PATH + "defaultsample"


def test_with_room_enough_it_is_one_row() -> None:
    assert len(texts(200)) == 2
    assert len(texts(None)) == 2
