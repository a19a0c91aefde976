"""What every line of the trainers over rows counts, and what stands beside an evaluation's."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.tiny import again, lines, save_policy, stop_after
from helpers.trainings import train, training

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
NAMES = {
    "sft": {"loss": 6},
    "rm": {"margin": 6, "reward_chosen": 6, "reward_rejected": 6},
    "dpo": {"rewards/margins": 6, "rewards/chosen": 6, "rewards/rejected": 6},
    "kto": {"rewards/chosen": 2, "rewards/rejected": 4},
}
"""Of six held-out rows, of which two are thumbs up."""


@pytest.mark.parametrize("kind", NAMES)
def test_tokens_and_samples_are_counted_over_a_resume_and_values_kept(
    tmp_path: Path, kind: str
) -> None:
    model = save_policy(tmp_path / "base")
    context = training(kind, tmp_path / f"{kind}-1", model, epochs=1, eval_steps=2)
    stop_after(context, 3)
    train(context)
    assert context.stopped
    train(again(context))
    rows = lines(context.directory / "metrics.jsonl")
    trained = [row for row in rows if "loss" in row]
    assert [row["step"] for row in trained] == [1, 2, 3, 4, 5]
    assert [row["num_samples"] for row in trained] == [4, 8, 12, 16, 18]
    tokens = [row["num_tokens"] for row in trained]
    assert tokens == sorted(set(tokens)) and tokens[0] > 16, "and not from 0 again"
    kept = lines(context.directory / "distributions.jsonl")
    counts = {(row["step"], row["name"]): sum(row["counts"]) for row in kept}
    assert {key: count for key, count in counts.items() if key[1].startswith("eval_")} == {
        (step, f"eval_{name}"): count for step in (2, 4, 5) for name, count in NAMES[kind].items()
    }
    for step, size in ((1, 4), (3, 4), (5, 2)):
        learnt = [counts.get((step, name), 0) for name in NAMES[kind]]
        # Every row once; of KTO each is of one of two kinds.
        assert sum(learnt) == size if kind == "kto" else set(learnt) == {size}
    figures: dict[int, dict[str, float]] = {}
    for row in rows:
        figures.setdefault(row["step"], {}).update(row)
    for row in kept:
        mean = figures[row["step"]].get(row["name"])
        # SFT's loss is a mean over tokens, and not over rows.
        if mean is not None and kind != "sft":
            assert row["low"] - 1e-4 <= mean <= row["high"] + 1e-4


def test_packed_rows_count_the_examples_in_them(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "base")
    context = train(
        training("sft", tmp_path / "sft-1", model, packing=True, max_length=64, epochs=2)
    )
    trained = [row for row in lines(context.directory / "metrics.jsonl") if "loss" in row]
    assert trained[-1]["num_samples"] == 2 * 18
