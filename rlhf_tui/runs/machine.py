"""What a run's machine is doing, sampled beside the run into machine.jsonl.

The supervisor samples, not the worker: a worker that hangs in a driver or holds Python's lock for
minutes is just what people want to see. Reading costs a few milliseconds each time.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

import psutil

from rlhf_tui.runs import layout
from rlhf_tui.runs.gpus import Gpus
from rlhf_tui.runs.layout import MachineRow
from rlhf_tui.runs.lines import LineLog
from rlhf_tui.runs.memory_left import Room
from rlhf_tui.runs.side_thread import SideThread

FIRST_S = 2.0
"""Between rows of a young run, which somebody is likely to be watching."""
LATER_S = 10.0
"""Between rows from the second hour on."""
YOUNG_S = 3600.0
DOUBLED_BYTES = 1 << 20
"""Each time that the file has grown by so much, the rows come half as often: a week takes some
5 MB without a GPU."""
END_S = 1.0
"""A driver that hangs keeps the run from ending for no longer than this."""


class Machine:
    """Samples this machine and the processes below one of its own."""

    def __init__(self, directory: Path, root: int, gpus: Gpus) -> None:
        """
        Args:
            directory: on the file system whose room counts.
            root: process id; it and all below it are the run's.
        """
        self._directory = directory
        self._root = root
        self._gpus = gpus
        self._room = Room()
        self._processes: dict[int, psutil.Process] = {}
        self._spent: dict[int, tuple[float, float, float]] = {}
        """Of each process: seconds of CPU, bytes read and written, so far."""
        self._at = time.monotonic()
        psutil.cpu_percent()  # counts from here
        self._look()

    def sample(self) -> MachineRow:
        """The state now; rates are since the last call, or since this object was made.

        Raises:
            OSError, psutil.Error: the system tells nothing.
        """
        before = self._at
        seconds, read, written, held = self._look()
        passed = max(self._at - before, 1e-3)
        memory = self._room.look()
        disk = shutil.disk_usage(self._directory)
        return MachineRow(
            time=round(time.time(), 3),
            cpu=psutil.cpu_percent(),
            ram=memory.taken,
            ram_total=memory.total,
            run_cpu=round(100 * seconds / passed, 1),
            run_ram=held,
            disk_free=float(disk.free),
            disk_total=float(disk.total),
            read=round(read / passed),
            written=round(written / passed),
            gpus=self._gpus.rows(),
        )

    def _look(self) -> tuple[float, float, float, float]:
        """CPU seconds, bytes read and written since the last look, and bytes held now.

        A process that has come since counts from its start, one that has gone takes what it spent
        since the last look with it.
        """
        self._at = time.monotonic()
        spent: dict[int, tuple[float, float, float]] = {}
        sums = [0.0, 0.0, 0.0]
        held = 0.0
        for pid in tree(self._root):
            with suppress(psutil.Error):
                process = self._processes.get(pid)
                if process is None or not process.is_running():
                    process = self._processes[pid] = psutil.Process(pid)
                    self._spent.pop(pid, None)
                now, ram = _spent(process)
                spent[pid] = now
                held += ram
                before = self._spent.get(pid, (0.0, 0.0, 0.0))
                sums = [a + max(0.0, b - c) for a, b, c in zip(sums, now, before, strict=True)]
        self._spent = spent
        self._processes = {pid: p for pid, p in self._processes.items() if pid in spent}
        return sums[0], sums[1], sums[2], held


def _spent(process: psutil.Process) -> tuple[tuple[float, float, float], float]:
    with process.oneshot():
        times = process.cpu_times()
        held = float(process.memory_info().rss)
    read = written = 0.0
    # Of a process of another user, or on a system that does not count: unknown.
    with suppress(psutil.Error, AttributeError, NotImplementedError):
        counted = process.io_counters()
        read, written = float(counted.read_bytes), float(counted.write_bytes)
    return (times.user + times.system, read, written), held


def tree(root: int) -> list[int]:
    """Process ids of a process and of all below it.

    On Linux by its own list of children: to ask every process of a machine for its parent takes
    0.1 s where thousands run.
    """
    found = [root]
    for pid in found:
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
        except OSError:
            continue
        for task in tasks:
            try:
                children = (task / "children").read_text().split()
            except FileNotFoundError:
                continue
            except OSError:
                children = []
            found += [int(child) for child in children]
    if len(found) == 1 and not Path(f"/proc/{root}/task/{root}/children").exists():
        with suppress(psutil.Error):
            found += [child.pid for child in psutil.Process(root).children(recursive=True)]
    return found


def pause(age: float, size: int) -> float:
    """Seconds to the next row.

    Args:
        age: of the watching, seconds.
        size: of the file, bytes.
    """
    return float((FIRST_S if age < YOUNG_S else LATER_S) * 2 ** (size // DOUBLED_BYTES))


class Watch(SideThread):
    """Samples in a thread while a run's processes live; its failures end here."""

    def __init__(self, directory: Path, root: int, visible: str | None, device: str) -> None:
        """
        Args:
            root, visible, device: as `Machine` and `Gpus` have them.
        """
        super().__init__("machine", END_S)
        self._directory = directory
        self._root = root
        self._visible, self._device = visible, device
        self._began = time.monotonic()

    def work(self) -> None:
        path = self._directory / layout.MACHINE
        log, gpus = LineLog(path), Gpus(self._visible, self._device)
        try:
            machine = Machine(self._directory, self._root, gpus)
            while not self.ended.wait(pause(time.monotonic() - self._began, _size(path))):
                with suppress(psutil.Error):
                    log.append([machine.sample()])
        except (OSError, psutil.Error):
            # The disk is full, or the directory is gone: there is nobody to tell, and no need.
            return
        finally:
            log.close()
            gpus.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
