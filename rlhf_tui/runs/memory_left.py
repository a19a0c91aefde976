"""The memory that the processes here may take: the machine's, or less in a container or a job.

Sources: the Linux kernel's documentation of control groups, admin-guide/cgroup-v2.rst (memory.max,
memory.current, memory.stat) and cgroup-v1/memory.rst (memory.limit_in_bytes and its kin).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import psutil

from rlhf_tui.runs.memory import CGROUPS, MEMBERSHIP, groups

ROOT = Path("/")
V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
"""Files of a group's limit and of what it has taken, and what of that is files that can go at any
moment, by its name in memory.stat."""


class Memory(NamedTuple):
    """Bytes."""

    taken: float
    total: float

    @property
    def left(self) -> float:
        return self.total - self.taken


class Room:
    """What is left of the tightest of the limits that this process stands under."""

    def __init__(self, root: Path = ROOT) -> None:
        """
        Args:
            root: of the file system; another one is for tests.
        """
        try:
            membership = (root / MEMBERSHIP.relative_to(ROOT)).read_text()
        except OSError:
            membership = ""
        around = groups(membership, root / CGROUPS.relative_to(ROOT))
        named = [(directory, V2 if second else V1) for directory, second in around]
        self._groups = [
            (directory, names)
            for directory, names in named
            # As a bool whatever stands in the way, unlike `exists`.
            if all(os.access(directory / name, os.R_OK) for name in (*names[:2], "memory.stat"))
        ]

    def look(self) -> Memory:
        """The memory now.

        Raises:
            OSError, psutil.Error: the system tells nothing.
        """
        machine = psutil.virtual_memory()
        found = [Memory(float(machine.total - machine.available), float(machine.total))]
        for directory, names in self._groups:
            group = _look(directory, *names)
            if group is not None and group.total < machine.total:
                found.append(group)
        return min(found, key=lambda memory: memory.left)


def _look(directory: Path, limit: str, usage: str, files: str) -> Memory | None:
    """A group's memory; None without a limit, or of a group that has gone."""
    try:
        most = (directory / limit).read_text().strip()
        if not most.isdigit():
            return None
        taken = int((directory / usage).read_text())
        for line in (directory / "memory.stat").read_text().splitlines():
            name, _, size = line.partition(" ")
            if name == files:
                taken -= int(size)
    except (OSError, ValueError):
        return None
    return Memory(float(max(0, taken)), float(most))
