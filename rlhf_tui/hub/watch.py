"""Watch a background run from its start to its end: what the hub and what the worker says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import RunAnswer, RunInfo, ShowRun
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunStatus

OVER = frozenset({"finished", "stopped", "failed"})
LOOK_S = 0.2
"""Between two looks at status.json: a bar that moves, for one small file each."""
ASK_S = 1.0
"""Between two questions to the hub, which alone knows of the queue and of killed runs."""

SHOWN_METRICS = (
    ("loss", "loss"),
    ("eval_loss", "eval loss"),
    ("accuracy", "accuracy"),
    ("eval_accuracy", "eval accuracy"),
    ("rewards/accuracies", "accuracy"),
    ("rewards/margins", "margin"),
    ("reward", "reward"),
    ("kl", "KL"),
    ("loss/policy_avg", "loss"),
    ("objective/scores", "reward"),
    ("objective/kl", "KL"),
)
"""Metric names and what the line calls them; those that a run has are shown, in this order."""


def figures(metrics: dict[str, float]) -> str:
    """The few figures that tell how a run goes: `loss 0.412  reward 1.2`."""
    return "  ".join(
        f"{label} {metrics[name]:.4g}" for name, label in SHOWN_METRICS if name in metrics
    )


def story(run: RunInfo, status: RunStatus | None) -> str:
    """What a run is at, in a few words."""
    if run.state == "queued":
        return f"queued, number {run.queue_position}" if run.queue_position else "queued"
    if status is None:
        return run.state
    return figures(status.metrics) or status.message or status.phase


def looks(client: HubClient, run_id: str) -> Iterator[tuple[RunInfo, RunStatus | None]]:
    """Pairs of what the hub and what the worker says, again and again until the run is over."""
    run = client.call(ShowRun(run_id=run_id), RunAnswer).run
    directory = Path(run.directory)
    asked = time.monotonic()
    while True:
        yield run, layout.read(directory / layout.STATUS, RunStatus)
        if run.state in OVER:
            return
        time.sleep(LOOK_S)
        ended = (directory / layout.EXIT).exists()
        if ended or time.monotonic() - asked >= ASK_S:
            run = client.call(ShowRun(run_id=run_id), RunAnswer).run
            asked = time.monotonic()
