"""The version of the installed program, as both ends of a connection tell it."""

from __future__ import annotations

import functools
from importlib import metadata


@functools.cache
def program_version() -> str:
    return metadata.version("rlhf-tui")
