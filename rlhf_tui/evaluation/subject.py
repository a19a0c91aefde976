"""What is measured: a model with all that it takes, and the arithmetic that its figures share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlhf_tui.evaluation import intervals
from rlhf_tui.evaluation.judged import Array
from rlhf_tui.evaluation.measuring import Forward, Said, responses
from rlhf_tui.evaluation.preference_figures import RULE
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.training import models
from rlhf_tui.training.models import Loaded
from rlhf_tui.training.precision import precision_of
from rlhf_tui.training.rendering import Renderer, Row, rendering_for, saved_rendering

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

ANYTHING = (-math.inf, math.inf)
Rows = Sequence[dict[str, Any]]


@dataclass
class Subject:
    """A model, and all that is needed to measure it."""

    kind: RunKind
    arguments: dict[str, Any]
    """Of the run that made it."""
    model: Any
    tokenizer: Any
    renderer: Renderer
    batch_size: int
    precision: str
    """As the option of that name."""
    reference: Any
    """A frozen policy; None: the model with its adapter off, or the run's starting model."""
    cwd: Path
    """Where the run was launched that made it: reward functions are imported from there."""
    seed: int
    context: RunContext | None = None
    """Gets samples of a policy's answers; None: nobody does."""

    @property
    def device(self) -> Any:
        return next(self.model.parameters()).device

    def forward(self) -> Forward:
        return Forward(
            models.fill_token(self.tokenizer),
            self.batch_size,
            precision_of(self.precision, self.device),
        )


def renderer_of(
    model: Any, tokenizer: Any, kind: RunKind, max_length: int, saved: str | None
) -> Renderer:
    """How rows are read: as in training.

    Args:
        saved: a finished reward model's folder or hub id, which says how it reads; None while it
            is made.
    """
    if kind == "rm" and saved is not None:
        return Renderer(tokenizer, saved_rendering(saved, tokenizer))
    context = models.context_length(Loaded(model, tokenizer, ""))
    return Renderer(tokenizer, rendering_for(tokenizer, max_length, context))


def reference_of(subject: Subject) -> Callable[[Sequence[Row]], list[Said]]:
    """The starting policy's word on rows."""
    how = subject.forward()
    if subject.reference is not None:
        return lambda rows: responses(subject.reference, rows, how)
    if hasattr(subject.model, "disable_adapter"):

        def without_adapter(rows: Sequence[Row]) -> list[Said]:
            with subject.model.disable_adapter():
                return responses(subject.model, rows, how)

        return without_adapter
    loaded = models.load_policy(str(subject.arguments["model"]), subject.device, trained=False)
    return lambda rows: responses(loaded.model, rows, how)


def prompts_of(rows: Rows) -> Array:
    """[n] what each row's interval takes as one case."""
    return np.array([str(row.get("prompt_id", place)) for place, row in enumerate(rows)])


def mean_of(name: str, values: Array, prompt: Array, weight: Array | None = None) -> Figure:
    return intervals.jackknife(
        name,
        lambda mask: (
            float(np.average(values[mask], weights=None if weight is None else weight[mask]))
            if mask.any()
            else None
        ),
        prompt,
        len(values),
        RULE if name == "mean_reward" else "Mean over rows; those of one prompt hang together.",
        ANYTHING,
    )
