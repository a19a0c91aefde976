"""Rules about how far a policy goes: from the reference in all, and within an update."""

from __future__ import annotations

import math

from rlhf_tui.tracking.rules.finding import ONLINE, Alarm, Rule
from rlhf_tui.tracking.rules.rollouts import START, kl_points, length_points
from rlhf_tui.tracking.rules.view import View
from rlhf_tui.tracking.rules.walking import above, alarm, before, episode, rolling
from rlhf_tui.tracking.rules.words import at, figure, share
from rlhf_tui.tracking.rules.works import (
    BEECHING,
    CUI,
    GAO,
    HUANG_37,
    SCHULMAN_KL,
    SCHULMAN_PPO,
    SPINNING_UP,
    STIENNON,
    YU,
    ZIEGLER,
    Source,
)

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
    beta = view.number("kl_coef", view.number("beta", math.nan))
    said = f"; the penalty's weight is {figure(beta)}" if math.isfinite(beta) else ""
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
    return above(
        points, CLIPPED, CLIPPED_BACK,
        lambda value, step: f"{share(value)} of the {what} were clipped about step {at(step)}; "
        f"usual is below {share(CLIPPED_BACK)}.",
    )  # fmt: skip


def _apart(view: View) -> Alarm | None:
    return above(
        view.points("policy/approxkl_avg"), APART, APART_BACK,
        lambda value, step: f"Within an update the policy moves {figure(value)} nats a token away "
        f"from the one that wrote the rollout (about step {at(step)}); usual is below 0.03.",
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
            Source(GAO, "with the KL the true reward rises, then falls; the learnt one rises"),
            Source(ZIEGLER, "section 2.2: a penalty that is steered towards a KL"),
            Source(STIENNON, "figure 5: beyond some KL people like the texts less and less"),
        ),
    ),
    Rule(
        "kl-negative",
        "The KL is negative",
        ("ppo",),
        f"The median of 5 rollouts' KL is below {KL_BELOW:g} nats a response, three times in a "
        "row.",
        "The mean of log π - log π_ref over what π itself writes cannot be negative. So the "
        "responses were not drawn from the policy that is measured: a temperature, top-k, top-p or "
        "least length in generation alone, other numerics there, or padding that counts.",
        (
            "draw as you measure: at the same temperature, without top-k, top-p or a least length",
            "precision = 'fp32' to see whether rounding is at work",
            "kl_estimator = 'k3': its penalty is never negative, and the policy earns nothing by "
            "it; the cause is still there",
        ),
        _kl_negative,
        (
            Source(SCHULMAN_KL, "of single samples k1 is often negative, in the mean it is the KL"),
            Source(BEECHING, "tokens that are forced, suppressed or padding make it negative, and "
                   "the policy goes after that"),
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
            Source(YU, "section 3.1: the entropy falls quickly; an upper ε of 0.28 (clip-higher)"),
            Source(CUI, "what is gained is paid for with entropy, and ends when that is used up"),
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
            Source(SCHULMAN_PPO, "sections 3 and 6.1: the clipped objective; ε = 0.2 does best"),
            Source(HUANG_37, "clipfrac is among what every program of PPO should log"),
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
        (
            Source(SPINNING_UP, "a rollout's passes end at 1.5 times a target_kl of 0.01"),
            Source(HUANG_37, "approx_kl stays below 0.02; above, the policy changes too quickly"),
        ),
    ),
)  # fmt: skip
