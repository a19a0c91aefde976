"""The learning curve of a reward model: does it still gain from more labels?

Models are trained on growing shares of the training prompts, with the same options from the same
start, and compared on the same validation pairs. The shares are nested, so that a larger one
holds all that a smaller one does; the largest is everything, and its model is the run's.

Its interval is that of the validation pairs, of which those of one prompt hang together; the
verdict looks at the gain of the last doubling, pair by pair, where most of that spread is common
to both models and falls out. Each share is trained once: how much the accuracy would change with
another seed is in no interval.

A resumed run keeps the shares that are done, repeats the one that it was stopped in, and the last
one goes on from its checkpoint.
"""

from __future__ import annotations

import gc
import math
import random
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from rlhf_tui.config.options import RewardOptions
from rlhf_tui.errors import NothingToDo
from rlhf_tui.evaluation.report import CurvePoint, Figure, LearningCurve
from rlhf_tui.runs import layout
from rlhf_tui.training.process import prepare

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
MIN_PROMPTS = 8
"""A share of fewer prompts says nothing but how lucky their draw was."""
RULE = "Equal scores count half; pairs of one prompt are not independent."


class Share(msgspec.Struct):
    """What one model came to."""

    point: CurvePoint
    hits: list[float]
    """Of each validation pair, in the snapshot's order: 1 right, 0 wrong, one half equal."""


def run(context: RunContext, options: RewardOptions) -> None:
    """Train on every share, the whole last, and write the curve.

    Raises:
        NothingToDo: too few prompts for a curve, or none to validate on.
    """
    from rlhf_tui.training import hf_trainer, keeping, reward_model
    from rlhf_tui.training.data import read_snapshot

    rows = {
        split: read_snapshot(context, split, reward_model.NEEDED)
        for split in ("train", "validation")
    }
    parts = nested((row["prompt_id"] for row in rows["train"]), options.seed)
    if len(parts) < 2 or not rows["validation"]:
        raise NothingToDo(
            f"A learning curve needs {2 * MIN_PROMPTS} prompts with pairs to train on, and some"
            " to validate.",
            hint="Label more first, or train without --learning-curve.",
        )
    for number, prompts in enumerate(parts[:-1]):
        if _saved(context, number) is None:
            _train_part(context, options, number, len(parts), prompts)
            # Before the next model is loaded: two do not always fit.
            gc.collect()
        if context.should_stop():
            return
    prepare(options)
    start = reward_model.ready(context, options)
    trainer = hf_trainer.fit(
        context, lambda: reward_model.trainer_of(context, options, start), start.save_rendering
    )
    if trainer is None:
        return
    _measure(context, options, len(parts) - 1, start, trainer)
    keeping.keep(context, trainer, start.loaded.tokenizer, start.save_rendering)
    clusters = [prompt for group in start.validation for prompt in _prompts_of(group)]
    shares = [_saved(context, number) for number in range(len(parts))]
    curve = curve_of(context.arguments.run_id, [share for share in shares if share], clusters)
    layout.write_atomic(context.directory / layout.LEARNING_CURVE, curve)
    print(curve.verdict, flush=True)


def nested(prompts: Iterable[str], seed: int) -> list[list[str]]:
    """The prompts of each share, smallest first; each begins with all of the one before."""
    order = list(dict.fromkeys(prompts))
    random.Random(seed).shuffle(order)
    sizes = [math.floor(len(order) * share) for share in SHARES]
    return [order[:size] for size in sizes if size >= MIN_PROMPTS or size == len(order)]


def _train_part(
    context: RunContext, options: RewardOptions, number: int, count: int, prompts: list[str]
) -> None:
    """Train on a part of the prompts and measure; a stopped one leaves nothing."""
    from rlhf_tui.training import hf_trainer, reward_model

    # Checkpoints and evaluations on the way are those of the run's own model.
    options = msgspec.structs.replace(options, save_steps=0, eval_steps=0)
    prepare(options)
    print(f"Share {number + 1} of {count}: {len(prompts):,} prompts.", flush=True)
    part: Any = _Part(context, f"share {number + 1} of {count} of the learning curve")
    start = reward_model.ready(part, options, frozenset(prompts))
    trainer = hf_trainer.fit(part, lambda: reward_model.trainer_of(part, options, start))
    if trainer is not None:
        _measure(context, options, number, start, trainer)


