"""A person's name as part of a file's: readable, and possible on every file system."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

LONGEST = 150
"""Bytes of the name in the file's; a longer one is told by its hash."""


def file_name(name: str) -> str:
    """The name with what file systems refuse quoted; different for different names."""
    quoted = quote(name, safe=" ")
    return quoted if len(quoted) <= LONGEST else hashlib.sha256(name.encode()).hexdigest()[:32]
