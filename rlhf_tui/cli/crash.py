"""What happens at a bug of ours: the traceback goes to a file, the person gets a sentence."""

from __future__ import annotations

import sys
import time
import traceback
from types import TracebackType

from rlhf_tui.cli.output import say_error

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def install_crash_report() -> None:
    """From here on an unexpected exception is told in a sentence; its traceback goes to a file."""
    sys.excepthook = _report


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return

    from platformdirs import user_log_path

    text = "".join(traceback.format_exception(kind, error, trace))
    try:
        folder = user_log_path("rlhf-tui", ensure_exists=True)
        path = folder / time.strftime("crash-%Y%m%d-%H%M%S.log")
        path.write_text(text, encoding="utf-8")
        place = f"The details are in {path}."
    except OSError:
        place = f"{traceback.extract_tb(trace)[-1]}"
    say_error(f"Something went wrong that should not have: {kind.__name__}: {error}", place)
