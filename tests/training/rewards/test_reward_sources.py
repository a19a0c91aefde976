"""Functions, models and sums of them as rewards: what they are given, and what they do wrong."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from helpers.tiny import lines, make_run, save_policy, save_reward_model

from rlhf_tui.config.online_options import PPOOptions
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.records import Message, Text
from rlhf_tui.training.ppo import run as ppo
from rlhf_tui.training.rewards.function import FunctionSource
from rlhf_tui.training.rewards.weighted import WeightedSum, make_rewards
from rlhf_tui.training.scoring import RewardScorer

CPU = torch.device("cpu")
MODULE = '''
import numpy
from . import neighbour

SEEN = []

def length(prompts, completions):
    """Written for TRL."""
    SEEN.append((prompts, completions))
    return [float(len(c)) for c in completions]

async def awaited(prompts, completions, **kwargs):
    return [len(p) for p in prompts]

def array(prompts, completions, **kwargs):
    return numpy.full(len(completions), neighbour.SCORE, dtype=numpy.float32)

def sometimes(completions, **kwargs):
    return [None if "x" in c else numpy.float64(2.0) for c in completions]

def short(completions, **kwargs): return [1.0]
def nothing(completions, **kwargs): return None
def words(completions, **kwargs): return ["good"] * len(completions)
def endless(completions, **kwargs): return [float("inf")] * len(completions)
def raising(completions, **kwargs): return [1 / 0]
def leaving(completions, **kwargs): raise SystemExit(0)
def narrow(texts): return texts
NUMBER = 3
'''


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Path]:
    """A directory with a person's own package, forgotten again afterwards."""
    package = tmp_path / "own_house"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "neighbour.py").write_text("SCORE = 0.25\n")
    (package / "rewards.py").write_text(MODULE)
    (tmp_path / "broken_house.py").write_text("def f(:\n")
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def source(house: Path, name: str) -> FunctionSource:
    return FunctionSource(f"own_house.rewards:{name}", house)


def test_a_function_gets_texts_and_messages_as_trl_gives_them(house: Path) -> None:
    length = source(house, "length")
    assert length.score(["a", "b"], ["long", ""]) == [4.0, 0.0]
    talk = [Message(role="user", content="Hi")]
    said = [Message(role="assistant", content="Yes"), Message(role="user", content="No")]
    assert length.score([talk], [said]) == [2.0]
    seen = sys.modules["own_house.rewards"].SEEN
    assert seen[0] == (["a", "b"], ["long", ""])
    assert seen[1] == (
        [[{"role": "user", "content": "Hi"}]],
        [[{"role": "assistant", "content": "Yes"}, {"role": "user", "content": "No"}]],
    )


def test_coroutines_arrays_and_scalars_of_numpy_are_taken(house: Path) -> None:
    assert source(house, "awaited").score(["a", "bc"], ["", ""]) == [1.0, 2.0]
    assert source(house, "array").score(["a", "b"], ["", ""]) == [0.25, 0.25]
    scores = source(house, "sometimes").score(["a", "b"], ["x", "y"])
    assert math.isnan(scores[0]) and scores[1] == 2.0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("short", "returned 1 rewards for 2 completions"),
        ("nothing", "returned a NoneType, not a list"),
        ("words", "returned 'good', which is not a finite number"),
        ("endless", "returned inf, which is not a finite number"),
        ("raising", r"failed at rewards.py:\d+ with ZeroDivisionError: division by zero\."),
        ("leaving", r"failed at rewards.py:\d+ with SystemExit: 0\."),
        ("narrow", "failed with TypeError.*prompts"),
    ],
)
def test_what_a_function_does_wrong_is_said_with_its_name(
    house: Path, name: str, words: str
) -> None:
    with pytest.raises(InputError, match=f"'own_house.rewards:{name}' {words}"):
        source(house, name).score(["a", "b"], ["c", "d"])


