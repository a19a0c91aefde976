"""What our runs on TRL's trainers share: arguments, the run context as their callback, the end.

TRL's trainers log, save and end through this file alone: no reporting service, no model card, no
hub, no progress bar. Checkpoints are written by the trainer into a scratch folder and moved into
the run context's own, so that a killed worker never leaves a half checkpoint behind.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from rlhf_tui.config.options import EpochOptions, TrainOptions
from rlhf_tui.training import models, tuning
from rlhf_tui.training.models import Loaded
from rlhf_tui.training.precision import hf_arguments, precision_of
from rlhf_tui.training.process import choose_threads

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

SCRATCH = "trainer"
"""Folder in the run directory where the trainer writes; empty between checkpoints."""
DROPPED = ("_runtime", "_per_second", "total_flos", "eval_num_tokens")
"""Endings of the trainer's keys that say nothing about learning."""


Beside = Callable[[Path], None]
"""Writes what a model folder of ours carries beside its weights and tokenizer."""


def nothing_beside(_: Path) -> None:
    """A model that others' programs know how to read."""


class Reporter(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Passes a trainer's figures and steps to the run context, and its stop to the trainer."""

    def __init__(self, context: RunContext, beside: Beside = nothing_beside, unit: int = 1) -> None:
        """
        Args:
            unit: optimizer steps that make one step of the run: those of a rollout, where there
                are any. A run is stopped, logged and saved between such steps alone.
        """
        self._context = context
        self._beside = beside
        self._unit = unit

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._context.progress(state.global_step // self._unit, state.max_steps // self._unit)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self._unit:
            return
        self._context.progress(state.global_step // self._unit, state.max_steps // self._unit)
        if state.global_step < state.max_steps and self._context.should_stop():
            control.should_save = True
            control.should_training_stop = True
            control.should_evaluate = False

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        kept = {name: value for name, value in logs.items() if not name.endswith(DROPPED)}
        if kept:
            self._context.log_metrics(state.global_step // self._unit, kept)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        written = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        with self._context.checkpoint_dir(state.global_step // self._unit) as target:
            for path in written.iterdir():
                path.rename(target / path.name)
            self._beside(target)
        written.rmdir()


def shared_arguments(
    options: TrainOptions, context: RunContext, loaded: Loaded, stage: models.Stage
) -> dict[str, Any]:
    """The fields that all of TRL's config classes have and our options decide alike."""
    device = next(loaded.model.parameters()).device
    choose_threads(options, loaded.parameters)
    return {
        "output_dir": str(context.directory / SCRATCH),
        "seed": options.seed,
        "data_seed": options.seed,
        "use_cpu": device.type == "cpu",
        **hf_arguments(precision_of(options.precision, device)),
        "activation_checkpointing": options.gradient_checkpointing,
        "learning_rate": models.learning_rate(options, stage, loaded.parameters),
        "lr_scheduler_type": options.schedule,
        "warmup_steps": options.warmup_share,
        "weight_decay": options.weight_decay,
        "max_grad_norm": options.max_grad_norm,
        "dataloader_pin_memory": device.type == "cuda",
        "remove_unused_columns": False,
        "report_to": "none",
        "disable_tqdm": True,
        "push_to_hub": False,
    }


def arguments(
    options: EpochOptions, context: RunContext, loaded: Loaded, stage: models.Stage, rows: Sized
) -> dict[str, Any]:
    """The fields of TRL's config classes for trainers that pass over rows.

    Args:
        rows: of validation.
    """
    return shared_arguments(options, context, loaded, stage) | {
        "num_train_epochs": options.epochs,
        "max_steps": options.max_steps or -1,
        "per_device_train_batch_size": options.batch_size,
        "per_device_eval_batch_size": options.batch_size,
        "gradient_accumulation_steps": options.gradient_accumulation,
        "logging_steps": options.logging_steps,
        "eval_strategy": "steps" if options.eval_steps and len(rows) else "no",
        "eval_steps": options.eval_steps or None,
        "save_strategy": "steps" if options.save_steps else "no",
        "save_steps": options.save_steps or 500,
        "max_length": None,
    }


def train(
    context: RunContext, make: Callable[[], Any], tokenizer: Any, beside: Beside = nothing_beside
) -> Any | None:
    """Run a trainer to its end, from the latest checkpoint if there is one, and save its model.

    Args:
        make: builds the trainer; called once the scratch folder is clean.
        beside: for every checkpoint and for the model.

    Returns:
        The trainer, its model saved in the run's model folder; None when it was stopped, with a
        checkpoint to resume from.
    """
    trainer = fit(context, make, beside)
    if trainer is not None:
        keep(context, trainer, tokenizer, beside)
    return trainer


def fit(
    context: RunContext,
    make: Callable[[], Any],
    beside: Beside = nothing_beside,
    unit: int = 1,
) -> Any | None:
    """`train` as far as the last step: nothing is evaluated or saved yet.

    Args:
        unit: see `Reporter`.
    """
    scratch = context.directory / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    trainer = make()
    tuning.in_float32(trainer.model)
    trainer.create_model_card = lambda **_: None
    trainer.add_callback(Reporter(context, beside, unit))
    checkpoint = context.latest_checkpoint()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    shutil.rmtree(scratch, ignore_errors=True)
    return trainer if trainer.state.global_step >= trainer.state.max_steps else None


def keep(
    context: RunContext, trainer: Any, tokenizer: Any, beside: Beside = nothing_beside
) -> None:
    """Evaluate a trained model and save it as the run's, its adapter merged unless told not to."""
    step = trainer.state.global_step
    if trainer.eval_dataset is not None:
        context.progress(step, step, "evaluating")
        trainer.evaluate()
    context.progress(step, step, "saving the model", phase="saving")
    merge = bool(context.arguments.arguments.get("merge_adapter", True))
    model = trainer.accelerator.unwrap_model(trainer.model)
    tuning.save(model, tokenizer, context.model_dir, merge=merge)
    beside(context.model_dir)
