"""Who runs this program, and names as parts of files': readable, possible on every file system."""

from __future__ import annotations

import getpass
import hashlib
import os
from urllib.parse import quote

LONGEST = 150
"""Bytes of the name in the file's; a longer one is told by its hash."""


def file_name(name: str) -> str:
    """The name with what file systems refuse quoted; different for different names."""
    quoted = quote(name, safe=" ")
    return quoted if len(quoted) <= LONGEST else hashlib.sha256(name.encode()).hexdigest()[:32]


def own_name() -> str:
    """The name of who runs this program, as the environment or the system has it.

    `uid-1234` where both have none, as in a container that was started with a bare user number.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
