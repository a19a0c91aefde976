"""What was measured of a model on held-out rows, as typed records; light to import, no arithmetic.

Written as evaluation.json at the end of a training run (validation split) and by evaluate runs. A
figure that cannot be computed is None, never 0.
"""

from __future__ import annotations

import msgspec

from rlhf_tui.evaluation.report import Figure
from rlhf_tui.records import Split
from rlhf_tui.runs.layout import RunKind


class Bin(msgspec.Struct):
    """A line of the reliability table."""

    low: float
    """Bounds of the predicted probability of the side that is predicted: 0.5 at least."""
    high: float
    count: int
    confidence: float | None = None
    """Mean predicted probability; None for an empty bin. Equal to the accuracy if calibrated."""
    accuracy: float | None = None
    """Share that was right."""


class HumanReference(msgspec.Struct):
    """How far people agree on what the model is measured by."""

    agreement: Figure
    """A: the share of cases in which two people say the same."""
    accuracy: float | None = None
    """p: how often one person is right, if each errs alike and independently: A = p² + (1 - p)²;
    None where A is not known."""
    sentence: str = ""


class Pairs(msgspec.Struct):
    """A model's preferences against people's; a pair weighs 1/(pairs of its ranking)."""

    pairs: int
    prompts: int
    accuracy: Figure
    """Equal scores are half right. The interval knows that pairs of a prompt hang together."""
    precision: float | None = None
    """Macro averages over two classes: the sides of a pair are put in the order of their
    completion ids, which does not know the answer, and the classes are 'the first is better' and
    'the second is better'. Equal scores count half in each."""
    recall: float | None = None
    f1: float | None = None
    margin: float | None = None
    """Mean difference of scores, better minus worse."""
    log_loss: float | None = None
    """Mean of -log σ(margin), nats; log 2 = 0.693 for a model that knows nothing."""
    ece: float | None = None
    """Expected calibration error: the mean over bins, by weight, of |accuracy - confidence|."""
    reliability: list[Bin] = []


class Evaluation(msgspec.Struct):
    """What was measured."""

    kind: RunKind
    """Of the run that made the model."""
    split: Split
    rows: int
    model: str = ""
    """Run id, path or hub id."""
    figures: list[Figure] = []
    """Those of the kind; `Figure.name` is the metric's name without `eval_`."""
    preference: Pairs | None = None
    human: HumanReference | None = None
    notes: list[str] = []
    """Sentences: how the figures are defined, what was left out."""
    created_ms: int = 0
