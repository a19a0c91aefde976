"""Rules about what the model writes, by the samples of its evaluations."""

from __future__ import annotations

from rlhf_tui.tracking.rules.finding import ONLINE, Alarm, Rule
from rlhf_tui.tracking.rules.rollouts import Gains, reward_points
from rlhf_tui.tracking.rules.texts import N, Told, told
from rlhf_tui.tracking.rules.view import Points, View
from rlhf_tui.tracking.rules.walking import alarm, episode
from rlhf_tui.tracking.rules.words import at, figure, share
from rlhf_tui.tracking.rules.works import KIRK, LI, STIENNON, Source

REPEATED = 0.25
REPEATED_FAR = 0.5
REPEATED_BACK = 0.15
"""Mean share of word triples that a completion held before. Prose of a hundred words is below
0.05; a text that circles is above 0.5."""
MORE = 0.15
"""… and so much more than in the first samples: verse and lists repeat by nature."""
MORE_GREEDY = 0.3
"""Likewise in SFT, DPO and KTO, whose few samples are the likeliest texts, which circle sooner."""
SAME = 0.5
SAME_BACK = 0.3
"""Share of prompts that got a completion which another prompt got, too."""
FEWEST = 4
"""Prompts; of fewer nothing is said."""


def _points(rows: list[Told], values: list[float]) -> Points:
    return Points([float(row.step) for row in rows], values, values, values)


def _repeats(view: View) -> Alarm | None:
    rows = [row for row in told(view.samples) if row.prompts >= FEWEST]
    if len(rows) < 2:
        return None
    values = [row.repeated for row in rows]
    points = _points(rows, values)
    more = MORE if view.kind in ONLINE else MORE_GREEDY
    floor = max(REPEATED, values[0] + more)
    found = episode(
        [v > floor for v in values], [v < REPEATED_BACK for v in values],
        on=1, off=2, badness=values,
    )  # fmt: skip
    if found is None:
        return None
    gains = Gains(reward_points(view))
    up = gains.at(points.steps[found.last if found.holds else found.worst])
    far = values[found.worst] > REPEATED_FAR and up is not None

    def sentence(i: int) -> str:
        reward = (
            ""
            if up is None
            else (f", while the reward went from {figure(gains.start)} to {figure(up)}")
        )
        return (
            f"{share(values[i])} of the {N}-word sequences in the samples of step "
            f"{at(points.steps[i])} stood in the same text before (at step {at(points.steps[0])} "
            f"{share(values[0])}){reward}."
        )

    return alarm(points, found, "critical" if far else "warning", sentence)


def _same(view: View) -> Alarm | None:
    rows = [row for row in told(view.samples) if row.prompts >= FEWEST]
    if len(rows) < 2:
        return None
    values = [row.same for row in rows]
    points = _points(rows, values)
    hot = [v >= SAME and v > values[0] for v in values]
    found = episode(hot, [v < SAME_BACK for v in values], on=1, off=2, badness=values)
    return alarm(
        points, found, "critical",
        lambda i: f"At step {at(points.steps[i])} {share(values[i])} of {rows[i].prompts} prompts "
        f"got the very text that another prompt got.",
    )  # fmt: skip


RULES = (
    Rule(
        "samples-repeat",
        "The samples repeat themselves",
        (*ONLINE, "sft", "dpo", "kto"),
        f"In the samples of an evaluation more than {REPEATED:.0%} of the {N}-word sequences of a "
        f"completion stood in it before (mean), and {MORE:.0%} of them more than in the first "
        f"samples ({MORE_GREEDY:.0%} in SFT, DPO and KTO, whose samples are greedy). Over below "
        f"{REPEATED_BACK:.0%} in two evaluations; critical above {REPEATED_FAR:.0%} while the "
        "reward is up.",
        "The policy says the same again and again. When the reward rises all the same, the reward "
        "model pays for words and not for what they say: reward hacking. Without a reward it is "
        "degeneration, as after too many steps of DPO or SFT.",
        (
            "read the samples side by side with the reference's",
            "a larger kl_coef or beta, a lower learning_rate",
            "put such texts up for labelling, and train the reward model on the answers",
            "a reward function that takes repeats off, with a negative weight in rewards",
            "stop earlier: take the checkpoint before that step",
        ),
        _repeats,
        (
            Source(
                LI, "distinct-1 and distinct-2: the share of different words and pairs of words"
            ),
            Source(STIENNON, "appendix H.2: samples of an over-optimised policy"),
        ),
    ),
    Rule(
        "samples-alike",
        "Different prompts get the same text",
        (*ONLINE, "sft", "dpo", "kto"),
        f"Of at least {FEWEST} prompts {SAME:.0%} or more got a completion that is letter by "
        f"letter that of another prompt, and more than in the first samples; over below "
        f"{SAME_BACK:.0%} in two evaluations.",
        "The policy has found one text that pays and writes it whatever is asked: mode collapse. "
        "The reward may look splendid.",
        (
            "a larger kl_coef or beta, a lower learning_rate",
            "more different prompts (rollout_batch_size)",
            "a reward that looks at the prompt, too",
            "go back to a checkpoint before that step: out of this there is no way by training on",
        ),
        _same,
        (Source(KIRK, "RLHF takes variety away, within a prompt and between prompts"),),
    ),
)
