"""What our runs on TRL's trainers share: arguments, the run context as their callback, the end.

TRL's trainers log, save and end through this file alone: no reporting service, no model card, no
hub, no progress bar. Checkpoints are written by the trainer into a scratch folder and moved into
the run context's own, so that a killed worker never leaves a half checkpoint behind. Of several
processes all take part in a checkpoint, and the main one moves it.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import PrinterCallback, TrainerCallback

from rlhf_tui.config.options import EpochOptions, TrainOptions
from rlhf_tui.config.rates import Stage, learning_rate
from rlhf_tui.errors import TrainingDiverged
from rlhf_tui.evaluation import held_out
from rlhf_tui.training import distributions, keeping, log_lines, ranks, tuning
from rlhf_tui.training.divergence import LossWatch, diverged, weights_are_finite
from rlhf_tui.training.keeping import SCRATCH, Beside, nothing_beside
from rlhf_tui.training.models import Loaded
from rlhf_tui.training.precision import hf_arguments, precision_of
from rlhf_tui.training.process import choose_threads

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

TOKENS = "tokens_seen"
"""File of a checkpoint: the tokens trained on so far, which TRL counts but does not save."""
WAIT_S = 4 * 3600
"""The others wait while the main process evaluates and saves a large model; one that is gone is
noticed by the launcher long before."""
DROPPED = (
    "_runtime",
    "_per_second",
    "total_flos",
    "eval_num_tokens",
    "train_loss",  # a mean over the whole run, wrong after a resume
    "rewards/reward/mean",  # of the one reward function that we pass: reward itself
    "rewards/reward/std",
)
"""Endings of the trainer's keys that say nothing about learning."""


class _AllDone(Exception):
    """The checkpoint that a run goes on from is that of its last step."""


