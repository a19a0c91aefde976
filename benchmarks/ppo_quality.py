"""Reward reached by our PPO and TRL's at equal KL, on the sample model, in several seeds.

The reward model is the sample model trained on the sample's own completions to tell their
sentiment, each text with EOS behind it, and both sides score responses there. KL is the sum of a
response's log-ratios to the starting policy, as both log it. A side's curve of reward over KL is
smoothed over SMOOTH updates. Compared is the best reward that each reached without going further
than a KL: the largest that both reached, and shares of it. Time is the sides' own: they take turns.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ppo_race import Racer
from ppo_side import Case

SAMPLE = Path(__file__).parents[1] / "sample_data"
SMOOTH = 5
POINTS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the largest KL that both sides reached."""
ERRORS = 2.0
"""Standard errors of the difference by which ours may stay below: a tie is not told from less."""
COLOURS = {"ours": "#1f77b4", "TRL": "#d62728"}


def make_reward_model(directory: Path) -> Path:
    """The sample model as a judge of sentiment, which the lexicon teaches; a minute on one core."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from rlhf_tui.sample_data import world
    from rlhf_tui.training.rendering import Rendering, save_rendering
    from rlhf_tui.training.scoring import right_pad

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(SAMPLE / "model")
    model = AutoModelForSequenceClassification.from_pretrained(SAMPLE / "model", num_labels=1)
    lines = (SAMPLE / "completions.jsonl").read_text().splitlines()
    texts = [
        row["prompt"] + completion
        for row in map(json.loads, lines)
        for completion in row["completions"]
    ]
    rows = [[*ids, tokenizer.eos_token_id] for ids in tokenizer(texts)["input_ids"]]
    wanted = torch.tensor([max(-2.0, min(2.0, world.sentiment(text) / 2)) for text in texts])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(6):
        for part in torch.randperm(len(rows)).split(32):
            ids, mask = right_pad([rows[i] for i in part], tokenizer.pad_token_id)
            scores = model(input_ids=ids, attention_mask=mask).logits[:, 0]
            torch.nn.functional.mse_loss(scores, wanted[part]).backward()
            optimizer.step()
            optimizer.zero_grad()
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    save_rendering(directory, Rendering(max_length=512))
    return directory


def make_case(reward: Path, seed: int, updates: int) -> Case:
    lines = (SAMPLE / "prompts-train.jsonl").read_text().splitlines()
    return Case(
        policy=str(SAMPLE / "model"),
        reward=str(reward),
        prompts=[json.loads(line)["prompt"] for line in lines][:512],
        batch=64,
        response=48,
        updates=updates,
        learning_rate=1e-4,
        seed=seed,
        threads=1,
    )


Curve = list[tuple[float, float, float]]
"""Seconds since the start, KL and reward, smoothed."""


def curve(racer: Racer) -> Curve:
    every = [racer.warm_up, *racer.updates]
    found: Curve = []
    for end in range(SMOOTH, len(every) + 1):
        window = every[end - SMOOTH : end]
        found.append(
            (
                sum(update["seconds"] for update in every[:end]),
                statistics.fmean(update["objective/kl"] for update in window),
                statistics.fmean(update["objective/scores"] for update in window),
            )
        )
    return found


def within(points: Curve, kl: float) -> float:
    """The best reward reached without going further than a KL."""
    return max((point[2] for point in points if point[1] <= kl), default=points[0][2])


def noise(points: Curve) -> float:
    """Standard error of a smoothed reward, from how much neighbours SMOOTH apart in time differ
    over the last half, where the reward changes little."""
    tail = [point[2] for point in points[len(points) // 2 :: SMOOTH]]
    steps = [later - earlier for earlier, later in itertools.pairwise(tail)]
    return statistics.fmean(step**2 for step in steps) ** 0.5 / 2**0.5


def compare(seed: int, racers: Sequence[Racer]) -> dict[str, Any]:
    """One seed's figures; prints its rows of the table."""
    curves = {racer.name: curve(racer) for racer in racers}
    common = min(max(point[1] for point in found) for found in curves.values())
    rows = []
    for share in POINTS:
        rewards = {name: within(found, share * common) for name, found in curves.items()}
        rows.append({"kl": share * common, **rewards})
        print(
            f"| {seed} | {share * common:.2f} | {rewards['ours']:.3f} | {rewards['TRL']:.3f} |",
            flush=True,
        )
    last = {name: found[-1] for name, found in curves.items()}
    error = sum(noise(found) ** 2 for found in curves.values()) ** 0.5
    return {"seed": seed, "rows": rows, "last": last, "curves": curves, "error": error}


def met(found: dict[str, Any]) -> bool:
    """Whether our reward within the largest common KL is at least TRL's, as far as can be told."""
    row = found["rows"][-1]
    return bool(row["ours"] >= row["TRL"] - ERRORS * found["error"])


def drawing(seeds: Sequence[dict[str, Any]]) -> str:
    """Reward over seconds, a line a side and seed, as SVG."""
    width, height, left, bottom = 640, 360, 50, 40
    points = [p for seed in seeds for found in seed["curves"].values() for p in found]
    most = max(p[0] for p in points)
    low, high = min(p[2] for p in points), max(p[2] for p in points)

    def x(seconds: float) -> float:
        return left + (width - left - 10) * seconds / most

    def y(reward: float) -> float:
        return 10 + (height - bottom - 10) * (high - reward) / (high - low or 1.0)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<path d="M{left},10V{height - bottom}H{width - 10}" fill="none" stroke="black"/>',
        f'<text x="{width / 2}" y="{height - 8}">seconds</text>',
        f'<text x="{left + 8}" y="22">reward</text>',
    ]
    parts += [f'<text x="8" y="{y(value) + 14:.0f}">{value:.2f}</text>' for value in (low, high)]
    parts += [
        f'<text x="{x(share * most):.0f}" y="{height - bottom + 16}" text-anchor="end">'
        f"{share * most:.0f}</text>"
        for share in (0.0, 0.5, 1.0)
    ]
    for seed in seeds:
        for name, found in seed["curves"].items():
            line = " ".join(f"{x(p[0]):.1f},{y(p[2]):.1f}" for p in found)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}"/>')
    for place, (name, colour) in enumerate(COLOURS.items()):
        parts.append(
            f'<text x="{width - 80}" y="{height - bottom - 30 + 16 * place}" fill="{colour}">'
            f"{name}</text>"
        )
    return "\n".join([*parts, "</svg>\n"])
