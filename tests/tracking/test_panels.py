"""Which charts a run gets: by its kind, by the names that programs use, by a search."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.config.options import OPTIONS, PPOOptions
from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.metric_names import matcher, unit_of
from rlhf_tui.tracking.panels import PANELS, apart, counterpart, levels, only, panels_for
from rlhf_tui.tracking.series import Series


def series(**values: float) -> dict[str, Series]:
    made = {}
    for name, value in values.items():
        made[name] = Series(name)
        made[name].add(0, value)
    return made


@pytest.mark.parametrize("kind", PANELS)
def test_every_kind_has_charts_before_its_first_value(kind: str) -> None:
    assert 2 <= len(panels_for(kind, [])) <= 4


@pytest.mark.parametrize("kind", PANELS)
def test_every_chart_has_a_unit_and_every_line_an_argument_of_its_kind(kind: str) -> None:
    for panel in PANELS[kind]:
        assert panel.unit, panel.title
        for line in panel.lines:
            assert line.metric or hasattr(OPTIONS[kind](), line.argument)  # type: ignore[index]
            assert not line.when or hasattr(OPTIONS[kind](), line.when)  # type: ignore[index]


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("sft", ["loss", "mean_token_accuracy", "grad_norm", "learning_rate"]),
        ("rm", ["loss", "accuracy", "margin", "mean_reward"]),
        (
            "ppo",
            [
                "objective/scores",
                "objective/kl",
                "loss/policy_avg",
                "loss/value_avg",
                "policy/clipfrac_avg",
                "policy/entropy_avg",
                "response_length",
                "val/explained_variance",
                "time/rollout",
            ],
        ),
        ("dpo", ["loss", "rewards/accuracies", "rewards/margins", "rewards/chosen"]),
        ("kto", ["loss", "rewards/margins", "rewards/chosen", "kl"]),
        ("grpo", ["reward", "kl", "reward_std", "completions/mean_length"]),
        ("rloo", ["reward", "kl", "reward_std", "completions/mean_length"]),
    ],
)
def test_the_first_charts_of_a_kind(kind: str, first: list[str]) -> None:
    names = [name for panel in PANELS[kind] for name in panel.metrics]
    shown = [panel.metrics[0] for panel in panels_for(kind, names)]
    assert shown[: len(first)] == first


@given(st.lists(st.sampled_from(["loss", "eval_loss", "lr", "x", "eval_x", "eval/x", "time"])))
def test_every_metric_is_in_one_chart(names: list[str]) -> None:
    panels = panels_for("sft", names)
    shown = [metric for panel in panels for metric in panel.metrics]
    if set(names) - {"time"}:
        assert sorted(shown) == sorted(set(names) - {"time"})


def test_a_learning_curve_is_one_chart_behind_those_of_its_run() -> None:
    names = ["curve/high", "curve/accuracy", "curve/low", "loss"]
    panels = panels_for("rm", names)
    assert [panel.metrics for panel in panels] == [
        ("loss",),
        ("curve/accuracy", "curve/low", "curve/high"),
    ]
    assert [panel.x for panel in panels] == ["", "pairs"]


def test_how_far_people_agree_is_a_line_across_the_accuracy() -> None:
    found = series(accuracy=0.6, human_agreement=0.78, human_accuracy=0.87)
    (panel,) = panels_for("rm", found)
    assert panel.metrics == ("accuracy",)
    assert levels(panel, found, {}) == [("human agreement", 0.78), ("human accuracy", 0.87)]
    assert levels(panel, series(accuracy=0.6), {}) == []
    assert levels(panel, series(accuracy=0.6, human_agreement=math.nan), {}) == []
    # Nothing is lost where there is no accuracy to draw it across.
    assert [p.metrics for p in panels_for("rm", ["human_agreement"])] == [("human_agreement",)]


@pytest.mark.parametrize("adaptive", [True, False])
def test_the_target_of_the_kl_is_a_line_when_it_steers(adaptive: bool) -> None:
    options = PPOOptions(adaptive_kl=adaptive, target_kl=4.5)
    arguments = {"adaptive_kl": options.adaptive_kl, "target_kl": options.target_kl}
    panel = next(p for p in panels_for("ppo", ["objective/kl"]) if p.title == "objective/kl")
    assert levels(panel, {}, arguments) == ([("target", 4.5)] if adaptive else [])
    assert levels(panel, {}, {}) == []
    assert levels(panel, {}, {"adaptive_kl": True, "target_kl": "six"}) == []


def test_the_phases_of_a_rollout_are_one_chart() -> None:
    names = ["time/rollout", "time/reward", "time/update", "time/evaluate"]
    (panel,) = panels_for("ppo", names)
    assert panel.metrics == tuple(names)
    assert panel.unit == "s a rollout"


@pytest.mark.parametrize(
    ("names", "charts"),
    [
        (  # transformers, LLaMA-Factory
            ["epoch", "eval_runtime", "lr", "eval_loss", "grad_norm", "loss", "accuracy"],
            [("loss", "eval_loss"), ("accuracy",), ("grad_norm",), ("lr",), ("eval_runtime",)],
        ),
        (  # transformers' reports to W&B and TensorBoard
            ["train/learning_rate", "eval/loss", "train/loss", "train/global_step", "eval/runtime"],
            [
                ("train/loss", "eval/loss"),
                ("train/learning_rate",),
                ("train/global_step",),
                ("eval/runtime",),
            ],
        ),
        (  # Lightning
            ["val_loss", "train_loss_step", "train_loss_epoch", "lr-AdamW", "val_acc"],
            [
                ("train_loss_epoch", "train_loss_step", "val_loss"),
                ("val_acc",),
                ("lr-AdamW",),
            ],
        ),
        # TRL's PPO: val/ is of the value function.
        (["val/ratio", "objective/kl", "zeta"], [("objective/kl",), ("zeta",), ("val/ratio",)]),
    ],
)
def test_names_of_other_programs(names: list[str], charts: list[tuple[str, ...]]) -> None:
    assert [panel.metrics for panel in panels_for("log", names)] == charts


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("train/learning_rate", "a step"),
        ("eval_accuracy", "share"),
        ("rewards/accuracies", "share"),
        ("grad_norm", "L2"),
        ("train_runtime", "s"),
        ("time/rollout", "s"),
        ("train_samples_per_second", "a second"),
        ("train_loss_epoch", ""),
        ("completions/mean_length", "tokens"),
        ("my_metric", ""),
    ],
)
def test_units_from_names(name: str, unit: str) -> None:
    assert unit_of(name) == unit


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("loss", ["loss", "eval_loss", "loss/value"]),
        ("LOSS eval", ["eval_loss"]),
        ("^loss", ["loss", "loss/value"]),
        ("/loss$/", ["loss", "eval_loss"]),
        ("(lr|kl)$", ["lr", "objective/kl"]),
        ("/", ["loss/value", "objective/kl"]),
        ("e/v", []),
        ("s/v", ["loss/value"]),
    ],
)
def test_a_search(query: str, found: list[str]) -> None:
    names = ["loss", "eval_loss", "lr", "loss/value", "objective/kl"]
    assert [name for name in names if matcher(query)(name)] == found


@pytest.mark.parametrize(("query", "place"), [("loss(", "character 5"), ("/[a/", "character 1")])
def test_a_broken_expression_is_told_with_its_place(query: str, place: str) -> None:
    with pytest.raises(UsageError, match=place):
        matcher(query)


def test_a_search_leaves_together_what_belongs_together() -> None:
    panels = panels_for("sft", ["loss", "eval_loss", "grad_norm"])
    assert [p.metrics for p in only(panels, matcher("loss"))] == [("loss", "eval_loss")]
    alone = only(panels, matcher("eval"))
    assert [(p.title, p.metrics, p.unit) for p in alone] == [
        ("eval_loss", ("eval_loss",), "nats a token")
    ]


def test_runs_are_compared_metric_by_metric() -> None:
    panels = apart(panels_for("rm", ["mean_reward", "max_reward"]))
    assert [(panel.title, panel.unit) for panel in panels] == [
        ("mean_reward", "reward units"),
        ("max_reward", "reward units"),
    ]


@pytest.mark.parametrize(
    ("name", "others", "found"),
    [
        ("loss", ["eval_loss", "loss"], "loss"),
        ("loss", ["eval/loss", "train/loss"], "train/loss"),
        ("eval_loss", ["val_loss", "train/loss"], "val_loss"),
        ("lr", ["learning_rate"], "learning_rate"),
        ("loss", ["eval_loss"], ""),
    ],
)
def test_the_same_metric_by_another_name(name: str, others: list[str], found: str) -> None:
    assert counterpart(name, dict.fromkeys(others)) == found
