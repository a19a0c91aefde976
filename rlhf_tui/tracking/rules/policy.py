"""Rules about a policy that writes for a reward: how far it drifts, and what it does for it."""

from __future__ import annotations

from bisect import bisect_right

from rlhf_tui.tracking.rules.finding import ONLINE, Alarm, Rule
from rlhf_tui.tracking.rules.view import Points, View
from rlhf_tui.tracking.rules.walking import alarm, before, episode, mean, middle, rolling, spread
from rlhf_tui.tracking.rules.words import at, figure, share

KL_LIMIT = 20.0
"""Nats a response. Runs with human rewards are usually kept at 5 to 20; beyond that the reward
model is asked about texts of a kind that it has never seen."""
KL_TOKEN = 0.3
"""Nats a token, for responses so long that the limit above is little: at 0.3 the policy's texts
are told from the reference's after a dozen tokens."""
KL_TARGETS = 3.0
"""Times target_kl with an adaptive β: the controller then has lost its hold."""
KL_FAR = 4.0
"""Times the limit: critical."""

KL_BELOW = -0.5
"""Nats a response; the sum is at least 0 in the mean, and the noise of 64 responses below this."""

START = 3
"""Points whose median is where a run began."""
LENGTH_TIMES = 1.5
LENGTH_FAR = 2.5
"""Times the length at the start. Rewards of human preference gain much by length alone, so a
gain of half is a sign, of two and a half times the whole story."""
LENGTH_CAP = 0.95
"""Of response_length: there is no room to grow any more."""
LENGTH_BACK = 1.3
RISEN_SIGMAS = 2.0
"""The reward is up when its newest values stand so many of their standard deviations higher."""

ENTROPY_SHARE = 0.35
ENTROPY_FAR = 0.1
ENTROPY_BACK = 0.45
"""Of the entropy at the start. A healthy run loses a fifth to a half."""

CLIPPED = 0.3
CLIPPED_BACK = 0.2
"""Share of tokens whose ratio is clipped: 0 to 0.2 is usual, beyond 0.3 much of each rollout
teaches nothing more."""
APART = 0.1
APART_BACK = 0.05
"""Approximate KL of an update to the policy that wrote the rollout, nats a token; PPO's
implementations stop a rollout's epochs at 0.01 to 0.03."""

CUT = 0.5
CUT_BACK = 0.3
"""Share of responses without EOS."""

SAME_REWARD = 0.5
SAME_REWARD_BACK = 0.3
"""Share of prompts whose responses all got the same reward."""

WORSE_SIGMAS = 2.0
WORSE_POINTS = 5


def reward_points(view: View) -> Points:
    """What the policy is paid, before any penalty for the KL."""
    return view.points("objective/scores", "reward")


class Gains:
    """Whether the reward is up, at any step."""

    def __init__(self, points: Points) -> None:
        self._steps = points.steps
        self.start = before(points.means, START)
        self._now: list[float | None] = []
        for i in range(len(points)):
            newest = points.means[max(0, i - 4) : i + 1]
            now = middle(newest)
            up = i + 1 >= 2 * START and now > self.start + RISEN_SIGMAS * spread(newest)
            self._now.append(now if up else None)

    def at(self, step: float) -> float | None:
        """The reward about a step, when it is up by then; else None."""
        place = bisect_right(self._steps, step)
        return self._now[place - 1] if place else None


def kl_points(view: View) -> Points:
    """The summed KL of a response to the reference, nats."""
    points = view.points("objective/kl")
    if points or view.kind == "ppo":
        return points
    tokens, lengths = view.points("kl"), view.points("completions/mean_length")
    if tokens and tokens.steps == lengths.steps:
        found = [k * n for k, n in zip(tokens.means, lengths.means, strict=True)]
        return Points(tokens.steps, found, found, found)
    return view.points("eval/kl")


def length_points(view: View) -> Points:
    """Mean tokens of a response."""
    return view.points("response_length", "completions/mean_length", "eval/response_length")


def _kl(view: View) -> Alarm | None:
    points = kl_points(view)
    if not points:
        return None
    values = rolling(points.means, 3)
    lengths = length_points(view)
    length = before(lengths.means, START)
    limit = max(KL_LIMIT, KL_TOKEN * length)
    words = f"{figure(limit)} nats"
    if view.arguments.get("adaptive_kl"):
        limit = KL_TARGETS * view.number("target_kl", KL_LIMIT)
        words = f"{figure(limit)} nats, {KL_TARGETS:g} times target_kl"
    hot = [value > limit for value in values]
    cold = [value < 0.8 * limit for value in values]
    found = episode(hot, cold, on=2, off=3, badness=values)
    beta = view.arguments.get("kl_coef", view.arguments.get("beta"))
    said = f"; the penalty's weight is {figure(beta)}" if isinstance(beta, int | float) else ""
    far = found is not None and values[found.worst] > KL_FAR * limit
    return alarm(
        points, found, "critical" if far else "warning",
        lambda i: f"The KL to the reference is {figure(values[i])} nats a response at step "
        f"{at(points.steps[i])}, above {words}{said}.",
    )  # fmt: skip


