"""What a run would take, with what the hub knows: the machine, and the runs that finished on it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.config.options import OPTIONS, Options, TrainOptions
from rlhf_tui.config.reward_sources import parse
from rlhf_tui.dataset.summary import Summary, summary
from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.preview_data import Kept
from rlhf_tui.runs import layout
from rlhf_tui.runs.estimate import Place, estimate, modelled_seconds
from rlhf_tui.runs.estimate_earlier import pace_of
from rlhf_tui.runs.estimate_model import Shape, shape_of
from rlhf_tui.runs.estimate_steps import CHARACTERS, Data, tokens_of
from rlhf_tui.runs.estimate_time import Earlier, Speed
from rlhf_tui.runs.gpus import Gpus
from rlhf_tui.runs.layout import RunArguments, RunKind
from rlhf_tui.runs.rendered import Estimate, Rendered
from rlhf_tui.store.write import RunRow

MOST_EARLIER = 3
ALIKE = 1.25
"""Sizes of models that differ by less are of one sort."""
SMALL = 20_000_000
"""Parameters under which a run takes one core: training.process.SMALL."""
MEASURED_S = 0.03
LEARNING = 0.35
"""Share of a device's speed in large products that a model comes to."""
GPUS: tuple[tuple[str, float], ...] = (
    ("B200", 2250e12), ("H200", 990e12), ("H100", 990e12), ("A100", 312e12), ("L40", 181e12),
    ("4090", 165e12), ("A40", 150e12), ("A6000", 155e12), ("L4", 121e12), ("A10", 125e12),
    ("3090", 71e12), ("V100", 112e12), ("T4", 65e12),
)  # fmt: skip
"""Operations a second in 16 bits, by a part of the GPU's name; the makers' figures."""
UNKNOWN_GPU = 60e12


