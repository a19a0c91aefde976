"""Rules about PPO's critic."""

from __future__ import annotations

from rlhf_tui.tracking.rules.finding import Alarm, Rule
from rlhf_tui.tracking.rules.view import View
from rlhf_tui.tracking.rules.walking import alarm, before, episode, lowest_so_far, mean, rolling
from rlhf_tui.tracking.rules.words import at, figure
from rlhf_tui.tracking.rules.works import AHMADIAN, BASELINES, HUANG_N, Source

TIMES = 5.0
FAR = 50.0
BACK = 3.0
"""Times the lowest level so far. The value loss goes with the square of the rewards' spread: when
that doubles, as it may while the policy learns, it rises fourfold."""
SETTLED = 5
"""Rollouts at the start of which the lowest level is not taken."""

BLIND = 0.02
SEEING = 0.05
"""Explained variance: at 0 the critic is as good as the mean return, and below worse than none. One
that cannot learn stands about 0, and not below."""
BLIND_FROM = 20
"""Rollouts that a fresh critic gets to learn."""
BLIND_FOR = 10


def _value(view: View) -> Alarm | None:
    points = view.points("loss/value_avg")
    if len(points) <= SETTLED:
        return None
    values = rolling(points.means, 3)
    lows = lowest_so_far(values, SETTLED)
    # Back at where it began, it has forgotten; below that it only trembles.
    start = before(points.means, 3)
    times = [
        v / low if i >= SETTLED and v > start and low > 0 else 1.0
        for i, (v, low) in enumerate(zip(values, lows, strict=True))
    ]
    found = episode(
        [t > TIMES for t in times], [t < BACK for t in times], on=3, off=3, badness=times
    )
    far = found is not None and times[found.worst] > FAR
    return alarm(
        points, found, "critical" if far else "warning",
        lambda i: f"The value loss is {figure(values[i])} at step {at(points.steps[i])}, "
        f"{figure(times[i])} times its lowest level ({figure(lows[i])}).",
    )  # fmt: skip


def _blind(view: View) -> Alarm | None:
    points = view.points("val/explained_variance")
    values = rolling(points.means, 5)
    begun = BLIND_FROM + view.number("critic_warmup", 0)
    first = points.steps[0] if points else 0.0
    hot = [
        step - first >= begun and value < BLIND
        for step, value in zip(points.steps, values, strict=True)
    ]
    found = episode(
        hot, [v > SEEING for v in values], on=BLIND_FOR, off=3, badness=[-v for v in values]
    )
    return alarm(
        points, found, "warning",
        lambda i: f"The critic's explained variance is {figure(values[i])} about step "
        f"{at(points.steps[i])}, and has been below {figure(BLIND)} for {BLIND_FOR} rollouts and "
        f"more (mean of all: {figure(mean(points.means[: i + 1]))}).",
    )  # fmt: skip


RULES = (
    Rule(
        "value-loss",
        "The value loss explodes",
        ("ppo",),
        f"The value loss (median of 3 points) is more than {TIMES:g} times its lowest level since "
        f"rollout {SETTLED}, and above where it began, three times in a row; over below "
        f"{BACK:g} times, critical above {FAR:g} times.",
        "The critic does not follow the returns: its rate is too large, or the rewards have "
        "changed their scale. Its errors become advantages, and with a critic on the policy's "
        "trunk its gradients pull at the policy, too.",
        (
            "a lower critic_learning_rate, or vf_coef where the critic is a head",
            "normalize_rewards = true, whiten_rewards = true or reward_clip",
            "critic = 'separate' or 'adapter', so that the policy's trunk is spared",
            "a smaller cliprange_value",
        ),
        _value,
        (
            Source(
                HUANG_N, "the critic starts as the reward model; whitened rewards, clipped values"
            ),
        ),
    ),
    Rule(
        "critic-blind",
        "The critic explains nothing",
        ("ppo",),
        f"After {BLIND_FROM} rollouts (and critic_warmup) the explained variance (median of 5) is "
        f"below {BLIND:g} for {BLIND_FOR} rollouts in a row; over above {SEEING:g}.",
        "The critic's values are no better than the mean return, or worse: they take no noise from "
        "the advantages, or add to it. PPO then learns slower than RLOO would without any "
        "critic.",
        (
            "critic_init = 'reward-model' with critic = 'separate' or 'adapter'",
            "critic_warmup = 5 to 20 rollouts in which the critic alone learns",
            "another critic_learning_rate: higher if it rises slowly, lower if it jumps",
            "train rloo, which needs none",
        ),
        _blind,
        (
            Source(
                BASELINES,
                "explained_variance: at 0 one might as well predict nothing, below it "
                "is worse than that",
            ),
            Source(AHMADIAN, "RLOO, which needs no critic, does better than PPO"),
        ),
    ),
)