def _kl_negative(view: View) -> Alarm | None:
    points = view.points("objective/kl")
    values = rolling(points.means, 5)
    hot = [i >= 4 and value < KL_BELOW for i, value in enumerate(values)]
    found = episode(
        hot, [v > KL_BELOW / 2 for v in values], on=3, off=3, badness=[-v for v in values]
    )
    return alarm(
        points, found, "warning",
        lambda i: f"The KL to the reference is {figure(values[i])} nats a response about step "
        f"{at(points.steps[i])}; it cannot be negative in the mean.",
    )  # fmt: skip


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


def _entropy(view: View) -> Alarm | None:
    points = view.points("policy/entropy_avg", "entropy")
    if len(points) < 2 * START:
        return None
    values = rolling(points.means, 3)
    start = before(points.means, START)
    if start <= 0:
        return None
    left = [value / start for value in values]
    hot = [x < ENTROPY_SHARE for x in left]
    found = episode(hot, [x > ENTROPY_BACK for x in left], on=3, off=3, badness=[-x for x in left])
    far = found is not None and left[found.worst] < ENTROPY_FAR
    return alarm(
        points, found, "critical" if far else "warning",
        lambda i: f"The entropy fell from {figure(start)} to {figure(values[i])} nats a token by "
        f"step {at(points.steps[i])}: {share(max(0.0, left[i]))} of it is left.",
    )  # fmt: skip


def _clipped(view: View) -> Alarm | None:
    points = view.points("policy/clipfrac_avg", "clip_ratio/region_mean")
    # RLOO's ratios are those of whole responses.
    what = "responses" if view.kind == "rloo" else "tokens"
    values = rolling(points.means, 3)
    found = episode(
        [v > CLIPPED for v in values], [v < CLIPPED_BACK for v in values],
        on=3, off=3, badness=values,
    )  # fmt: skip
    return alarm(
        points, found, "warning",
        lambda i: f"{share(values[i])} of the {what} were clipped about step "
        f"{at(points.steps[i])}; usual is below {share(CLIPPED_BACK)}.",
    )  # fmt: skip


def _apart(view: View) -> Alarm | None:
    points = view.points("policy/approxkl_avg")
    values = rolling(points.means, 3)
    found = episode(
        [v > APART for v in values], [v < APART_BACK for v in values], on=3, off=3, badness=values
    )
    return alarm(
        points, found, "warning",
        lambda i: f"Within an update the policy moves {figure(values[i])} nats a token away from "
        f"the one that wrote the rollout (about step {at(points.steps[i])}); usual is below 0.03.",
    )  # fmt: skip


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
    points = _unended(view)
    values = rolling(points.means, 3)
    found = episode(
        [v > CUT for v in values], [v < CUT_BACK for v in values], on=3, off=3, badness=values
    )
    most = view.number("response_length", 0)
    length = f" ({most:,.0f} tokens)" if most else ""
    return alarm(
        points, found, "warning",
        lambda i: f"{share(values[i])} of the responses were cut at response_length{length} "
        f"before they ended, about step {at(points.steps[i])}.",
    )  # fmt: skip


def _alike(view: View) -> Alarm | None:
    points = view.points("frac_reward_zero_std")
    values = rolling(points.means, 5)
    found = episode(
        [v > SAME_REWARD for v in values], [v < SAME_REWARD_BACK for v in values],
        on=5, off=3, badness=values,
    )  # fmt: skip
    return alarm(
        points, found, "warning",
        lambda i: f"For {share(values[i])} of the prompts all responses got the same reward, "
        f"about step {at(points.steps[i])}: they teach nothing.",
    )  # fmt: skip


def _worse(view: View) -> Alarm | None:
    points = reward_points(view)
    if len(points) < 3 * WORSE_POINTS:
        return None
    values = points.means
    hot, cold = [], []
    start = values[: 2 * WORSE_POINTS]
    level, noise = mean(start), spread(start)
    for i in range(len(values)):
        newest = values[max(0, i + 1 - WORSE_POINTS) : i + 1]
        fall = level - mean(newest)
        begun = i + 1 >= 3 * WORSE_POINTS
        hot.append(begun and fall > WORSE_SIGMAS * noise > 0)
        cold.append(fall < noise)
    found = episode(hot, cold, on=3, off=3, badness=[-v for v in values])
    return alarm(
        points, found, "warning",
        lambda i: f"The reward was {figure(level)} over the first {len(start)} rollouts and is "
        f"{figure(mean(values[max(0, i + 1 - WORSE_POINTS) : i + 1]))} about step "
        f"{at(points.steps[i])}.",
    )  # fmt: skip


