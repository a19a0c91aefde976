"""Completions written by the sample model, and what can be measured of them.

Imports torch and transformers; only `make` and the tests import this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from rlhf_tui.sample_data.world import derivable, sentences, sentiment

MAX_NEW_TOKENS = 48
"""Longer than any completion that the grammar asks for."""


@dataclass(frozen=True)
class Completion:
    """One sampled completion."""

    prompt: str
    text: str
    """The completion, without EOS; begins with a space."""
    tokens: int
    """Its length in tokens, EOS not counted."""
    ended: bool
    """Whether the model ended it with EOS within the limit."""


def complete(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    seed: int,
) -> list[Completion]:
    """One completion for each prompt, in order, sampled at temperature 1 in one padded batch."""
    rows = tokenizer(list(prompts), return_tensors="pt", padding=True, padding_side="left")
    width = rows["input_ids"].shape[1]
    torch.manual_seed(seed)
    written = model.generate(
        input_ids=rows["input_ids"],
        attention_mask=rows["attention_mask"],
        max_new_tokens=MAX_NEW_TOKENS,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
    )[:, width:].tolist()
    found = []
    for prompt, ids in zip(prompts, written, strict=True):
        ended = tokenizer.eos_token_id in ids
        kept = ids[: ids.index(tokenizer.eos_token_id)] if ended else ids
        found.append(Completion(prompt, tokenizer.decode(kept), len(kept), ended))
    return found


def measure(completions: Sequence[Completion]) -> dict[str, float]:
    """What the completions are like: shares from 0 to 1, mean lengths in tokens and words."""
    scores = [sentiment(c.text) for c in completions]
    written = list(chain.from_iterable(sentences(c.prompt + c.text) for c in completions))
    return {
        "share positive": fmean(score > 0 for score in scores),
        "share at zero": fmean(score == 0 for score in scores),
        "share ended by EOS": fmean(c.ended for c in completions),
        "share distinct": len({c.text for c in completions}) / len(completions),
        "share of sentences derivable": fmean(derivable(sentence) for sentence in written),
        "share that begin with a space": fmean(c.text.startswith(" ") for c in completions),
        "mean length, tokens": fmean(c.tokens for c in completions),
        "mean length, words": fmean(len(c.text.split()) for c in completions),
    }
