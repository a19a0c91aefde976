"""DPO: weights in every loss against the definition, the reference, stop and resume."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from helpers import wait_until
from helpers.tiny import again, lines, make_run, save_policy, stop_after, tokenizer
from helpers.trainings import SHORT
from torch.nn.functional import logsigmoid
from transformers import AutoModelForCausalLM

from rlhf_tui.config import combinations
from rlhf_tui.config.options import DPOOptions
from rlhf_tui.config.preference_options import DPOLoss
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.records import Message
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.launch import spawn_supervisor
from rlhf_tui.runs.state import describe
from rlhf_tui.training import dpo, hf_trainer, offline
from rlhf_tui.training.pair_trainer import PairCollator, PairTrainer
from rlhf_tui.training.rendering import Renderer, rendering_for

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
PROGRAM = [sys.executable, str(Path(__file__).parent / "programs" / "supervise.py")]
BEST, MIDDLE, WORST = " I adored it, every minute.", " It is dull.", " What a mess!"


def pairs(count: int) -> list[dict[str, Any]]:
    """Rankings of three and of two in turn, which count alike."""
    found = []
    for i in range(count):
        some = [(BEST, MIDDLE), (BEST, WORST), (MIDDLE, WORST)] if i % 2 else [(BEST, WORST)]
        found += [
            {
                "prompt": f"Review {i}:",
                "chosen": better,
                "rejected": worse,
                "weight": 1 / len(some),
                "ranking_id": f"e{i}",
                "prompt_id": f"p{i}",
                "annotator": "ada",
            }
            for better, worse in some
        ]
    return found


def run_of(directory: Path, model: Path, **more: Any) -> RunContext:
    arguments = SHORT | {"model": str(model)}
    return make_run(directory, "dpo", arguments | more, train=pairs(8), validation=pairs(4))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("dpo") / "base")


def trainer_of(directory: Path, model: Path, **more: Any) -> tuple[PairTrainer, list[Any]]:
    """A trainer that has not trained, and its training rows."""
    context = run_of(directory, model, **more)
    options = context.options(DPOOptions)
    start = offline.begin(context, options)
    rows = dpo.tokens(dpo.read(context, options, "train"), start.renderer)
    return dpo.trainer_of(context, options, start, rows, rows), rows


def disturbed(trainer: PairTrainer) -> PairTrainer:
    """The policy moved away from its reference."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return trainer


def log_probs(model: Any, prompt: list[int], completion: list[int]) -> torch.Tensor:
    """Of each token of a completion, by itself: no padding, no masks."""
    ids = torch.tensor([prompt + completion])
    found = model(input_ids=ids).logits[0].log_softmax(-1)
    return found[len(prompt) - 1 : -1].gather(1, ids[0, len(prompt) :, None])[:, 0]


def test_rows_are_rendered_as_generation_begins_and_cut_alike(model: Path) -> None:
    words = tokenizer()
    renderer = Renderer(words, rendering_for(words, 16))
    row: dict[str, Any] = {
        "prompt": "A long review of a film about a plumber in Paris, and what came of it:",
        "chosen": " I liked it.",
        "rejected": " No.",
        "weight": 1.0,
    }
    (found,) = dpo.tokens([row], renderer)
    prompt = Renderer(words, rendering_for(words, 64)).prompts([row["prompt"]])[0]
    assert found["chosen_ids"][-1] == found["rejected_ids"][-1] == words.eos_token_id
    assert prompt[-len(found["prompt_ids"]) :] == found["prompt_ids"], "only its beginning is lost"
    assert len(found["prompt_ids"]) + len(found["chosen_ids"]) == 16
    assert "2 of 2 texts" in renderer.overlong.report()


def test_each_ranking_counts_once(tmp_path: Path, model: Path) -> None:
    context = run_of(tmp_path / "dpo-1", model)
    rows = dpo.read(context, DPOOptions(), "train")
    sums: dict[str, float] = {}
    for row in rows:
        sums[row["ranking_id"]] = sums.get(row["ranking_id"], 0.0) + row["weight"]
    assert len(set(map(len, (pairs(1), pairs(2))))) == 2
    assert list(sums.values()) == pytest.approx([len(rows) / 8] * 8)
    one = dpo.read(context, DPOOptions(pairs="one-per-ranking"), "train")
    assert [row["weight"] for row in one] == [1.0] * 8


