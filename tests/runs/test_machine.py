"""What the machine does beside a run: processes by psutil, GPUs by an NVML that is made up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import psutil
import pytest
from helpers import wait_until

from rlhf_tui.runs import gpus, layout, machine
from rlhf_tui.runs.gpus import Gpus
from rlhf_tui.runs.layout import GpuRow, MachineRow
from rlhf_tui.runs.lines import LineLog
from rlhf_tui.runs.machine import Machine, Watch, pause
from rlhf_tui.runs.process import signal_process

BUSY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
print(child.pid, flush=True)
child.wait()
"""
"""A launcher that does nothing, and its worker that takes a core."""


class NvmlError(Exception):
    """What the made-up NVML raises."""


class Nvml:
    """Four GPUs; the last one says nothing of itself, as in a container without rights."""

    NVMLError = NvmlError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *, driver: bool = True) -> None:
        self.driver = driver
        self.open = 0

    def nvmlInit(self) -> None:
        if not self.driver:
            raise NvmlError("driver not loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return 4

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        return number

    def nvmlDeviceGetHandleByUUID(self, name: str) -> str:
        if name != "MIG-7":
            raise NvmlError("not found")
        return name

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, handle: str) -> int:
        return 2

    def nvmlDeviceGetIndex(self, handle: int) -> int:
        return handle

    def nvmlDeviceGetUUID(self, handle: int) -> bytes | str:
        return b"GPU-aa11" if handle == 0 else f"GPU-bb{handle}{handle}"

    def nvmlDeviceGetName(self, handle: Any) -> str:
        return f"H{handle}"

    def _told(self, handle: Any, value: Any) -> Any:
        if handle in (3, "MIG-7"):
            raise NvmlError("not supported")
        return value

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any:
        return self._told(handle, SimpleNamespace(gpu=87, memory=3))

    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any:
        if handle == "MIG-7":
            return SimpleNamespace(used=1 << 30, total=10 << 30)
        return self._told(handle, SimpleNamespace(used=2 << 30, total=80 << 30))

    def nvmlDeviceGetPowerUsage(self, handle: Any) -> Any:
        return self._told(handle, 412_345)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: Any) -> Any:
        return self._told(handle, 700_000)

    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> Any:
        return self._told(handle, 61)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Nvml:
    made = Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)  # type: ignore[arg-type]
    return made


def seen(visible: str | None, device: str = "cuda") -> list[int]:
    return [row.index for row in Gpus(visible, device).rows()]


def test_a_gpu_tells_what_it_does_and_is_let_go(nvml: Nvml) -> None:
    found = Gpus("1")
    assert found.rows() == [
        GpuRow(1, "H1", 87.0, float(2 << 30), float(80 << 30), 61.0, 412.3, 700.0)
    ]
    found.close()
    assert nvml.open == 0 and found.rows() == []


def test_what_a_gpu_does_not_tell_is_none(nvml: Nvml) -> None:
    assert Gpus("3").rows() == [GpuRow(3, "H3")]
    assert Gpus("MIG-7").rows() == [GpuRow(2, "HMIG-7", None, float(1 << 30), float(10 << 30))]


@pytest.mark.parametrize(
    ("visible", "device", "expected"),
    [
        (None, "cuda", [0, 1, 2, 3]),
        ("2,0", "cuda", [2, 0]),
        ("2,0", "cuda:1", [0]),
        ("GPU-bb22,GPU-aa", "cuda", [2, 0]),
        ("1,-1,2", "cuda", [1]),  # as CUDA reads it
        ("9", "cuda", []),
        ("MIG-8", "cuda", []),
        ("", "cuda", []),
        (None, "cuda:0,3", [0, 3]),
        (None, "cpu", []),
    ],
)
def test_only_the_gpus_that_the_run_may_use(
    nvml: Nvml, visible: str | None, device: str, expected: list[int]
) -> None:
    assert seen(visible, device) == expected


def test_without_a_driver_there_are_none(nvml: Nvml) -> None:
    nvml.driver = False
    assert seen(None) == []


def test_a_run_on_the_cpu_does_not_even_import_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # importing it would raise
    assert Gpus(None, "cpu").rows() == []
    assert "pynvml" not in vars(gpus)


def test_the_processes_below_count_too(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout is not None
        child = psutil.Process(int(launcher.stdout.readline()))
        try:
            made = Machine(tmp_path, launcher.pid, Gpus(None, "cpu"))
            began = sum(child.cpu_times()[:2])
            wait_until(lambda: sum(child.cpu_times()[:2]) > began + 0.05)
            row = made.sample()
        finally:
            child.kill()
    assert row.run_cpu > 0, "it is the child that works"
    assert row.run_ram > 2e6
    assert 0 < row.ram <= row.ram_total and 0 < row.disk_free <= row.disk_total
    assert 0 <= row.cpu <= 100 and row.gpus == []
    assert made.sample().run_ram == 0.0, "they have gone, and that is no error"
    assert msgspec.json.decode(msgspec.json.encode(row), type=MachineRow) == row


def test_both_ways_to_the_processes_below_find_the_same() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout is not None
        child = psutil.Process(int(launcher.stdout.readline()))
        try:
            below = {p.pid for p in psutil.Process(launcher.pid).children(recursive=True)}
            assert set(machine.tree(launcher.pid)) == {launcher.pid} | below
        finally:
            child.kill()


def test_rows_come_more_rarely_so_that_a_week_stays_small() -> None:
    assert pause(0, 0) == machine.FIRST_S and pause(4000, 0) == machine.LATER_S
    row = 300  # bytes of a row without a GPU
    age = size = 0.0
    while age < 7 * 86400:
        age += pause(age, int(size))
        size += row
    assert size < 6e6
    assert pause(age, int(size)) < 600, "and still moves"


def test_rows_are_written_while_the_processes_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "FIRST_S", 0.01)
    path = tmp_path / layout.MACHINE
    with Watch(tmp_path, os.getpid(), None, "cpu"):
        wait_until(lambda: path.exists() and path.read_bytes().count(b"\n") >= 3)
    rows = [msgspec.json.decode(line, type=MachineRow) for line in path.read_bytes().splitlines()]
    assert [row.time for row in rows] == sorted(row.time for row in rows)
    assert not [thread for thread in threading.enumerate() if thread.name == "machine"]


def test_a_full_disk_ends_the_watching_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "FIRST_S", 0.01)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LineLog, "append", full)
    with Watch(tmp_path, os.getpid(), None, "cpu") as watch:
        wait_until(lambda: not watch._thread.is_alive(), what="the thread's end")


def test_a_driver_that_hangs_does_not_keep_the_run_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "END_S", 0.01)
    stuck, free = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        stuck.set()
        free.wait()
        raise OSError

    monkeypatch.setattr(machine, "Machine", hang)
    watch = Watch(tmp_path, os.getpid(), None, "cpu")
    with watch:
        assert stuck.wait(60)
    assert watch._thread.is_alive(), "left behind, as a daemon"
    free.set()
    watch._thread.join()


def test_a_supervisor_writes_them_and_still_hears_a_stop(runs: Any) -> None:
    run = runs("train")
    supervisor = run.start()
    path = run.directory / layout.MACHINE
    wait_until(lambda: path.exists() and path.stat().st_size > 0, what="a row")
    row = msgspec.json.decode(path.read_bytes().splitlines()[0], type=MachineRow)
    assert row.run_ram > 1e6 and row.gpus == []
    assert signal_process(supervisor, signal.SIGTERM)
    run.expect("stopped")
