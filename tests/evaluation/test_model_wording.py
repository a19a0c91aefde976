"""The table of what was measured of a model, as people read it."""

from __future__ import annotations

from rlhf_tui.evaluation.model_report import Bin, Evaluation, HumanReference, Pairs
from rlhf_tui.evaluation.model_wording import lines
from rlhf_tui.evaluation.report import Figure


def test_figures_calibration_and_the_reference_of_people_are_told() -> None:
    accuracy = Figure("accuracy", 0.75, 0.5, 0.9, 40, "Equal scores are half right.")
    table = [Bin(0.5, 0.55, 0), Bin(0.55, 0.6, 12, 0.575, 0.5), Bin(0.6, 0.65, 28, 0.63, 0.86)]
    agreement = Figure("human_agreement", 0.68, 0.6, 0.75, 90)
    told = lines(
        Evaluation(
            "rm",
            "test",
            40,
            preference=Pairs(40, 10, accuracy, 0.7, 0.6, 0.65, 1.5, 0.5, 0.125, table),
            human=HumanReference(agreement, 0.8, "Two people agree on 68.0% of 90 cases."),
            notes=["A note."],
        )
    )
    found = [" ".join(line.split()) for line in told]
    assert found[0] == "Measured on 40 rows of the test split"
    assert "accuracy 0.75 0.5 to 0.9 40" in found
    assert "F1 (macro) 0.65" in found and "calibration error (ECE) 0.125" in found
    assert "human agreement 0.68 0.6 to 0.75 90" in found
    assert "accuracy of one person 0.8" in found
    assert "PREDICTED MEAN RIGHT PAIRS" in found
    assert "0.60 to 0.65 0.63 0.86 28" in found
    assert not any(line.startswith("0.50 to 0.55") for line in found), "an empty bin is left out"
    assert {"Equal scores are half right.", "A note."} <= set(found)
    assert "Two people agree on 68.0% of 90 cases." in found


def test_what_is_not_known_is_not_zero() -> None:
    unknown = HumanReference(Figure("human_agreement"), None, "How far people agree is not known.")
    measured = Evaluation("kto", "validation", 1, figures=[Figure("auc", None)], human=unknown)
    told = lines(measured)
    assert told[0] == "Measured on 1 row of the validation split"
    assert told[-1] == "How far people agree is not known."
    assert any(line.split() == ["auc", "unknown"] for line in told)
    assert not any("human agreement" in line for line in told)


def test_sentences_are_as_wide_as_there_is_room() -> None:
    measured = Evaluation("sft", "test", 2, notes=["one two three four five"])
    assert lines(measured, 13)[-2:] == ["one two three", "four five"]