@torch.no_grad()
def test_the_loss_and_the_rewards_are_the_definition_weighed(tmp_path: Path, model: Path) -> None:
    """Sigmoid and sft against the formulas in float64, a text at a time."""
    trainer, rows = trainer_of(
        tmp_path / "dpo-1", model, loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.5], beta=0.3
    )
    disturbed(trainer)
    policy, reference = trainer.model.eval(), AutoModelForCausalLM.from_pretrained(model).eval()
    rows = rows[:5]
    terms, nats, tokens, ratios = [], 0.0, 0.0, []
    for row in rows:
        ratio = []
        for name in ("chosen_ids", "rejected_ids"):
            now, then = (log_probs(m, row["prompt_ids"], row[name]) for m in (policy, reference))
            ratio.append(0.3 * float((now - then).double().sum()))
            if name == "chosen_ids":
                nats -= row["weight"] * float(now.sum())
                tokens += row["weight"] * len(now)
        ratios.append(ratio)
        terms.append(row["weight"] * math.log1p(math.exp(ratio[1] - ratio[0])))
    expected = sum(terms) / len(rows) + 0.5 * nats / tokens
    # Pad is EOS: nothing may be told from the token itself.
    batch = PairCollator(pad_token_id=2)(rows)
    trainer.rewards = []
    assert float(trainer.compute_loss(policy, batch)) == pytest.approx(expected, rel=1e-4)
    chosen, rejected, weight = trainer.validation_rewards()
    assert chosen.tolist() == pytest.approx([r[0] for r in ratios], rel=1e-3, abs=1e-4)
    assert rejected.tolist() == pytest.approx([r[1] for r in ratios], rel=1e-3, abs=1e-4)
    assert weight.tolist() == pytest.approx([row["weight"] for row in rows])


