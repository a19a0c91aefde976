"""Where one was, after the terminal went away under the program, as when a line drops."""

from __future__ import annotations

from pathlib import Path

from helpers import wait_until
from helpers.recorded import write_run
from helpers.terminals import PATIENCE_S, terminals
from screens_dashboard.conftest import NOW

SEEN = r"1/\d+ 76-150 ~0\.6 log"
"""The row of tabs: one chart alone, its second half, smoothed, on a logarithmic axis."""


def test_a_dropped_line_loses_no_view(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        name, created = f"run-{number}", NOW - number
        write_run(tmp_path, name, kind="sft" if number == 2 else "rm", created=created)
    with terminals() as server:
        pane = server.open(tmp_path, "dashboard", str(tmp_path), size=(120, 30))
        pane.shows("run-3")
        pane.press("o", "j")
        pane.shows(r"(?s)◆ run-2.*━ run-1")
        pane.press("l", "s", "f", "+")
        pane.shows(SEEN)
        # At once: what is not written down yet is written as the terminal closes.
        pane.press("7")
        pane.shows("what differs")
        pane.close_terminal()
        wait_until(lambda: pane.dead, PATIENCE_S, "the program ends with its terminal")

        again = server.open(tmp_path, "dashboard", str(tmp_path), size=(120, 30))
        again.shows("what differs")
        again.press("1")
        again.shows(SEEN)
        again.shows(r"(?s)◆ run-2.*━ run-1")
        again.press("q")
        again.gone()


def test_a_state_directory_that_cannot_be_written_is_told_and_no_more(
    tmp_path: Path, isolated: Path
) -> None:
    (isolated / "state").write_text("This is no directory.")
    write_run(tmp_path, "run-1", kind="sft")
    with terminals() as server:
        pane = server.open(tmp_path, "dashboard", str(tmp_path / "run-1"), size=(120, 30))
        pane.shows("cannot be (read|written)")
        pane.press("l")
        pane.shows("log y|log +$")
        pane.press("q")
        pane.gone()
