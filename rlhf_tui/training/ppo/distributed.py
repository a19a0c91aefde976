"""Several processes on one rollout: shares of rows, sums over all, one decision for all.

Every process holds the whole rollout (texts, log-probabilities, values: small beside a model), so
that advantages, whitening, KL, running moments and β are the same numbers everywhere without
being reduced. Shared out are the passes through models: generation, scoring, and each minibatch,
whose gradients are summed over the processes before the optimizer's step. A loss is divided by
the minibatch's tokens in all processes, so n of them do what one alone would do with n times the
rows in a pass, up to the order of sums.

Source of the processes' names: torchrun's environment (RANK, WORLD_SIZE, LOCAL_RANK), which
`accelerate launch` sets as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from math import isnan, nan
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from rlhf_tui.errors import UsageError

T = TypeVar("T")
BUCKET = 1 << 24
"""Numbers summed at once: large enough that the wire is busy, small beside a model."""
SHARDING = {"ACCELERATE_USE_FSDP": "FSDP", "ACCELERATE_USE_DEEPSPEED": "DeepSpeed"}


class Team:
    """The processes that train one policy together; this one is `rank` of `size`."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that logs and saves."""
        return self.rank == 0

    def share(self, rows: Sequence[T]) -> list[T]:
        """This process's part of `rows`: every size-th one, so that like lengths spread evenly."""
        return list(rows[self.rank :: self.size])

    def gather(self, items: list[T]) -> list[T]:
        """What all processes made of their shares, in the order of the whole."""
        if self.size == 1:
            return items
        parts: list[list[T]] = [[] for _ in range(self.size)]
        distributed.all_gather_object(parts, items)
        whole: list[T] = [item for part in parts for item in part]
        for rank, part in enumerate(parts):
            whole[rank :: self.size] = part
        return whole

    def mean(self, figures: dict[str, float], weight: int) -> dict[str, float]:
        """Figures of this process's share, averaged over all shares by their weight."""
        if self.size == 1:
            return figures
        given: list[tuple[dict[str, float], int]] = [({}, 0)] * self.size
        distributed.all_gather_object(given, (figures, weight))
        means = {}
        for name in dict.fromkeys(name for own, _ in given for name in own):
            parts = [(own[name], many) for own, many in given if not isnan(own.get(name, nan))]
            total = sum(many for _, many in parts)
            means[name] = sum(value * many for value, many in parts) / total if total else nan
        return means

    def sum(self, tensors: Iterable[Tensor]) -> None:
        """Add up tensors of one number format over the processes, in place."""
        if self.size == 1:
            return
        bucket: list[Tensor] = []
        for tensor in tensors:
            bucket.append(tensor)
            if sum(t.numel() for t in bucket) >= BUCKET:
                _sum(bucket)
                bucket = []
        if bucket:
            _sum(bucket)

    def sum_gradients(self, parameters: Iterable[nn.Parameter], others: Sequence[Tensor]) -> None:
        """Add up gradients and `others` over the processes, in place.

        A process without rows in a minibatch adds nothing.
        """
        if self.size == 1:
            return
        gradients = list(others)
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        self.sum(gradients)

    def any(self, flag: bool) -> bool:
        """Whether it is true in any process: all get the same answer."""
        if self.size == 1:
            return flag
        flags = [False] * self.size
        distributed.all_gather_object(flags, flag)
        return any(flags)


def _sum(bucket: list[Tensor]) -> None:
    flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
    distributed.all_reduce(flat)
    start = 0
    for tensor in bucket:
        tensor.copy_(flat[start : start + tensor.numel()].view_as(tensor))
        start += tensor.numel()


def join(device: torch.device) -> Team:
    """The team of this process: itself alone, unless it was started as one of several.

    Raises:
        UsageError: it was started so that models are sharded over the processes.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    for name, kind in SHARDING.items():
        if os.environ.get(name, "").lower() in ("true", "1"):
            raise UsageError(
                f"PPO does not run under {kind}: each of its processes holds the whole model, "
                "since the same weights write and learn.",
                hint="Use accelerate = 'ddp', and tune = 'lora' to save memory.",
            )
    if size == 1:
        return Team()
    if not distributed.is_initialized():
        from accelerate import PartialState

        PartialState(cpu=device.type == "cpu")
    return Team(distributed.get_rank(), size)
