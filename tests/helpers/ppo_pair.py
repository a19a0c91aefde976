"""Two processes that train one PPO policy: what each of them does, and how to start them.

Run as `python -m helpers.ppo_pair FOLDER` in each process, with torchrun's environment.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from helpers.tiny import again, stop_after
from rlhf_tui.config.options import PPOOptions
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.layout import RunArguments, read
from rlhf_tui.training import tuning
from rlhf_tui.training.ppo import run as ppo
from rlhf_tui.training.ppo.cast import make_actors
from rlhf_tui.training.ppo.distributed import Team, join
from rlhf_tui.training.ppo.rollout import Prompts
from rlhf_tui.training.ppo.trainer import PPOTrainer
from rlhf_tui.training.rendering import Renderer, rendering_for

CPU = torch.device("cpu")
TEXTS: list[Any] = ["Review:", "A long review of a film:", "Good", "Bad film", "This is it"]


def trainer(options: PPOOptions, team: Team) -> PPOTrainer:
    """A trainer on the models that the options name."""
    loaded = tuning.load_policy(options)
    renderer = Renderer(loaded.tokenizer, rendering_for(loaded.tokenizer, 64))
    actors = make_actors(options, loaded, renderer, Path(), team)
    return PPOTrainer(actors, Prompts(TEXTS, renderer.prompts(TEXTS)), options, 1e-2)


def weights(of: PPOTrainer) -> dict[str, torch.Tensor]:
    """All that is trained, of policy and critic, by name."""
    state = of.state()
    critic = state["critic"] or {"trunk": {}, "head": state["value_head"]}
    parts = {"policy": state["policy"], "trunk": critic["trunk"], "head": critic["head"]}
    return {f"{part}.{n}": p.clone() for part, named in parts.items() for n, p in named.items()}


def learn(options: PPOOptions, team: Team, stored: Any) -> dict[str, Any]:
    """What becomes of the weights: by the stored rollout, and then by a rollout of its own."""
    with_stored = trainer(options, team)
    figures = with_stored.update(stored).means(team)
    updated = weights(with_stored)
    with_stored.rollouts += 1
    stepped = with_stored.step()
    return {"figures": figures, "weights": updated, "stepped": stepped}


def as_one_of_two(folder: Path) -> None:
    """Every case of `cases.pt`, and the run in `run`, stopped and resumed: with the other."""
    team = join(CPU)
    rank = team.rank
    found: dict[str, Any] = {
        "gathered": team.gather(team.share(range(7))),
        "any": [team.any(rank == 1), team.any(False)],
        "mean": team.mean({"a": float(rank), f"only{rank}": 2.0}, rank + 1),
    }
    for name, (options, stored) in torch.load(folder / "cases.pt", weights_only=False).items():
        found[name] = learn(options, team, stored)
    torch.save(found, folder / f"found-{rank}.pt")
    arguments = read(folder / "run" / "args.json", RunArguments)
    assert arguments is not None
    context = RunContext(folder / "run", arguments)
    if rank == 0:  # the other hears it from this one
        stop_after(context, 2)
    ppo.run(context)
    assert context.stopped
    ppo.run(again(context))


def start_two(folder: Path) -> None:
    """Run both to their end; what they print is in the error if one fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both |= {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "helpers.ppo_pair", str(folder)],
            env=os.environ | both | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    told = [process.communicate()[0] for process in running]
    for process, words in zip(running, told, strict=True):
        assert process.returncode == 0, words


if __name__ == "__main__":
    as_one_of_two(Path(sys.argv[1]))
    # As workers do: the way out may meet threads of the group that still run, and abort.
    torch.distributed.destroy_process_group()
