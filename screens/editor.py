"""A text in the person's own editor, in a file that nobody else can read and that does not stay."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from rlhf_tui.errors import InputError


def editor_command() -> list[str]:
    """What VISUAL or EDITOR names, with its options; empty when neither does."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        return shlex.split(command)
    except ValueError:
        return []


def edit_in(command: list[str], text: str, terminal: AbstractContextManager[None]) -> str:
    """Let the person change a text.

    Args:
        command: the editor; the file's path is added.
        terminal: gives the terminal to the editor for as long as it is entered.

    Returns:
        The text afterwards; the newline that editors add at the end is not part of it.

    Raises:
        InputError: the editor did not start, failed, or left what is no text.
    """
    descriptor, name = tempfile.mkstemp(prefix="rlhf-tui-", suffix=".md")  # mode 0600
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        with terminal:
            # An exception in here would leave the terminal with the program that did not start.
            ended = _run([*command, name])
        if isinstance(ended, OSError):
            raise ended
        if ended:
            raise InputError(f"{command[0]} ended with {ended}: nothing was changed.")
        after = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(
            f"{command[0]} could not be used ({error.strerror}): nothing was changed.",
            hint="VISUAL or EDITOR names the editor.",
        ) from error
    except UnicodeDecodeError:
        raise InputError(f"{command[0]} left no UTF-8 text: nothing was changed.") from None
    finally:
        path.unlink(missing_ok=True)
    return after if text.endswith("\n") else after.removesuffix("\n")


def _run(command: list[str]) -> int | OSError:
    """The exit code, or why it did not start."""
    try:
        return subprocess.run(command, check=False).returncode
    except OSError as error:
        return error