@torch.no_grad()
@pytest.mark.parametrize("loss", get_args(DPOLoss))
def test_every_loss_is_the_mean_of_trls_losses_by_weight(
    tmp_path: Path, model: Path, loss: str
) -> None:
    """Each pair alone through TRL's own code, then weighed; pairs alone have nothing to sort."""
    sorting = loss in ("aot", "aot_unpaired")
    more: dict[str, Any] = {"pairs": "one-per-ranking"} if sorting else {}
    smoothing = 0.01 if loss in ("exo_pair", "robust") else 0.0
    trainer, rows = trainer_of(
        tmp_path / "dpo-1", model, loss_type=[loss], label_smoothing=smoothing, **more
    )
    disturbed(trainer).model.eval()
    rows = rows[1:5]
    collate = PairCollator(pad_token_id=0)
    found = float(trainer.compute_loss(trainer.model, collate(rows)))
    if sorting:
        batch = collate(rows)
        batch.pop("weight")
        expected = float(
            super(PairTrainer, trainer).compute_loss(trainer.model, trainer.with_reference(batch))
        )
        assert [row["weight"] for row in rows] == [1.0] * 4
    elif loss == "sft":
        sums = [
            (row["weight"], log_probs(trainer.model, row["prompt_ids"], row["chosen_ids"]))
            for row in rows
        ]
        expected = -sum(w * float(x.sum()) for w, x in sums) / sum(w * len(x) for w, x in sums)
    else:
        assert len({row["weight"] for row in rows}) > 1
        alone = [
            float(trainer.compute_loss(trainer.model, collate([{**row, "weight": 1.0}])))
            for row in rows
        ]
        expected = sum(row["weight"] * each for row, each in zip(rows, alone, strict=True)) / len(
            rows
        )
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_gradient_is_that_of_the_definition(tmp_path: Path, model: Path) -> None:
    trainer, rows = trainer_of(tmp_path / "dpo-1", model, loss_type=["sigmoid", "sft"], beta=0.3)
    policy = disturbed(trainer).model.train()
    reference = AutoModelForCausalLM.from_pretrained(model).eval()
    rows = rows[:5]
    total, nats, tokens = torch.zeros(()), torch.zeros(()), 0.0
    for row in rows:
        ratio = []
        for name in ("chosen_ids", "rejected_ids"):
            now = log_probs(policy, row["prompt_ids"], row[name])
            with torch.no_grad():
                then = log_probs(reference, row["prompt_ids"], row[name])
            ratio.append((now - then).sum())
            if name == "chosen_ids":
                nats, tokens = nats - row["weight"] * now.sum(), tokens + row["weight"] * len(now)
        total = total - row["weight"] * logsigmoid(0.3 * (ratio[0] - ratio[1])) / len(rows)
    weights = [p for p in policy.parameters() if p.requires_grad]
    expected = torch.autograd.grad(total + nats / tokens, weights)
    found = torch.autograd.grad(
        trainer.compute_loss(policy, PairCollator(pad_token_id=2)(rows)), weights
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_conversations_become_rows_by_the_template() -> None:
    words = tokenizer(chat=True)
    renderer = Renderer(words, rendering_for(words, 64))
    row: dict[str, Any] = {
        "prompt": [Message("user", "A review, please.")],
        "chosen": [Message("assistant", "I liked it.")],
        "rejected": [Message("assistant", "No.")],
        "weight": 1.0,
    }
    (found,) = dpo.tokens([row], renderer)
    assert found["prompt_ids"] == renderer.prompts([row["prompt"]])[0]
    assert found["chosen_ids"].count(words.eos_token_id) == 1, "the template ends the turn itself"
    assert found["chosen_ids"][-1] == found["rejected_ids"][-1] == words.eos_token_id


def test_options_reach_trl() -> None:
    given = DPOOptions(
        beta=0.4,
        loss_type=["robust", "sft"],
        loss_weights=[1.0, 0.2],
        label_smoothing=0.1,
        f_divergence="js_divergence",
        f_alpha=0.7,
        ld_alpha=0.5,
        precompute_reference=True,
    )
    assert dpo.trl_options(given) == {
        "beta": 0.4,
        "loss_type": ["robust", "sft"],
        "loss_weights": [1.0, 0.2],
        "label_smoothing": 0.1,
        "f_divergence_type": "js_divergence",
        "f_alpha_divergence_coef": 0.7,
        "ld_alpha": 0.5,
        "precompute_ref_log_probs": True,
        "disable_dropout": False,
    }
    assert dpo.trl_options(DPOOptions())["ld_alpha"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss_type": ["sigmoid"], "loss_weights": [1.0, 2.0]}, "2 numbers for 1 losses"),
        ({"loss_type": []}, "loss_type is empty"),
        ({"loss_type": ["exo_pair"]}, "needs a label_smoothing"),
        ({"label_smoothing": 0.1}, "does nothing with sigmoid"),
        ({"loss_type": ["apo_zero"], "f_divergence": "forward_kl"}, "not defined for apo_zero"),
        ({"loss_type": ["aot"]}, "one-per-ranking"),
        (
            {"loss_type": ["aot"], "pairs": "one-per-ranking", "aggregate": "dawid-skene"},
            "cannot weigh",
        ),
        ({"tune": "lora", "lora_target": ["lm_head"]}, "never be trained"),
    ],
)
def test_impossible_combinations_are_sentences(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        combinations.check("dpo", DPOOptions(**options))
    assert "\n" not in f"{caught.value}"


@pytest.mark.parametrize("tune", ["full", "lora", "last-layer"])
def test_a_run_learns_and_resumes_to_the_number(tmp_path: Path, model: Path, tune: str) -> None:
    straight = run_of(tmp_path / "dpo-1", model, tune=tune, eval_steps=2)
    dpo.run(straight)
    logged = lines(straight.directory / "metrics.jsonl")
    assert logged[0]["loss"] == pytest.approx(math.log(2), rel=0.35), "weights are not all 1"
    assert logged[0]["rewards/margins"] == 0.0, "the reference is the start"
    evaluated = [row for row in logged if "eval_loss" in row]
    assert [row["step"] for row in evaluated] == [2, 4]
    assert [row["step"] for row in logged if "eval_rewards/margins" in row] == [2, 4]
    assert evaluated[-1]["eval_rewards/accuracies"] > 0.9
    assert evaluated[-1]["eval_rewards/margins"] > evaluated[0]["eval_rewards/margins"] > 0

    first = run_of(tmp_path / "dpo-2", model, tune=tune, precompute_reference=True, eval_steps=2)
    stop_after(first, 2)
    dpo.run(first)
    assert first.stopped and not first.model_dir.exists()
    checkpoint = first.latest_checkpoint()
    assert checkpoint is not None and not (checkpoint / "ref").exists()
    second = again(first)
    dpo.run(second)
    one, other = (
        AutoModelForCausalLM.from_pretrained(c.model_dir).state_dict() for c in (straight, second)
    )
    # The reference's log-probabilities are the same, computed before or with each batch.
    assert all(torch.equal(one[name], other[name]) for name in one)
    start = AutoModelForCausalLM.from_pretrained(model).state_dict()
    changed = {name for name in one if not torch.equal(one[name], start[name])}
    embedding = "model.embed_tokens.weight"
    assert changed and (embedding in changed) is (tune == "full")


def test_validation_figures_weigh_rankings_and_not_pairs(tmp_path: Path, model: Path) -> None:
    seen: list[PairTrainer] = []
    train = hf_trainer.train

    def watched(*given: Any, **named: Any) -> Any:
        seen.append(train(*given, **named))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hf_trainer, "train", watched)
        context = run_of(tmp_path / "dpo-1", model, learning_rate=3e-3, max_steps=1)
        dpo.run(context)
    chosen, rejected, weight = seen[0].validation_rewards()
    assert len(chosen) == len(pairs(4)), "every pair, in the data set's order"
    (row,) = [r for r in lines(context.directory / "metrics.jsonl") if "eval_loss" in r]
    margins = (chosen - rejected).double()
    assert row["eval_rewards/accuracies"] == pytest.approx(
        float((weight * (margins > 0)).sum() / weight.sum())
    )
    assert row["eval_loss"] == pytest.approx(
        float(-(weight * logsigmoid(margins)).mean()), rel=1e-5
    )


