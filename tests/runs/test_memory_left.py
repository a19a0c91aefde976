"""The memory of a container is what its control groups leave, not what the machine has."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from rlhf_tui.runs.memory_left import Room

GB = 10**9
UNLIMITED = "9223372036854771712"


def system(root: Path, groups: str, files: dict[str, dict[str, str]]) -> Path:
    """A file system that says only where this process stands and what the groups there allow."""
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(groups)
    for directory, contents in files.items():
        place = root / "sys/fs/cgroup" / directory
        place.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            (place / name).write_text(text)
    return root


def second(most: str, taken: int, files: int = 0) -> dict[str, str]:
    """Files of a group of cgroup v2."""
    return {
        "memory.max": f"{most}\n",
        "memory.current": f"{taken}\n",
        "memory.stat": f"anon 12\nfile 34\ninactive_file {files}\n",
    }


def first(most: str, taken: int, files: int = 0) -> dict[str, str]:
    """Files of a group of cgroup v1."""
    return {
        "memory.limit_in_bytes": f"{most}\n",
        "memory.usage_in_bytes": f"{taken}\n",
        "memory.stat": f"cache 1\ninactive_file 5\ntotal_inactive_file {files}\n",
    }


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 64 GB, of which 10 are taken."""
    real = psutil.virtual_memory()
    mine = real._replace(total=64 * GB, available=54 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: mine)


def test_without_limits_it_is_the_machine(tmp_path: Path) -> None:
    assert Room(tmp_path / "nothing").look() == (10 * GB, 64 * GB)
    free = system(tmp_path, "0::/user\n", {"": {}, "user": second("max", 3 * GB)})
    assert Room(free).look() == (10 * GB, 64 * GB)


def test_the_group_with_the_least_room_counts(tmp_path: Path) -> None:
    inner, outer = second(f"{8 * GB}", 3 * GB), second(f"{12 * GB}", 11 * GB, files=2 * GB)
    root = system(tmp_path, "0::/job/step\n", {"job": outer, "job/step": inner})
    assert Room(root).look() == (9 * GB, 12 * GB), "files that can go at any moment are not taken"
    (root / "sys/fs/cgroup/job/step/memory.current").write_text(f"{7 * GB}\n")
    assert Room(root).look() == (7 * GB, 8 * GB)


def test_a_container_that_is_told_its_path_outside(tmp_path: Path) -> None:
    groups = "12:memory:/docker/4f1c\n3:cpu,cpuacct:/docker/4f1c\n0::/\n"
    root = system(tmp_path, groups, {"memory": first(f"{4 * GB}", 3 * GB, files=GB)})
    assert Room(root).look() == (2 * GB, 4 * GB)


def test_limits_larger_than_the_machine_or_unreadable_are_none(tmp_path: Path) -> None:
    files = {"memory": first(UNLIMITED, GB), "memory/a": first("many", GB)}
    root = system(tmp_path, "4:memory:/a\n", files)
    assert Room(root).look() == (10 * GB, 64 * GB)
    room = Room(system(tmp_path / "b", "0::/\n", {"": second(f"{GB}", GB // 2)}))
    assert room.look() == (GB // 2, GB)
    (tmp_path / "b/sys/fs/cgroup/memory.current").unlink()
    assert room.look() == (10 * GB, 64 * GB), "a group that has gone"


def test_groups_that_cannot_be_looked_at_count_as_none(tmp_path: Path) -> None:
    root = system(tmp_path, f"0::/{'a' * 300}\n", {"": second(f"{GB}", GB // 2)})
    assert Room(root).look() == (GB // 2, GB)
