"""The end of a run on TRL's trainers: its last evaluation, and its model in the run's folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers.trainer import TRAINING_ARGS_NAME

from rlhf_tui.evaluation import held_out
from rlhf_tui.training import models, ranks, tuning
from rlhf_tui.training.model_files import ADAPTER

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

SCRATCH = "trainer"
"""Folder in the run directory where the trainer writes; empty between checkpoints."""
Beside = Callable[[Path], None]
"""Writes what a model folder of ours carries beside its weights and tokenizer."""


def nothing_beside(_: Path) -> None:
    """A model that others' programs know how to read."""


def keep(
    context: RunContext,
    trainer: Any,
    tokenizer: Any,
    beside: Beside = nothing_beside,
    unit: int = 1,
) -> None:
    """Evaluate a trained model and save it as the run's, its adapter merged unless told not to.

    All processes call it; it returns in each once the model stands.

    Args:
        unit: optimizer steps that make one step of the run; see `hf_trainer.Reporter`.
    """
    step = trainer.state.global_step // unit
    if trainer.eval_dataset is not None and not _evaluated(trainer):
        context.progress(step, step, "evaluating")
        trainer.evaluate()
    context.progress(step, step, "saving the model", phase="saving")
    merge = bool(context.arguments.arguments.get("merge_adapter", True))
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        _save_gathered(context, trainer, tokenizer, beside, merge=merge)
        if context.is_main and context.arguments.kind in held_out.OFFLINE:
            print(
                "Its weights lie in pieces: measure it with"
                f" `rlhf-tui evaluate --model {context.arguments.run_id} --split validation`.",
                flush=True,
            )
    elif context.is_main:
        model = trainer.accelerator.unwrap_model(trainer.model)
        frozen = getattr(trainer, "ref_model", None)
        if frozen is not None:
            frozen = trainer.accelerator.unwrap_model(frozen)
        held_out.at_end(context, step, model, tokenizer, frozen)
        with context.writing_model() as target:
            tuning.save(model, tokenizer, target, merge=merge)
            beside(target)
    ranks.wait_for_all()


def _evaluated(trainer: Any) -> bool:
    """Whether the last step was one of those after which it evaluates anyway."""
    state = trainer.state
    return any("eval_loss" in row and row["step"] == state.global_step for row in state.log_history)


def _save_gathered(
    context: RunContext, trainer: Any, tokenizer: Any, beside: Beside, *, merge: bool
) -> None:
    """Save a model whose weights lie in pieces in several processes, which all take part."""
    scratch = context.directory / SCRATCH
    trainer.save_model(str(scratch))
    ranks.wait_for_all()
    if not context.is_main:
        return
    tokenizer.save_pretrained(scratch)
    with context.writing_model() as target:
        if merge and (scratch / ADAPTER).exists():
            models.merged(scratch).model.save_pretrained(target)
            tokenizer.save_pretrained(target)
        else:
            (scratch / TRAINING_ARGS_NAME).unlink(missing_ok=True)
            (scratch / "README.md").unlink(missing_ok=True)
            for path in scratch.iterdir():
                path.rename(target / path.name)
        beside(target)
    shutil.rmtree(scratch)
