"""How an evaluation is printed."""

from __future__ import annotations

import pytest

from rlhf_tui.cli.evaluations import say_evaluation
from rlhf_tui.evaluation.model_report import Bin, Evaluation, HumanReference, Pairs
from rlhf_tui.evaluation.report import Figure


def test_every_figure_is_told_with_what_it_rests_on(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = Pairs(
        pairs=1200,
        prompts=400,
        accuracy=Figure("accuracy", 0.8125, 0.79, 0.84, 1200, "Equal scores are half right."),
        precision=0.8,
        margin=1.25,
        ece=0.031,
        reliability=[Bin(0.5, 0.6, 200, 0.55, 0.52), Bin(0.6, 0.7, 0)],
    )
    human = HumanReference(Figure("human_agreement", 0.74, cases=90), 0.846, "People agree so far.")
    found = Evaluation("rm", "test", 1200, preference=pairs, human=human, notes=["A note."])
    say_evaluation(found)
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    cells = {line[0]: [cell.strip() for cell in line[1:] if cell.strip()] for line in lines}
    assert "Measured on 1,200 rows of the test split" in cells
    assert cells["accuracy"] == ["0.8125", "0.79 to 0.84", "1,200"]
    assert cells["precision (macro)"] == ["0.8"]
    assert "recall (macro)" not in cells
    assert cells["human agreement"] == ["0.74", "90"]
    assert cells["accuracy of one person"] == ["0.846"]
    assert cells["0.50 to 0.60"] == ["0.52", "200"]
    assert "0.60 to 0.70" not in cells
    assert {"Equal scores are half right.", "People agree so far.", "A note."} <= set(cells)


def test_a_figure_that_is_not_known_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    say_evaluation(Evaluation("sft", "validation", 1, figures=[Figure("perplexity")]))
    assert "1 row of the validation split" in (told := capsys.readouterr().out)
    assert "perplexity  unknown" in told
