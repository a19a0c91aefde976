"""Our PPO on a GPU with half a billion parameters in bfloat16: tokens, memory, time by phase.

TRL stands on the same design there as on a CPU; what is recorded is where our time goes.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

from ppo_models import SIZES, ending, prompts, write
from ppo_ours import PHASES, lay_out
from ppo_race import Racer, race
from ppo_side import Case

HERE = Path(__file__).parent


def measure(updates: int, directory: Path) -> dict[str, Any]:
    """Run `updates` after a warm-up; prints the table.

    Raises:
        SystemExit: there is no GPU.
    """
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("--cuda needs a GPU, and torch finds none.")
    size = SIZES["0.5b"]
    policy, reward = write(size, directory / size.name, ending(size.response, size.response / 2))
    case = Case(
        policy=str(policy),
        reward=str(reward),
        prompts=prompts(size, 4 * size.batch),
        batch=size.batch,
        response=size.response,
        updates=1 + updates,
        minibatches=4,
        device="cuda",
    )
    run = directory / "run-cuda"
    lay_out(case, run)
    racer = race(
        [Racer("ours", [sys.executable, str(HERE / "ppo_ours.py"), str(run)])], 1 + updates
    )[0]

    def median(name: str) -> float:
        return statistics.median(update[name] for update in racer.updates)

    phases = sorted(name for name in racer.updates[0] if name.startswith(PHASES))
    seconds = median("seconds")
    rate = statistics.median(update["tokens"] / update["seconds"] for update in racer.updates)
    device_peak = max(update["device_peak"] for update in racer.updates)
    print(f"\n{torch.cuda.get_device_name()}, {updates} updates, medians\n")
    print("| figure | value |\n|---|---:|")
    print(f"| s/update | {seconds:.3f} |")
    print(f"| response tokens/s | {rate:.0f} |")
    print(f"| peak memory of the device, GB | {device_peak / 1e9:.1f} |")
    for name in phases:
        print(f"| share of {name.removeprefix(PHASES)} | {median(name) / seconds:.0%} |")
    return {
        "case": "cuda",
        "device": torch.cuda.get_device_name(),
        "seconds": seconds,
        "tokens_per_second": rate,
        "device_peak": device_peak,
        "phases": {name: median(name) for name in phases},
        "updates": racer.updates,
        "targets": [],
    }