class Reporter(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Passes a trainer's figures and steps to the run context, and its stop to the trainer."""

    def __init__(
        self,
        context: RunContext,
        beside: Beside = nothing_beside,
        unit: int = 1,
        *,
        trainer: Any,
        samples: Callable[[Any], int],
    ) -> None:
        """
        Args:
            trainer: whose callback this is; its losses are watched.
            samples: rows, or responses, trained on so far, by the trainer's state.
            unit: optimizer steps that make one step of the run: those of a rollout, where there
                are any. A run is stopped, logged and saved between such steps alone.
        """
        self._context = context
        self._beside = beside
        self._unit = unit
        self._trainer = trainer
        self._samples = samples
        self._watch = LossWatch(trainer)
        self._broken: TrainingDiverged | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._context.progress(state.global_step // self._unit, state.max_steps // self._unit)
        if state.global_step >= state.max_steps:
            # Transformers looks whether there is a step left only after the next one.
            raise _AllDone

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        last = state.global_step >= state.max_steps
        if state.global_step % self._unit == 0:
            self._context.progress(state.global_step // self._unit, state.max_steps // self._unit)
            if not last and ranks.should_stop(self._context):
                control.should_save = True
                # What was learnt since the last line would be in none after a resume.
                control.should_log = True
                control.should_training_stop = True
                control.should_evaluate = False
        if control.should_log or control.should_save or last:
            self._look(state, model, saved=control.should_save or last)
        if self._broken is not None:
            # Its figures are logged, and nothing else of this state is kept.
            control.should_log, control.should_save, control.should_evaluate = True, False, False

    def _look(self, state: Any, model: Any, *, saved: bool) -> None:
        """Whether what was trained so far is still made of numbers."""
        bad = self._watch.first_bad()
        if bad is not None:
            epoch = state.epoch * bad / state.global_step
            where = f"step {(bad - 1) // self._unit + 1} (epoch {epoch:.2f})"
            self._broken = diverged(self._context, "The loss", where)
        elif saved and not weights_are_finite(model):
            where = f"step {state.global_step // self._unit} (epoch {state.epoch:.2f})"
            self._broken = diverged(self._context, "A weight", where)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        # None is TRL's mean of nothing: of responses that all are left out, say.
        kept = {
            name: value
            for name, value in logs.items()
            if value is not None and not name.endswith(DROPPED)
        }
        if "loss" in kept:
            kept["num_samples"] = self._samples(state)
        step, total = state.global_step // self._unit, state.max_steps // self._unit
        told = log_lines.line(step, total, logs if log_lines.DURATION in logs else kept)
        if told and self._context.is_main:
            print(told, flush=True)
        if kept:
            self._context.log_metrics(step, kept)
            self._tell_distributions(step, total, args, kept)
        if self._broken is not None:
            raise self._broken

    def _tell_distributions(
        self, step: int, total: int, args: Any, kept: Mapping[str, float]
    ) -> None:
        tell = getattr(self._trainer, "distributions", None)
        if "loss" not in kept and "eval_loss" not in kept:
            return
        evaluated = "eval_loss" in kept
        every = (args.eval_steps or total) if evaluated else args.logging_steps
        if tell is not None and distributions.is_due(step, total, max(1, int(every) // self._unit)):
            distributions.write(self._context, step, tell(kept))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # Each process writes a part, its random state at least.
        ranks.wait_for_all()
        if self._context.is_main:
            written = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            with self._context.checkpoint_dir(state.global_step // self._unit) as target:
                for path in written.iterdir():
                    path.rename(target / path.name)
                tokens = getattr(self._trainer, "_total_train_tokens", 0)
                (target / TOKENS).write_text(str(int(tokens)))
                # PEFT's model card is a form that nobody has filled in.
                (target / "README.md").unlink(missing_ok=True)
                self._beside(target)
            written.rmdir()
        ranks.wait_for_all()


def shared_arguments(
    options: TrainOptions, context: RunContext, loaded: Loaded, stage: Stage
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
        "learning_rate": learning_rate(options, stage, loaded.parameters),
        "lr_scheduler_type": options.schedule,
        # From 1 on it would be a number of steps.
        "warmup_steps": min(options.warmup_share, math.nextafter(1.0, 0.0)),
        "weight_decay": options.weight_decay,
        "max_grad_norm": options.max_grad_norm,
        # A loss that is no number ends the run, see `divergence`; the filter would hide it.
        "logging_nan_inf_filter": False,
        # All that is trained is used in every pass; looking for what is not costs one more.
        "ddp_find_unused_parameters": False,
        "ddp_timeout": WAIT_S,
        "dataloader_pin_memory": device.type == "cuda",
        "remove_unused_columns": False,
        "report_to": "none",
        "disable_tqdm": True,
        "push_to_hub": False,
    }


def arguments(
    options: EpochOptions, context: RunContext, loaded: Loaded, stage: Stage, rows: Sized
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
    context: RunContext,
    make: Callable[[], Any],
    tokenizer: Any,
    beside: Beside = nothing_beside,
    examples: float = 1.0,
) -> Any | None:
    """Run a trainer to its end, from the latest checkpoint if there is one, and save its model.

    Args:
        make: builds the trainer; called once the scratch folder is clean.
        beside: for every checkpoint and for the model.
        examples: in a row of the training data, on average.

    Returns:
        The trainer, its model saved in the run's model folder; None when it was stopped, with a
        checkpoint to resume from.
    """
    if context.is_main:
        held_out.reference_line(context)
    trainer = fit(context, make, beside, examples=examples)
    if trainer is not None:
        keeping.keep(context, trainer, tokenizer, beside)
    return trainer


def fit(
    context: RunContext,
    make: Callable[[], Any],
    beside: Beside = nothing_beside,
    unit: int = 1,
    samples: Callable[[Any], int] | None = None,
    examples: float = 1.0,
) -> Any | None:
    """`train` as far as the last step: nothing is evaluated or saved yet.

    Args:
        unit, samples: see `Reporter`; None: the rows of the training data set, times `examples`.
    """
    scratch = context.directory / SCRATCH
    _clear(context, scratch)
    try:
        trainer = make()
        tuning.in_float32(trainer.model)
        trainer.create_model_card = lambda **_: None
        trainer.remove_callback(PrinterCallback)
        seen = samples or (lambda state: round(examples * rows_seen(trainer, state.epoch)))
        trainer.add_callback(Reporter(context, beside, unit, trainer=trainer, samples=seen))
        checkpoint = context.latest_checkpoint()
        if checkpoint is not None and (checkpoint / TOKENS).exists():
            trainer._total_train_tokens = int((checkpoint / TOKENS).read_text())
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except _AllDone:
            trainer.is_in_train = False
    finally:
        # Also when the disk is full: what is half there takes the room that others need.
        _clear(context, scratch)
    return trainer if trainer.state.global_step >= trainer.state.max_steps else None


def rows_seen(trainer: Any, epoch: float) -> int:
    """Rows of the training data set that were passed so far, each time that they were.

    Args:
        epoch: passes over them, of which the last one may be in part.
    """
    total = len(trainer.train_dataset)
    together: int = trainer.args.train_batch_size * trainer.accelerator.num_processes
    whole, part = divmod(epoch, 1)
    return int(whole) * total + min(total, round(part * math.ceil(total / together)) * together)


def _clear(context: RunContext, scratch: Path) -> None:
    if context.is_main:
        shutil.rmtree(scratch, ignore_errors=True)
