"""KTO: the loss against its definition, weights by counts, the order of rows, stop and resume."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import again, lines, make_run, save_policy, stop_after
from helpers.trainings import SHORT
from transformers import AutoModelForCausalLM

from rlhf_tui.config import combinations
from rlhf_tui.config.options import KTOOptions
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.records import Message
from rlhf_tui.runs.context import RunContext
from rlhf_tui.training import kto, offline
from rlhf_tui.training.thumb_trainer import (
    ThumbCollator,
    ThumbTrainer,
    balanced,
    mixed,
    weighted,
    with_neighbours,
)

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
TEXTS = [" I adored it, every minute.", " What a mess!", " It is dull."]


def thumbs(count: int, **more: Any) -> list[dict[str, Any]]:
    """A third of them up, in the order of an import: kinds and prompts in blocks."""
    rows = [
        {
            "prompt": f"Review {i // 3}:",
            "completion": TEXTS[i % 3],
            "label": i % 3 == 0,
            "prompt_id": f"p{i // 3}",
            "annotator": "ada",
            **more,
        }
        for i in range(count)
    ]
    return sorted(rows, key=lambda row: not row["label"])


def run_of(directory: Path, model: Path, rows: Any = None, **more: Any) -> RunContext:
    arguments = SHORT | {"model": str(model)}
    return make_run(
        directory, "kto", arguments | more, train=rows or thumbs(18), validation=thumbs(9)
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("kto") / "base")


# --- pure parts -----------------------------------------------------------------------------


@pytest.mark.parametrize(("up", "down"), [(10, 10), (12, 10), (3, 30), (30, 3), (5, 4), (1, 999)])
def test_weights_bring_both_sides_into_the_papers_interval(up: int, down: int) -> None:
    for given in ((0.0, 0.0), (1.5, 0.0), (0.0, 0.25)):
        one, other = balanced(up, down, *given)
        assert 1 - 1e-9 <= one * up / (other * down) <= 4 / 3 + 1e-9
        assert given[0] in (0.0, one) and given[1] in (0.0, other)
    assert balanced(up, down, 2.0, 3.0) == (2.0, 3.0)


def test_a_side_is_raised_no_more_than_it_takes() -> None:
    assert balanced(10, 10, 0, 0) == (1.0, 1.0)
    assert balanced(13, 10, 0, 0) == (1.0, 1.0), "within the interval already"
    assert balanced(5, 10, 0, 0) == (2.0, 1.0)
    assert balanced(40, 10, 0, 0) == pytest.approx((1.0, 3.0))
    assert balanced(40, 10, 0, 2.0) == pytest.approx((2 / 3, 2.0))


@pytest.mark.parametrize(("up", "count"), [(1, 32), (4, 32), (16, 32), (31, 32)])
def test_rows_are_mixed_evenly_and_always_the_same(up: int, count: int) -> None:
    labels = [i < up for i in range(count)]
    order = mixed(labels, seed=3)
    assert sorted(order) == list(range(count))
    assert order == mixed(labels, seed=3) != mixed(labels, seed=4)
    rare = [n for n, place in enumerate(order) if labels[place] is (up <= count / 2)]
    gaps = [after - before for before, after in pairwise(rare)]
    wanted = count / len(rare)
    assert all(wanted / 2 - 1 <= gap <= 2 * wanted + 1 for gap in gaps)


def test_neighbours_come_from_the_batch_and_from_other_prompts() -> None:
    rows = [{"completion_ids": [i]} for i in range(9)]
    prompts = ["a", "a", "b", "b", "c", "c", "d", "d", "e"]
    found = with_neighbours(rows, prompts, 4)
    others = [row["KL_completion_ids"][0] for row in found]
    assert sorted(others[:4]) == [0, 1, 2, 3] and sorted(others[4:8]) == [4, 5, 6, 7]
    assert all(prompts[i] != prompts[other] for i, other in enumerate(others))
    assert others[8] == 7, "a last row alone takes the one before it"


@pytest.mark.parametrize("seed", range(20))
def test_neighbours_are_of_other_prompts_however_few_prompts_there_are(seed: int) -> None:
    """Two or three prompts with many thumbs each, in any order, conversations too."""
    draw = random.Random(seed)
    heads = [[Message("user", name)] for name in "abc"[: 2 + seed % 2]]
    prompts = draw.choices(heads, weights=range(1, len(heads) + 1), k=21)
    prompts[0], prompts[20] = heads[:2]
    rows = [{"completion_ids": [i]} for i in range(21)]
    others = [row["KL_completion_ids"][0] for row in with_neighbours(rows, prompts, 8)]
    assert all(prompts[i] != prompts[other] for i, other in enumerate(others))
    for start in (0, 8, 16):
        batch = prompts[start : start + 8]
        if max(map(batch.count, batch)) <= len(batch) / 2:
            taken = others[start : start + 8]
            assert sorted(taken) == list(range(start, min(start + 8, 21)))


def test_one_prompt_alone_takes_answers_to_itself() -> None:
    found = with_neighbours([{"completion_ids": [i]} for i in range(3)], ["a"] * 3, 2)
    assert [row["KL_completion_ids"] for row in found] == [[1], [0], [2]]


def test_figures_of_thumbs_written_out() -> None:
    reward = torch.tensor([3.0, 1.0, 1.0, -2.0])
    label = torch.tensor([True, True, False, False])
    found = weighted(reward, label, torch.tensor([1.0, 3.0, 1.0, 1.0]))
    # Of the weighted pairs up-down: 3 beats both; 1 ties with one, weight 3, and beats the other.
    assert found == pytest.approx(
        {"chosen": 1.5, "rejected": -0.5, "margins": 2.0, "auc": (2 + 1.5 + 3) / 8}
    )
    assert weighted(reward, torch.ones(4, dtype=torch.bool), torch.ones(4)).keys() == {"chosen"}


# --- the trainer ----------------------------------------------------------------------------


def trainer_of(directory: Path, model: Path, **more: Any) -> tuple[ThumbTrainer, list[Any]]:
    context = run_of(directory, model, **more)
    options = context.options(KTOOptions)
    start = offline.begin(context, options)
    rows = kto.tokens(kto.read(context, options, "train"), start.renderer, options)
    return kto.trainer_of(context, options, start, rows, rows), rows


def log_prob(model: Any, prompt: list[int], completion: list[int]) -> float:
    """Of a completion, by itself: no padding, no masks."""
    ids = torch.tensor([prompt + completion])
    found = model(input_ids=ids).logits[0].double().log_softmax(-1)
    return float(found[len(prompt) - 1 : -1].gather(1, ids[0, len(prompt) :, None]).sum())


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@torch.no_grad()
@pytest.mark.parametrize("loss", ["kto", "apo_zero_unpaired"])
def test_the_loss_is_the_definition_weighed(tmp_path: Path, model: Path, loss: str) -> None:
    """Against the formulas in float64, a text at a time; weights as dawid-skene gives them."""
    some = thumbs(18)
    for i, row in enumerate(some):
        row["weight"] = 0.25 + (i % 3) / 4
    trainer, rows = trainer_of(
        tmp_path / "kto-1", model, rows=some, loss_type=loss, desirable_weight=1.5, beta=0.2
    )
    torch.manual_seed(5)
    for parameter in trainer.model.parameters():
        parameter += 0.05 * torch.randn_like(parameter)
    policy, reference = trainer.model.eval(), AutoModelForCausalLM.from_pretrained(model).eval()
    rows = rows[:4]
    assert len({row["weight"] for row in rows}) > 1 and len({row["label"] for row in rows}) == 2
    ratios: list[float] = []
    drift: list[float] = []
    for row in rows:
        for key, into in (("completion_ids", ratios), ("KL_completion_ids", drift)):
            if key in row:
                now, then = (log_prob(m, row["prompt_ids"], row[key]) for m in (policy, reference))
                into.append(now - then)
    kl = max(0.0, sum(drift) / len(drift)) if drift else 0.0
    assert bool(drift) is (loss == "kto")
    _, down = balanced(
        sum(r["weight"] for r in some if r["label"]),
        sum(r["weight"] for r in some if not r["label"]),
        1.5,
        0.0,
    )
    expected = 0.0
    for row, ratio in zip(rows, ratios, strict=True):
        if row["label"]:
            expected += 1.5 * row["weight"] * (1 - sigmoid(0.2 * (ratio - kl)))
        else:
            expected += down * row["weight"] * (1 - sigmoid(0.2 * (kl - ratio)))
    # Pad is EOS: nothing may be told from the token itself.
    found = float(trainer.compute_loss(policy, ThumbCollator(pad_token_id=2)(rows)))
    assert found == pytest.approx(expected / 4, rel=1e-4)
    reward, label, _ = trainer.validation_rewards()
    assert reward.tolist() == pytest.approx([0.2 * r for r in ratios], rel=1e-3, abs=1e-4)
    assert label.tolist() == [row["label"] for row in rows]


@pytest.mark.parametrize("tune", ["full", "lora", "last-layer"])
def test_a_run_learns_and_resumes_to_the_number(tmp_path: Path, model: Path, tune: str) -> None:
    straight = run_of(tmp_path / "kto-1", model, tune=tune)
    kto.run(straight)
    logged = lines(straight.directory / "metrics.jsonl")
    assert logged[0]["rewards/margins"] == 0.0, "the reference is the start"
    assert {"kl", "rewards/chosen", "rewards/rejected"} <= logged[0].keys()
    (final,) = [row for row in logged if "eval_loss" in row]
    assert final["eval_rewards/margins"] > 0 and final["eval_rewards/auc"] > 0.9

    first = run_of(tmp_path / "kto-2", model, tune=tune, precompute_reference=True)
    stop_after(first, 2)
    kto.run(first)
    assert first.stopped
    second = again(first)
    kto.run(second)
    one, other = (
        AutoModelForCausalLM.from_pretrained(c.model_dir).state_dict() for c in (straight, second)
    )
    # The reference's log-probabilities are the same, computed before or with each batch.
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_step_of_one_kind_leaves_the_others_keys_out(tmp_path: Path, model: Path) -> None:
    """One thumb up among 16: most batches have none, and nothing fails."""
    rows = [{**row, "label": i == 0} for i, row in enumerate(thumbs(16))]
    context = run_of(tmp_path / "kto-1", model, rows=rows)
    kto.run(context)
    steps = [r for r in lines(context.directory / "metrics.jsonl") if "loss" in r]
    assert [("rewards/chosen" in row) for row in steps].count(True) == 1
    assert all(math.isfinite(row["loss"]) for row in steps)


@pytest.mark.parametrize(("label", "words"), [(True, "are up"), (False, "are down")])
def test_thumbs_of_one_kind_are_refused(
    tmp_path: Path, model: Path, label: bool, words: str
) -> None:
    rows = [{**row, "label": label} for row in thumbs(6)]
    context = run_of(tmp_path / "kto-1", model, rows=rows)
    with pytest.raises(NothingToDo, match=words) as caught:
        kto.run(context)
    assert caught.value.hint is not None and "Rate some" in caught.value.hint


def test_no_thumbs_is_a_sentence(tmp_path: Path, model: Path) -> None:
    with pytest.raises(NothingToDo, match="no thumbs"):
        kto.run(make_run(tmp_path / "kto-1", "kto", {"model": str(model)}))


def test_a_batch_of_one_is_refused_where_neighbours_are_needed(tmp_path: Path, model: Path) -> None:
    with pytest.raises(UsageError, match="batch_size = 1"):
        combinations.check("kto", KTOOptions(batch_size=1))
    combinations.check("kto", KTOOptions(batch_size=1, loss_type="apo_zero_unpaired"))
    context = run_of(tmp_path / "kto-1", model, batch_size=1)
    with pytest.raises(UsageError, match="batch_size = 1"):
        kto.run(context)


def test_a_long_neighbour_is_cut_to_what_the_model_takes(tmp_path: Path, model: Path) -> None:
    rows = thumbs(6)
    rows[0]["prompt"] = "A long, long prompt about a film " * 3
    for row in rows[1:]:  # whichever of them it meets
        row["completion"] = " which I did not like at all" * 4
    trainer, tokens = trainer_of(tmp_path / "kto-1", model, rows=rows, max_length=40)
    whole = [len(row["prompt_ids"]) + len(row["KL_completion_ids"]) for row in tokens]
    assert max(whole) > 40
    batch = trainer.data_collator(tokens)
    assert batch["input_ids"].shape[1] <= 40 and batch["KL_input_ids"].shape[1] == 40
