"""What was measured of a model, as `runs show` and a followed `evaluate` print it."""

from __future__ import annotations

import textwrap

from rlhf_tui.cli.output import say, say_table
from rlhf_tui.evaluation.model_report import Bin, Evaluation, Pairs
from rlhf_tui.evaluation.report import Figure

WIDTH = 80


def say_evaluation(found: Evaluation) -> None:
    """Figures with their intervals, calibration, how people agree, and what all of it rests on."""
    rows = "1 row" if found.rows == 1 else f"{found.rows:,} rows"
    say(f"Measured on {rows} of the {found.split} split")
    pairs = found.preference
    lines = [_line(figure) for figure in found.figures]
    if pairs is not None:
        lines += _of_pairs(pairs)
    if found.human is not None and found.human.agreement.value is not None:
        lines.append(_line(found.human.agreement))
        if found.human.accuracy is not None:
            lines.append(["accuracy of one person", _number(found.human.accuracy), "", ""])
    if lines:
        say_table(["FIGURE", "VALUE", "95 % INTERVAL", "CASES"], lines)
    bins = [one for one in pairs.reliability if one.count] if pairs is not None else []
    if bins:
        say()
        say_table(["PREDICTED", "MEAN", "RIGHT", "PAIRS"], [_bin(one) for one in bins])
    figures = [*found.figures, *([pairs.accuracy] if pairs is not None else [])]
    rules = [figure.rule for figure in figures]
    say()
    people = [found.human.sentence] if found.human is not None else []
    for sentence in filter(None, dict.fromkeys([*rules, *people, *found.notes])):
        for line in textwrap.wrap(sentence, WIDTH):
            say(line)


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
