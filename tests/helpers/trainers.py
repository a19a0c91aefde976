"""The shortest command line of each trainer."""

from __future__ import annotations

from pathlib import Path

FIGURE = {
    "sft": "loss",
    "rm": "accuracy",
    "dpo": "rewards/accuracies",
    "kto": "loss",
    "ppo": "objective/scores",
    "rloo": "reward",
    "grpo": "reward",
}
"""A metric that each trainer logs."""
ONLINE = ("ppo", "rloo", "grpo")


def arguments(kind: str, tune: str, reward_model: Path) -> list[str]:
    """`train`'s arguments for two steps of a kind."""
    shared = [kind, "--tune", tune, "--lora-rank", "2", "--model", "sample", "--device", "cpu"]
    if kind not in ONLINE:
        return [*shared, "--max-steps", "2", "--batch-size", "4"]
    rollouts = ["--total-steps", "2", "--rollout-batch-size", "4", "--response-length", "6"]
    return [
        *shared, *rollouts, "--batch-size", "4", "--num-mini-batches", "2",
        "--eval-prompts", "2", "--eval-steps", "2", "--reward-model", str(reward_model),
    ]  # fmt: skip
