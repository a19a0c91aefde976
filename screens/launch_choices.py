"""What may stand in a field of the launch form that names a model, a run or a file."""

from __future__ import annotations

import os
from pathlib import Path

from rlhf_tui.hub.messages import ListRuns, RunInfo, RunList
from rlhf_tui.runs.layout import MODEL, RunKind
from rlhf_tui.screens.launch_choose import Choice
from rlhf_tui.screens.link import Link
from rlhf_tui.screens.widgets.chart_axes import number

POLICIES: tuple[RunKind, ...] = ("sft", "ppo", "dpo", "kto", "rloo", "grpo")
CHOSEN = ("model", "reward_model", "reference", "policy", "dataset")
"""Fields that get the window with a list."""
FIGURES = {
    "sft": ("eval_loss", "loss"),
    "rm": ("eval_accuracy", "accuracy"),
    "ppo": ("eval/scores", "objective/scores"),
    "dpo": ("eval_rewards/accuracies", "rewards/accuracies"),
    "kto": ("eval_loss", "loss"),
    "rloo": ("eval/reward", "reward"),
    "grpo": ("eval/reward", "reward"),
}
"""By kind, the figures of which the first that is there says how good a run is."""
FILES = (".jsonl", ".jsonl.gz", ".json", ".csv", ".parquet", ".txt")
MODEL_FILES = ("config.json", "adapter_config.json")


async def choices(link: Link, kind: str, name: str) -> list[Choice]:
    """What there is for a field, without paths.

    Raises:
        RlhfError: the hub does not say which runs there are.
    """
    if name == "dataset":
        return [Choice("", "the workspace's own labels")]
    rewards = name == "reward_model"
    wanted: list[RunKind] = ["rm"] if rewards else [*POLICIES]
    if kind == "evaluate":
        wanted = [*POLICIES, "rm"]
    found = [] if rewards or kind == "evaluate" else [Choice("sample", "the bundled small model")]
    runs = await link.call(ListRuns(kinds=wanted), RunList)
    found += [
        Choice(info.run_id, in_words(info))
        for info in sorted(runs.runs, key=lambda info: not info.current)
        if info.state == "finished" and (Path(info.directory) / MODEL).is_dir()
    ]
    if any(info.current for info in runs.runs):
        found.insert(0, Choice("current", "whichever run is the current policy at the launch"))
    if kind == "generate":
        found.insert(0, Choice("", "the current policy; without one the bundled model"))
    if kind not in ("generate", "sft", "rm"):
        found.insert(0, Choice("", "the newest finished one"))
    return found + cached()


def in_words(info: RunInfo) -> str:
    """A finished run in a line: the current policy, its title, its figure."""
    parts = ["the current policy"] if info.current else []
    parts += [info.title] if info.title else []
    metrics = info.status.metrics if info.status is not None else {}
    name = next((name for name in FIGURES.get(info.kind, ()) if name in metrics), "")
    if name:
        parts.append(f"{name} {number(metrics[name])}")
    return ", ".join(parts)


def cached() -> list[Choice]:
    """Models of the Hugging Face Hub that lie on this machine."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    try:
        names = sorted(path.name for path in cache.glob("models--*"))
    except OSError:
        return []
    return [
        Choice(name.removeprefix("models--").replace("--", "/"), "of the Hub, on this machine")
        for name in names
    ]


def taken(name: str, path: Path) -> str | None:
    """What a path is to a field; None for one that cannot stand there."""
    if name == "dataset":
        return "file" if path.name.endswith(FILES) and path.is_file() else None
    return "model" if any((path / file).is_file() for file in MODEL_FILES) else None
