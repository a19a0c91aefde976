"""A score run: what a reward model says of completions, and how far a policy went from another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import ScoreOptions
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.evaluation.reward_metrics import mean_and_deviation
from rlhf_tui.records import Score
from rlhf_tui.training.process import choose_threads, prepare

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

NEEDED = ("completion_id", "prompt_id", "prompt", "completion")
Rows = Sequence[dict[str, Any]]


def run(context: RunContext) -> None:
    """Score the run's snapshot of completions.

    Without a reward model, `Score.mean` is None and `Score.model` empty: only `kl` says something.

    Raises:
        NothingToDo: the snapshot has no completions.
        UsageError: neither a reward model nor policy and reference are given.
        InputError: a model cannot be used.
    """
    options = context.options(ScoreOptions)
    if bool(options.policy) != bool(options.reference):
        raise UsageError("The KL needs both a policy and a reference.")
    if not options.reward_model and not options.policy:
        raise UsageError("Give a reward model, or a policy and a reference, or all three.")
    prepare(options)
    from rlhf_tui.training.data import read_snapshot

    splits: tuple[Any, ...] = ("train", "validation", "test")
    rows = [row for split in splits for row in read_snapshot(context, split, NEEDED)]
    if not rows:
        raise NothingToDo("There are no completions to score.", hint="Generate some first.")
    context.progress(0, len(rows), "loading the models", phase="loading")
    reward = _reward(options) if options.reward_model else None
    divergence = _divergence(options) if options.policy else None
    means: list[float] = []
    kls: list[float] = []
    for start in range(0, len(rows), options.batch_size):
        if context.should_stop():
            return
        batch = rows[start : start + options.batch_size]
        mean = reward(batch) if reward else []
        kl = divergence(batch) if divergence else []
        context.append_scores(
            [
                Score(
                    completion_id=row["completion_id"],
                    run_id=context.arguments.run_id,
                    model=options.reward_model,
                    mean=mean[place] if mean else None,
                    kl=kl[place] if kl else None,
                )
                for place, row in enumerate(batch)
            ]
        )
        means += mean
        kls += kl
        context.progress(start + len(batch), len(rows))
    context.log_metrics(len(rows), _summary(means, kls))


def _summary(means: list[float], kls: list[float]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, values in (("reward", means), ("kl", kls)):
        if values:
            mean, deviation = mean_and_deviation(values)
            figures |= {f"{name}/mean": mean, f"{name}/std": deviation}
    return figures


def _reward(options: ScoreOptions) -> Callable[[Rows], list[float]]:
    from rlhf_tui.training import models
    from rlhf_tui.training.scoring import RewardScorer

    scorer = RewardScorer(
        options.reward_model,
        models.device_of(options),
        label=options.reward_label,
        batch_size=options.batch_size,
    )
    choose_threads(options, scorer.parameters)
    return lambda rows: scorer.score(
        [row["prompt"] for row in rows], [row["completion"] for row in rows]
    )


def _divergence(options: ScoreOptions) -> Callable[[Rows], list[float]]:
    """Summed k1 estimates of KL(policy ‖ reference) over the completions' tokens.

    Both models read the policy's tokens, so their vocabularies must be the same. A completion
    that was cut has no EOS of its own, so that one is not counted, where the row says so.
    """
    import torch

    from rlhf_tui.training import models
    from rlhf_tui.training.ppo.batch import make_batch
    from rlhf_tui.training.ppo.policy import Policy
    from rlhf_tui.training.rendering import Renderer, rendering_for

    device = models.device_of(options)
    loaded = models.load_policy(options.policy, device, trained=False)
    other = models.load_policy(options.reference, device, trained=False)
    choose_threads(options, loaded.parameters)
    if loaded.tokenizer.get_vocab() != other.tokenizer.get_vocab():
        raise UsageError("Policy and reference have different vocabularies: no KL between them.")
    policy = Policy(loaded.model, with_value=False)
    reference = Policy(other.model, with_value=False)
    renderer = Renderer(
        loaded.tokenizer,
        rendering_for(loaded.tokenizer, options.max_length, models.context_length(loaded)),
    )
    fill = models.fill_token(loaded.tokenizer)

    @torch.inference_mode()
    def measure(rows: Rows) -> list[float]:
        rendered = renderer.rows(
            [row["prompt"] for row in rows], [row["completion"] for row in rows]
        )
        responses = [
            item.completion[:-1]
            if row.get("finish_reason") == "length" and item.completion[-1:] == [renderer.eos_id]
            else item.completion
            for item, row in zip(rendered, rows, strict=True)
        ]
        batch = make_batch([item.prompt for item in rendered], responses, fill, device)
        log_ratio = policy(batch, 1.0).logprobs - reference(batch, 1.0).logprobs
        sums: list[float] = log_ratio.masked_fill(~batch.mask, 0.0).sum(-1).tolist()
        return sums

    return measure
