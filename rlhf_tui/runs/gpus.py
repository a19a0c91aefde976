"""The GPUs that a run may use, and what NVML says of them at a moment.

pynvml is imported by the first question alone, which a run on the CPU never asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rlhf_tui.runs.layout import GpuRow


class Gpus:
    """Handles of the GPUs of one run."""

    def __init__(self, visible: str | None, device: str = "cuda") -> None:
        """Find them; none where there is no GPU, no driver, or the run is one of the CPU.

        Args:
            visible: CUDA_VISIBLE_DEVICES of the run: numbers, or the beginnings of UUIDs; None:
                not set. Numbers are taken as those of NVML, which are CUDA's own when all GPUs are
                of one kind, or under CUDA_DEVICE_ORDER=PCI_BUS_ID.
            device: the run's: cuda, or places among the visible ones as cuda:0,1; with any other
                the run uses none.
        """
        self._nvml: Any = None
        self._handles: list[tuple[int, Any]] = []
        if not device.startswith("cuda") or visible == "":
            return
        import pynvml

        self._nvml = pynvml
        try:
            pynvml.nvmlInit()
            self._handles = self._found(visible)
        except pynvml.NVMLError:
            return
        places = device.partition(":")[2].split(",")
        if all(place.strip().isdigit() for place in places):
            chosen = {int(place) for place in places}
            self._handles = [one for at, one in enumerate(self._handles) if at in chosen]

    def _found(self, visible: str | None) -> list[tuple[int, Any]]:
        nvml = self._nvml
        every = [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(nvml.nvmlDeviceGetCount())]
        if visible is None:
            return list(enumerate(every))
        found = []
        for name in visible.split(","):
            one = self._named(name.strip(), every)
            if one is None:
                # As CUDA has it: what stands behind a name that is no GPU does not count.
                break
            found.append(one)
        return found

    def _named(self, name: str, every: list[Any]) -> tuple[int, Any] | None:
        nvml = self._nvml
        if name.isdigit():
            return (int(name), every[int(name)]) if int(name) < len(every) else None
        if name.startswith("MIG-"):
            handle = self._ask(nvml.nvmlDeviceGetHandleByUUID, name)
            if handle is None:
                return None
            parent = self._ask(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle, handle)
            number = None if parent is None else self._ask(nvml.nvmlDeviceGetIndex, parent)
            return number or 0, handle
        for number, handle in enumerate(every):
            uuid = _text(self._ask(nvml.nvmlDeviceGetUUID, handle))
            if name and uuid.startswith(name):
                return number, handle
        return None

    def rows(self) -> list[GpuRow]:
        """One each; what a GPU does not tell, or no longer, is None."""
        return [self._row(number, handle) for number, handle in self._handles]

    def _row(self, number: int, handle: Any) -> GpuRow:
        nvml, ask = self._nvml, self._ask
        use = ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        power = ask(nvml.nvmlDeviceGetPowerUsage, handle)
        limit = ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        warmth = ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
        return GpuRow(
            index=number,
            name=_text(ask(nvml.nvmlDeviceGetName, handle)),
            use=None if use is None else float(use.gpu),
            memory=None if memory is None else float(memory.used),
            memory_total=None if memory is None else float(memory.total),
            temperature=None if warmth is None else float(warmth),
            # NVML counts milliwatts.
            power=None if power is None else round(power / 1000, 1),
            power_limit=None if limit is None else round(limit / 1000, 1),
        )

    def _ask(self, question: Callable[..., Any], *about: Any) -> Any:
        """An answer; None where the GPU or the driver has none."""
        try:
            return question(*about)
        except self._nvml.NVMLError:
            return None

    def close(self) -> None:
        """Let the driver go."""
        if self._nvml is not None:
            self._handles = []
            self._ask(self._nvml.nvmlShutdown)


def _text(name: Any) -> str:
    """A name of NVML's, which older versions of the package give as bytes."""
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name or "")
