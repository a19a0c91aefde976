"""A preview in words: the same lines in the launch screen and under `--dry-run`."""

from __future__ import annotations

from rlhf_tui.hub.messages import DatasetPreview, Preview
from rlhf_tui.runs.estimate import size
from rlhf_tui.runs.rendered import Estimate

ROLES = {"model": "model", "reward_model": "reward model"}


def dataset_line(found: DatasetPreview) -> str:
    """Rows by split, people, agreement, source."""
    rows = [f"{count:,} {split}" for split, count in found.rows.items()]
    parts = [" + ".join(rows) + (" row" if found.rows == {"train": 1} else " rows")]
    if found.annotators:
        parts.append(f"{found.annotators} annotator{'s' * (found.annotators != 1)}")
    if found.agreement is not None:
        parts.append(f"two agree on {found.agreement:.0%}")
    return f"{', '.join(parts)}, from {found.source}"


def model_lines(found: Preview) -> list[str]:
    """Each model that takes part, with its role where there are several."""
    if len(found.models) == 1:
        return list(found.models.values())
    return [f"{ROLES.get(role, role)}: {words}" for role, words in found.models.items()]


def model_names(found: Preview) -> str:
    """All models in a few words: of several their names alone."""
    if len(found.models) == 1:
        return next(iter(found.models.values()))
    return " with ".join(words.partition(", ")[0] for words in found.models.values())


def cost_line(found: Estimate) -> str:
    """Steps, memory and time, as far as they are known; empty where nothing is."""
    parts = []
    if found.steps:
        unit = found.unit if found.steps != 1 else found.unit.removesuffix("s")
        parts.append(f"{found.steps:,} {unit} of {found.tokens_per_step:,.0f} tokens")
    if found.memory:
        there = f" of {size(found.memory_there)}" if found.memory_there else ""
        parts.append(f"memory {size(found.memory)}{there}")
    if found.seconds:
        parts.append(f"about {about(found.seconds)}")
    return ", ".join(parts)


def trained_line(found: Estimate) -> str:
    """How much of the model is changed; empty for a run that changes nothing."""
    if not found.trained:
        return ""
    share = found.trained / max(1, found.parameters)
    part = "all of them" if found.trained == found.parameters else f"{share:.2%}"
    return f"{found.trained:,} parameters are trained, {part}."


def queue_line(found: Preview) -> str:
    """What it would wait for."""
    if not found.queue:
        return f"starts at once on {found.device}"
    first, *rest = found.queue
    others = f" and {len(rest)} more" if rest else ""
    return f"waits for {first}{others} on {found.device}: number {len(found.queue)} in its queue"


def about(seconds: float) -> str:
    """A length of time as exactly as an estimate can be: `20 s`, `4 min`, `2.5 h`, `3 days`."""
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.1f} h".replace(".0 h", " h")
    return f"{seconds / 86400:.1f} days"


def loss_words(kind: str) -> str:
    """What is marked in an example of a kind of run."""
    if kind == "rm":
        return "marked: the token at which the score is read"
    if kind in ("ppo", "rloo", "grpo", "generate"):
        return "the prompt as the policy reads it; what it writes behind it is learnt"
    if kind == "evaluate":
        return "as the model is measured"
    return "marked: what the loss is taken on"
