"""What the processes of one run agree on: when to stop, when all have written.

Everything here is a collective call once there is more than one process: all of them make it at
the same place, or they wait for each other for ever.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext


def together() -> bool:
    """Whether several processes have found each other."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def exchange_device() -> torch.device:
    """Where the tensors lie that processes exchange: NCCL takes the GPU's own alone."""
    if "nccl" in dist.get_backend():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def should_stop(context: RunContext) -> bool:
    """Whether the run is to end now, the same answer in every process: the main one's.

    Asked between steps; costs one exchange of four bytes, and nothing with one process.
    """
    if not together():
        return context.should_stop()
    told = torch.tensor([int(context.is_main and context.should_stop())], dtype=torch.int32)
    told = told.to(exchange_device())
    dist.broadcast(told, src=0)
    if told.item():
        context.stop()
    return context.should_stop()


def wait_for_all() -> None:
    """Go on only once every process has come here."""
    if together():
        dist.barrier()


def smallest(value: float) -> float:
    """The smallest of the processes' values, told to each."""
    if not together():
        return value
    shared: Tensor = torch.tensor([value], dtype=torch.float64, device=exchange_device())
    dist.all_reduce(shared, op=dist.ReduceOp.MIN)
    return float(shared.item())
