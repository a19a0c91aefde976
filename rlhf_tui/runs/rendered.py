"""What is told of a run before it is launched: examples as its model reads them, and its cost.

Examples are rendered by a short-lived worker, as only workers may load a tokenizer:
`python -m rlhf_tui.training.previewing DIRECTORY` reads `REQUEST` there and writes `ANSWER`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rlhf_tui.runs.layout import RunKind

REQUEST = "preview.json"
ANSWER = "rendered.json"
MOST_EXAMPLES = 20
MEASURED = 2_000
"""Rows whose tokens are counted, spread over the data set; packing asks for all."""


class Piece(msgspec.Struct, omit_defaults=True):
    """A stretch of a rendered example."""

    text: str
    learnt: bool = False
    """Whether the loss is taken on it; of what a reward model reads, where the score is read."""
    special: bool = False
    """A special token, written as its name."""


class Example(msgspec.Struct, omit_defaults=True):
    """One row of the data set as the model reads it."""

    title: str
    """What of the row it is: example, chosen, rejected, thumb up …"""
    pieces: list[Piece]
    tokens: int
    cut: int = 0
    """Tokens that did not fit and are left out."""
    row: int = 0
    """Of the training rows, from 1; the two sides of a pair have one number."""


class Lengths(msgspec.Struct, omit_defaults=True):
    """How long the texts of a data set are, in tokens or in characters."""

    texts: int
    """How many were measured."""
    mean: float
    longest: float
    prompt: float = 0.0
    """Mean length of what stands before the response."""


class RenderRequest(msgspec.Struct):
    """What the worker is to render."""

    kind: RunKind
    options: dict[str, Any]
    """All of the kind's, models resolved to paths or hub ids."""
    dataset: str
    """The snapshot's directory."""
    split: str
    """The file of it that is shown, without its ending."""
    examples: int


class Rendered(msgspec.Struct):
    """What the worker answers."""

    examples: list[Example] = []
    lengths: Lengths | None = None
    """In tokens, as the model gets them: what was cut is not counted."""
    packed_rows: int = 0
    """Rows that packing makes of all examples; 0 without packing."""
    notes: list[str] = []
    """Sentences: what was cut, how conversations are written."""


class Estimate(msgspec.Struct, omit_defaults=True):
    """What a run would take; 0 where it cannot be told."""

    steps: int = 0
    unit: str = "steps"
    """What a step is: steps (of a rollout, where there are any), completions, rows."""
    tokens_per_step: float = 0.0
    parameters: int = 0
    trained: int = 0
    """Parameters that the run changes."""
    memory: float = 0.0
    """Bytes at the peak."""
    memory_there: float = 0.0
    """Bytes that the device has."""
    seconds: float = 0.0
    """From the start to the last step; 0: it cannot be told."""
    warning: str = ""
    """That it will not fit into memory, and what to change; empty where it should."""
    basis: list[str] = []
    """Sentences: what the figures stand on, and how sure they are."""
