"""Writes the sample data: prompts, demonstrations, the model, its completions, the facts.

    python -m rlhf_tui.sample_data.make OUTDIR      (or: python sample_data/make.py OUTDIR)

Everything comes from one seed. The text files are the same bytes on every machine; the model's
weights are the same on one kind of machine with the same number of threads. Takes about five
minutes on two cores.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

if not __package__:  # run as a file: the package stands in the folder above
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from rlhf_tui.sample_data.world import sample_prompt, sample_review, split_review

SEED = 20
THREADS = 2
"""Fixed, because the order of a sum, and so the last bit of a weight, depends on it."""
TRAIN_PROMPTS, TEST_PROMPTS, DEMONSTRATIONS = 1600, 300, 600
COMPLETED_PROMPTS, COMPLETIONS_EACH = 80, 4


def _lines(rows: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def sample_prompts(seed: int) -> tuple[list[str], list[str]]:
    """The prompts for training and those for testing: all different from each other."""
    rng = random.Random(f"{seed} prompts")
    found: dict[str, None] = {}
    while len(found) < TRAIN_PROMPTS + TEST_PROMPTS:
        found[sample_prompt(rng)] = None
    # The shortest prompts come first in the order drawn, for they soon repeat: mix the two parts.
    prompts = sorted(found, key=lambda _: rng.random())
    return prompts[:TRAIN_PROMPTS], prompts[TRAIN_PROMPTS:]


def sample_demonstrations(seed: int, taken: Iterable[str]) -> list[tuple[str, str]]:
    """Prompts and completions of the grammar's own mix of tones, on none of the `taken` prompts."""
    rng = random.Random(f"{seed} demonstrations")
    seen = set(taken)
    found: list[tuple[str, str]] = []
    while len(found) < DEMONSTRATIONS:
        prompt, completion = split_review(sample_review(rng), rng)
        if prompt not in seen:
            seen.add(prompt)
            found.append((prompt, completion))
    return found


def text_files(seed: int = SEED) -> dict[str, str]:
    """The files that need no model: name to content, the same for a seed on every machine."""
    train, test = sample_prompts(seed)
    demonstrations = sample_demonstrations(seed, [*train, *test])
    return {
        "prompts-train.jsonl": _lines({"prompt": prompt} for prompt in train),
        "prompts-test.jsonl": _lines({"prompt": prompt} for prompt in test),
        "demonstrations.jsonl": _lines(
            {"prompt": prompt, "completion": completion} for prompt, completion in demonstrations
        ),
    }


def model_files(folder: Path, seed: int) -> None:
    """Train the model, and write it, its completions and the facts measured of it to `folder`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rlhf_tui.sample_data import complete, train

    torch.set_num_threads(THREADS)
    train.save(*train.train(seed), folder / "model")
    # What follows is written by the model as stored, not by the one in memory.
    model = AutoModelForCausalLM.from_pretrained(folder / "model", local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model", local_files_only=True)

    train_prompts, test_prompts = sample_prompts(seed)
    rows = []
    for index, prompt in enumerate(train_prompts[:COMPLETED_PROMPTS]):
        own_seed = seed * 1000 + index
        written = complete.complete(model, tokenizer, [prompt] * COMPLETIONS_EACH, own_seed)
        rows.append(
            {
                "prompt": prompt,
                "completions": [completion.text for completion in written],
                "model": "sample",
                "temperature": 1.0,
                "seed": own_seed,
            }
        )
    (folder / "completions.jsonl").write_text(_lines(rows), encoding="utf-8")

    measured = complete.complete(model, tokenizer, test_prompts * 4, seed)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    facts = {"parameters": parameters, "tokens in the vocabulary": len(tokenizer)}
    (folder / "FACTS.md").write_text(
        _facts({**facts, **complete.measure(measured)}, len(measured)), encoding="utf-8"
    )


def _facts(facts: Mapping[str, float], count: int) -> str:
    rows = "".join(
        f"| {name} | {value:.3f} |\n" if isinstance(value, float) else f"| {name} | {value:,} |\n"
        for name, value in facts.items()
    )
    return (
        "# Measured on the sample model\n\n"
        f"Written by `make.py`: {count:,} completions of the test prompts at temperature 1.\n\n"
        f"| Fact | Value |\n|---|---|\n{rows}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("outdir", type=Path, help="the folder to write to; made if missing")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--text-only", action="store_true", help="leave the model as it is")
    options = parser.parse_args(arguments)
    options.outdir.mkdir(parents=True, exist_ok=True)
    for name, content in text_files(options.seed).items():
        (options.outdir / name).write_text(content, encoding="utf-8")
    if not options.text_only:
        model_files(options.outdir, options.seed)


if __name__ == "__main__":
    main()