def test_two_processes_equal_one_with_twice_the_batch(tmp_path: Path, model: Path) -> None:
    """Also where one computes the reference's log-probabilities before and the other on the way."""
    more = {"tune": "lora", "device": "cpu", "max_steps": 3}
    one = run_of(tmp_path / "dpo-1", model, batch_size=8, **more)
    dpo.run(one)
    shared = {"accelerate": "cpu", "processes": 2, "precompute_reference": True}
    two = run_of(tmp_path / "dpo-2", model, batch_size=4, **more, **shared)
    spawn_supervisor(two.directory, PROGRAM)
    wait_until(lambda: describe(two.directory).exit is not None, 150, "the run's end", poll=0.1)
    log = (two.directory / "log.txt").read_text()
    assert describe(two.directory).state == "finished", log
    assert log.count("16 rows, none over-long") == 1, "only the main process talks"
    for name in ("loss", "eval_loss", "eval_rewards/margins", "eval_rewards/accuracies"):
        found = [
            [row[name] for row in lines(c.directory / "metrics.jsonl") if name in row]
            for c in (one, two)
        ]
        assert len(found[0]) == len(found[1]) > 0, name
        assert found[1] == pytest.approx(found[0], rel=1e-3, abs=1e-5), name


def test_dropout_of_the_adapter_stays_and_that_of_the_model_goes(
    tmp_path: Path, model: Path
) -> None:
    trainer, _ = trainer_of(tmp_path / "dpo-1", model, tune="lora", lora_dropout=0.25)
    found = {m.p for m in trainer.model.modules() if isinstance(m, torch.nn.Dropout)}
    assert found == {0.25}
    body = torch.nn.Sequential(torch.nn.Dropout(0.1))
    assert offline.without_dropout(body)[0].p == 0.0


def test_rows_are_told_about(tmp_path: Path, model: Path) -> None:
    context = run_of(tmp_path / "dpo-1", model)
    options = context.options(DPOOptions)
    start = offline.begin(context, options)
    plain, few, none = offline.findings(start, options, [[]], 3, 0)[1:]
    assert "no chat template" in plain
    assert "3 rows cannot fill a step of 4" in few
    assert "nothing to validate on" in none
    assert len(offline.findings(start, options, ["A"], 4, 1)) == 1


def test_no_pairs_is_a_sentence(tmp_path: Path, model: Path) -> None:
    context = make_run(tmp_path / "dpo-1", "dpo", {"model": str(model)})
    with pytest.raises(NothingToDo, match="no preferences"):
        dpo.run(context)
