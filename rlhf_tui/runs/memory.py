"""Did the system kill for want of memory? The control group's count of such kills."""

from __future__ import annotations

from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def _count(path: Path) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(" ")
        if name == "oom_kill" and value.strip().isdigit():
            return int(value)
    return None


def _candidates(membership: str) -> list[Path]:
    """Files that may hold the count: of this control group, then of the root that is mounted.

    Inside a container the path in /proc/self/cgroup is often not under the mount, whose root is
    then the container's own group.
    """
    paths: list[Path] = []
    for line in membership.splitlines():
        _, controllers, group = line.split(":", 2)
        inner = group.lstrip("/")
        if not controllers:
            paths += [CGROUPS / inner / "memory.events", CGROUPS / "memory.events"]
        elif "memory" in controllers.split(","):
            root = CGROUPS / "memory"
            paths += [root / inner / "memory.oom_control", root / "memory.oom_control"]
    return paths


def out_of_memory_kills() -> int | None:
    """Processes of this control group killed for want of memory so far; None if nobody counts."""
    try:
        membership = MEMBERSHIP.read_text()
    except OSError:
        return None
    counts = (_count(path) for path in _candidates(membership))
    return next((count for count in counts if count is not None), None)
