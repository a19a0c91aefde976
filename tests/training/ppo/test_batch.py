"""Batches without gaps, and rows grouped so that little is padding."""

from __future__ import annotations

import itertools
import random

import pytest
import torch

from rlhf_tui.training.ppo.batch import grouped, make_batch

CPU = torch.device("cpu")


def test_a_response_follows_its_prompt_and_is_found_again() -> None:
    batch = make_batch([[5, 6, 7], [8]], [[9], [10, 11, 12]], 0, CPU)
    assert batch.inputs.tolist() == [[5, 6, 7], [8, 10, 11]]
    assert batch.chosen.tolist() == [9, 10, 11, 12]
    # The states before: the first row's last prompt token; the second's prompt, 10 and 11.
    states = batch.states(batch.inputs[..., None].float())
    assert states[:, 0].tolist() == [7, 8, 10, 11]
    assert batch.mask.tolist() == [[True, False, False], [True, True, True]]
    assert batch.rows(batch.chosen).tolist() == [[9, 0, 0], [10, 11, 12]]


def test_gradients_reach_each_state_once() -> None:
    batch = make_batch([[5, 6, 7], [8]], [[9], [10, 11, 12]], 0, CPU)
    hidden = torch.ones(2, 3, 1, requires_grad=True)
    torch.autograd.backward(batch.rows(batch.states(hidden)[:, 0]).sum())
    assert hidden.grad is not None
    assert hidden.grad[..., 0].tolist() == [[0, 0, 1], [1, 1, 1]]


def cost(groups: list[list[int]], lengths: list[int], pass_tokens: int) -> int:
    return sum(len(g) * max(lengths[i] for i in g) + pass_tokens for g in groups)


@pytest.mark.parametrize("seed", range(5))
def test_groups_cost_the_least_of_all_cuts(seed: int) -> None:
    """Against every way to cut the sorted rows."""
    rng = random.Random(seed)
    lengths = [rng.randrange(1, 40) for _ in range(8)]
    found = grouped(lengths, 4, 20)
    assert sorted(i for group in found for i in group) == list(range(8))
    assert max(map(len, found)) <= 4
    order = sorted(range(8), key=lambda i: (lengths[i], i))
    every = []
    for flags in itertools.product([False, True], repeat=7):
        cuts = [0, *(i + 1 for i, flag in enumerate(flags) if flag), 8]
        groups = [order[a:b] for a, b in itertools.pairwise(cuts)]
        if max(map(len, groups)) <= 4:
            every.append(cost(groups, lengths, 20))
    assert cost(found, lengths, 20) == min(every)


def test_equal_lengths_stay_together_and_no_rows_make_no_group() -> None:
    assert grouped([7] * 5, 5, 64) == [[0, 1, 2, 3, 4]]
    assert grouped([], 5, 64) == []
