"""Runs side by side: what differs, what is better, and what does not compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from rlhf_tui.runs.layout import RunArguments, RunKind
from rlhf_tui.tracking.comparison import (
    ABSENT,
    ASCII_BARS,
    UNICODE_BARS,
    columns_for,
    compare,
    curves,
    differing,
    headings,
    metric_row,
)
from rlhf_tui.tracking.directions import direction
from rlhf_tui.tracking.manifest import Manifest
from rlhf_tui.tracking.patterns import pattern
from rlhf_tui.tracking.series import Series
from rlhf_tui.tracking.subjects import Subject


def series(name: str, points: Sequence[tuple[float, float]]) -> Series:
    made = Series(name)
    for step, value in points:
        made.add(step, value)
    return made


def subject(
    run_id: str,
    metrics: dict[str, Sequence[tuple[float, float]]] | None = None,
    arguments: dict[str, Any] | None = None,
    *,
    lineage: dict[str, str] | None = None,
    manifest: Manifest | None = None,
    measured: dict[str, float] | None = None,
) -> Subject:
    kind: RunKind = run_id.partition("-")[0]  # type: ignore[assignment]
    return Subject(
        run_id,
        kind,
        arguments=RunArguments(run_id, kind, arguments or {}, lineage=lineage or {}),
        manifest=manifest,
        series={name: series(name, points) for name, points in (metrics or {}).items()},
        measured=measured or {},
    )


def last(value: float) -> Sequence[tuple[float, float]]:
    return [(1, 5.0), (2, value)]


def test_only_what_differs_is_told_in_the_order_of_the_options() -> None:
    one = subject("ppo-0001", arguments={"kl_coef": 0.05, "seed": 1, "model": "/w/runs/a/model"})
    two = subject(
        "ppo-0002",
        arguments={"kl_coef": 0.2, "seed": 1, "model": "/w/runs/b/model"},
        lineage={"model": "sft-0002"},
    )
    rows = {row.name: row.values for row in differing([one, two])}
    assert rows == {"kl_coef": ["0.05", "0.2"], "model": ["/w/runs/a/model", "sft-0002"]}


def test_of_several_kinds_only_shared_arguments_stand_side_by_side() -> None:
    one = subject("ppo-0001", arguments={"kl_coef": 0.05, "batch_size": 8})
    two = subject("rm-0001", arguments={"margin": 0.2, "batch_size": 16})
    names = [row.name for row in differing([one, two])]
    assert names == ["kind", "batch_size"]


def test_data_sets_are_compared() -> None:
    pairs = {"kind": "preference"}
    one = subject("rm-0001", manifest=Manifest(rows={"train": 9}, last_seq=50, spec=pairs))
    two = subject("rm-0002", manifest=Manifest(rows={"train": 12}, last_seq=80, spec=pairs))
    rows = {row.name: row.values for row in differing([one, two])}
    assert rows["data"] == ["9 preference pairs", "12 preference pairs"]
    assert rows["labels up to event"] == ["50", "80"]


@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("eval_loss", "down"),
        ("loss", "down"),
        ("eval_accuracy", "up"),
        ("rewards/accuracies", "up"),
        ("objective/scores", "up"),
        ("objective/kl", ""),
        ("policy/entropy_avg", ""),
        ("response_length", ""),
        ("loss/policy_avg", ""),
        ("grad_norm", ""),
        ("eval_rewards/margins", ""),
        ("eval_rewards/auc", "up"),
        ("eval_auc", "up"),
        ("measured accuracy", "up"),
        ("measured ece", "down"),
        ("measured margin", ""),
    ],
)
def test_which_way_is_better(name: str, which: str) -> None:
    assert direction(name) == which


def test_the_best_value_and_the_differences() -> None:
    runs = [
        subject("sft-0001", {"eval_loss": last(1.5), "grad_norm": last(1)}),
        subject("sft-0002", {"eval_loss": last(1.25), "grad_norm": last(2)}),
        subject("sft-0003", {"eval_loss": last(math.nan)}),
    ]
    found = {row.name: row for row in compare(runs).metrics}
    row = found["eval_loss"]
    assert row.values[:2] == [1.5, 1.25]
    assert math.isnan(row.values[2])
    assert row.present == [True, True, True]
    assert row.best == [False, True, False]
    assert row.differences[0] == -0.25
    assert found["grad_norm"].best == [False, False, False]
    assert found["grad_norm"].present == [True, True, False]


def test_what_does_not_compare_has_no_best_and_is_said() -> None:
    def ppo(run_id: str, judge: str) -> Subject:
        return subject(run_id, {"objective/scores": last(1)}, lineage={"reward_model": judge})

    same = [ppo("ppo-0001", "rm-0001"), ppo("ppo-0002", "rm-0001")]
    assert compare(same).notes == []
    other = [same[0], subject("ppo-0003", {"objective/scores": last(9)}, lineage={})]
    found = compare(other)
    assert not any(found.metrics[0].best)
    assert "different reward models" in found.notes[0]
    kinds = [subject("sft-0001", {"loss": last(1)}), subject("rm-0001", {"loss": last(0.3)})]
    assert "different kinds" in compare(kinds).notes[0]
    losses = [
        subject("dpo-0001", {"loss": last(1)}, {"loss_type": "sigmoid"}),
        subject("dpo-0002", {"loss": last(0.3)}, {"loss_type": "ipo"}),
    ]
    assert "loss types" in compare(losses).notes[0]
    rows = [
        subject(
            run_id,
            {"eval_loss": last(value)},
            manifest=Manifest(sha256={"validation.parquet": run_id}),
        )
        for run_id, value in (("sft-0001", 1.0), ("sft-0002", 2.0))
    ]
    assert "different rows" in compare(rows).notes[0]
    assert compare([subject("sft-0001"), subject("sft-0002")]).metrics == []


def test_measured_figures_stand_among_the_metrics_once() -> None:
    one = subject("rm-0001", {"eval_accuracy": last(0.7)}, measured={"accuracy": 0.7, "ece": 0.1})
    two = subject("rm-0002", {"eval_accuracy": last(0.8)}, measured={"accuracy": 0.8, "ece": 0.05})
    found = {row.name: row for row in compare([one, two]).metrics}
    assert "measured accuracy" not in found
    assert found["measured ece"].best == [False, True]


def test_metrics_by_name() -> None:
    runs = [subject("sft-0001", {"loss": last(1), "my_own": last(3), "other": last(1)})]
    assert [row.name for row in compare(runs).metrics] == ["loss"]
    assert [row.name for row in compare(runs, pattern("OWN|other")).metrics] == ["my_own", "other"]


def test_curves_share_their_axes() -> None:
    up = subject("sft-0001", {"loss": [(n, float(n)) for n in range(11)]})
    flat = subject("sft-0002", {"loss": [(n, 0.0) for n in range(21)]})
    none = subject("sft-0003")
    drawn = curves([up, flat, none], "loss", 8, bars=UNICODE_BARS)
    assert drawn[0] == "▁▂▃▄▅▆▇█"
    assert drawn[1] == "▁" * 8
    assert drawn[2] == ""
    assert curves([up], "loss", 8, bars=ASCII_BARS)[0].isascii()


def test_curves_with_gaps_and_rare_points() -> None:
    gaps = subject("sft-0001", {"x": [(1, 0.0), (2, math.nan), (3, 1.0), (4, math.inf)]})
    assert curves([gaps], "x", 4, bars=UNICODE_BARS) == ["▁ █ "]
    # Logged at two of nine steps: the first value holds until the second comes.
    often = subject("sft-0001", {"x": [(n, 0.0) for n in range(9)]})
    rare = subject("sft-0002", {"x": [(0, 0.0), (8, 1.0)]})
    assert curves([often, rare], "x", 9, bars=UNICODE_BARS)[1] == "▁" * 8 + "█"
    constant = subject("sft-0003", {"x": [(1, 1e308), (2, 1e308)]})
    assert curves([constant], "x", 2, bars=UNICODE_BARS) == ["▅▅"]
    huge = subject("sft-0004", {"x": [(1, -1e308), (2, 1e308)]})
    assert curves([huge], "x", 2, bars=UNICODE_BARS) == ["▁█"]
    assert curves([subject("sft-0005")], "x", 2, bars=UNICODE_BARS) == [""]


def test_a_rare_metric_stands_below_the_steps_at_which_it_was_logged() -> None:
    often = [(n, float(n)) for n in range(1, 101)]
    early = subject("sft-0001", {"loss": often, "eval_loss": [(50, 1.0), (100, 0.0)]})
    late = subject("sft-0002", {"loss": often, "eval_loss": [(25, 1.0), (75, 0.0)]})
    over = 1.0, 100.0
    width = columns_for([early, late], ["loss", "eval_loss"], over, 10)
    assert width == 10
    assert curves([early], "loss", width, bars=UNICODE_BARS, over=over) == ["▁▁▂▃▄▅▆▇██"]
    drawn = curves([early, late], "eval_loss", width, bars=UNICODE_BARS, over=over)
    assert drawn == ["    █████▁", "  █████▁▁▁"]


def test_a_value_from_before_the_stretch_stands_in_it_and_none_stands_behind_a_runs_end() -> None:
    short = subject("sft-0001", {"loss": [(n, 0.0) for n in range(6)], "x": [(1, 3.0)]})
    long = subject("sft-0002", {"loss": [(n, 1.0) for n in range(11)], "x": [(0, 4.0)]})
    assert curves([short, long], "x", 4, bars=UNICODE_BARS, over=(2, 4)) == ["▁▁▁▁", "████"]
    assert curves([short, long], "x", 4, bars=UNICODE_BARS, over=(2, 10)) == ["▁▁  ", "████"]


def test_no_more_columns_than_points() -> None:
    few = subject("sft-0001", {"x": [(1, 0.0), (2, 1.0), (3, 2.0)], "y": [(1, 0.0)]})
    assert columns_for([few], ["x", "y"], (1, 3), 24) == 3
    assert columns_for([few], ["x", "y"], (2, 3), 24) == 2
    assert columns_for([few], ["nothing"], (1, 3), 24) == 1


def test_runs_of_the_same_id_are_told_apart_by_their_directories() -> None:
    assert headings([subject("sft-0001"), subject("sft-0002")]) == ["sft-0001", "sft-0002"]
    assert headings([subject("sft-0001"), subject("sft-0001")]) == [".", "."]


def test_a_run_that_has_not_the_metric() -> None:
    row = metric_row("loss", [subject("sft-0001"), subject("sft-0002", {"loss": last(1)})])
    assert row.present == [False, True]
    assert row.best == [False, False]
    assert ABSENT == "-"
