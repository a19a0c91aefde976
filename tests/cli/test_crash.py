"""A bug of ours is told in a sentence, and its traceback is kept for a report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_bug_is_a_sentence_and_a_file(isolated: Path) -> None:
    code = (
        "from rlhf_tui.cli.crash import install_crash_report\n"
        "install_crash_report()\n"
        "raise ZeroDivisionError('half a row')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "half a row" in done.stderr
    assert "Traceback" not in done.stderr
    [report] = isolated.rglob("crash-*.log")
    assert str(report) in done.stderr
    assert "Traceback" in report.read_text()
