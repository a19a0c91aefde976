"""`--dry-run`: what a launch would do, printed instead of done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlhf_tui.cli.output import note, printable, say, say_json
from rlhf_tui.cli.reading import reading_shown
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Preview, PreviewLaunch
from rlhf_tui.hub.preview_words import (
    cost_line,
    dataset_line,
    loss_words,
    model_lines,
    queue_line,
    trained_line,
)
from rlhf_tui.runs.environment import carried, secrets
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.rendered import Example
from rlhf_tui.workspace import Workspace

NAME = 10
"""Cells of the first column."""


def dry_run(
    workspace: Workspace,
    kind: RunKind,
    arguments: dict[str, Any],
    *,
    examples: int,
    priority: int,
    as_json: bool,
) -> int:
    """Print what a launch would do; returns the exit code that it would end with at once.

    Raises:
        RlhfError: the options are none.
    """
    request = PreviewLaunch(
        kind=kind,
        arguments=arguments,
        cwd=str(Path.cwd()),
        environment=carried(os.environ),
        secrets=secrets(os.environ),
        priority=priority,
        examples=examples,
    )
    with (
        HubClient(workspace) as client,
        reading_shown(workspace.runs, arguments.get("dataset", "")),
    ):
        found = client.call(request, Preview)
    if as_json:
        say_json(found)
        return found.refusal
    for line in lines(kind, found):
        say(line)
    if found.problem:
        note(f"It would not start: {found.problem}")
    else:
        note("Nothing was launched.")
    return found.refusal


def lines(kind: str, found: Preview) -> Iterator[str]:
    """A preview for people."""
    if found.dataset is not None:
        yield _row("data", dataset_line(found.dataset))
        for sentence in found.dataset.notes:
            yield _row("", sentence)
        yield _row("columns", ", ".join(found.dataset.columns))
    for number, line in enumerate(model_lines(found)):
        yield _row("" if number else "model", line)
    for sentence in found.notes:
        yield _row("", sentence)
    if found.estimate is not None and found.estimate.steps:
        yield _row("estimate", cost_line(found.estimate))
        for sentence in (trained_line(found.estimate), *found.estimate.basis):
            if sentence:
                yield _row("", sentence)
        if found.estimate.warning:
            yield _row("warning", found.estimate.warning)
    yield _row("queue", queue_line(found))
    if found.no_examples:
        yield _row("examples", found.no_examples)
    elif found.examples:
        yield ""
        yield f"Examples ({loss_words(kind)}, [[so]]; special tokens by their names)"
        for sentence in found.rendering:
            yield sentence
        for example in found.examples:
            yield ""
            yield heading(example)
            yield text(example)


def heading(example: Example) -> str:
    """`row 3, chosen, 35 tokens, 12 cut`."""
    cut = f", {example.cut:,} more cut" if example.cut else ""
    return f"row {example.row}, {example.title}, {example.tokens:,} tokens{cut}:"


def text(example: Example) -> str:
    """An example with its learnt stretches in double brackets."""
    parts: list[str] = []
    inside = False
    for piece in example.pieces:
        if piece.learnt != inside:
            parts.append("[[" if piece.learnt else "]]")
            inside = piece.learnt
        parts.append(piece.text)
    return "  " + printable("".join(parts) + ("]]" if inside else "")).replace("\n", "\n  ")


def _row(name: str, words: str) -> str:
    return f"{name:<{NAME}}{printable(words)}"
