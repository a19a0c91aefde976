"""The words by which a chart's legend tells the curves of one run apart."""

from __future__ import annotations

import pytest

from rlhf_tui.screens.widgets.chart_legend import labels_of


@pytest.mark.parametrize(
    ("names", "title", "labels"),
    [
        (["loss", "eval_loss"], "loss", ["train", "eval"]),
        (
            ["policy/clipfrac_avg", "val/clipfrac_avg"],
            "policy/clipfrac_avg",
            ["policy", "value"],
        ),
        (["objective/kl", "eval/kl"], "objective/kl", ["train", "eval"]),
    ],
)
def test_no_two_curves_have_the_same_label(names: list[str], title: str, labels: list[str]) -> None:
    assert labels_of(names, title) == labels
