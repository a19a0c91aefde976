"""The table of what was measured of a model, as people read it."""

from __future__ import annotations

import pytest

from rlhf_tui.cli.evaluations import say_evaluation
from rlhf_tui.evaluation.model_report import Bin, Evaluation, HumanReference, Pairs
from rlhf_tui.evaluation.report import Figure


def test_figures_calibration_and_the_reference_of_people_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    accuracy = Figure("accuracy", 0.75, 0.5, 0.9, 40, "Equal scores are half right.")
    table = [Bin(0.5, 0.55, 0), Bin(0.55, 0.6, 12, 0.575, 0.5), Bin(0.6, 0.65, 28, 0.63, 0.86)]
    agreement = Figure("human_agreement", 0.68, 0.6, 0.75, 90)
    say_evaluation(
        Evaluation(
            "rm",
            "test",
            40,
            preference=Pairs(40, 10, accuracy, 0.7, 0.6, 0.65, 1.5, 0.5, 0.125, table),
            human=HumanReference(agreement, 0.8, "Two people agree on 68.0% of 90 cases."),
            notes=["A note."],
        )
    )
    out = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "Measured on 40 rows of the test split"
    assert "accuracy 0.75 0.5 to 0.9 40" in lines
    assert "F1 (macro) 0.65" in lines and "calibration error (ECE) 0.125" in lines
    assert "human agreement 0.68 0.6 to 0.75 90" in lines
    assert "accuracy of one person 0.8" in lines
    assert "PREDICTED MEAN RIGHT PAIRS" in lines
    assert "0.60 to 0.65 0.63 0.86 28" in lines
    assert not any(line.startswith("0.50 to 0.55") for line in lines), "an empty bin is left out"
    assert {"Equal scores are half right.", "A note."} <= set(lines)
    assert "Two people agree on 68.0% of 90 cases." in lines


def test_what_is_not_known_is_not_zero(capsys: pytest.CaptureFixture[str]) -> None:
    unknown = HumanReference(Figure("human_agreement"), None, "How far people agree is not known.")
    say_evaluation(Evaluation("kto", "validation", 1, figures=[Figure("auc", None)], human=unknown))
    out = capsys.readouterr().out
    assert "Measured on 1 row of" in out and "not known" in out
    assert any(line.split() == ["auc", "unknown"] for line in out.splitlines())
    assert "human agreement" not in out
