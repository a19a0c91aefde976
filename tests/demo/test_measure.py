"""The proof's figures against values worked out by hand."""

import math

from rlhf_tui.demo.measure import Target, policy_figures, reward_figures
from rlhf_tui.records import Completion, Prompt, Score
from rlhf_tui.sample_data.world import LEXICON, is_positive

GOOD = next(word for word, weight in LEXICON.items() if weight == 2.0)
BAD = next(word for word, weight in LEXICON.items() if weight == -2.0)
PROMPTS = {"p": Prompt("p", "This film is"), "q": Prompt("q", "The plot is")}


def completion(name: str, prompt: str, text: str, tokens: int = 4, end: str = "eos") -> Completion:
    return Completion(name, prompt, text, tokens=tokens, finish_reason=end)  # type: ignore[arg-type]


WRITTEN = [
    completion("a", "p", f" {GOOD}.", tokens=2),
    completion("b", "p", f" {BAD}.", tokens=6),
    completion("c", "p", f" {GOOD}.", tokens=4, end="length"),
    completion("d", "q", " long.", tokens=8),
]


def test_a_policys_figures() -> None:
    figures = policy_figures("base", WRITTEN, PROMPTS, kl=[1.0, 3.0])
    assert is_positive(f"This film is {GOOD}.")
    assert figures.completions == 4
    assert figures.positive == 0.5
    assert figures.distinct == 0.75
    assert figures.mean_tokens == 5.0
    assert figures.ended == 0.75
    assert figures.kl_to_reference == 2.0


def test_accuracy_counts_pairs_of_a_prompt_whose_truth_differs() -> None:
    rewards = {"a": 1.0, "b": 0.5, "c": 0.5, "d": 9.0}
    scores = [Score(name, "score-1", "rm-1", mean) for name, mean in rewards.items()]
    # a and c are equally true and d stands alone: a over b is right, c equal to b is half.
    scores += [Score(c.completion_id, "score-2", "", None, kl=1.0) for c in WRITTEN]
    assert reward_figures(scores, WRITTEN, PROMPTS).pairs == 2
    assert reward_figures(scores, WRITTEN, PROMPTS).accuracy == 0.75
    assert math.isnan(reward_figures([], WRITTEN, PROMPTS).accuracy)


def test_a_target_without_a_figure_is_missed() -> None:
    assert Target("x", 0.9, 0.9).reached
    assert Target("x", 0.8, 0.8, at_least=False).reached
    assert not Target("x", 0.89, 0.9).reached
    assert not Target("x", math.nan, 0.9).reached
    assert not Target("x", math.nan, 0.9, at_least=False).reached
