"""Generate runs from their directories: what is written, in which form, stop and go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.tiny import again, lines, make_run, save_policy, stop_after, tokenizer

from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.generation import run as generation
from rlhf_tui.records import generated_completion_id
from rlhf_tui.runs.context import RunContext

PROMPTS = ["In this remake a", "The", "NAME plays a shy baker in Paris and", "I saw"]


def prompts(texts: list[Any]) -> list[dict[str, Any]]:
    return [{"prompt": text, "prompt_id": f"p{i}"} for i, text in enumerate(texts)]


def generate(directory: Path, model: Path, texts: list[Any], **more: Any) -> RunContext:
    arguments = {"model": str(model), "k": 2, "max_new_tokens": 6, "batch_size": 4}
    context = make_run(directory, "generate", arguments | more, train=prompts(texts))
    generation.run(context)
    return context


def written(context: RunContext) -> dict[str, Any]:
    found = lines(context.directory / "completions.jsonl")
    assert len({row["completion_id"] for row in found}) == len(found)
    return {row["completion_id"]: row for row in found}


def test_k_completions_a_prompt_with_all_that_is_known(tmp_path: Path) -> None:
    context = generate(tmp_path / "g1", save_policy(tmp_path / "m"), PROMPTS)
    found = written(context)
    assert found.keys() == {
        generated_completion_id("g1", f"p{i}", k) for i in range(4) for k in range(2)
    }
    row = found[generated_completion_id("g1", "p0", 1)]
    assert row["run_id"] == "g1" and row["prompt_id"] == "p0"
    assert row["parameters"] == {
        "temperature": 1.0,
        "top_p": 1.0,
        "max_new_tokens": 6,
        "seed": 0,
    }
    for row in found.values():
        assert 1 <= row["tokens"] <= 6
        assert (row["finish_reason"] == "length") <= (row["tokens"] == 6)


def test_batch_size_limit_and_order_do_not_change_a_completion(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "m")
    one = written(generate(tmp_path / "a" / "g", model, PROMPTS))
    other = written(generate(tmp_path / "b" / "g", model, PROMPTS, batch_size=2))
    assert {k: v["completion"] for k, v in one.items()} == {
        k: v["completion"] for k, v in other.items()
    }
    fewer = written(generate(tmp_path / "c" / "g", model, PROMPTS, limit=2))
    assert len(fewer) == 4
    assert all(one[key]["completion"] == row["completion"] for key, row in fewer.items())
    another = written(generate(tmp_path / "d" / "g", model, PROMPTS, seed=1))
    assert {v["completion"] for v in one.values()} != {v["completion"] for v in another.values()}


def test_text_goes_on_exactly_where_the_prompt_ends(tmp_path: Path) -> None:
    """Joined with nothing between, prompt and completion decode as the model wrote them."""
    context = generate(tmp_path / "g1", save_policy(tmp_path / "m"), PROMPTS, k=4)
    words = tokenizer()
    for row in written(context).values():
        prompt = PROMPTS[int(row["prompt_id"][1:])]
        own = words(row["completion"])["input_ids"]
        assert isinstance(row["completion"], str)
        assert words.decode(words(prompt)["input_ids"] + own) == prompt + row["completion"]


@pytest.mark.parametrize("chat", [True, False])
def test_messages_get_an_assistants_message(tmp_path: Path, chat: bool) -> None:
    talk = [[{"role": "user", "content": "Is it good ?"}]]
    context = generate(tmp_path / "g1", save_policy(tmp_path / "m", chat=chat), talk)
    for row in written(context).values():
        (turn,) = row["completion"]
        assert turn["role"] == "assistant" and isinstance(turn["content"], str)


def test_a_stopped_run_goes_on_and_ends_as_a_straight_one(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "m")
    straight = written(generate(tmp_path / "a" / "g", model, PROMPTS))
    arguments = {"model": str(model), "k": 2, "max_new_tokens": 6, "batch_size": 4}
    first = make_run(tmp_path / "b" / "g", "generate", arguments, train=prompts(PROMPTS))
    stop_after(first, 4)
    generation.run(first)
    assert first.stopped and len(written(first)) == 4
    second = again(first)
    generation.run(second)
    assert written(second) == straight


def test_a_prompts_completions_come_together(tmp_path: Path) -> None:
    """Ranking can begin as soon as a batch is there."""
    context = generate(tmp_path / "g1", save_policy(tmp_path / "m"), PROMPTS, batch_size=3)
    order = [row["prompt_id"] for row in lines(context.directory / "completions.jsonl")]
    assert order[0::2] == order[1::2]


def test_no_prompts_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match="no prompts"):
        generation.run(make_run(tmp_path / "g1", "generate", {"model": "x"}))


def test_no_room_for_a_prompt_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes 256 tokens"):
        generate(tmp_path / "g1", save_policy(tmp_path / "m"), PROMPTS, max_new_tokens=256)
