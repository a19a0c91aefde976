"""The recorded runs: what each is launched with, and what is done to it while it goes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import RunAnswer, RunInfo, StopRun
from rlhf_tui.runs.launch import processes
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.process import signal_process

PAID = "paid"
"""The module of the reward functions, copied into the workspace."""


@dataclass(frozen=True)
class Recording:
    """A run and what is done to it."""

    name: str
    kind: RunKind
    arguments: dict[str, Any] = field(default_factory=dict)
    disturb: Callable[[HubClient, RunInfo], None] | None = None
    """Done once it has made `at` steps."""
    at: int = 0
    ends: str = "finished"
    """Its state at the end; `lost` for a run that is recorded once nothing is heard of it."""
    cramped: bool = False
    """Made only where the workspace's disk is nearly full."""


def stop(client: HubClient, run: RunInfo) -> None:
    client.call(StopRun(run_id=run.run_id), RunAnswer)


def kill_all(_: HubClient, run: RunInfo) -> None:
    """The supervisor first: it would write down how the worker ended."""
    for mark in processes(Path(run.directory)):
        if mark is not None:
            signal_process(mark, signal.SIGKILL)


def freeze(_: HubClient, run: RunInfo) -> None:
    """The worker alone, as a driver that does not come back holds it; the supervisor goes on."""
    mark = processes(Path(run.directory))[1]
    assert mark is not None
    signal_process(mark, signal.SIGSTOP)


def take_memory(_: HubClient, run: RunInfo) -> None:
    """Let the worker have a little less memory than it has now, as on a machine that is full."""
    mark = processes(Path(run.directory))[1]
    assert mark is not None
    worker = psutil.Process(mark.pid)
    size = worker.memory_info().vms - 2**28
    worker.rlimit(psutil.RLIMIT_AS, (size, size))


def online(**more: Any) -> dict[str, Any]:
    return {"model": "sft-0001", "eval_prompts": 16, "eval_steps": 5} | more


def brief(**more: Any) -> dict[str, Any]:
    """What is over soon needs no large rollouts."""
    return judged(rollout_batch_size=24, eval_prompts=8, **more)


def judged(**more: Any) -> dict[str, Any]:
    return online(reward_model="rm-0001", **more)


