"""Errors that reach a person: one sentence, what to do next, and an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RlhfError(Exception):
    """An expected failure, told as a sentence.

    Attributes:
        hint: what to do next; empty when the sentence says it all.
        exit_code: what the shell command ends with.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(RlhfError):
    """A wrong option, name or value; no workspace found."""

    exit_code = 2


class InputError(RlhfError):
    """A file or row that cannot be taken."""

    exit_code = 3


class HubError(RlhfError):
    """The hub refused, is away, or speaks another version."""

    exit_code = 4


class RunFailed(RlhfError):
    """A background run ended badly."""

    exit_code = 5


class TrainingDiverged(RunFailed):
    """A loss, a gradient or a reward is no finite number: the weights were left as they were."""


class Denied(HubError):
    """The acting annotator's role does not allow the operation."""


class NothingToDo(RlhfError):
    """The request is well-formed, but there are no data for it yet."""

    exit_code = 6


FREE_SPACE = "Free some space"
"""What every hint begins with that is given for a full disk: from another process comes a sentence
alone, by which it is known again."""


MANY = 30
"""Names; a trainer has some seventy options, in whose list the nearest one would drown."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """A clause that names the nearest valid name: for a hint behind a wrong name.

    All names are listed too, unless they are many and one of them is near.
    """
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    # 'hh' for 'hh-rlhf': too short to be alike, and yet no other is meant.
    begun = [one for one in names if name and one.startswith(name)]
    if not close and len(begun) == 1:
        close = begun
    listed = f"Known: {', '.join(names) or 'none'}."
    if not close:
        return listed
    meant = f"Did you mean {close[0]!r}?"
    return meant if len(names) > MANY else f"{meant} {listed}"
