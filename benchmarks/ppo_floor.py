"""The least that PPO with a separate critic can cost: written by hand, with nothing around it.

Generation by transformers, one forward pass each of policy, reference, critic and reward model,
then epochs x minibatches of forward, backward and step over policy and critic, on whole padded
sequences. No figures, no checks, no log, no text: what a trainer of the same design takes beyond
this is its own.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch
from ppo_side import Case, Gate
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GenerationConfig,
)

CLIP = 0.2
VALUE_WEIGHT = 0.1
LAMBDA = 0.95


def logprobs(model: Any, ids: Tensor, mask: Tensor, response: int) -> Tensor:
    """[b, r] of the response's tokens."""
    logits = model(
        input_ids=ids[:, :-1], attention_mask=mask[:, :-1], logits_to_keep=response
    ).logits
    tokens = ids[:, -response:, None]
    chosen: Tensor = logits.gather(-1, tokens)[..., 0] - logits.logsumexp(-1)
    return chosen


def values(critic: Any, ids: Tensor, mask: Tensor, response: int) -> Tensor:
    """[b, r] of the states before each response token."""
    states = critic.model(input_ids=ids[:, :-1], attention_mask=mask[:, :-1]).last_hidden_state
    scores: Tensor = critic.score(states[:, -response:])[..., 0]
    return scores


def main() -> None:
    case = Case.load(sys.argv[1])
    if case.threads:
        torch.set_num_threads(case.threads)
    torch.manual_seed(case.seed)
    tokenizer = AutoTokenizer.from_pretrained(case.policy, padding_side="left")
    pad, eos = tokenizer.pad_token_id, tokenizer.eos_token_id

    def load(kind: Any, folder: str) -> Any:
        return kind.from_pretrained(folder, dtype=torch.float32).eval()

    policy, reference = (load(AutoModelForCausalLM, case.policy) for _ in range(2))
    critic, scorer = (load(AutoModelForSequenceClassification, case.reward) for _ in range(2))
    optimizer = torch.optim.AdamW(
        [*policy.parameters(), *critic.parameters()], lr=case.learning_rate, fused=True
    )
    drawing = GenerationConfig(
        max_new_tokens=case.response,
        do_sample=True,
        top_k=0,
        pad_token_id=pad,
        eos_token_id=eos,
    )
    gate = Gate()
    for update in range(case.updates):
        gate.open()
        first = update * case.batch
        texts = [case.prompts[(first + i) % len(case.prompts)] for i in range(case.batch)]
        prompt = tokenizer(texts, return_tensors="pt", padding=True)["input_ids"]
        with torch.no_grad():
            began = time.perf_counter()
            ids = policy.generate(
                input_ids=prompt, attention_mask=prompt != pad, generation_config=drawing
            )
            gate.writing += time.perf_counter() - began
            response = ids.size(1) - prompt.size(1)
            mask = ids != pad
            real = mask[:, -response:]
            gate.tokens += int(real.sum())
            old = logprobs(policy, ids, mask, response)
            fixed = logprobs(reference, ids, mask, response)
            before = values(critic, ids, mask, response) * real
            score = scorer(input_ids=ids, attention_mask=mask).logits[:, 0]
            rewards = -case.kl_coef * (old - fixed) * real
            rewards.scatter_add_(1, real.sum(1, keepdim=True) - 1, score[:, None])
            advantages = torch.zeros_like(before)
            follow = following = torch.zeros_like(score)
            for step in reversed(range(response)):
                follow = rewards[:, step] + following - before[:, step] + LAMBDA * follow
                advantages[:, step], following = follow, before[:, step]
            returns = advantages + before
            chosen = advantages[real]
            advantages = (advantages - chosen.mean()) / (chosen.std() + 1e-8)
        size = case.batch // case.minibatches
        for _ in range(case.epochs):
            for rows in torch.randperm(case.batch).split(size):
                count = real[rows].sum()
                new = logprobs(policy, ids[rows], mask[rows], response)
                now = values(critic, ids[rows], mask[rows], response)
                ratio = (new - old[rows]).exp()
                gain = torch.minimum(
                    advantages[rows] * ratio, advantages[rows] * ratio.clamp(1 - CLIP, 1 + CLIP)
                )
                near = before[rows] + (now - before[rows]).clamp(-CLIP, CLIP)
                error = torch.maximum((now - returns[rows]) ** 2, (near - returns[rows]) ** 2)
                losses = (VALUE_WEIGHT * 0.5 * error - gain) * real[rows]
                (losses.sum() / count).backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        gate.close()


if __name__ == "__main__":
    main()
