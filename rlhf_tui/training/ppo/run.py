"""A PPO run from its directory: loads who takes part, trains, evaluates, saves, resumes."""

from __future__ import annotations

from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.config.ppo_checks import check_ppo
from rlhf_tui.config.rates import learning_rate
from rlhf_tui.counting import count
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.training.process import choose_threads, prepare

if TYPE_CHECKING:
    from rlhf_tui.records import Split
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.ppo.rollout import Prompts
    from rlhf_tui.training.ppo.trainer import PPOTrainer
    from rlhf_tui.training.rendering import Renderer

STATE = "state.pt"


def run(context: RunContext) -> None:
    """Train a policy against a reward model on the run's prompt-only snapshot.

    Raises:
        NothingToDo: the snapshot has no prompts.
        UsageError: options that exclude each other.
        InputError: a model cannot be used.
    """
    # Of several processes the main one tells what all of them do.
    with nullcontext() if context.is_main else redirect_stdout(None):
        _run(context, context.options(PPOOptions))


def _run(context: RunContext, options: PPOOptions) -> None:
    check_ppo(options)
    _check(options, options.max_length)
    prepare(options)
    from rlhf_tui.training import models, tuning
    from rlhf_tui.training.ppo import distributed
    from rlhf_tui.training.ppo.cast import make_actors
    from rlhf_tui.training.ppo.critic import ADAPTER
    from rlhf_tui.training.ppo.trainer import PPOTrainer
    from rlhf_tui.training.rendering import Renderer, rendering_for

    context.progress(0, options.total_steps, "loading the models", phase="loading")
    team = distributed.join(models.device_of(options))
    loaded = tuning.load_policy(options)
    _check(options, min(options.max_length, models.context_length(loaded)))
    choose_threads(options, loaded.parameters)
    rate = learning_rate(options, "ppo", loaded.parameters)
    renderer = Renderer(
        loaded.tokenizer,
        rendering_for(loaded.tokenizer, options.max_length, models.context_length(loaded)),
    )
    prompts = _prompts(context, options, renderer, "train")
    if not prompts.texts:
        raise NothingToDo("There are no prompts to train on yet.", hint="Import some prompts.")
    held_out = _prompts(context, options, renderer, "validation")
    held_out = held_out.pick(range(min(options.eval_prompts, len(held_out.texts))))
    print(renderer.overlong.report() or f"{count(len(prompts.texts), 'prompt')}.", flush=True)
    cwd = Path(context.arguments.cwd or Path.cwd())
    actors = make_actors(options, loaded, renderer, cwd, team)
    trainer = PPOTrainer(actors, prompts, options, rate)
    checkpoint = context.latest_checkpoint()
    if checkpoint is not None:
        _load(trainer, checkpoint)
    if not _train(context, trainer, held_out):
        return
    context.progress(options.total_steps, options.total_steps, "saving the model", "saving")
    if not team.is_main:
        return
    if options.critic == "adapter":
        actors.policy.model.delete_adapter(ADAPTER)
    with context.writing_model() as target:
        tuning.save(actors.policy.model, loaded.tokenizer, target, merge=options.merge_adapter)


def _check(options: PPOOptions, room: int) -> None:
    """Refuse what cannot be; `room` is the tokens that a prompt and its response may have."""
    if options.response_length >= room:
        raise UsageError(
            f"response_length ({options.response_length}) leaves no room for a prompt within "
            f"{room} tokens."
        )
    if not (options.reward_model or options.rewards):
        raise UsageError(
            "PPO needs a reward.",
            hint="Train a reward model with `rlhf-tui train rm`, or name a source in --rewards.",
        )


def _prompts(context: RunContext, options: PPOOptions, renderer: Renderer, split: Split) -> Prompts:
    from rlhf_tui.training.data import read_snapshot
    from rlhf_tui.training.ppo.rollout import Prompts

    texts = [row["prompt"] for row in read_snapshot(context, split, ["prompt"])]
    return Prompts(texts, renderer.prompts(texts, room=options.response_length))


def _train(context: RunContext, trainer: PPOTrainer, held_out: Prompts) -> bool:
    """All rollouts that are left; False when a stop came between."""
    from rlhf_tui.training import distributions, ranks
    from rlhf_tui.training.endpoint_line import endpoint_figures
    from rlhf_tui.training.ppo.evaluate import evaluate, remember_reference

    options = trainer.options
    total = options.total_steps
    beside = endpoint_figures(context, options, held_out.texts, trainer.actors.rewards)
    context.progress(trainer.rollouts, total)
    shown = options.samples
    if trainer.rollouts == 0 and options.eval_steps:
        evaluate(context, trainer.actors, held_out, 0, beside, samples=shown)
    elif trainer.rollouts == 0:
        remember_reference(context, trainer.actors, held_out, shown)
    while trainer.rollouts < total:
        if ranks.should_stop(context):
            _save(context, trainer)
            return False
        figures = trainer.step()
        step = trainer.rollouts
        if step % options.logging_steps == 0 or step == total:
            context.log_metrics(step, figures)
            if distributions.is_due(step, total, options.logging_steps):
                distributions.write(context, step, distributions.of_rollout(trainer.latest))
            print(
                f"{step}/{total}: score {figures['objective/scores']:.3f}, "
                f"KL {figures['objective/kl']:.2f}, length {figures['response_length']:.1f}",
                flush=True,
            )
        context.progress(step, total)
        if step == total or (options.eval_steps and step % options.eval_steps == 0):
            evaluate(context, trainer.actors, held_out, step, beside, samples=shown)
        if step < total and options.save_steps and step % options.save_steps == 0:
            _save(context, trainer)
    return True


def _save(context: RunContext, trainer: PPOTrainer) -> None:
    import torch

    from rlhf_tui.training import ranks

    if context.is_main:
        with context.checkpoint_dir(trainer.rollouts) as directory:
            torch.save(trainer.state(), directory / STATE)
    # Nobody goes on, or leaves, before it stands.
    ranks.wait_for_all()


def _load(trainer: PPOTrainer, checkpoint: Path) -> None:
    import torch

    device = trainer.actors.policy.device
    trainer.load_state(torch.load(checkpoint / STATE, map_location=device, weights_only=True))
