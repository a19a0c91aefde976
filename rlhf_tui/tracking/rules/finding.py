"""What a rule is, and what it finds: names, words, and how bad it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rlhf_tui.tracking.rules.works import Source

if TYPE_CHECKING:
    from rlhf_tui.tracking.rules.view import View

Severity = Literal["note", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "critical")
"""From the mildest on."""

OFFLINE = ("sft", "rm", "dpo", "kto")
ONLINE = ("ppo", "rloo", "grpo")
TRAINERS = (*OFFLINE, *ONLINE)
ANY = (*TRAINERS, "generate", "score", "evaluate", "log")
"""Every kind of run, `log` for what another program wrote."""


@dataclass(frozen=True)
class Alarm:
    """What a rule saw."""

    severity: Severity
    step: float
    """The first step at which it fired."""
    sentence: str
    """The numbers seen, for people; without text that came from a model or a file."""
    until: float | None = None
    """The step at which it was over again; None: it holds."""


@dataclass(frozen=True)
class Rule:
    """One thing that goes wrong, how it is noticed, and what to do."""

    id: str
    """In kebab case; never changes once it was published."""
    title: str
    kinds: tuple[str, ...]
    """The kinds of run that it looks at; others are never judged by it."""
    fires: str
    """The threshold, as a sentence."""
    means: str
    change: tuple[str, ...]
    """What to try, the likeliest first; options by their names in rlhf.toml."""
    look: Callable[[View], Alarm | None]
    sources: tuple[Source, ...] = ()
    """Papers and practice that the threshold or the advice comes from."""


@dataclass(frozen=True)
class Finding:
    """A rule that fired on a run."""

    rule: Rule
    severity: Severity
    step: float
    sentence: str
    until: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it is still so."""
        return self.until is None


def order(findings: list[Finding]) -> list[Finding]:
    """What holds before what is over, the most severe first, then the newest."""
    return sorted(
        findings, key=lambda f: (not f.holds, -SEVERITIES.index(f.severity), -f.step, f.rule.id)
    )
