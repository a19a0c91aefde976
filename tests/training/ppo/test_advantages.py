"""Rewards and advantages against hand-made numbers and a recursion written out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_tui.training.ppo.advantages import gae, token_rewards


def test_score_stands_on_the_last_token_of_each_response() -> None:
    mask = torch.tensor([[True, True, True], [True, False, False]])
    kl = torch.tensor([[0.1, 0.2, 0.3], [1.0, 7.0, 7.0]])
    found = token_rewards(torch.tensor([10.0, 20.0]), kl, mask, beta=0.5)
    expected = torch.tensor([[-0.05, -0.1, 9.85], [19.5, 0.0, 0.0]])
    assert torch.allclose(found, expected)


def test_gae_by_hand() -> None:
    """γ = 0.5, λ = 0.5, two tokens: δ = (1 + 0.5·4 - 2, 3 - 4) = (1, -1)."""
    rewards, values = torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[2.0, 4.0, 8.0]])
    mask = torch.tensor([[True, True, False]])
    advantages, returns = gae(rewards, values, mask, 0.5, 0.5)
    assert advantages.tolist() == [[1 + 0.25 * -1, -1.0, 0.0]]
    assert returns.tolist() == [[2.75, 3.0, 0.0]]


def slow_advantage(
    rewards: list[float], values: list[float], t: int, gamma: float, lam: float
) -> float:
    """The definition: the sum of (γλ)^k δ_{t+k} to the end of the response."""
    total = 0.0
    for k in range(len(rewards) - t):
        following = values[t + k + 1] if t + k + 1 < len(values) else 0.0
        total += (gamma * lam) ** k * (rewards[t + k] + gamma * following - values[t + k])
    return total


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.1, 1.0), st.floats(0.0, 1.0))
def test_gae_matches_its_definition(seed: int, gamma: float, lam: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    b, r = 4, 6
    lengths = torch.randint(1, r + 1, (b,), generator=generator).tolist()
    mask = torch.arange(r)[None] < torch.tensor(lengths)[:, None]
    rewards, values = (torch.randn(b, r, generator=generator, dtype=torch.float64) for _ in "rv")
    advantages, returns = gae(rewards, values, mask, gamma, lam)
    for row, length in enumerate(lengths):
        own = rewards[row, :length].tolist(), values[row, :length].tolist()
        for t in range(length):
            expected = slow_advantage(*own, t, gamma, lam)
            assert float(advantages[row, t]) == pytest.approx(expected, abs=1e-10)
    assert torch.allclose(returns[mask], (advantages + values)[mask])
    assert not advantages[~mask].any() and not returns[~mask].any()


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    rewards, values = torch.randn(2, 4), torch.randn(2, 4)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    pad = torch.nn.functional.pad
    narrow = gae(rewards, values, mask, 0.9, 0.9)[0]
    wide = gae(
        pad(rewards, (0, 3), value=4.0), pad(values, (0, 3), value=4.0), pad(mask, (0, 3)), 0.9, 0.9
    )
    assert torch.equal(wide[0][:, :4], narrow)
