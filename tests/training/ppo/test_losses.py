"""PPO's losses against numbers worked out by hand and a slow float64 reference in loops."""

from __future__ import annotations

import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_tui.training.ppo import losses
from rlhf_tui.training.ppo.losses import (
    explained_variance,
    masked_mean,
    policy_loss,
    token_kl,
    token_logprobs,
    value_loss,
    whiten,
)


def rows(seed: int, b: int, r: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Random float64 figures and a mask of responses of at least one token."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, r + 1, (b, 1), generator=generator)
    mask = torch.arange(r)[None] < lengths
    names = ("new", "old", "advantages", "values", "old_values", "returns")
    figures = {n: torch.randn(b, r, generator=generator, dtype=torch.float64) for n in names}
    return figures, mask


def slow_policy_loss(f: dict[str, torch.Tensor], mask: torch.Tensor, epsilon: float) -> float:
    total, count = 0.0, 0
    for i in range(mask.size(0)):
        for t in range(mask.size(1)):
            if not mask[i, t]:
                continue
            ratio = math.exp(float(f["new"][i, t]) - float(f["old"][i, t]))
            advantage = float(f["advantages"][i, t])
            near = min(max(ratio, 1 - epsilon), 1 + epsilon)
            total += -min(ratio * advantage, near * advantage)
            count += 1
    return total / count


def slow_value_loss(f: dict[str, torch.Tensor], mask: torch.Tensor, epsilon: float) -> float:
    total, count = 0.0, 0
    for i in range(mask.size(0)):
        for t in range(mask.size(1)):
            if not mask[i, t]:
                continue
            value, old = float(f["values"][i, t]), float(f["old_values"][i, t])
            wanted = float(f["returns"][i, t])
            near = old + min(max(value - old, -epsilon), epsilon)
            total += 0.5 * max((value - wanted) ** 2, (near - wanted) ** 2)
            count += 1
    return total / count


def test_policy_loss_by_hand() -> None:
    """Ratios 1.5 and 0.5 at ε = 0.2: the gain is clipped at 1.2, the loss is not."""
    old = torch.zeros(1, 4)
    new = torch.log(torch.tensor([[1.5, 0.5, 1.5, 1.0]]))
    advantages = torch.tensor([[1.0, 1.0, -2.0, 99.0]])
    mask = torch.tensor([[True, True, True, False]])
    found = policy_loss(new, old, advantages, mask, 0.2, 3)
    # -(1.2·1 + 0.5·1 + 1.5·-2) / 3
    assert float(found.loss) == pytest.approx((-1.2 - 0.5 + 3.0) / 3, abs=1e-6)
    assert found.clipped[mask].tolist() == [1.0, 0.0, 0.0]
    assert found.approximate_kl[mask].tolist() == pytest.approx(
        [0.5 * math.log(1.5) ** 2, 0.5 * math.log(2) ** 2, 0.5 * math.log(1.5) ** 2], rel=1e-5
    )


def test_value_loss_by_hand() -> None:
    """Value 2, old 0, return 3 at ε = 0.5: clipped to 0.5, so the error is 2.5, not 1."""
    found = value_loss(
        torch.tensor([[2.0, 1.0]]),
        torch.tensor([[0.0, 1.0]]),
        torch.tensor([[3.0, 0.0]]),
        torch.tensor([[True, True]]),
        0.5,
        2,
    )
    assert float(found.loss) == pytest.approx(0.5 * (2.5**2 + 1.0) / 2)
    assert found.clipped.tolist() == [[1.0, 0.0]]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 7))
def test_losses_match_the_slow_reference(seed: int, b: int, r: int) -> None:
    figures, mask = rows(seed, b, r)
    count = mask.sum()
    fast = policy_loss(figures["new"], figures["old"], figures["advantages"], mask, 0.2, count)
    assert float(fast.loss) == pytest.approx(slow_policy_loss(figures, mask, 0.2), abs=1e-12)
    critic = value_loss(
        figures["values"], figures["old_values"], figures["returns"], mask, 0.3, count
    )
    assert float(critic.loss) == pytest.approx(slow_value_loss(figures, mask, 0.3), abs=1e-12)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e9, math.nan, math.inf]))
def test_what_stands_in_the_padding_changes_nothing(seed: int, junk: float) -> None:
    figures, mask = rows(seed, 3, 6)
    spoiled = {name: f.masked_fill(~mask, junk) for name, f in figures.items()}
    results = []
    for f in (figures, spoiled):
        f = {name: value.clone().requires_grad_() for name, value in f.items()}
        policy = policy_loss(f["new"], f["old"], f["advantages"].detach(), mask, 0.2, 7)
        critic = value_loss(f["values"], f["old_values"], f["returns"], mask, 0.2, 7)
        results.append([policy.loss.item(), critic.loss.item()])
        results[-1] += whiten(f["returns"], mask)[mask].tolist()
        results[-1].append(masked_mean(f["values"], mask).item())
    assert results[0] == results[1]


def test_wider_padding_changes_nothing() -> None:
    figures, mask = rows(3, 4, 5)
    pad = torch.nn.functional.pad
    wide = {name: pad(f, (0, 9), value=5.0) for name, f in figures.items()}
    count = mask.sum()
    short = policy_loss(figures["new"], figures["old"], figures["advantages"], mask, 0.2, count)
    long = policy_loss(wide["new"], wide["old"], wide["advantages"], pad(mask, (0, 9)), 0.2, count)
    assert float(short.loss) == float(long.loss)


