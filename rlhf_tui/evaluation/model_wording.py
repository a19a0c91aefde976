"""What was measured of a model, in lines of text: for `runs show`, `evaluate` and the dashboard."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rlhf_tui.counting import count
from rlhf_tui.evaluation.model_report import Bin, Evaluation, Pairs
from rlhf_tui.evaluation.report import Figure


def lines(found: Evaluation, width: int = 80) -> list[str]:
    """Figures with their intervals, calibration, how people agree, and what all of it rests on.

    Args:
        width: of the sentences; the tables take what they need, 70 at most.
    """
    told = [f"Measured on {count(found.rows, 'row')} of the {found.split} split"]
    pairs = found.preference
    figures = [_line(figure) for figure in found.figures]
    if pairs is not None:
        figures += _of_pairs(pairs)
    if found.human is not None and found.human.agreement.value is not None:
        figures.append(_line(found.human.agreement))
        if found.human.accuracy is not None:
            figures.append(["accuracy of one person", _number(found.human.accuracy), "", ""])
    if figures:
        told += _table(["FIGURE", "VALUE", "95 % INTERVAL", "CASES"], figures)
    bins = [one for one in pairs.reliability if one.count] if pairs is not None else []
    if bins:
        told += ["", *_table(["PREDICTED", "MEAN", "RIGHT", "PAIRS"], [_bin(one) for one in bins])]
    rules = [figure.rule for figure in found.figures]
    rules += [pairs.accuracy.rule] if pairs is not None else []
    people = [found.human.sentence] if found.human is not None else []
    sentences = [*filter(None, dict.fromkeys([*rules, *people, *found.notes]))]
    return [
        *told,
        *([""] if sentences else []),
        *(line for sentence in sentences for line in textwrap.wrap(sentence, width)),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]


def _of_pairs(pairs: Pairs) -> list[list[str]]:
    named = {
        "precision (macro)": pairs.precision,
        "recall (macro)": pairs.recall,
        "F1 (macro)": pairs.f1,
        "margin": pairs.margin,
        "log loss, nats": pairs.log_loss,
        "calibration error (ECE)": pairs.ece,
    }
    plain = [[name, _number(value), "", ""] for name, value in named.items() if value is not None]
    return [_line(pairs.accuracy), *plain]


def _line(figure: Figure) -> list[str]:
    interval = ""
    if figure.low is not None and figure.high is not None:
        interval = f"{_number(figure.low)} to {_number(figure.high)}"
    cases = f"{figure.cases:,}" if figure.cases else ""
    return [figure.name.replace("_", " "), _number(figure.value), interval, cases]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _bin(one: Bin) -> list[str]:
    mean, right = ("" if x is None else f"{x:.2f}" for x in (one.confidence, one.accuracy))
    return [f"{one.low:.2f} to {one.high:.2f}", mean, right, f"{one.count:,}"]
