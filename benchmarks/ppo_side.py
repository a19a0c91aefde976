"""What the sides of the PPO benchmark share: the case, and the gate that lets one update through.

Only the standard library: the peer's environment has none of our packages. A side reports what
an update cost and then waits until it is let through to the next one, so that sides in processes
of their own can take turns, update by update, on a machine that others use too.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARK = "@@"
"""Begins a line that is meant for the benchmark; all others are the trainers' own talk."""


@dataclass(frozen=True)
class Case:
    """One setting, the same for every side."""

    policy: str
    """Folder of the starting policy with its tokenizer."""
    reward: str
    """Folder of the reward model; also where a separate critic starts."""
    prompts: list[str]
    batch: int
    response: int
    """Longest response, tokens."""
    updates: int
    """In all, the warm-up included."""
    epochs: int = 4
    minibatches: int = 1
    learning_rate: float = 1e-6
    """So small that responses stay as long as they are; it changes no time."""
    kl_coef: float = 0.05
    missing_eos_penalty: float = 1.0
    seed: int = 0
    threads: int = 0
    """0: as the side chooses by itself."""
    critic: str = "head"
    """Of ours: head or separate. TRL and the floor always have a separate one."""
    device: str = "cpu"

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def load(cls, path: str) -> Case:
        return cls(**json.loads(Path(path).read_text()))


def peak_bytes() -> int:
    """The most memory that this process had resident at any time."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")


def say(**report: Any) -> None:
    print(MARK + json.dumps(report), file=sys.__stdout__, flush=True)


class Gate:
    """Measures from one gate to the next; generation counts tokens and time in between."""

    def __init__(self) -> None:
        self.tokens = 0
        self.writing = 0.0
        self._began = 0.0
        self._processor = 0.0

    def open(self) -> None:
        """Wait to be let through, and start the clock; end when the benchmark has ended."""
        if not sys.stdin.readline():
            raise SystemExit("The benchmark has ended.")
        self.tokens, self.writing = 0, 0.0
        self._began, self._processor = time.perf_counter(), time.process_time()

    def close(self, **figures: float) -> None:
        """Stop the clock and say what the update cost."""
        say(
            seconds=time.perf_counter() - self._began,
            processor=time.process_time() - self._processor,
            tokens=self.tokens,
            writing=self.writing,
            peak=peak_bytes(),
            **figures,
        )