class Weighing:
    """The estimates of one hub; used on the event loop's thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._cpu_flops = 0.0
        self._summaries: dict[str, Summary] = {}
        """By run id: its data set never changes."""

    async def estimate(
        self,
        kind: RunKind,
        options: Options,
        kept: Kept,
        rendered: Rendered | None,
        device: str,
        environment: Mapping[str, str],
    ) -> Estimate:
        """
        Raises:
            UsageError: a rollout's responses cannot be shared out evenly.
        """
        return await asyncio.to_thread(
            self._estimate, kind, options, kept.summary, rendered, device, dict(environment),
            list(self._hub.jobs.rows.values()),
        )  # fmt: skip

    def _estimate(
        self,
        kind: RunKind,
        options: Options,
        found: Summary,
        rendered: Rendered | None,
        device: str,
        environment: dict[str, str],
        rows: list[RunRow],
    ) -> Estimate:
        environ = {**os.environ, **environment}
        shape = shape_of(str(getattr(options, "model", "")), environ)
        data = data_of(found, rendered)
        rewards = _rewards(options, environ)
        place = self._place(device, environ, shape)
        earlier = []
        if shape is not None:
            # Its tokens are told from its characters as ours are, so that both are alike.
            per_token = found.characters.mean / data.lengths.mean if data.lengths.mean else 0.0
            earlier = self._earlier(
                kind, options, shape, per_token or CHARACTERS, place, environ, rows
            )
        return estimate(kind, options, shape, data, place, rewards=rewards, earlier=earlier)

    def _place(self, device: str, environ: Mapping[str, str], shape: Shape | None) -> Place:
        if device.startswith("cuda"):
            gpus = Gpus(environ.get("CUDA_VISIBLE_DEVICES"), device)
            try:
                seen = gpus.rows()
            finally:
                gpus.close()
            memory = min((gpu.memory_total or 0.0 for gpu in seen), default=0.0)
            name = seen[0].name if seen else ""
            peak = next((flops for part, flops in GPUS if part in name), UNKNOWN_GPU)
            told = f"what a {name} is said to do" if name else "what GPUs usually do"
            return Place(device, memory, Speed(peak * LEARNING, told))
        # Whoever else works here slows a measurement down, never up.
        self._cpu_flops = max(self._cpu_flops, _measure())
        cores = len(os.sched_getaffinity(0))
        small = shape is not None and shape.parameters < SMALL
        speed = self._cpu_flops * (1 if small else cores)
        return Place(device, _ram(), Speed(speed, "matrix products timed on this machine"))

    def _earlier(
        self,
        kind: RunKind,
        options: Options,
        shape: Shape,
        per_token: float,
        place: Place,
        environ: Mapping[str, str],
        rows: list[RunRow],
    ) -> list[Earlier]:
        """The newest finished runs like this one."""
        found: list[Earlier] = []
        for row in reversed(rows):
            if row.kind != kind or row.state != "finished" or len(found) == MOST_EARLIER:
                continue
            try:
                one = self._one(row, options, shape, per_token, place, environ)
            except (RlhfError, OSError, msgspec.ValidationError):
                # Its directory is gone, or another version wrote it.
                continue
            if one is not None:
                found.append(one)
        return found

    def _one(
        self,
        row: RunRow,
        options: Options,
        shape: Shape,
        per_token: float,
        place: Place,
        environ: Mapping[str, str],
    ) -> Earlier | None:
        directory = Path(row.directory)
        arguments = layout.read(directory / layout.ARGS, RunArguments)
        if arguments is None:
            return None
        made = msgspec.convert(arguments.arguments, OPTIONS[row.kind])
        if not _alike(made, options) or place.sort != Place(arguments.device).sort:
            return None
        theirs = shape_of(str(getattr(made, "model", "")), environ)
        pace = pace_of(directory, row.started_ms / 1000)
        if theirs is None or pace is None:
            return None
        if not 1 / ALIKE < theirs.parameters / max(1, shape.parameters) < ALIKE:
            return None
        if row.run_id not in self._summaries:
            self._summaries[row.run_id] = summary(directory / layout.DATASET)
        known = self._summaries[row.run_id]
        then = data_of(known, None, per_token)
        modelled = modelled_seconds(row.kind, made, theirs, then, place, _rewards(made, environ))
        return Earlier(row.run_id, pace.seconds_per_step, pace.starting, modelled)


def _alike(one: Options, other: Options) -> bool:
    """Whether both change the same weights: a run of one kind with LoRA says little of another."""
    return not isinstance(one, TrainOptions) or one.tune == getattr(other, "tune", "")


def data_of(found: Summary, rendered: Rendered | None, per_token: float = CHARACTERS) -> Data:
    """What of a data set decides about steps, time and memory.

    Args:
        per_token: characters of a token, where nobody counted the tokens.
    """
    lengths = rendered.lengths if rendered is not None else None
    return Data(
        rows=next(iter(found.manifest.rows.values())),
        prompts=found.prompts,
        texts=found.texts,
        lengths=lengths or tokens_of(found.characters, per_token),
        counted=lengths is not None,
        packed_rows=rendered.packed_rows if rendered is not None else 0,
        crowded=found.crowded,
    )


def _rewards(options: Options, environ: Mapping[str, str]) -> list[Shape]:
    """The models that score."""
    named = [str(getattr(options, "reward_model", "") or "")]
    for text in getattr(options, "rewards", []):
        entry = parse(text)
        if not entry.is_function:
            named.append(entry.source)
    shapes = [shape_of(name, environ) for name in named if name]
    return [shape for shape in shapes if shape is not None]


def _ram() -> float:
    """Bytes of memory that this machine, or the container around us, has."""
    from rlhf_tui.runs.memory_left import Room

    return Room().look().total


def _measure() -> float:
    """Operations a second of one core in products of matrices, at its best of some milliseconds.

    They are too small to be shared between threads, which would wait for each other while others
    are at work on the machine.
    """
    import numpy as np

    size = 64
    matrix: Any = np.ones((size, size), dtype=np.float32)
    best = float("inf")
    ends = time.perf_counter() + MEASURED_S
    while (begun := time.perf_counter()) < ends:
        matrix @ matrix
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best * LEARNING


def count(number: float) -> str:
    """A number of parameters: `950 k`, `1.2 M`, `7.1 G`."""
    for unit, factor in (("G", 1e9), ("M", 1e6)):
        if number >= factor:
            return (
                f"{number / factor:.1f} {unit}"
                if number < 100 * factor
                else (f"{number / factor:.0f} {unit}")
            )
    return f"{number / 1e3:.0f} k"
