"""Score runs from their directories: reward scores as trained, KL of one policy to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import lines, make_run, save_policy, save_reward_model, stop_after, tokenizer
from transformers import AutoModelForCausalLM

from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.evaluation import score
from rlhf_tui.training.rendering import Rendering, save_rendering
from rlhf_tui.training.scoring import RewardScorer

TEXTS = [(" is dull.", "eos"), (" is a warm film about a", "length"), (" ends.", "eos")]


def rows(*, reasons: bool = False) -> list[dict[str, Any]]:
    made = [
        {"completion_id": f"c{i}", "prompt_id": f"p{i}", "prompt": "The plot", "completion": text}
        for i, (text, _) in enumerate(TEXTS)
    ]
    if reasons:
        made = [row | {"finish_reason": end} for row, (_, end) in zip(made, TEXTS, strict=True)]
    return made


def scores(context: Any) -> list[dict[str, Any]]:
    return lines(context.directory / "scores.jsonl")


def test_rewards_are_those_of_the_scorer_with_its_rendering(tmp_path: Path) -> None:
    model = save_reward_model(tmp_path / "rm")
    save_rendering(model, Rendering(max_length=64))
    arguments = {"reward_model": str(model), "batch_size": 2}
    context = make_run(tmp_path / "s1", "score", arguments, train=rows()[:1], test=rows()[1:])
    score.run(context)
    found = scores(context)
    expected = RewardScorer(str(model), torch.device("cpu")).score(
        ["The plot"] * 3, [text for text, _ in TEXTS]
    )
    assert [row["completion_id"] for row in found] == ["c0", "c1", "c2"]
    assert [row["mean"] for row in found] == pytest.approx(expected, abs=1e-5)
    assert {row["model"] for row in found} == {str(model)}
    (summary,) = lines(context.directory / "metrics.jsonl")
    assert summary["reward/mean"] == pytest.approx(sum(expected) / 3, abs=1e-5)
    (model / "rendering.json").unlink()
    other = RewardScorer(str(model), torch.device("cpu")).score(["The plot"], [TEXTS[0][0]])
    assert other[0] != pytest.approx(expected[0], abs=1e-4), "without EOS it is another score"


@pytest.mark.parametrize("reasons", [False, True])
def test_kl_is_the_summed_log_ratio_written_out(tmp_path: Path, reasons: bool) -> None:
    """In loops, a sequence at a time; a completion that was cut has no EOS to count."""
    one, other = save_policy(tmp_path / "a", seed=1), save_policy(tmp_path / "b", seed=2)
    arguments = {"policy": str(one), "reference": str(other)}
    context = make_run(tmp_path / "s1", "score", arguments, test=rows(reasons=reasons))
    score.run(context)
    words = tokenizer()
    models = [AutoModelForCausalLM.from_pretrained(p) for p in (one, other)]
    for row, (text, end) in zip(scores(context), TEXTS, strict=True):
        begun = words("The plot")["input_ids"]
        own = words(text)["input_ids"]
        if not (reasons and end == "length"):
            own = [*own, words.eos_token_id]
        total = 0.0
        with torch.no_grad():
            logs = [m(torch.tensor([begun + own])).logits[0].log_softmax(-1) for m in models]
        for step, token in enumerate(own):
            place = len(begun) + step - 1
            total += float(logs[0][place, token] - logs[1][place, token])
        assert row["kl"] == pytest.approx(total, abs=1e-3)
        assert row["model"] == "" and row["mean"] is None
    assert "kl/mean" in lines(context.directory / "metrics.jsonl")[0]


def test_a_label_is_chosen_and_long_rows_lose_the_beginning_of_their_prompt(tmp_path: Path) -> None:
    def found(number: int, **options: Any) -> list[dict[str, Any]]:
        context = make_run(tmp_path / f"s{number}", "score", options, test=rows())
        score.run(context)
        return scores(context)

    several = str(save_reward_model(tmp_path / "several", labels=3))
    one, two = (
        [row["mean"] for row in found(i, reward_model=several, reward_label=f"LABEL_{i}")]
        for i in (0, 1)
    )
    assert one != pytest.approx(two)
    pair = {"policy": str(save_policy(tmp_path / "a", seed=1))}
    pair |= {"reference": str(save_policy(tmp_path / "b", seed=2))}
    lengths = [len(tokenizer()("The plot" + text)["input_ids"]) for text, _ in TEXTS]
    longest = max(lengths)
    whole, room, cut = (
        [row["kl"] for row in found(3 + i, **pair, max_length=length)]
        for i, length in enumerate((512, longest + 1, longest))
    )
    assert whole == pytest.approx(room)
    changed = [abs(a - b) > 1e-3 for a, b in zip(whole, cut, strict=True)]
    assert changed == [length == longest for length in lengths], "EOS is one more"


def test_a_stop_ends_between_batches(tmp_path: Path) -> None:
    arguments = {"reward_model": str(save_reward_model(tmp_path / "rm")), "batch_size": 1}
    context = make_run(tmp_path / "s1", "score", arguments, test=rows())
    stop_after(context, 1)
    score.run(context)
    assert context.stopped and len(scores(context)) == 1


def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "Give a reward model"),
        ({"policy": "x"}, "both a policy and a reference"),
    ]
    for number, (arguments, words) in enumerate(cases):
        with pytest.raises(UsageError, match=words):
            score.run(make_run(tmp_path / f"s{number}", "score", arguments, test=rows()))
    with pytest.raises(NothingToDo, match="no completions"):
        score.run(make_run(tmp_path / "none", "score", {"reward_model": "x"}))
