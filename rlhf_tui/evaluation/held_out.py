"""Models measured on held-out rows: at the end of a training run, and as runs of kind evaluate.

What is measured follows the kind of run that made the model (`by_kind`): a reward model's
preferences, a language model's loss, the implicit rewards of DPO and KTO, or what the answers of a
policy are worth to the rewards that it was trained by.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import EvaluateOptions
from rlhf_tui.counting import count
from rlhf_tui.errors import NothingToDo
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.records import Split
from rlhf_tui.runs import layout
from rlhf_tui.runs.evaluated import Evaluated, evaluated
from rlhf_tui.training.data import read_snapshot
from rlhf_tui.training.process import choose_threads, prepare

if TYPE_CHECKING:
    from rlhf_tui.evaluation.subject import Subject
    from rlhf_tui.runs.context import RunContext

NEEDED: dict[str, tuple[str, ...]] = {
    "sft": ("prompt", "completion"),
    "rm": ("prompt", "chosen", "rejected", "weight"),
    "dpo": ("prompt", "chosen", "rejected", "weight"),
    "kto": ("prompt", "completion", "label"),
    "ppo": ("prompt",),
    "rloo": ("prompt",),
    "grpo": ("prompt",),
}
"""Columns of the rows that a kind is measured on."""
OFFLINE = ("sft", "rm", "dpo", "kto")
"""Kinds that are measured at their end; the others evaluate on prompts as they go."""
JUDGED = ("rm", "dpo", "kto")
"""Kinds that learn from judgements, on which people may differ."""
TRAINERS_OWN = frozenset({"accuracy", "margin", "loss", "perplexity"})
"""Figures that the trainers' own evaluation logs under the same names."""


def run(context: RunContext) -> None:
    """Measure a model on the run's held-out snapshot, and write evaluation.json.

    Raises:
        NothingToDo: the snapshot has no rows.
        InputError: a model cannot be used.
    """
    options = context.options(EvaluateOptions)
    prepare(options)
    made = evaluated(options.model)
    rows = read_snapshot(context, options.split, NEEDED[made.kind])
    if not rows:
        raise NothingToDo(
            f"There is nothing in the {options.split} split to measure on.",
            hint="Label or import more, or use the other split.",
        )
    from rlhf_tui.evaluation import by_kind

    context.progress(0, len(rows), "loading the model", phase="loading")
    subject = _load(context, options, made)
    context.progress(0, len(rows), f"measuring on {count(len(rows), 'row')}")
    found = by_kind.measure(subject, rows, rows)
    _write(context, found, subject, options.split, made.run_id or options.model)
    if made.kind in OFFLINE:
        # Those of the others are logged with the answers that they are of.
        context.log_metrics(len(rows), metrics(found))
    context.progress(len(rows), len(rows))


def at_end(
    context: RunContext, step: int, model: Any, tokenizer: Any, reference: Any = None
) -> None:
    """Measure what a run has trained on its validation split, if it is of an offline kind.

    Writes evaluation.json, and logs what the trainer's own evaluation does not. One process calls
    it, with a whole model; nothing is written without validation rows.

    Args:
        model: with its adapter, if any, not merged yet.
        reference: the frozen starting policy of DPO and KTO where it is in memory; else it is the
            model with its adapter off, or loaded anew.
    """
    arguments = context.arguments
    if arguments.kind not in OFFLINE:
        return
    rows = read_snapshot(context, "validation", NEEDED[arguments.kind])
    if not rows:
        return
    from rlhf_tui.evaluation import by_kind
    from rlhf_tui.evaluation.subject import Subject, renderer_of

    subject = Subject(
        kind=arguments.kind,
        arguments=arguments.arguments,
        model=model,
        tokenizer=tokenizer,
        renderer=renderer_of(
            model, tokenizer, arguments.kind, arguments.arguments["max_length"], None
        ),
        batch_size=_rows_at_once(arguments.arguments["batch_size"], arguments.kind),
        precision=arguments.arguments.get("precision", "auto"),
        reference=reference,
        cwd=Path(arguments.cwd),
        seed=arguments.arguments["seed"],
    )
    people = [*read_snapshot(context, "train", ()), *rows]
    found = by_kind.measure(subject, rows, people)
    _write(context, found, subject, "validation", arguments.run_id)
    context.log_metrics(step, {n: v for n, v in metrics(found).items() if n not in _OWN})


_OWN = frozenset(f"eval_{name}" for name in TRAINERS_OWN)


def reference_line(context: RunContext) -> None:
    """Log how far people agree before anything is learnt, where the run's data tell it.

    So the line stands beside the curves while they grow.
    """
    if context.arguments.kind not in JUDGED or context.latest_checkpoint() is not None:
        return
    from rlhf_tui.evaluation.human_reference import human_reference

    splits: tuple[Split, ...] = ("train", "validation")
    rows = [row for split in splits for row in read_snapshot(context, split, ())]
    known = metrics(Evaluation(context.arguments.kind, "train", 0, human=human_reference(rows)))
    if known:
        context.log_metrics(0, known)


def metrics(found: Evaluation) -> dict[str, float]:
    """The known figures under the names that curves have."""
    named = {f"eval_{figure.name}": figure.value for figure in found.figures}
    if found.preference is not None:
        pairs = found.preference
        named |= {
            "eval_accuracy": pairs.accuracy.value,
            "eval_precision": pairs.precision,
            "eval_recall": pairs.recall,
            "eval_f1": pairs.f1,
            "eval_margin": pairs.margin,
            "eval_log_loss": pairs.log_loss,
            "eval_ece": pairs.ece,
        }
    if found.human is not None:
        named |= {
            "human_agreement": found.human.agreement.value,
            "human_accuracy": found.human.accuracy,
        }
    return {name: value for name, value in named.items() if value is not None}


def _rows_at_once(batch_size: int, kind: str) -> int:
    """A reward model's batch is of prompts, each of several texts."""
    return batch_size * 2 if kind == "rm" else batch_size


def _load(context: RunContext, options: EvaluateOptions, made: Evaluated) -> Subject:
    from rlhf_tui.evaluation.subject import Subject, renderer_of
    from rlhf_tui.training import models

    device = models.device_of(options)
    if made.kind == "rm":
        loaded = models.load_reward_model(options.model, device)
    else:
        loaded = models.load_policy(options.model, device, trained=False)
    choose_threads(options, loaded.parameters)
    return Subject(
        kind=made.kind,
        arguments=made.arguments,
        model=loaded.model,
        tokenizer=loaded.tokenizer,
        renderer=renderer_of(
            loaded.model,
            loaded.tokenizer,
            made.kind,
            options.max_length,
            options.model,
        ),
        batch_size=options.batch_size,
        precision="auto",
        reference=None,
        cwd=Path(made.cwd),
        seed=options.seed,
        context=context,
    )


def _write(
    context: RunContext, found: Evaluation, subject: Subject, split: Split, model: str
) -> None:
    found.split, found.model = split, model
    found.created_ms = time.time_ns() // 1_000_000
    cut = subject.renderer.overlong.report()
    if cut:
        found.notes.append(cut)
    layout.write_atomic(context.directory / layout.EVALUATION, found)
