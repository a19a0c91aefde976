"""The metrics that a trainer's page names, to be compared with those that its runs log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PAGES = Path(__file__).parents[2] / "docs" / "trainers"
FILES = {"rm": "reward-model"}
"""Pages that are not called as their kind."""
SOMETIMES = {
    "critic_grad_norm": "critic of its own",
    "objective/scores/NAME": "several",
    "eval/endpoint_reward": "eval_endpoint",
    "human_agreement": "same",
    "human_accuracy": "same",
    "cispo_clip_ratio": "with `cispo`",
    "vespo/phi_seq_mean": "with `vespo`",
}
"""Metrics that a plain run does not log, and a word of the line that says when it does."""
LINE = {"step", "time", "epoch"}
"""What stands in a line of metrics.jsonl beside the metrics."""


def table(kind: str) -> dict[str, str]:
    """The line of each metric in the table of the curves."""
    text = (PAGES / f"{FILES.get(kind, kind)}.md").read_text("utf-8")
    section = text.partition("## The curves")[2].partition("\n## ")[0]
    found = {}
    for line in re.findall(r"^\| `.*$", section, flags=re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
            found[name] = line
    return found


def check(kind: str, logged: Sequence[Mapping[str, Any]]) -> None:
    """Fail unless the page names what the lines of metrics.jsonl hold, and nothing else.

    A metric of training that is named stands for its `eval_` twin as well.
    """
    named = table(kind)
    names = {name for row in logged for name in row} - LINE
    absent = set(named) - names - set(SOMETIMES)
    assert not absent, f"on the page, and not logged: {sorted(absent)}"
    unknown = {n for n in names if n not in named and n.removeprefix("eval_") not in named}
    assert not unknown, f"logged, and not on the page: {sorted(unknown)}"
    for name in SOMETIMES.keys() & named.keys():
        assert SOMETIMES[name] in named[name], f"the page does not say when there is {name}"
