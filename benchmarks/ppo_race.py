"""Lets the sides of the PPO benchmark take turns, update by update, and collects what they say."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppo_side import MARK

from rlhf_tui.training.process import QUIET

HERE = Path(__file__).parent
PEER = HERE / ".venv-trl-1.12.0"
PEER_PACKAGES = ("trl==1.12.0",)
SAME = ("torch", "transformers", "accelerate", "datasets", "numpy", "tokenizers")
"""Packages that the peer has in exactly our versions."""


def peer_python() -> Path:
    """The interpreter of the peer's environment, which is made if it is not there."""
    python = PEER / "bin" / "python"
    done = PEER / ".installed"
    if not done.exists():
        print(f"Making the peer's environment in {PEER} ...", flush=True)
        venv.create(PEER, with_pip=True, clear=True)
        versions = [f"{p}=={importlib.metadata.version(p).partition('+')[0]}" for p in SAME]
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # PyTorch by itself first, as our own environment has it.
        for packages in (versions[:1], [*versions, *PEER_PACKAGES]):
            subprocess.run([*pip, *packages], check=True)
        done.touch()
    return python


def environment() -> dict[str, str]:
    """The same for every side: no leak of our packages, no network, quiet, threads that sleep."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("PYTHON")}
    return kept | QUIET | {"PYTHONNOUSERSITE": "1", "HF_HUB_OFFLINE": "1"}


@dataclass
class Racer:
    """A side: its name, its command, and what its updates cost."""

    name: str
    command: Sequence[str]
    updates: list[dict[str, Any]] = field(default_factory=list)
    """Without the warm-up."""
    warm_up: dict[str, Any] = field(default_factory=dict)


def race(racers: Sequence[Racer], updates: int, *, quiet: bool = False) -> Sequence[Racer]:
    """Let each side do its updates, one at a time and in turns.

    Raises:
        SystemExit: a side ended before it was done; what it said is printed.
    """
    running = [
        subprocess.Popen(
            racer.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            env=environment(),
        )
        for racer in racers
    ]
    try:
        for number in range(updates):
            for racer, process in zip(racers, running, strict=True):
                cost = _turn(racer, process)
                if number:
                    racer.updates.append(cost)
                else:
                    racer.warm_up = cost
                if not quiet:
                    print(
                        f"  {racer.name:6} {number:3}  {cost['seconds']:8.3f} s  "
                        f"{cost['processor']:8.3f} s of CPU",
                        file=sys.stderr,
                        flush=True,
                    )
        for process in running:
            process.communicate()
    finally:
        for process in running:
            process.kill()
            process.wait()
    return racers


def _turn(racer: Racer, process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write("\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass  # What it said before it ended is still to be read.
    said = []
    for line in process.stdout:
        if line.startswith(MARK):
            cost: dict[str, Any] = json.loads(line.removeprefix(MARK))
            return cost
        said.append(line)
    raise SystemExit(f"{racer.name} ended early:\n{''.join(said[-40:])}")
