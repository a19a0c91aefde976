"""Learning-rate schedules and orders as functions of the step and the seed: nothing to save."""

from __future__ import annotations

import hashlib
import math
import random
from functools import lru_cache


def factor(kind: str, step: int, total: int, warmup_share: float) -> float:
    """What the peak learning rate is multiplied with at `step`, counted from 0, of `total`."""
    warmup = math.ceil(total * warmup_share)
    if step < warmup:
        return (step + 1) / warmup
    if kind == "constant_with_warmup":
        return 1.0
    done = (step - warmup) / max(1, total - warmup)
    return 0.5 * (1 + math.cos(math.pi * done)) if kind == "cosine" else 1 - done


@lru_cache(maxsize=16)
def _order(seed: int, name: str, count: int) -> tuple[int, ...]:
    digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
    order = list(range(count))
    random.Random(digest).shuffle(order)
    return tuple(order)


def shuffled(seed: int, name: str, count: int) -> list[int]:
    """0 … count-1 in an order that depends on the seed and the name alone."""
    return list(_order(seed, name, count))
