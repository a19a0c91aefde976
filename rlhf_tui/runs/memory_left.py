"""The memory that the processes here may take: the machine's, or less in a container or a job.

Sources: the Linux kernel's documentation of control groups, admin-guide/cgroup-v2.rst (memory.max,
memory.current, memory.stat) and cgroup-v1/memory.rst (memory.limit_in_bytes and its kin).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import psutil

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
        self._groups = [
            (directory, names)
            for directory, names in _groups(root)
            if all((directory / name).exists() for name in (*names[:2], "memory.stat"))
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


def _groups(root: Path) -> list[tuple[Path, tuple[str, str, str]]]:
    """Directories of the groups around this process, whatever of them is to be seen from here.

    In a container the path is often that outside, of which only the end is mounted: then the mount
    itself is the group.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    mount = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            base, names = mount, V2
        elif "memory" in controllers.split(","):
            base, names = mount / "memory", V1
        else:
            continue
        within = base / path.lstrip("/")
        places = [within, *within.parents]
        found += [(place, names) for place in places[: places.index(base) + 1]]
    return found


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
