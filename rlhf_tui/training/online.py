"""What RLOO and GRPO runs share: who takes part, TRL's settings, evaluation, the end.

A step of such a run is a rollout with all optimizer steps on it; it is stopped, logged, saved and
evaluated between rollouts alone, so that nothing half used has to be kept for a resume.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from rlhf_tui.config.group_sizes import Sizes, sizes
from rlhf_tui.config.online_checks import notes_on
from rlhf_tui.config.options import GroupOptions, RLOOOptions
from rlhf_tui.config.rates import Stage
from rlhf_tui.counting import count
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.training import hf_trainer, keeping, models, tuning
from rlhf_tui.training.group_evaluation import HeldOut
from rlhf_tui.training.group_trainer import Rewards, frozen_copy, order
from rlhf_tui.training.models import Loaded
from rlhf_tui.training.ppo.rollout import Prompts
from rlhf_tui.training.rendering import Renderer, rendering_for
from rlhf_tui.training.rewards.weighted import WeightedSum, make_rewards

if TYPE_CHECKING:
    from rlhf_tui.records import Split
    from rlhf_tui.runs.context import RunContext


@dataclass(frozen=True)
class Start:
    """A policy about to be trained, with all that its rollouts need."""

    loaded: Loaded
    renderer: Renderer
    prompts: Prompts
    held_out: Prompts
    sources: WeightedSum
    sizes: Sizes


def run(
    context: RunContext,
    options: GroupOptions,
    trainer: Any,
    config: Any,
    own: dict[str, Any],
) -> None:
    """Train a policy against its rewards on the run's prompt-only snapshot.

    Args:
        trainer: our subclass of TRL's trainer.
        config: TRL's class of its settings.
        own: settings that the other kind does not have.

    Raises:
        NothingToDo: the snapshot has no prompts.
        UsageError: options that exclude each other.
        InputError: a model or a source of rewards cannot be used.
    """
    start = ready(context, options)
    made = hf_trainer.fit(
        context,
        lambda: trainer_of(context, options, start, trainer, config, own),
        unit=start.sizes.optimizer_steps,
        samples=lambda state: (
            state.global_step // start.sizes.optimizer_steps * start.sizes.rollout
        ),
    )
    if made is not None:
        keeping.keep(context, made, start.loaded.tokenizer, unit=start.sizes.optimizer_steps)


def ready(context: RunContext, options: GroupOptions) -> Start:
    """Load the policy, its prompts and its rewards."""
    context.progress(0, options.total_steps, "loading the models", phase="loading")
    found = sizes(options, context.world)
    loaded = tuning.load_policy(options)
    room = min(options.max_length, models.context_length(loaded))
    if options.response_length >= room:
        raise UsageError(
            f"response_length ({options.response_length}) leaves no room for a prompt within "
            f"{room} tokens."
        )
    if loaded.tokenizer.pad_token is None:
        # It fills masked places alone; TRL would do the same.
        loaded.tokenizer.pad_token = loaded.tokenizer.eos_token
    renderer = Renderer(loaded.tokenizer, rendering_for(loaded.tokenizer, room))
    prompts = _prompts(context, options, renderer, "train")
    if not prompts.texts:
        raise NothingToDo("There are no prompts to train on yet.", hint="Import some prompts.")
    held_out = _prompts(context, options, renderer, "validation")
    held_out = held_out.pick(range(min(options.eval_prompts, len(held_out.texts))))
    cwd = Path(context.arguments.cwd or Path.cwd())
    sources = make_rewards(options, models.device_of(options), cwd, partial=True)
    print(renderer.overlong.report() or f"{count(len(prompts.texts), 'prompt')}.", flush=True)
    print(
        f"A rollout: {found.rollout} responses, {found.optimizer_steps} optimizer steps of "
        f"{found.rollout // options.num_mini_batches}, in forward passes of {found.forward}.",
        flush=True,
    )
    for note in notes_on(options):
        print(note, flush=True)
    return Start(loaded, renderer, prompts, held_out, sources, found)


def trainer_of(
    context: RunContext,
    options: GroupOptions,
    start: Start,
    trainer: Any,
    config: Any,
    own: dict[str, Any],
) -> Any:
    """The trainer of a policy that is ready, writing into the run's directory."""
    from datasets import Dataset

    loaded, stop = start.loaded, models.stop_tokens(start.loaded)
    # Copied before anything is trained or resumed; an adapter is turned off instead.
    copied = options.tune != "lora" and _beta(options) > 0
    reference = frozen_copy(loaded.model) if copied else None
    places = order(
        len(start.prompts.texts), options.total_steps, options.rollout_batch_size, options.seed
    )
    made = trainer(
        model=tuning.prepare(loaded, options, "CAUSAL_LM"),
        reference=reference,
        prompts=start.prompts,
        reward_funcs=Rewards(start.prompts, start.sources, start.renderer, stop, options),
        args=config(
            **hf_trainer.shared_arguments(options, context, loaded, _stage(options)),
            **trl_options(options, start.sizes),
            **own,
        ),
        train_dataset=Dataset.from_dict({"prompt": [str(place) for place in places]}),
        processing_class=loaded.tokenizer,
    )
    held_out = HeldOut(context, options, start.held_out, start.sources, start.renderer, stop)
    made.add_callback(Evaluations(made, held_out, options, start.sizes.optimizer_steps))
    return made