RECORDINGS = (
    # As they should go.
    Recording("sft-good", "sft", {"eval_steps": 8}),
    Recording("rm-good", "rm", {"eval_steps": 20}),
    Recording("rm-good-2", "rm", {"seed": 2, "epochs": 2.0}),
    Recording("ppo-good", "ppo", judged(total_steps=40)),
    Recording(
        "ppo-good-2", "ppo", judged(seed=2, adaptive_kl=True, critic="separate", total_steps=60)
    ),
    Recording("dpo-good", "dpo", {"model": "sft-0001", "max_steps": 100, "eval_steps": 20}),
    Recording("kto-good", "kto", {"model": "sft-0001", "max_steps": 50, "eval_steps": 10}),
    Recording("rloo-good", "rloo", judged(total_steps=30)),
    Recording("grpo-good", "grpo", judged(total_steps=30)),
    # Astray by their arguments alone.
    Recording("ppo-kl", "ppo", judged(kl_coef=0.0, learning_rate=2e-3, total_steps=40)),
    Recording(
        "ppo-length",
        "ppo",
        online(
            rewards=[f"{PAID}:words"],
            kl_coef=0.0,
            missing_eos_penalty=0.0,
            learning_rate=1e-3,
            response_length=64,
            total_steps=40,
        ),
    ),
    Recording(
        "ppo-repeats",
        "ppo",
        online(
            rewards=[f"{PAID}:repeats"],
            kl_coef=0.0,
            missing_eos_penalty=0.0,
            learning_rate=2e-3,
            total_steps=40,
        ),
    ),
    Recording(
        "ppo-collapse",
        "ppo",
        online(
            rewards=[f"{PAID}:short"],
            kl_coef=0.0,
            missing_eos_penalty=0.0,
            learning_rate=2e-3,
            total_steps=30,
        ),
    ),
    Recording("ppo-clip", "ppo", brief(learning_rate=5e-3, num_ppo_epochs=6, total_steps=15)),
    Recording("rm-chance", "rm", {"dataset": "shuffled.jsonl", "max_steps": 60, "eval_steps": 20}),
    Recording(
        "dpo-chance",
        "dpo",
        {"model": "sft-0001", "dataset": "shuffled.jsonl", "max_steps": 45, "eval_steps": 15},
    ),
    Recording(
        "sft-overfit",
        "sft",
        {
            "dataset": "few.jsonl",
            "epochs": 40.0,
            "learning_rate": 3e-3,
            "batch_size": 8,
            "eval_steps": 10,
        },
    ),
    Recording(
        "dpo-displaced",
        "dpo",
        {"model": "sft-0001", "learning_rate": 3e-3, "max_steps": 40, "eval_steps": 20},
    ),
    Recording("sft-nan", "sft", {"learning_rate": 1e18, "max_grad_norm": 1e18}, ends="failed"),
    Recording("ppo-nan", "ppo", judged(learning_rate=1e18, max_grad_norm=1e18), ends="failed"),
    Recording("sft-still", "sft", {"learning_rate": 1e-9, "epochs": 4.0, "eval_steps": 16}),
    Recording(
        "grpo-alike",
        "grpo",
        online(rewards=[f"{PAID}:alike"], rollout_batch_size=8, total_steps=18),
    ),
    Recording("grpo-cut", "grpo", judged(rollout_batch_size=8, response_length=8, total_steps=15)),
    Recording("ppo-crash", "ppo", brief(rewards=[f"{PAID}:breaks"]), ends="failed"),
    Recording(
        "sft-memory", "sft", {"batch_size": 250, "epochs": 20.0}, take_memory, at=3, ends="failed"
    ),
    Recording("ppo-stopped", "ppo", brief(save_steps=10), stop, at=17, ends="stopped"),
    Recording("ppo-killed", "ppo", brief(save_steps=10), kill_all, at=17, ends="failed"),
    # Rewards that have nothing to do with the text, and steps that are too small.
    Recording("ppo-still", "ppo", brief(learning_rate=1e-9, total_steps=60, eval_steps=30)),
    Recording(
        "rloo-chance",
        "rloo",
        online(
            rewards=[f"{PAID}:chance"],
            rollout_batch_size=8,
            total_steps=60,
            eval_steps=30,
            eval_prompts=8,
        ),
    ),
    Recording(
        "grpo-still",
        "grpo",
        judged(
            learning_rate=1e-9,
            rollout_batch_size=8,
            total_steps=60,
            eval_steps=30,
            eval_prompts=8,
        ),
    ),
    # Steps so large that the policy forgets what it is paid for.
    Recording("ppo-falls", "ppo", brief(learning_rate=5e-3, num_ppo_epochs=6, total_steps=26)),
    Recording(
        "rloo-falls",
        "rloo",
        judged(
            learning_rate=2e-2,
            warmup_share=1.0,
            rollout_batch_size=8,
            total_steps=40,
            eval_steps=20,
            eval_prompts=8,
        ),
    ),
    Recording(
        "ppo-critic",
        "ppo",
        brief(
            critic="separate",
            critic_init="fresh",
            critic_learning_rate=0.1,
            total_steps=45,
            eval_steps=15,
        ),
    ),
    # What is measured is not what was drawn: the sampler keeps texts from ending.
    Recording(
        "ppo-negative",
        "ppo",
        online(
            rewards=[f"{PAID}:lasting"],
            rollout_batch_size=24,
            total_steps=40,
            eval_steps=20,
            eval_prompts=8,
        ),
    ),
    Recording(
        "sft-spikes",
        "sft",
        {
            "model": "sft-0001",
            "dataset": "broken.jsonl",
            "batch_size": 4,
            "max_steps": 140,
            "eval_steps": 70,
        },
    ),
    Recording(
        "rloo-spikes",
        "rloo",
        judged(
            rewards=[f"{PAID}:jackpot"],
            rollout_batch_size=8,
            total_steps=60,
            eval_steps=30,
            eval_prompts=8,
        ),
    ),
    Recording("sft-silent", "sft", {"epochs": 20.0}, freeze, at=12, ends="lost"),
    Recording("sft-disk", "sft", {"epochs": 1.0}, cramped=True),
)