RULES = (
    Rule(
        "kl-runaway",
        "The KL to the reference runs away",
        ONLINE,
        f"The KL of a response to the reference (median of 3 points) is above {KL_LIMIT:g} nats, "
        f"or {KL_TOKEN:g} nats a token of the length at the start if that is more; with "
        f"adaptive_kl above {KL_TARGETS:g} times target_kl. Over below 80% of it, critical above "
        f"{KL_FAR:g} times.",
        "The policy writes texts that the model it started from would hardly write. The reward "
        "model has never seen their like and its scores mean little there: the reward still rises "
        "while people would like the texts less (over-optimisation).",
        (
            "a larger kl_coef (PPO) or beta (RLOO, GRPO): twice to five times",
            "adaptive_kl = true with a target_kl of 6 to 10 (PPO)",
            "a lower learning_rate, fewer num_ppo_epochs or num_iterations",
            "stop earlier: take the checkpoint at which KL and samples were still good",
        ),
        _kl,
        (
            "Gao et al. 2022, 'Scaling Laws for Reward Model Overoptimization'",
            "Ziegler et al. 2019, section 2.2: the adaptive penalty",
            "Stiennon et al. 2020, figure 5: beyond some KL people prefer the policy less and less",
        ),
    ),
    Rule(
        "kl-negative",
        "The KL is negative",
        ("ppo",),
        f"The median of 5 rollouts' KL is below {KL_BELOW:g} nats a response, three times in a "
        "row.",
        "The mean of log π - log π_ref over what π itself writes cannot be negative. So the "
        "responses were not drawn from the policy that is measured: a temperature, top-k or top-p "
        "in generation alone, other numerics in generation, or padding that counts.",
        (
            "temperature = 1.0, which rollouts and training then share",
            "precision = 'fp32' to see whether rounding is at work",
            "kl_estimator = 'k3', which is never negative, hides it: find the cause first",
        ),
        _kl_negative,
        ("Beeching et al. 2023, 'StackLLaMA': what a negative KL comes from",),
    ),
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
            "Singhal et al. 2023, 'A Long Way to Go: Investigating Length Correlations in RLHF'",
            "Dubois et al. 2024, 'Length-Controlled AlpacaEval'",
        ),
    ),
    Rule(
        "entropy-collapse",
        "The entropy collapses",
        ONLINE,
        f"The entropy a token (median of 3 points) is below {ENTROPY_SHARE:.0%} of that at the "
        f"start; over above {ENTROPY_BACK:.0%}, critical below {ENTROPY_FAR:.0%}.",
        "The policy has made up its mind: it writes nearly the same whatever is drawn. It explores "
        "no more, so the reward stands still from here on, and the texts lose their variety.",
        (
            "a larger kl_coef or beta, which holds it near the reference's entropy",
            "a lower learning_rate, fewer num_ppo_epochs or num_iterations",
            "for GRPO a larger epsilon_high (0.28): rare tokens may gain more",
            "more prompts: rollout_batch_size",
        ),
        _entropy,
        (
            "Yu et al. 2025 (DAPO), section 3.1: clip-higher",
            "Cui et al. 2025, 'The Entropy Mechanism of Reinforcement Learning for Reasoning "
            "Language Models'",
        ),
    ),
    Rule(
        "clip-fraction",
        "Much of the update is clipped",
        ONLINE,
        f"The share of tokens (of RLOO: responses) whose ratio is clipped (median of 3 points) is "
        f"above {CLIPPED:g} three times in a row; over below {CLIPPED_BACK:g}.",
        "The policy leaves the trust region within a single rollout. Clipped tokens give no "
        "gradient, and those that are left are of a policy that wrote something else.",
        (
            "a lower learning_rate",
            "fewer num_ppo_epochs, num_iterations or num_mini_batches",
            "stop_kl = 0.02 to end a rollout's epochs in time (PPO)",
            "a larger rollout_batch_size",
        ),
        _clipped,
        (
            "Schulman et al. 2017 (PPO): ε = 0.2",
            "Zheng et al. 2023, 'Secrets of RLHF in Large Language Models, part I'",
        ),
    ),
    Rule(
        "update-too-large",
        "The updates are too large",
        ("ppo",),
        f"The approximate KL of an update (median of 3) is above {APART:g} nats a token three "
        f"times in a row; over below {APART_BACK:g}.",
        "Within one rollout's epochs the policy goes so far that the rollout tells little about it "
        "any more. What follows is often a jump of the KL, or a fall of the reward.",
        (
            "a lower learning_rate",
            "stop_kl = 0.02, fewer num_ppo_epochs",
            "a smaller cliprange or max_grad_norm",
        ),
        _apart,
        ("Achiam 2018 (Spinning Up): stop at 1.5 times 0.01 nats",),
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
        ("Huang et al. 2024, 'The N+ Implementation Details': the EOS trick",),
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
        ("Yu et al. 2025 (DAPO), section 3.2: dynamic sampling",),
    ),
    Rule(
        "reward-falls",
        "The reward falls",
        ONLINE,
        f"The mean reward of {WORSE_POINTS} rollouts is more than {WORSE_SIGMAS:g} standard "
        f"deviations below that of the first {2 * WORSE_POINTS}, three times in a row; over "
        "within one.",
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
