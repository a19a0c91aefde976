"""Models for the PPO benchmark: Llamas of a wanted size that end their responses when they should.

One place of the residual stream, which no layer writes to, carries the same number for every
token. The head reads it for two tokens only: EOS, whose probability is thereby the same at every
step, and padding, which is never drawn. So how long responses are is a property of the model,
the same for every program that trains it, and needs no hook in any of them.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAD, BOS, EOS, SPECIAL = 0, 1, 2, 3
NEVER = 1e-9
"""Probability of a token that should not come up within a benchmark."""


@dataclass(frozen=True)
class Size:
    name: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    vocabulary: int
    tied: bool
    batch: int
    prompt: int
    """Tokens."""
    response: int
    """Tokens at most."""


SIZES = {
    size.name: size
    for size in (
        # The shape of sample_data/model.
        Size("sample", 128, 352, 4, 4, 1_170, True, 32, 8, 24),
        Size("30m", 512, 1_408, 6, 8, 10_240, False, 16, 64, 64),
        Size("0.5b", 1_280, 3_456, 21, 20, 32_000, False, 64, 128, 256),
    )
}


def ending(response: int, mean: float) -> float:
    """The probability of EOS at each step that makes responses cut at `response` last `mean`.

    Solves (1 - (1 - p)^response) / p = mean by bisection.
    """
    low, high = NEVER, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        longer = (1 - (1 - middle) ** response) / middle > mean
        low, high = (middle, high) if longer else (low, middle)
    return (low + high) / 2


def shape(size: Size) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        intermediate_size=size.intermediate,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        max_position_embeddings=512,
        tie_word_embeddings=size.tied,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )


def language_model(size: Size, end: float, device: str = "cpu") -> Any:
    """A random Llama that draws EOS with the probability `end` at every step."""
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(0)
    with torch.device(device):
        model = LlamaForCausalLM(shape(size))
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 1.0
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight[0] = 0.0
            layer.mlp.down_proj.weight[0] = 0.0
        head = model.lm_head.weight
        head[:, 0] = 1.0 if size.tied else 0.0
        texts = torch.randint(SPECIAL, size.vocabulary, (8, size.prompt), device=device)
        states = model.model(texts).last_hidden_state
        constant = float(states[..., 0].mean())
        others = float((states @ head.T)[..., SPECIAL:].logsumexp(-1).mean())
        base = float(head[SPECIAL, 0])
        for token, wanted in ((EOS, end), (PAD, NEVER)):
            head[token] = 0.0
            head[token, 0] = (others + math.log(wanted / (1 - wanted))) / constant
        assert base in (0.0, 1.0)
    return model


def reward_model(size: Size) -> Any:
    import torch
    from transformers import LlamaForSequenceClassification

    torch.manual_seed(1)
    config = shape(size)
    config.num_labels = 1
    return LlamaForSequenceClassification(config)


def words(size: Size) -> Any:
    """A tokenizer whose texts are the words w3 w4 …: text to tokens and back loses nothing."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<pad>": PAD, "<s>": BOS, "</s>": EOS}
    vocabulary |= {f"w{token}": token for token in range(SPECIAL, size.vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w3"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        padding_side="left",
        model_max_length=512,
    )


def prompts(size: Size, count: int) -> list[str]:
    rng = random.Random(0)
    return [
        " ".join(f"w{rng.randrange(SPECIAL, size.vocabulary)}" for _ in range(size.prompt))
        for _ in range(count)
    ]


def write(size: Size, directory: Path, end: float) -> tuple[Path, Path]:
    """Policy and reward model with their tokenizer, as two folders."""
    policy, reward = directory / f"policy-{end:.4f}", directory / "reward"
    tokenizer = words(size)
    if not policy.exists():
        language_model(size, end).save_pretrained(policy)
        tokenizer.save_pretrained(policy)
    if not reward.exists():
        reward_model(size).save_pretrained(reward)
        tokenizer.save_pretrained(reward)
    return policy, reward
