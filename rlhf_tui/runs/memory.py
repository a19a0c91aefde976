"""The control groups around a process, and how often the system killed there for want of memory."""

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


def groups(membership: str, mount: Path) -> list[tuple[Path, bool]]:
    """Directories of the control groups around a process that may be seen, the innermost first.

    Inside a container the path in /proc/self/cgroup is often not under the mount, whose root is
    then the container's own group.

    Args:
        membership: what /proc/self/cgroup says.
        mount: where the groups are.

    Returns:
        Of each, too, whether its files are those of cgroup v2.
    """
    found = []
    for line in membership.splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base = mount / "memory" if controllers else mount
        places = [base / group.lstrip("/"), *(base / group.lstrip("/")).parents]
        found += [(place, not controllers) for place in places[: places.index(base) + 1]]
    return found


def out_of_memory_kills() -> int | None:
    """Processes of this control group killed for want of memory so far; None if nobody counts."""
    try:
        membership = MEMBERSHIP.read_text()
    except OSError:
        return None
    counts = (
        _count(place / ("memory.events" if second else "memory.oom_control"))
        for place, second in groups(membership, CGROUPS)
    )
    return next((count for count in counts if count is not None), None)
