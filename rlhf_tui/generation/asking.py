"""What is asked of a server that writes completions, and what came back or did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rlhf_tui.errors import RunFailed
from rlhf_tui.generation.requests import PASSING, Unanswered
from rlhf_tui.records import Text

FINISHED: Mapping[str, Literal["eos", "length"]] = {
    "stop": "eos",
    "eos": "eos",
    "eos_token": "eos",
    "stop_sequence": "eos",
    "end_turn": "eos",
    "length": "length",
    "max_tokens": "length",
}
"""Servers' words for how a completion ended; others (content_filter …) are told as unknown."""
NONE_TAKEN = 50
"""A server that refuses so many requests and takes none is asked wrongly."""


@dataclass(frozen=True)
class Endpoint:
    """A model at a server, and how patiently it is asked."""

    url: str
    """As a person writes it; `base_url` makes it uniform."""
    model: str = ""
    """Empty: the only one that the server has."""
    concurrency: int = 8
    """Requests at a time."""
    retries: int = 5
    """Times that a failed request is tried again."""
    timeout: float = 120.0
    """Seconds that one request may take."""


@dataclass(frozen=True)
class Wanted:
    """One completion to be made."""

    name: Any
    """Comes back with the answer."""
    prompt: Text
    seed: int


@dataclass(frozen=True)
class Answer:
    text: str
    tokens: int | None
    """Length as the server counted it; None where it does not say."""
    finish_reason: Literal["eos", "length"] | None


@dataclass(frozen=True)
class How:
    """How completions are drawn."""

    max_new_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0


@dataclass
class Failures:
    """What could not be had, after all retries."""

    patience: int
    """So many failures of the server in a row mean that it is gone."""
    count: int = 0
    first: str = ""
    _in_a_row: int = 0
    _answered: bool = False
    _texts: set[str] = field(default_factory=set)

    def add(self, refusal: Unanswered) -> bool:
        """Count one; True where its reason is new.

        Raises:
            RunFailed: the server must be taken for gone, or takes none of what it is sent.
        """
        self.count += 1
        self.first = self.first or refusal.reason
        # A refused prompt says nothing about the server, unless it refuses every one.
        its_own = 400 <= refusal.status < 500 and refusal.status not in PASSING
        self._in_a_row = 0 if its_own else self._in_a_row + 1
        if self._in_a_row >= self.patience:
            raise RunFailed(f"{self._in_a_row} requests in a row failed. {refusal.reason}")
        if not self._answered and self.count >= max(NONE_TAKEN, self.patience):
            raise RunFailed(f"The first {self.count} requests were refused. {refusal.reason}")
        new = refusal.reason not in self._texts
        self._texts.add(refusal.reason)
        return new

    def answered(self) -> None:
        """Something could be had."""
        self._in_a_row = 0
        self._answered = True


def read_answer(body: Any) -> Answer:
    """The completion in a server's answer.

    Raises:
        Unanswered: there is none in it.
    """
    try:
        choice = body["choices"][0]
        text = choice["text"] if "text" in choice else choice["message"]["content"]
        usage = body.get("usage") or {}
        tokens = usage.get("completion_tokens")
        reason = choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Unanswered("The server's answer holds no completion.") from None
    if not isinstance(text, str):
        raise Unanswered("The server's answer holds no text.")
    return Answer(
        text,
        tokens if isinstance(tokens, int) else None,
        FINISHED.get(reason) if isinstance(reason, str) else None,
    )
