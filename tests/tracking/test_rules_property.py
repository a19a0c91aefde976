"""Whatever a run's numbers are, its rules answer, and with a sentence."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_tui.runs.layout import GpuRow, MachineRow, RunExit, SampleRow
from rlhf_tui.tracking.rules.finding import ANY
from rlhf_tui.tracking.rules.judge import judge
from rlhf_tui.tracking.rules.view import Situation
from rlhf_tui.tracking.sampled import plain
from rlhf_tui.tracking.series import Series

NAMES = (
    "loss", "eval_loss", "grad_norm", "learning_rate", "accuracy", "eval_accuracy", "margin",
    "eval_margin", "rewards/accuracies", "rewards/margins", "logps/chosen", "objective/kl",
    "objective/scores", "response_length", "policy/entropy_avg", "policy/clipfrac_avg",
    "policy/approxkl_avg", "loss/value_avg", "val/explained_variance", "val/num_eos_tokens",
    "reward", "kl", "entropy", "completions/mean_length", "completions/clipped_ratio",
    "frac_reward_zero_std", "clip_ratio/region_mean", "eval/reward", "eval/eos_share",
)  # fmt: skip
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from(
    [0.0, -0.0, 1.0, 1e308, -1e308, 5e-324, math.nan]
)
SHAPES = st.one_of(
    st.lists(NUMBERS, max_size=60),
    st.builds(lambda value, count: [value] * count, NUMBERS, st.integers(0, 120)),
    st.builds(
        lambda start, factor, count: [start * factor**i for i in range(count)],
        st.floats(-10, 10), st.floats(0.5, 2), st.integers(0, 120),
    ),
)  # fmt: skip
WORDS = st.text("ab .\n\x1b漢", max_size=60) | st.lists(
    st.fixed_dictionaries({"role": st.just("user"), "content": st.text(max_size=20)}), max_size=2
)
SAMPLES = st.lists(
    st.builds(
        SampleRow, st.integers(0, 5), WORDS, WORDS | st.none() | st.integers(),
        st.none() | NUMBERS,
    ),
    max_size=30,
)  # fmt: skip
MACHINES = st.lists(
    st.builds(
        MachineRow, NUMBERS, NUMBERS, NUMBERS, NUMBERS, disk_free=NUMBERS, disk_total=NUMBERS,
        gpus=st.lists(st.builds(GpuRow, st.just(0), use=st.none() | NUMBERS), max_size=2),
    ),
    max_size=40,
)  # fmt: skip
STATES = st.builds(
    Situation,
    st.sampled_from(["queued", "running", "stopping", "finished", "stopped", "failed"]),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    silent_s=st.floats(0, 1e9),
    exit=st.none() | st.builds(RunExit, st.none() | st.just(1), st.none() | st.just(9),
                               st.booleans(), st.just(0.0)),
)  # fmt: skip
ARGUMENTS = st.dictionaries(
    st.sampled_from(["kl_coef", "beta", "target_kl", "adaptive_kl", "response_length",
                     "rollout_batch_size", "warmup_share", "critic_warmup"]),
    st.none() | NUMBERS | st.text(max_size=3) | st.booleans() | st.just(10**400),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(ANY),
    shapes=st.dictionaries(st.sampled_from(NAMES), SHAPES, max_size=8),
    samples=SAMPLES,
    machine=MACHINES,
    arguments=ARGUMENTS,
    state=STATES,
)
def test_judging_never_fails(
    kind: str, shapes: dict[str, list[float]], state: Situation, **rows: Any
) -> None:
    made = {}
    for name, values in shapes.items():
        made[name] = Series(name)
        for step, value in enumerate(values):
            made[name].add(step, value)
    for finding in judge(kind, made, state=state, **rows):
        assert finding.sentence.endswith(".")
        assert "\n" not in finding.sentence
        assert "\x1b" not in finding.sentence
        assert math.isfinite(finding.step)
        assert finding.until is None or finding.until >= finding.step


def test_lists_in_lists_without_end_are_no_text() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert judge("ppo", {}, [SampleRow(1, "a", deep)] * 8) == []
    assert plain(deep) == ""
