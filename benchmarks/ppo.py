"""Our PPO beside TRL 1.12.0's in one run: time, tokens, memory, and the reward reached.

    python benchmarks/ppo.py                    all speed cases; about an hour on two cores
    python benchmarks/ppo.py --quick            the same with two updates each
    python benchmarks/ppo.py --case sample      one case: see CASES
    python benchmarks/ppo.py --quality          reward at equal KL in three seeds, and its chart
    python benchmarks/ppo.py --cuda             ours with half a billion parameters; needs a GPU

Every side is a process of its own and loads the same folders. The sides take turns, update by
update, so that what else the machine does meets all of them alike; the first update of each is a
warm-up. TRL lives in an environment of its own, made beside this file at the first run. Exit
code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import ppo_cuda
import ppo_quality
from ppo_models import NEVER, SIZES, ending, prompts, write
from ppo_ours import lay_out
from ppo_race import Racer, peer_python, race
from ppo_side import Case
from ppo_table import Target, report

HERE = Path(__file__).parent
CASES: dict[str, dict[str, Any]] = {
    "sample": {
        "title": "sample model, responses of full length",
        "size": "sample",
        # With more, both sides' small products cost more to share out than they gain.
        "threads": 1,
        "updates": 30,
        "targets": [Target("ours", "TRL", "speed", 2.0), Target("ours", "TRL", "memory", 0.7)],
    },
    "30m": {
        "title": "30 M parameters, responses of full length",
        "size": "30m",
        "updates": 6,
        "targets": [Target("ours", "TRL", "speed", 1.6), Target("ours", "TRL", "memory", 0.7)],
    },
    "30m-half": {
        "title": "30 M parameters, responses of half the length on average",
        "size": "30m",
        "half": True,
        "updates": 6,
        "targets": [Target("ours", "TRL", "speed", 2.2)],
    },
    "sample-separate": {
        "title": "sample model, separate critic",
        "size": "sample",
        # With more, both sides' small products cost more to share out than they gain.
        "threads": 1,
        "critic": "separate",
        "floor": True,
        "updates": 30,
        "targets": [Target("ours", "TRL", "speed", 1.0), Target("ours", "floor", "time", 1.1)],
    },
    "30m-separate": {
        "title": "30 M parameters, separate critic",
        "size": "30m",
        "critic": "separate",
        "floor": True,
        "updates": 6,
        "targets": [Target("ours", "TRL", "speed", 1.0), Target("ours", "floor", "time", 1.1)],
    },
}


def speed(name: str, given: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """One case, all its sides; prints its table and returns its figures."""
    wanted = CASES[name]
    size = SIZES[wanted["size"]]
    end = ending(size.response, size.response / 2) if wanted.get("half") else NEVER
    policy, reward = write(size, directory / size.name, end)
    case = Case(
        policy=str(policy),
        reward=str(reward),
        prompts=prompts(size, 4 * size.batch),
        batch=size.batch,
        response=size.response,
        updates=1 + (given.updates or (2 if given.quick else wanted["updates"])),
        minibatches=given.minibatches,
        threads=given.threads or wanted.get("threads", 0),
        critic=wanted.get("critic", "head"),
    )
    racers = racers_of(case, name, directory)
    if wanted.get("floor"):
        racers.append(
            Racer(
                "floor",
                [sys.executable, str(HERE / "ppo_floor.py"), str(directory / f"{name}.json")],
            )
        )
    if given.only:
        racers = [racer for racer in racers if racer.name in given.only]
    found = race(racers, case.updates)
    return report(name, wanted["title"], found, wanted["targets"])


def racers_of(case: Case, name: str, directory: Path) -> list[Racer]:
    """Ours and TRL's, ready to start."""
    path, run = directory / f"{name}.json", directory / f"run-{name}"
    case.save(path)
    lay_out(case, run)
    return [
        Racer("ours", [sys.executable, str(HERE / "ppo_ours.py"), str(run)]),
        Racer("TRL", [str(peer_python()), str(HERE / "ppo_peer.py"), str(path)]),
    ]


def quality(given: argparse.Namespace, directory: Path) -> list[dict[str, Any]]:
    """Reward at equal KL for each seed; draws the chart beside this file."""
    reward = ppo_quality.make_reward_model(directory / "reward")
    updates = given.updates or (12 if given.quick else 60)
    print(f"\nreward at equal KL, sample model, {updates} updates\n")
    print("| seed | KL, nats a response | ours | TRL |")
    print("|---:|---:|---:|---:|", flush=True)
    seeds = []
    for seed in range(1, given.seeds + 1):
        case = ppo_quality.make_case(reward, seed, updates)
        racers = race(racers_of(case, f"seed-{seed}", directory), updates, quiet=True)
        seeds.append(ppo_quality.compare(seed, racers))
    given.chart.write_text(ppo_quality.drawing(seeds))
    print()
    for found in seeds:
        words = f"reward of ours within the largest common KL at least TRL's, seed {found['seed']}"
        row = found["rows"][-1]
        found["targets"] = [
            {"target": words, "value": row["ours"] - row["TRL"], "met": ppo_quality.met(found)}
        ]
        difference = f"{row['ours'] - row['TRL']:+.3f} ± {found['error']:.3f}"
        print(f"{'met   ' if ppo_quality.met(found) else 'missed'}  {words}: {difference}")
        for name, (seconds, kl, score) in found["last"].items():
            print(f"        {name} at the end: reward {score:.3f}, KL {kl:.2f}, {seconds:.0f} s")
    return seeds


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--case", choices=[*CASES, "all"], action="append")
    parser.add_argument("--quick", action="store_true", help="two updates after the warm-up")
    parser.add_argument("--updates", type=int, default=0, help="after the warm-up")
    parser.add_argument("--minibatches", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="of every side; 0: its own choice")
    parser.add_argument("--only", action="append", help="leave the other sides out")
    parser.add_argument("--quality", action="store_true", help="reward at equal KL, not speed")
    parser.add_argument("--seeds", type=int, default=3, help="of --quality")
    parser.add_argument("--chart", type=Path, default=HERE / "ppo_quality.svg")
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rlhf-tui-ppo-") as temporary:
        directory = Path(temporary)
        chosen = given.case or ["all"]
        names = list(CASES) if "all" in chosen else chosen
        if given.cuda:
            figures = [ppo_cuda.measure(given.updates or (2 if given.quick else 8), directory)]
        elif given.quality:
            figures = quality(given, directory)
        else:
            figures = [speed(name, given, directory) for name in names]
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if all(target["met"] for case in figures for target in case["targets"]) else 1


if __name__ == "__main__":
    sys.exit(main())
