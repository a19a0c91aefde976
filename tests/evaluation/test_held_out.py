"""Models measured at the end of their training and by evaluate runs, from run directories."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import lines, make_run, save_policy, save_reward_model

from rlhf_tui.errors import NothingToDo
from rlhf_tui.evaluation import held_out
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.runs import layout
from rlhf_tui.runs.context import RunContext
from rlhf_tui.training import dpo, kto, models, reward_model, sft
from rlhf_tui.training.rendering import Renderer, rendering_for
from rlhf_tui.training.scoring import RewardScorer

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
CPU = torch.device("cpu")
TRAIN = {"max_steps": 4, "batch_size": 4, "learning_rate": 1e-2, "device": "cpu"}


def rows(count: int, people: tuple[str, ...] = ("ada",)) -> list[dict[str, Any]]:
    """Rows of all kinds in one: rankings of three by each person, of whom 'eve' errs."""
    texts = [" I adored it.", " It is dull.", " What a mess!"]
    return [
        {
            "prompt": f"Review {i}:",
            "prompt_id": f"p{i}",
            "completion": texts[better],
            "completion_id": f"c{i}-{better}",
            "label": (better == 0) != (who == "eve"),
            "chosen": texts[one],
            "rejected": texts[other],
            "chosen_id": f"c{i}-{one}",
            "rejected_id": f"c{i}-{other}",
            "weight": 1 / 3,
            "ranking_id": f"e{i}-{who}",
            "annotator": who,
            "strength": None,
        }
        for i in range(count)
        for who in people
        for better, worse in ((0, 1), (0, 2), (1, 2))
        for one, other in [(worse, better) if who == "eve" else (better, worse)]
    ]


def thumbs(count: int) -> list[dict[str, Any]]:
    sides = ("chosen", "rejected", "chosen_id", "rejected_id")
    found = rows(count, ("ada", "ben"))
    return [{name: row[name] for name in row if name not in sides} for row in found]


def evaluation(context: RunContext) -> Evaluation:
    found = layout.read(context.directory / layout.EVALUATION, Evaluation)
    assert found is not None
    return found


def figures(found: Evaluation) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in found.figures}


def evaluate(directory: Path, model: Path, table: list[dict[str, Any]], **more: Any) -> RunContext:
    given = {"model": str(model), "device": "cpu", "batch_size": 4} | more
    context = make_run(directory, "evaluate", given, test=table)
    held_out.run(context)
    return context


def logged(context: RunContext) -> dict[str, Any]:
    """The last value of each metric."""
    last: dict[str, Any] = {}
    for row in lines(context.directory / "metrics.jsonl"):
        last |= row
    return last


def test_a_reward_model_is_measured_at_its_end_and_by_an_evaluate_run(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "base")
    people = ("ada", "ben", "eve")
    context = make_run(
        tmp_path / "rm-1",
        "rm",
        TRAIN | {"model": str(base)},
        train=rows(8, people),
        validation=rows(2, people),
    )
    reward_model.run(context)
    found = evaluation(context)
    assert (found.kind, found.split, found.model, found.rows) == ("rm", "validation", "rm-1", 18)
    pairs = found.preference
    assert pairs is not None and pairs.pairs == 18 and pairs.prompts == 2
    # Two of three people say the same: whatever the scores, each pair is right in 2/3 or 1/3.
    assert 0.33 < (pairs.accuracy.value or 0) < 0.67
    assert found.human is not None
    assert found.human.agreement.value == pytest.approx(1 / 3)
    assert found.human.agreement.cases == 24, "all of the run's data"
    names = {"eval_precision", "eval_recall", "eval_f1", "eval_ece", "eval_log_loss"}
    first = lines(context.directory / "metrics.jsonl")[0]
    assert (first["step"], first["human_agreement"]) == (0, pytest.approx(1 / 3))
    last = logged(context)
    assert names | {"human_agreement"} <= last.keys()
    assert last["eval_accuracy"] == pytest.approx(pairs.accuracy.value)
    assert last["eval_margin"] == pytest.approx(pairs.margin, abs=1e-5)

    texts = [r["chosen"] for r in rows(2)], [r["rejected"] for r in rows(2)]
    prompts = [r["prompt"] for r in rows(2)]
    scorer = RewardScorer(str(context.model_dir), CPU)
    better, worse = (scorer.score(prompts, side) for side in texts)
    measured = evaluate(tmp_path / "evaluate-1", context.model_dir, rows(2))
    again = evaluation(measured).preference
    assert again is not None
    assert again.margin == pytest.approx(
        sum(b - w for b, w in zip(better, worse, strict=True)) / len(better), abs=1e-5
    )
    assert again.accuracy.value == sum(b > w for b, w in zip(better, worse, strict=True)) / 6
    assert evaluation(measured).split == "test" and evaluation(measured).model == "rm-1"
    assert evaluation(measured).human.agreement.value is None  # type: ignore[union-attr]
    assert "human_agreement" not in logged(measured)
    assert logged(measured)["eval_accuracy"] == again.accuracy.value


def test_weights_make_a_ranking_count_once(tmp_path: Path) -> None:
    model = save_reward_model(tmp_path / "model")
    table = rows(1)
    table[0]["weight"] = 4.0
    scorer = RewardScorer(str(model), CPU)
    margins = [
        scorer.score([r["prompt"]], [r["chosen"]])[0]
        - scorer.score([r["prompt"]], [r["rejected"]])[0]
        for r in table
    ]
    found = evaluation(evaluate(tmp_path / "evaluate-1", model, table)).preference
    assert found is not None
    weights = [4.0, 1 / 3, 1 / 3]
    expected = sum(w * m for w, m in zip(weights, margins, strict=True)) / sum(weights)
    assert found.margin == pytest.approx(expected, abs=1e-5)


def by_hand(model: Any, words: Any, prompt: str, completion: str) -> tuple[float, int, int]:
    """Log-probability, tokens and hits of a response, one forward pass over the bare row."""
    renderer = Renderer(words, rendering_for(words, 256))
    (row,) = renderer.rows([prompt], [completion])
    ids = torch.tensor([row.prompt + row.completion])
    with torch.no_grad():
        spread = model(ids).logits[0].double().log_softmax(-1)
    places = range(len(row.prompt) - 1, ids.size(1) - 1)
    chosen = [float(spread[at, ids[0, at + 1]]) for at in places]
    hits = sum(int(spread[at].argmax() == ids[0, at + 1]) for at in places)
    return sum(chosen), len(chosen), hits


def test_a_language_models_loss_is_a_mean_over_response_tokens(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "base")
    context = make_run(
        tmp_path / "sft-1",
        "sft",
        TRAIN | {"model": str(base)},
        train=rows(4),
        validation=rows(2),
    )
    sft.run(context)
    loaded = models.load_policy(str(context.model_dir), CPU, trained=False)
    said = [by_hand(loaded.model, loaded.tokenizer, r["prompt"], r["completion"]) for r in rows(2)]
    loss = -sum(s[0] for s in said) / sum(s[1] for s in said)
    found = figures(evaluation(context))
    assert found["loss"] == pytest.approx(loss, rel=1e-4)
    assert found["perplexity"] == pytest.approx(math.exp(loss), rel=1e-3)
    assert found["token_accuracy"] == sum(s[2] for s in said) / sum(s[1] for s in said)
    last = logged(context)
    assert last["eval_loss"] == pytest.approx(loss, rel=1e-4), "as the trainer itself has it"
    assert last["eval_token_accuracy"] == found["token_accuracy"]
    test = evaluate(tmp_path / "evaluate-1", context.model_dir, rows(2), batch_size=1)
    assert figures(evaluation(test))["loss"] == pytest.approx(loss, rel=1e-4)
    assert logged(test)["eval_perplexity"] == pytest.approx(math.exp(loss), rel=1e-3)
    short = evaluate(tmp_path / "evaluate-2", context.model_dir, rows(2), max_length=5)
    assert any("longer than 5 tokens" in note for note in evaluation(short).notes)
    assert figures(evaluation(short))["loss"] != pytest.approx(loss, rel=1e-3)


@pytest.mark.parametrize("tune", ["full", "lora"])
def test_dpo_is_measured_by_its_implicit_rewards(tmp_path: Path, tune: str) -> None:
    base = save_policy(tmp_path / "base")
    given = TRAIN | {"model": str(base), "tune": tune, "lora_rank": 2, "beta": 0.3}
    context = make_run(tmp_path / "dpo-1", "dpo", given, train=rows(4), validation=rows(1))
    dpo.run(context)
    found = evaluation(context).preference
    policy, start = (
        models.load_policy(str(path), CPU, trained=False) for path in (context.model_dir, base)
    )
    margins = []
    for row in rows(1):
        worth = [
            by_hand(policy.model, policy.tokenizer, row["prompt"], row[side])[0]
            - by_hand(start.model, start.tokenizer, row["prompt"], row[side])[0]
            for side in ("chosen", "rejected")
        ]
        margins.append(0.3 * (worth[0] - worth[1]))
    assert found is not None
    assert found.margin == pytest.approx(sum(margins) / 3, abs=1e-4)
    assert found.accuracy.value == pytest.approx(sum(m > 0 for m in margins) / 3)
    anew = evaluation(evaluate(tmp_path / "evaluate-1", context.model_dir, rows(1))).preference
    assert anew is not None and anew.margin == pytest.approx(found.margin, abs=1e-4)


def test_kto_is_measured_by_the_signs_and_the_order_of_its_rewards(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "base")
    context = make_run(
        tmp_path / "kto-1",
        "kto",
        TRAIN | {"model": str(base), "max_steps": 12},
        train=thumbs(6),
        validation=thumbs(2),
    )
    kto.run(context)
    found = figures(evaluation(context))
    assert found["auc"] == 1.0
    assert (found["reward_liked"] or 0) > (found["reward_disliked"] or 0)
    assert 0.0 <= (found["sign_accuracy"] or 0) <= 1.0
    human = evaluation(context).human
    assert human is not None and human.agreement.value == 1.0 and human.accuracy == 1.0
    assert logged(context)["eval_auc"] == 1.0


def test_rows_of_weight_0_are_left_out(tmp_path: Path) -> None:
    """Nothing is divided by the weight of a bin, or of a prompt, that has none."""
    undecided = [row | {"weight": 0.0} for row in rows(8)[-9:]]
    base = save_policy(tmp_path / "base")
    figures = []
    for name, held in (("rm-1", rows(5)), ("rm-2", [*rows(5), *undecided])):
        train = TRAIN | {"model": str(base)}
        context = make_run(tmp_path / name, "rm", train, train=rows(8), validation=held)
        reward_model.run(context)
        found = layout.read(context.directory / layout.EVALUATION, Evaluation)
        assert found is not None
        figures.append(found.preference)
    assert figures[0] == figures[1]


def test_a_policy_is_measured_by_its_runs_rewards(tmp_path: Path) -> None:
    base, reward = save_policy(tmp_path / "base"), save_reward_model(tmp_path / "reward")
    given = {"model": str(base), "reward_model": str(reward), "response_length": 8, "device": "cpu"}
    made = make_run(tmp_path / "ppo-1", "ppo", given)
    save_policy(made.model_dir, seed=3)
    context = evaluate(tmp_path / "evaluate-1", made.model_dir, rows(2)[::3])
    found = figures(evaluation(context))
    assert found.keys() == {"reward", "kl", "response_length", "eos_share"}
    assert (found["kl"] or 0) > 1, "other weights than those it is said to have started from"
    assert 1 <= (found["response_length"] or 0) <= 8
    assert logged(context)["eval/reward"] == pytest.approx(found["reward"])
    samples = lines(context.directory / "samples.jsonl")
    scored = RewardScorer(str(reward), CPU).score(
        [s["prompt"] for s in samples], [s["completion"] for s in samples]
    )
    assert found["reward"] == pytest.approx(sum(scored) / 2, abs=1e-4)
    save_policy(made.model_dir, seed=0)
    same = figures(evaluation(evaluate(tmp_path / "evaluate-2", made.model_dir, rows(2)[::3])))
    assert same["kl"] == pytest.approx(0.0, abs=1e-4)


def test_nothing_held_out_is_a_sentence_or_nothing(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "base")
    with pytest.raises(NothingToDo, match="nothing in the test split"):
        held_out.run(make_run(tmp_path / "evaluate-1", "evaluate", {"model": str(base)}))
    context = make_run(tmp_path / "sft-1", "sft", TRAIN | {"model": str(base)}, train=rows(2))
    sft.run(context)
    assert not (context.directory / layout.EVALUATION).exists()
