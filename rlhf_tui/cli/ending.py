"""How a command ends: errors become a sentence on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from rlhf_tui.cli.crash import INTERRUPTED
from rlhf_tui.cli.output import drop_output, say_error, use_what_the_terminal_can_write
from rlhf_tui.errors import RlhfError

READER_LEFT = 141
"""128 + SIGPIPE: what a shell tells of a program whose reader went away."""


def leave_with(action: Callable[[], Any]) -> NoReturn:
    """Leave with the exit code that `action` returns, or that its error has."""
    use_what_the_terminal_can_write()
    try:
        code = action()
        sys.stdout.flush()
    except RlhfError as error:
        say_error(error.message, error.hint)
        code = error.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        drop_output()
        code = READER_LEFT
    except OSError as error:
        drop_output()
        place = f" ({error.filename})" if error.filename else ""
        say_error(f"{error.strerror or error}{place}.")
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