def trl_options(options: GroupOptions, found: Sizes) -> dict[str, Any]:
    """What of our options are fields of both RLOOConfig and GRPOConfig."""
    unit = found.optimizer_steps
    return {
        "max_steps": options.total_steps * unit,
        "per_device_train_batch_size": found.forward,
        "gradient_accumulation_steps": found.accumulation,
        "steps_per_generation": options.num_mini_batches * found.accumulation,
        "num_generations": options.num_generations,
        "num_iterations": options.num_iterations,
        "max_completion_length": options.response_length,
        "temperature": options.temperature,
        "epsilon": options.epsilon,
        "beta": _beta(options),
        # Our own order of prompts is in the rows already.
        "shuffle_dataset": False,
        # Else the ratio of a policy to itself would not be 1.
        "disable_dropout": True,
        "logging_steps": options.logging_steps * unit,
        "save_strategy": "steps" if options.save_steps else "no",
        "save_steps": (options.save_steps or 1) * unit,
        "eval_strategy": "no",
    }


class Evaluations(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Has held-out prompts answered at the start, at intervals and at the end."""

    def __init__(self, trainer: Any, held_out: HeldOut, options: GroupOptions, unit: int) -> None:
        """
        Args:
            unit: optimizer steps a rollout.
        """
        self._trainer = trainer
        self._held_out = held_out
        self._every = options.eval_steps
        self._total = options.total_steps
        self._unit = unit

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 0 and self._every:
            self._held_out.evaluate(self._trainer, 0)
        elif state.global_step == 0:
            self._held_out.remember_reference(self._trainer)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step, within = divmod(state.global_step, self._unit)
        due = step == self._total or (self._every and step % self._every == 0)
        if not within:
            self._trainer.rollout_used()
        if due and not within:
            self._held_out.evaluate(self._trainer, step)


def _beta(options: GroupOptions) -> float:
    """β, which both kinds have with a default of their own."""
    return float(getattr(options, "beta"))  # noqa: B009  # not of their common base


def _stage(options: GroupOptions) -> Stage:
    return "rloo" if isinstance(options, RLOOOptions) else "grpo"


def _prompts(
    context: RunContext, options: GroupOptions, renderer: Renderer, split: Split
) -> Prompts:
    from rlhf_tui.training.data import read_snapshot

    texts = [row["prompt"] for row in read_snapshot(context, split, ["prompt"])]
    return Prompts(texts, renderer.prompts(texts, room=options.response_length))