def test_what_cannot_be_imported_is_said(house: Path) -> None:
    for reference, words in (
        ("no_such_house:f", "ModuleNotFoundError"),
        ("broken_house:f", "SyntaxError"),
        ("own_house.rewards:lenght", "no function 'lenght'. Did you mean 'length'"),
        ("own_house.rewards:NUMBER", "no function 'NUMBER'"),
    ):
        with pytest.raises(InputError) as raised:
            FunctionSource(reference, house)
        assert words in str(raised.value)


class Fixed:
    def __init__(self, *scores: float) -> None:
        self._scores = list(scores)

    def score(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[float]:
        return self._scores


def test_a_sum_weighs_its_sources_and_leaves_out_what_they_do_not_judge() -> None:
    nan = math.nan
    both = WeightedSum(
        [("one", 2.0, Fixed(1.0, nan, 3.0, nan)), ("other", -0.5, Fixed(4.0, 2.0, nan, nan))],
        partial=True,
    )
    sums = both.score([""] * 4, [""] * 4)
    assert sums[:3] == [2.0 - 2.0, -1.0, 6.0] and math.isnan(sums[3])
    assert both.means == {"objective/scores/one": 2.0, "objective/scores/other": 3.0}
    strict = WeightedSum(both.terms)
    with pytest.raises(InputError, match=r"1 of 4 completions got no reward .*one, other"):
        strict.score([""] * 4, [""] * 4)


def test_one_source_has_no_mean_beside_the_rewards() -> None:
    alone = WeightedSum([("one", 1.0, Fixed(1.0))])
    assert alone.score([""], [""]) == [1.0]
    assert alone.means == {}


def test_rewards_are_made_of_models_with_labels_and_functions(house: Path, tmp_path: Path) -> None:
    plain = str(save_reward_model(tmp_path / "rm-0001" / "model"))
    several = str(save_reward_model(tmp_path / "mood", seed=1, labels=3))
    rewards = make_rewards(
        PPOOptions(
            reward_model=plain,
            rewards=[f"0.5*{several}#LABEL_2", "-1*own_house.rewards:length"],
        ),
        CPU,
        house,
    )
    prompts: list[Text] = ["Review 1:", "Review 2:"]
    completions: list[Text] = [" a film", " dull"]
    expected = [
        one + 0.5 * other - len(text)
        for one, other, text in zip(
            RewardScorer(plain, CPU).score(prompts, completions),
            RewardScorer(several, CPU, label="LABEL_2").score(prompts, completions),
            completions,
            strict=True,
        )
    ]
    assert rewards.score(prompts, completions) == pytest.approx(expected)
    assert list(rewards.means) == [
        "objective/scores/rm-0001",
        "objective/scores/mood#LABEL_2",
        "objective/scores/length",
    ]


def test_a_source_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    several = str(save_reward_model(tmp_path / "mood", labels=2))
    with pytest.raises(UsageError, match="neither reward_model nor rewards"):
        make_rewards(PPOOptions(), CPU, tmp_path)
    with pytest.raises(UsageError, match=r"no label 'POSITIVE'.*LABEL_0"):
        make_rewards(PPOOptions(rewards=[f"{several}#POSITIVE"]), CPU, tmp_path)
    with pytest.raises(UsageError, match=r"say which one is the reward.*#LABEL"):
        make_rewards(PPOOptions(rewards=[several]), CPU, tmp_path)


@pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own
def test_ppo_learns_from_functions_alone_and_logs_each(
    house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(house)
    prompts = [{"prompt": f"Review {i}:", "prompt_id": f"p{i}"} for i in range(4)]
    context = make_run(
        tmp_path / "ppo-1",
        "ppo",
        {
            "model": str(save_policy(tmp_path / "policy")),
            "rewards": ["0.1*own_house.rewards:length", "own_house.rewards:array"],
            "total_steps": 1,
            "rollout_batch_size": 4,
            "response_length": 4,
            "missing_eos_penalty": 0.0,
        },
        train=prompts,
        validation=prompts,
    )
    ppo.run(context)
    (row,) = [r for r in lines(context.directory / "metrics.jsonl") if "objective/kl" in r]
    length, array = row["objective/scores/length"], row["objective/scores/array"]
    assert array == 0.25 and length > 0
    assert row["objective/scores"] == pytest.approx(0.1 * length + array)
