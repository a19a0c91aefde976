"""What a reward model and a policy read: the same tokens in training, scoring and PPO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.tiny import tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_tui.errors import InputError
from rlhf_tui.records import Message
from rlhf_tui.training.rendering import (
    Renderer,
    Rendering,
    plain_dialogue,
    rendering_for,
    save_rendering,
    saved_rendering,
)

PROMPT, COMPLETION = "In this remake a", " plumber hides a tractor."
TALK = [Message("user", "Is it good ?")]
ANSWER = [Message("assistant", "It is a mess.")]


def renderer(*, chat: bool = False, max_length: int = 64) -> Renderer:
    words = tokenizer(chat=chat)
    return Renderer(words, rendering_for(words, max_length))


def test_a_text_is_scored_with_eos_behind_it() -> None:
    words = tokenizer()
    (ids,) = renderer().scored([PROMPT], [COMPLETION])
    assert ids == words(PROMPT + COMPLETION)["input_ids"] + [words.eos_token_id]


def test_eos_is_not_doubled() -> None:
    words = tokenizer()
    (ids,) = renderer().scored([PROMPT], [COMPLETION + words.eos_token])
    assert ids.count(words.eos_token_id) == 1


def test_rows_and_scored_agree_and_keep_the_boundary() -> None:
    made = renderer()
    (row,) = made.rows([PROMPT], [COMPLETION])
    assert row.prompt == made.prompts([PROMPT])[0]
    assert row.prompt + row.completion == made.scored([PROMPT], [COMPLETION])[0]


def test_a_token_across_the_boundary_is_encoded_apart() -> None:
    """Generation begins from the prompt's own tokens, so learning must too."""
    made = renderer()
    words = made.tokenizer
    prompt, completion = "The direc", "tion is dull."
    joint = words(prompt + completion)["input_ids"]
    begun = words(prompt)["input_ids"]
    assert joint[: len(begun)] != begun, "the sample tokenizer merges here"
    (row,) = made.rows([prompt], [completion])
    assert row.prompt == begun
    assert words.decode(row.prompt + row.completion[:-1]) == prompt + completion


def test_messages_by_the_template_end_as_the_template_says() -> None:
    made = renderer(chat=True)
    words = made.tokenizer
    (ids,) = made.scored([TALK], [ANSWER])
    assert words.decode(ids) == "<|user|>Is it good ?<eos><|assistant|>It is a mess.<eos>" or (
        ids.count(words.eos_token_id) == 2
    )
    (row,) = made.rows([TALK], [ANSWER])
    assert row.prompt + row.completion == ids
    assert row.prompt == made.prompts([TALK])[0]


def test_messages_without_a_template_are_the_plain_dialogue_with_eos() -> None:
    made = renderer()
    (ids,) = made.scored([TALK], [ANSWER])
    text = "\n\nHuman: Is it good ?\n\nAssistant: It is a mess."
    assert ids == made.tokenizer(text)["input_ids"] + [made.eos_id]
    assert made.tokenizer.decode(made.prompts([TALK])[0]).endswith("\n\nAssistant:")


def test_plain_dialogue_is_that_of_hh_rlhf() -> None:
    turns = [
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "Bye"),
    ]
    assert plain_dialogue(turns, reply=True) == (
        "Be brief.\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Bye\n\nAssistant:"
    )


@settings(max_examples=50)
@given(st.text(max_size=30), st.text(min_size=1, max_size=30))
def test_decoded_completions_are_exactly_what_follows_the_prompt(prompt: str, after: str) -> None:
    made = renderer()
    (row,) = made.rows([prompt], [after])
    if made.tokenizer.eos_token in prompt + after:
        return
    begun = made.prompts([prompt])[0]
    if "".join(made.tokenizer.all_special_tokens) and any(
        t in prompt + after for t in made.tokenizer.all_special_tokens
    ):
        return
    assert made.decode(prompt, begun, row.completion) == after


def test_decoding_keeps_the_prompts_form() -> None:
    for chat in (False, True):
        made = renderer(chat=chat)
        (row,) = made.rows([TALK], [ANSWER])
        assert made.decode(TALK, row.prompt, row.completion) == ANSWER


def test_long_prompts_lose_their_beginning_and_are_counted() -> None:
    made = renderer(max_length=10)
    words = made.tokenizer
    long = " ".join(["plumber"] * 30)
    (row,) = made.rows([long], [COMPLETION])
    assert row.completion == words(COMPLETION)["input_ids"] + [made.eos_id]
    assert len(row.prompt) + len(row.completion) == 10
    assert row.prompt == words(long)["input_ids"][-len(row.prompt) :]
    (scored,) = made.scored([long], [COMPLETION])
    assert len(scored) == 10 and scored[-1] == made.eos_id
    (start,) = made.prompts([long], room=4)
    assert len(start) == 6
    assert made.overlong.prompts_cut == 3
    assert "3 of 3 texts were longer than 10 tokens" in made.overlong.report()


def test_a_completion_over_the_limit_loses_its_end_and_its_eos() -> None:
    made = renderer(max_length=5)
    (row,) = made.rows([PROMPT], [" plumber" * 20])
    assert len(row.prompt) == 1 and len(row.completion) == 4
    assert made.eos_id not in row.completion
    assert "1 completions alone" in made.overlong.report()


def test_an_empty_prompt_still_has_a_token() -> None:
    assert renderer().prompts([""]) == [[tokenizer().bos_token_id]]


def test_saved_rendering_comes_back_and_a_foreign_model_keeps_its_own(tmp_path: Path) -> None:
    words = tokenizer()
    foreign = saved_rendering(tmp_path, words)
    assert not foreign.append_eos
    made = Renderer(words, foreign)
    assert made.scored([PROMPT], [COMPLETION])[0] == words(PROMPT + COMPLETION)["input_ids"]
    ours = Rendering(max_length=77, messages="plain")
    save_rendering(tmp_path, ours)
    assert saved_rendering(tmp_path, words) == ours


def test_a_rendering_outlives_the_tokenizers_template(tmp_path: Path) -> None:
    """Trained by plain dialogue, scored by it, though somebody added a template since."""
    words = tokenizer()
    save_rendering(tmp_path, rendering_for(words, 64))
    later = tokenizer(chat=True)
    found = Renderer(later, saved_rendering(tmp_path, later)).scored([TALK], [ANSWER])
    assert found == renderer().scored([TALK], [ANSWER])


def test_mixed_forms_are_refused() -> None:
    with pytest.raises(InputError, match="one form"):
        renderer().scored([PROMPT], [ANSWER])


def test_a_template_that_refuses_is_a_sentence() -> None:
    made = renderer(chat=True)
    made.tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    with pytest.raises(InputError, match="no system role"):
        made.prompts([TALK])


def test_a_tokenizer_without_eos_is_a_sentence() -> None:
    words: Any = tokenizer()
    words.eos_token = None
    with pytest.raises(InputError, match="end-of-text"):
        Renderer(words, Rendering(max_length=8)).scored([PROMPT], [COMPLETION])


def test_rendering_is_plain_json(tmp_path: Path) -> None:
    save_rendering(tmp_path, Rendering(max_length=5, messages="template"))
    assert msgspec.json.decode((tmp_path / "rendering.json").read_bytes()) == {
        "max_length": 5,
        "messages": "template",
        "append_eos": True,
        "version": 1,
    }