class _Part:
    """What a trainer on a part of the prompts sees of its run: neither figures nor checkpoints of
    such a model are the run's."""

    is_main = True
    """Shares are trained by one process."""

    def __init__(self, context: RunContext, message: str) -> None:
        self._context = context
        self._message = message
        self.directory = context.directory
        self.arguments = context.arguments
        self.should_stop = context.should_stop

    def progress(self, step: int, total: int, message: str = "", phase: Any = "running") -> None:
        told = f"{self._message}: {message}" if message else self._message
        self._context.progress(step, total, told, phase)

    def log_metrics(self, step: int, metrics: Any, **extra: Any) -> None:
        """Nothing: the curve's own figures are logged once it is measured."""

    def distribution(self, step: int, name: str, values: Any, unit: str = "") -> None:
        """Nothing, likewise: the run's distributions are those of its own model."""

    def latest_checkpoint(self) -> None:
        """None: it begins anew."""

    @contextmanager
    def checkpoint_dir(self, step: int) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            yield Path(directory)


def _measure(
    context: RunContext, options: RewardOptions, number: int, start: Any, trainer: Any
) -> None:
    """Compare a trained model with the validation pairs; log, and keep for the curve."""
    from rlhf_tui.evaluation import intervals
    from rlhf_tui.training.group_reward import pair_hits

    hits = pair_hits(
        trainer.accelerator.unwrap_model(trainer.model),
        start.validation,
        start.loaded.tokenizer.pad_token_id,
        options.batch_size,
    )
    flat = [hit for group in hits for hit in group]
    clusters = [prompt for group in start.validation for prompt in _prompts_of(group)]
    figure = intervals.share("accuracy", _array(flat), _array(clusters), RULE)
    pairs = sum(len(group["chosen"]) for group in start.train)
    point = CurvePoint(
        pairs=pairs,
        prompts=len({group["prompt_id"] for group in start.train}),
        accuracy=_known(figure.value),
        low=_known(figure.low),
        high=_known(figure.high),
    )
    # Against the number of pairs instead of the step, so that the chart of it is the curve.
    context.log_metrics(
        pairs,
        {
            "curve/accuracy": point.accuracy,
            "curve/low": point.low,
            "curve/high": point.high,
        },
    )
    (context.directory / layout.SHARES).mkdir(exist_ok=True)
    layout.write_atomic(_file(context, number), Share(point, flat))


def _prompts_of(group: dict[str, Any]) -> list[str]:
    """The prompt of each of a group's pairs."""
    return [group["prompt_id"]] * len(group["chosen"])


def curve_of(run_id: str, shares: Sequence[Share], clusters: Sequence[str]) -> LearningCurve:
    """The curve and what it says.

    Args:
        clusters: the prompt of each validation pair.
    """
    from rlhf_tui.evaluation import intervals

    gains = _array(shares[-1].hits) - _array(shares[-2].hits)
    gain = intervals.jackknife(
        "gain", lambda mask: float(gains[mask].mean()), _array(clusters), len(gains), RULE
    )
    points = [share.point for share in shares]
    return LearningCurve(run_id, points, verdict(points, gain))


def verdict(points: Sequence[CurvePoint], gain: Figure) -> str:
    """Whether more labels still help, by the gain of the last doubling against its interval.

    Args:
        gain: difference of the accuracies of the last two points, as a share.
    """
    before, after = points[-2:]
    value = 100 * _known(gain.value)
    story = (
        f"from {before.pairs:,} to {after.pairs:,} pairs the accuracy on {gain.cases:,} validation"
        f" pairs went from {before.accuracy:.1%} to {after.accuracy:.1%}"
    )
    if gain.low is None or gain.high is None:
        return (
            f"Whether more labels help cannot be told: {story}, and they are too few or too alike"
            " for an interval."
        )
    low, high = 100 * gain.low, 100 * gain.high
    interval = f"a gain of {value:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}"
    if low > 0:
        return f"More labels still help: {story} ({interval})."
    if high < 0:
        return f"More labels of this kind did not help: {story} ({interval})."
    return f"Whether more labels help does not show: {story} ({interval}, which holds 0)."


def _file(context: RunContext, number: int) -> Path:
    return context.directory / layout.SHARES / f"share-{number + 1}.json"


def _saved(context: RunContext, number: int) -> Share | None:
    return layout.read(_file(context, number), Share)


def _array(values: Sequence[Any]) -> Any:
    import numpy as np

    return np.array(values)


def _known(value: float | None) -> float:
    return math.nan if value is None else value
