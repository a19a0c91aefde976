"""What happens to scores before they are rewards, and how β is steered."""

from __future__ import annotations

import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.training.ppo.rewards import KLController, RunningMoments, shaped_scores


@given(st.lists(st.lists(st.floats(-100, 100), min_size=1, max_size=6), min_size=1, max_size=6))
def test_running_moments_are_those_of_all_values(batches: list[list[float]]) -> None:
    moments = RunningMoments()
    for batch in batches:
        moments.add(torch.tensor(batch, dtype=torch.float64))
    everything = [value for batch in batches for value in batch]
    assert moments.count == len(everything)
    assert moments.mean == pytest.approx(statistics.fmean(everything), abs=1e-9)
    if len(everything) > 1 and statistics.stdev(everything) > 1e-3:
        assert moments.deviation == pytest.approx(statistics.stdev(everything), rel=1e-6)


def test_scores_that_are_all_equal_are_not_scaled() -> None:
    moments = RunningMoments()
    moments.add(torch.full((5,), 3.0))
    assert moments.deviation == 1.0


def test_penalty_then_scale_then_clip() -> None:
    options = PPOOptions(missing_eos_penalty=1.0, reward_clip=1.2, normalize_rewards=True)
    moments = RunningMoments()
    raw, ended = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([True, True, False])
    found = shaped_scores(raw, ended, moments, options)
    # 1, 2, 2 after the penalty, of deviation sqrt(1/3).
    scaled = [1 / (1 / 3) ** 0.5, 2 / (1 / 3) ** 0.5]
    assert scaled[0] > 1.2
    assert found.tolist() == pytest.approx([1.2, 1.2, 1.2])
    plain = shaped_scores(raw, ended, RunningMoments(), PPOOptions(missing_eos_penalty=0.5))
    assert plain.tolist() == [1.0, 2.0, 2.5]


def test_fixed_beta_stays() -> None:
    controller = KLController(PPOOptions(kl_coef=0.1))
    controller.update(100.0, 64)
    assert controller.beta == 0.1


def test_adaptive_beta_follows_the_target() -> None:
    options = PPOOptions(kl_coef=0.1, adaptive_kl=True, target_kl=6.0, kl_horizon=640)
    controller = KLController(options)
    controller.update(60.0, 64)
    assert controller.beta == pytest.approx(0.1 * (1 + 0.2 * 0.1))
    controller.update(5.4, 64)
    assert controller.beta == pytest.approx(0.102 * (1 - 0.1 * 0.1))
