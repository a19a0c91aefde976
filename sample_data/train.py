"""The sample model: a byte-level tokenizer with whole words, and a small Llama trained on reviews.

Imports torch and transformers; only `make` imports this.

The tokenizer is byte-level BPE in which every word of the world is one token (with and without the
space before it) and everything else falls to bytes, so any text survives encoding and decoding.
It adds no special tokens by itself.
"""

import json
import math
import random
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    set_seed,
)

from rlhf_tui.sample_data import words
from rlhf_tui.sample_data.grammar import draw
from rlhf_tui.sample_data.world import GRAMMAR, sample_review

PAD, BOS, EOS = "<pad>", "<s>", "</s>"

STEPS = 1600
"""Optimizer steps: about 4 minutes on two cores that have nothing else to do."""
BATCH = 32
"""Reviews per step, each one fresh from the grammar."""
LEARNING_RATE = 4e-3
WARMUP_STEPS = 100
PRIMER_STEPS, PRIMER_SHARE, PRIMER_WORDS = 300, 0.25, 24
"""In the first steps this share of the rows are lists of that many sentiment words of one tone.

From reviews alone so small a model does not find out in minutes that sentiment words come in two
tones: they are few, far apart, and outweighed by the names and things between them. It writes each
one by the toss of a coin, and a reward model that starts from it has to learn every word anew.
"""
BOS_SHARE = 0.1
"""Share of training rows that begin with BOS, so that the model also writes without a prompt."""
IGNORED = -100
"""The label that transformers leaves out of the loss."""


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A fast tokenizer with one token for each word of the grammar and one for each byte."""
    # Byte-level BPE writes a leading space as the character below; the rest of ASCII stands for
    # itself, and the words of the grammar are ASCII.
    space = "\u0120"
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = sorted({form for word in GRAMMAR.words for form in (word, space + word)})
    pieces = [PAD, BOS, EOS, *letters, *(word for word in known if len(word) > 1)]
    core = Tokenizer(
        models.BPE(
            vocab={piece: index for index, piece in enumerate(pieces)},
            merges=[],
            # A word that is in the vocabulary is one token without any merges to build it.
            ignore_merges=True,
        )
    )
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([AddedToken(name, special=True) for name in (PAD, BOS, EOS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )


def build_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """An untrained Llama of about one million parameters for this tokenizer."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        dtype="float32",
    )
    return LlamaForCausalLM(config)


def _primer(rng: random.Random) -> str:
    known = words.of_tone(("POS", "NEG")[draw(rng, [1.0, 1.0])])
    picked = (known[draw(rng, [1.0] * len(known))] for _ in range(PRIMER_WORDS))
    return " " + " ".join(picked)


def _batch(
    tokenizer: PreTrainedTokenizerFast, rng: random.Random, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels, each of shape (BATCH, longest), padded on the right."""
    primed = PRIMER_SHARE if step < PRIMER_STEPS else 0.0
    reviews = [_primer(rng) if rng.random() < primed else sample_review(rng) for _ in range(BATCH)]
    rows = [
        ([tokenizer.bos_token_id] if rng.random() < BOS_SHARE else [])
        + ids
        + [tokenizer.eos_token_id]
        for ids in tokenizer(reviews)["input_ids"]
    ]
    longest = max(map(len, rows))
    inputs = torch.full((BATCH, longest), tokenizer.pad_token_id)
    labels = torch.full((BATCH, longest), IGNORED)
    for index, row in enumerate(rows):
        inputs[index, : len(row)] = torch.tensor(row)
        labels[index, : len(row)] = torch.tensor(row)
    return inputs, labels


def _rate(step: int) -> float:
    """The learning rate at a step: a linear warm-up, then a cosine to zero."""
    if step < WARMUP_STEPS:
        return LEARNING_RATE * (step + 1) / WARMUP_STEPS
    done = (step - WARMUP_STEPS) / (STEPS - WARMUP_STEPS)
    return LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * done))


def train(seed: int, *, steps: int = STEPS) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Train the model on reviews of both tones; prints the loss (nats per token) now and then."""
    set_seed(seed)
    rng = random.Random(seed)
    tokenizer = build_tokenizer()
    model = build_model(tokenizer)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.05
    )
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _rate(step)
        inputs, labels = _batch(tokenizer, rng, step)
        # Padding stands on the right, where causal attention never looks back at it from a word.
        loss = model(input_ids=inputs, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step} of {steps}: loss {loss.item():.4f}", flush=True)
    model.eval()
    return model, tokenizer


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the model as float32 safetensors beside its tokenizer, in the transformers layout."""
    with torch.no_grad():
        for parameter in model.parameters():
            # Ten mantissa bits are enough here; with the rest zero the file stays float32, which
            # every loader takes as it is, and compresses to half its size in git and in a wheel.
            bits = parameter.data.view(torch.int32)
            bits.add_(1 << 12).bitwise_and_(~((1 << 13) - 1))
    # Nothing but the ids: a sampler that found a top-k here would not sample from the model.
    model.generation_config = GenerationConfig(
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # transformers 5 writes its internal class here; this older name loads in every version.
    settings = folder / "tokenizer_config.json"
    named = json.loads(settings.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    settings.write_text(json.dumps(named, indent=2) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)
