"""The sentence for a data set without rows: why it has none, and how to get some."""

from __future__ import annotations

from rlhf_tui.dataset.notes import listed
from rlhf_tui.dataset.spec import DatasetKind, DatasetSpec
from rlhf_tui.errors import NothingToDo

_EMPTY: dict[DatasetKind, tuple[str, str]] = {
    "preference": (
        "There are no ranked pairs yet",
        "Rank some completions with 'rlhf-tui label', or import preferences with"
        " 'rlhf-tui import FILE'.",
    ),
    "unpaired-preference": (
        "There are no thumbs yet",
        "Rate some completions with 'rlhf-tui label --mode thumbs'.",
    ),
    "prompt-completion": (
        "There are no demonstrations yet",
        "Import rows of prompt and completion with 'rlhf-tui import FILE', or learn from liked"
        " completions with --include thumbs-up or --include best-ranked.",
    ),
    "prompt-only": ("There are no prompts yet", "Bring some in with 'rlhf-tui import FILE'."),
    "rankings": (
        "There are no judgements yet",
        "Judge some completions with 'rlhf-tui label', or import judged ones with"
        " 'rlhf-tui import FILE'.",
    ),
}


def nothing(spec: DatasetSpec, notes: list[str]) -> NothingToDo:
    """Why a data set of this kind has no rows, and what to do.

    Args:
        notes: what was found and left out, if anything.
    """
    message, hint = _EMPTY[spec.kind]
    limits = [f"in the {'split' if len(spec.splits) == 1 else 'splits'} {listed([*spec.splits])}"]
    if spec.annotators:
        limits.append(f"by {listed(spec.annotators)}")
    if spec.runs:
        limits.append(f"of {listed(spec.runs)}")
    if spec.form != "auto":
        limits.append(f"in the form of {spec.form}")
    left_out = f" ({notes[0].rstrip('.')})" if notes and "left out" in notes[0] else ""
    return NothingToDo(f"{message} {' '.join(limits)}{left_out}.", hint=hint)
