"""Which devices this machine has for runs, seen without importing torch, and which a run gets."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

NVIDIA = Path("/proc/driver/nvidia/gpus")


def gpu_count(environ: Mapping[str, str]) -> int:
    """NVIDIA GPUs that a run with this environment sees; 0 where there is no driver."""
    try:
        present = len(list(NVIDIA.iterdir()))
    except OSError:
        present = 0
    if not present:
        # In a container the driver's folder may be hidden while its devices are there.
        present = len(list(Path("/dev").glob("nvidia[0-9]*")))
    visible = environ.get("CUDA_VISIBLE_DEVICES", os.environ.get("CUDA_VISIBLE_DEVICES"))
    if visible is None:
        return present
    named = [part for part in visible.split(",") if part.strip() and part.strip() != "-1"]
    return min(present, len(named))


def parts(device: str) -> frozenset[str]:
    """The single devices of a place in the queue: `cuda:0,1` is two."""
    if not device.startswith("cuda:"):
        return frozenset([device])
    return frozenset(f"cuda:{number}" for number in device.removeprefix("cuda:").split(","))


def overlap(one: str, other: str) -> bool:
    """Whether two runs would meet on a device."""
    return not parts(one).isdisjoint(parts(other))


def choose_several(count: int, gpus: int, busy: Collection[str]) -> str:
    """The GPUs that a run of several processes takes, those with the fewest runs.

    Args:
        count: at most `gpus`.
    """
    taken = [single for device in busy for single in parts(device)]
    by_load = sorted(range(gpus), key=lambda number: taken.count(f"cuda:{number}"))
    return "cuda:" + ",".join(str(number) for number in sorted(by_load[:count]))


def choose_device(wanted: str, gpus: int, busy: Collection[str]) -> str:
    """The queue that a run stands in: `cpu` or `cuda:N`.

    Args:
        wanted: the option: auto, cpu, cuda or cuda:N.
        busy: the devices of runs that wait or run, one entry a run.
    """
    if wanted not in ("auto", "cuda"):
        return wanted
    if gpus == 0:
        return "cpu" if wanted == "auto" else "cuda:0"
    return choose_several(1, gpus, busy)
