"""Rules about what a policy does for its reward: length, endings, groups, and whether it rises."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from itertools import pairwise

from rlhf_tui.tracking.rules.finding import ONLINE, Alarm, Rule
from rlhf_tui.tracking.rules.rollouts import (
    RISEN_SIGMAS,
    START,
    Gains,
    length_points,
    reward_points,
)
from rlhf_tui.tracking.rules.view import Points, View
from rlhf_tui.tracking.rules.walking import above, alarm, before, episode, mean, rolling
from rlhf_tui.tracking.rules.words import at, figure, share
from rlhf_tui.tracking.rules.works import DUBOIS, HUANG_N, SINGHAL, YU, Source

LENGTH_TIMES = 1.5
LENGTH_FAR = 2.5
"""Times the length at the start. Rewards of human preference gain much by length alone, so a
gain of half is a sign, of two and a half times the whole story."""
LENGTH_CAP = 0.95
"""Of response_length: there is no room to grow any more."""
LENGTH_BACK = 1.3

CUT = 0.5
CUT_BACK = 0.3
"""Share of responses without EOS."""

SAME_REWARD = 0.5
SAME_REWARD_BACK = 0.3
"""Share of prompts whose responses all got the same reward."""

BEST_POINTS = 10
WORSE_POINTS = 5
"""Rollouts whose median is the reward's best level, and whose mean without the highest and the
lowest is its newest: a few rollouts with wild rewards count in neither."""
WORSE_SIGMAS = 3.5
"""Of the noise of one rollout. The best of some hundred levels and the lowest of as many are
two apart when nothing happens, and three where neighbours are alike."""
LOST = 0.5
"""… and this share of what had been gained since the first ten."""


def _length(view: View) -> Alarm | None:
    points = length_points(view)
    if len(points) < 2 * START:
        return None
    values = rolling(points.means, 3)
    start = before(points.means, START)
    if start <= 0:
        return None
    times = [value / start for value in values]
    gains = Gains(reward_points(view))
    hot = [
        t > LENGTH_TIMES and gains.at(step) is not None
        for t, step in zip(times, points.steps, strict=True)
    ]
    found = episode(hot, [t < LENGTH_BACK for t in times], on=3, off=3, badness=times)
    most = view.number("response_length", 0)

    def sentence(i: int) -> str:
        now = gains.at(points.steps[i])
        reward = "" if now is None else f", the reward from {figure(gains.start)} to {figure(now)}"
        cap = f" (at most {most:,.0f})" if most else ""
        return (
            f"Responses went from {figure(start)} to {figure(values[i])} tokens{cap} by step "
            f"{at(points.steps[i])}, {figure(times[i])} times as long{reward}."
        )

    far = found is not None and (
        times[found.worst] > LENGTH_FAR or values[found.worst] >= LENGTH_CAP * most > 0
    )
    return alarm(points, found, "critical" if far else "warning", sentence)


def _unended(view: View) -> Points:
    """The share of responses without EOS."""
    cut = view.points("completions/clipped_ratio")
    if cut:
        return cut
    ended = view.points("val/num_eos_tokens")
    asked = view.number("rollout_batch_size", 0)
    if ended and asked and max(ended.highs) <= asked:
        values = [1 - count / asked for count in ended.means]
        return Points(ended.steps, values, values, values)
    shares = view.points("eval/eos_share")
    values = [1 - value for value in shares.means]
    return Points(shares.steps, values, values, values)


def _cut(view: View) -> Alarm | None:
    most = view.number("response_length", 0)
    length = f" ({most:,.0f} tokens)" if most else ""
    return above(
        _unended(view), CUT, CUT_BACK,
        lambda value, step: f"{share(value)} of the responses were cut at response_length{length} "
        f"before they ended, about step {at(step)}.",
    )  # fmt: skip


def _alike(view: View) -> Alarm | None:
    return above(
        view.points("frac_reward_zero_std"), SAME_REWARD, SAME_REWARD_BACK,
        lambda value, step: f"For {share(value)} of the prompts all responses got the same reward, "
        f"about step {at(step)}: they teach nothing.",
        width=5,
    )  # fmt: skip


def _worse(view: View) -> Alarm | None:
    points = reward_points(view)
    values = points.means
    if len(values) < BEST_POINTS + WORSE_POINTS:
        return None
    levels, noises = rolling(values, BEST_POINTS), _noises(values)
    start = levels[BEST_POINTS - 1]
    best = BEST_POINTS - 1
    bests, newest, hot, cold = [], [], [], []
    for i in range(len(values)):
        if i > best and levels[i] > levels[best]:
            best = i
        now = _without_ends(values[max(0, i + 1 - WORSE_POINTS) : i + 1])
        fall, gained = levels[best] - now, LOST * (levels[best] - start)
        begun = i + 1 >= BEST_POINTS + WORSE_POINTS
        hot.append(begun and fall > max(WORSE_SIGMAS * noises[i], gained) > 0)
        cold.append(fall < max(noises[i], gained / 2))
        bests.append(best)
        newest.append(now)
    found = episode(hot, cold, on=3, off=3, badness=[-now for now in newest])
    return alarm(
        points, found, "warning",
        lambda i: f"The reward was {figure(levels[bests[i]])} over the {BEST_POINTS} rollouts up "
        f"to step {at(points.steps[bests[i]])} and is {figure(newest[i])} over the {WORSE_POINTS} "
        f"up to step {at(points.steps[i])}.",
    )  # fmt: skip


def _without_ends(values: Sequence[float]) -> float:
    """The mean of what is left when the highest and the lowest are taken out, of three or more."""
    return mean(sorted(values)[1:-1] if len(values) > 2 else values)


def _noises(values: Sequence[float]) -> list[float]:
    """The standard deviation of what comes and goes from one value to the next, up to each.

    By the median of the differences: neither a trend nor single leaps count.
    """
    ordered: list[float] = []
    found = [0.0]
    for before_it, value in pairwise(values):
        insort(ordered, abs(value - before_it))
        found.append(ordered[len(ordered) // 2] / (0.6745 * math.sqrt(2)))
    return found


RULES = (
    Rule(
        "length-hacking",
        "The reward rises with the length",
        ONLINE,
        f"Responses (median of 3 points) are more than {LENGTH_TIMES:g} times as long as at the "
        f"start, and the reward is up by more than {RISEN_SIGMAS:g} of its standard deviations. "
        f"Over below {LENGTH_BACK:g} times, critical above {LENGTH_FAR:g} times or at "
        f"{LENGTH_CAP:.0%} of response_length.",
        "Much of the reward may be paid for length alone: people, and reward models after them, "
        "prefer the longer of two answers, and a policy finds that out first. Read the samples: if "
        "they say no more than before, this is reward hacking. "
        "Where answers are checked, as in mathematics, longer reasoning may be what is wanted.",
        (
            "a larger kl_coef or beta",
            "a second source in rewards that takes length off: a function of your own with a "
            "negative weight, -0.01*mine:length, say",
            "a smaller response_length, or a larger missing_eos_penalty",
            "look at the figure on length in rlhf-tui stats: do people prefer whatever is longer?",
        ),
        _length,
        (
            Source(SINGHAL, "most of the reward that is gained comes with longer texts"),
            Source(DUBOIS, "automatic judges prefer longer texts; how to compare at equal length"),
        ),
    ),
    Rule(
        "responses-cut",
        "Most responses are cut",
        ONLINE,
        f"More than {CUT:.0%} of the responses have no EOS (median of 3 points, three times in a "
        f"row); over below {CUT_BACK:.0%}.",
        "What is scored is the beginning of a text: the reward model judges what it was never "
        "trained on, and the missing-EOS penalty outweighs what the text is worth. Either the "
        "room is too small for what the model writes, or it has forgotten how to end.",
        (
            "a larger response_length",
            "a larger missing_eos_penalty once the room is enough",
            "SFT on rows that end with EOS before",
            "mask_truncated = true (GRPO)",
        ),
        _cut,
        (Source(HUANG_N, "detail 23, the EOS trick: what does not end gets a score of -1"),),
    ),
    Rule(
        "groups-alike",
        "Groups of the same reward",
        ("rloo", "grpo"),
        f"For more than {SAME_REWARD:.0%} of the prompts all responses have the same reward "
        f"(median of 5 points, five times in a row); over below {SAME_REWARD_BACK:.0%}.",
        "These prompts have no advantage and give no gradient: the batch is smaller than it looks. "
        "The task is too easy or too hard for them, the reward is too coarse, or the policy "
        "writes the same again and again.",
        (
            "more num_generations",
            "a reward with finer steps, or a second one in rewards",
            "other prompts: neither solved always nor never",
            "temperature = 1.0, if it is lower",
        ),
        _alike,
        (
            Source(YU, "section 3.2: prompts solved always or never have no gradient, and are left "
                   "out (dynamic sampling)"),
        ),
    ),
    Rule(
        "reward-falls",
        "The reward falls",
        ONLINE,
        f"The reward of {WORSE_POINTS} rollouts (mean without the highest and the lowest) is below "
        f"the best median of "
        f"{BEST_POINTS} by "
        f"more than {WORSE_SIGMAS:g} standard deviations of the noise between rollouts, and by "
        f"more than {LOST:.0%} of what was gained since the first {BEST_POINTS}, three times in a "
        f"row; over within one deviation or {LOST / 2:.0%}.",
        "The policy gets worse at what it is paid for. The updates are so large that they destroy "
        "more than they teach, the penalties outweigh the reward, or the advantages are noise.",
        (
            "a lower learning_rate",
            "a smaller missing_eos_penalty, kl_coef or beta, if these outweigh the reward",
            "a larger rollout_batch_size; normalize_rewards (PPO)",
        ),
        _worse,
    ),
)  # fmt: skip