def test_gradients_match_finite_differences() -> None:
    figures, mask = rows(5, 2, 4)
    new, values = figures["new"].requires_grad_(), figures["values"].requires_grad_()

    def both(new: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        policy = policy_loss(new, figures["old"], figures["advantages"], mask, 0.2, 5)
        critic = value_loss(values, figures["old_values"], figures["returns"], mask, 0.2, 5)
        return policy.loss + 0.1 * critic.loss

    assert torch.autograd.gradcheck(both, (new, values))


def test_parts_of_a_step_add_up_to_the_whole() -> None:
    figures, mask = rows(8, 6, 5)
    count = mask.sum()
    whole = policy_loss(figures["new"], figures["old"], figures["advantages"], mask, 0.2, count)
    parts = sum(
        float(
            policy_loss(
                figures["new"][p], figures["old"][p], figures["advantages"][p], mask[p], 0.2, count
            ).loss
        )
        for p in (slice(0, 2), slice(2, 6))
    )
    assert parts == pytest.approx(float(whole.loss), abs=1e-12)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_whitened_values_have_mean_0_and_variance_1(seed: int) -> None:
    figures, mask = rows(seed, 4, 6)
    white = whiten(figures["returns"] * 7 + 3, mask)
    chosen = white[mask]
    assert float(chosen.mean()) == pytest.approx(0.0, abs=1e-9)
    if len(chosen) > 1:
        assert float((chosen**2).mean()) == pytest.approx(1.0, abs=1e-6)
    assert not white[~mask].any()


def test_whitening_without_shift_keeps_the_mean() -> None:
    mask = torch.tensor([[True, True, True, False]])
    values = torch.tensor([[1.0, 2.0, 6.0, 50.0]], dtype=torch.float64)
    white = whiten(values, mask, shift_mean=False)
    assert float(white[mask].mean()) == pytest.approx(3.0)
    assert float(white[mask].var(correction=0)) == pytest.approx(1.0)


def test_kl_estimators_by_hand() -> None:
    policy, reference = torch.log(torch.tensor([0.5, 0.2])), torch.log(torch.tensor([0.25, 0.4]))
    assert token_kl(policy, reference, "k1").tolist() == pytest.approx([math.log(2), -math.log(2)])
    assert token_kl(policy, reference, "k3").tolist() == pytest.approx(
        [0.5 - 1 + math.log(2), 2 - 1 - math.log(2)], rel=1e-5
    )


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_kl_estimators_are_unbiased(estimator: str) -> None:
    """Summed over the policy's own distribution, an estimate is the KL itself."""
    generator = torch.Generator().manual_seed(0)
    p, q = (torch.randn(9, generator=generator, dtype=torch.float64).softmax(0) for _ in "pq")
    exact = (p * (p / q).log()).sum()
    estimate = (p * token_kl(p.log(), q.log(), estimator)).sum()  # type: ignore[arg-type]
    assert float(estimate) == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probabilities_and_entropy(temperature: float) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(6, 11, generator=generator)
    tokens = torch.randint(0, 11, (6,), generator=generator)
    slow = torch.log_softmax(logits.double() / temperature, -1)
    found, spread = token_logprobs(logits, tokens, temperature, with_entropy=True)
    expected = [float(slow[i, tokens[i]]) for i in range(6)]
    assert torch.allclose(found.double(), torch.tensor(expected, dtype=torch.float64), atol=1e-6)
    assert spread is not None and not spread.requires_grad
    assert torch.allclose(spread.double(), -(slow.exp() * slow).sum(-1), atol=1e-5)
    assert token_logprobs(logits, tokens, temperature)[1] is None


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_gradients_of_log_probabilities_a_few_rows_at_a_time(
    temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against torch's own gradient of the plain formula in float64."""
    monkeypatch.setattr(losses, "CHUNK", 2 * 11)
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(5, 11, generator=generator).requires_grad_()
    tokens = torch.randint(0, 11, (5,), generator=generator)
    weight = torch.randn(5, generator=generator)
    found, _ = token_logprobs(logits, tokens, temperature, with_entropy=True)
    torch.autograd.backward((found * weight).sum())
    plain = logits.detach().double().requires_grad_()
    slow = torch.log_softmax(plain / temperature, -1).gather(-1, tokens[:, None])[:, 0]
    torch.autograd.backward((slow * weight).sum())
    assert logits.grad is not None and plain.grad is not None
    assert torch.allclose(logits.grad.double(), plain.grad, atol=1e-6)


def test_half_precision_logits_are_summed_in_float32() -> None:
    logits = torch.randn(1, 50_000).to(torch.bfloat16)
    found, _ = token_logprobs(logits, torch.tensor([7]), 1.0)
    assert found.dtype == torch.float32
    exact = torch.log_softmax(logits.double(), -1)[0, 7]
    assert float(found) == pytest.approx(float(exact), abs=1e-4)


def test_explained_variance() -> None:
    random.seed(0)
    mask = torch.tensor([[True, True, True, False]])
    returns = torch.tensor([[1.0, 2.0, 3.0, 9.0]])
    assert explained_variance(returns, returns, mask) == pytest.approx(1.0)
    assert explained_variance(torch.zeros(1, 4), returns, mask) == pytest.approx(0.0)
    assert explained_variance(returns, torch.ones(1, 4), mask) == 0.0
