"""What a launch would do, beside its form: data set, models, cost, queue, what is in the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from rlhf_tui.hub.messages import Preview
from rlhf_tui.hub.preview_words import (
    cost_line,
    dataset_line,
    loss_words,
    model_lines,
    model_names,
    queue_line,
    trained_line,
)
from rlhf_tui.screens.launch_example import example_rows
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.wrapping import wrap

NAME = 7
"""Cells of the first column of the short form."""
BRIEF = 3
"""Rows of the short form."""


@dataclass
class Told:
    """What is known of a launch at a moment."""

    kind: str = ""
    preview: Preview | None = None
    asking: bool = False
    """Whether a newer answer is on its way: what is shown is of before."""
    reading: str = ""
    """How far the file is read; empty while none is."""
    trouble: str = ""
    """Why the hub gave no answer."""
    waits: list[str] = field(default_factory=list)


def brief_rows(told: Told, width: int, glyphs: Glyphs) -> list[Row]:
    """Three rows: the data set, the cost, the models with the queue or what is in the way."""
    found = told.preview
    style = "dim" if told.asking else ""
    if told.trouble or (found is None and told.asking):
        words = told.trouble or told.reading or f"looking at data set and models{glyphs.more}"
        rows = wrap([(_clean(words, glyphs), "bad" if told.trouble else "dim")], width)[:BRIEF]
        return [*rows, *([[]] * (BRIEF - len(rows)))]
    if found is None:
        return [[]] * BRIEF
    data = dataset_line(found.dataset) if found.dataset else "none that a run could have"
    cost, cost_style = "", style
    if found.estimate is not None:
        cost, cost_style = cost_line(found.estimate), style
        if found.estimate.warning:
            cost, cost_style = f"{found.estimate.warning} ({cost})", "bad"
    first = _line("data", told.reading or data, style, width, glyphs)
    second = _line("cost", cost or "not known", cost_style, width, glyphs)
    if not found.problem:
        words = f"{model_names(found)}; {queue_line(found)}"
        return [first, second, _line("model", words, style, width, glyphs)]
    stop = wrap([(_clean(found.problem, glyphs).replace("\n", " "), "bad")], width - NAME)
    if len(stop) == 1:
        return [first, second, _line("stop", found.problem, "bad", width, glyphs)]
    # What to do about it stands at the sentence's end, and matters more than the cost.
    begun, *more = ("".join(text for text, _ in row).rstrip() for row in stop)
    rest = " ".join(more)
    return [
        first,
        _line("stop", begun, "bad", width, glyphs),
        _line("", rest, "bad", width, glyphs),
    ]


def side_rows(told: Told, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """A panel with all that is known, and the first example as the model will see it."""
    found = told.preview
    rows: list[Row] = []

    def part(heading: str, *lines: tuple[str, str]) -> None:
        if not lines:
            return
        rows.append([(heading, "strong")])
        for words, style in lines:
            rows.extend(
                [("  ", ""), *row] for row in wrap([(_clean(words, glyphs), style)], width - 2)
            )
        rows.append([])

    if told.trouble:
        part("No preview", (told.trouble, "bad"))
    if told.asking:
        words = told.reading or f"looking at data set and models{glyphs.more}"
        part("Looking", (words, "dim"))
    if found is None:
        return rows
    if found.problem:
        part("It would not start", (found.problem, "bad"))
    if found.dataset is not None:
        data = found.dataset
        part(
            "Data set",
            (dataset_line(data), ""),
            *((sentence, "dim") for sentence in data.notes),
            (f"Columns: {', '.join(data.columns)}.", "dim"),
        )
    part("Model", *((line, "") for line in model_lines(found)),
         *((sentence, "dim") for sentence in found.notes))  # fmt: skip
    if found.estimate is not None:
        cost = found.estimate
        part(
            "What it takes",
            *([(cost.warning, "bad")] if cost.warning else []),
            (cost_line(cost) or "not known", ""),
            *((sentence, "dim") for sentence in (trained_line(cost), *cost.basis) if sentence),
        )
    part("Queue", (queue_line(found), ""))
    if found.no_examples:
        part("Examples", (found.no_examples, "warn"))
    elif found.examples:
        first = found.examples[0].row
        rows.append(
            [("The first row", "strong"), (f" {glyphs.dot} {loss_words(told.kind)}", "dim")]
        )
        for example in (one for one in found.examples if one.row == first):
            rows.extend([("  ", ""), *row] for row in example_rows(example, width - 2, glyphs))
    if len(rows) > height > 0:
        rows = [*rows[: height - 1], [(f"{glyphs.more} more: the preview", "dim")]]
    return rows


def _line(name: str, words: str, style: str, width: int, glyphs: Glyphs) -> Row:
    text = _clean(words, glyphs).replace("\n", " ")
    room = max(0, width - NAME)
    if len(text) > room:
        text = text[: max(0, room - len(glyphs.more))] + glyphs.more
    return [(f"{name:<{NAME}}", "dim"), (text, style)]


def _clean(words: str, glyphs: Glyphs) -> str:
    return clean(words, encoding=glyphs.encoding).text
