"""What a half-made judgement is, as pure state: picks, ties, both-bad, undo, and time at work.

A ranking is the string of keys that made it, `1=3b` say: undo drops the last key, a draft is the
string, and the tiers follow from reading it. Definitions:

- a digit ranks that pane behind all picked so far;
- `=` arms a tie: the next pick joins the tier of the pick before it; `=` again disarms it;
- `b` says that all of them are bad, beside or without an order; `b` again takes it back;
- one pane left over after at least one pick is last, or tied with the last pick if `=` is armed;
- two or more left over stay unranked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

IDLE_AFTER_S = 60.0
"""A pause counts up to here: longer ones are somebody away from the keyboard."""


@dataclass(frozen=True)
class RankState:
    """A ranking in the making; panes are numbered from 1 in the order shown."""

    size: int
    """Panes, 1 to 9."""
    keys: str = ""
    """The keys that were taken, in order: digits, `=`, `b`."""
    groups: tuple[tuple[int, ...], ...] = field(init=False, compare=False)
    """Picked panes, best tier first, without the one left over."""
    armed: bool = field(init=False, compare=False)
    """The next pick ties with the one before."""
    both_bad: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        groups: list[tuple[int, ...]] = []
        armed = bad = False
        for key in self.keys:
            if key == "=":
                armed = not armed
            elif key == "b":
                bad = not bad
            elif armed:
                groups[-1] = (*groups[-1], int(key))
                armed = False
            else:
                groups.append((int(key),))
        object.__setattr__(self, "groups", tuple(groups))
        object.__setattr__(self, "armed", armed)
        object.__setattr__(self, "both_bad", bad)

    @classmethod
    def replay(cls, size: int, keys: str) -> RankState:
        """The state after these keys, leaving out those that cannot be taken (an old draft)."""
        state = cls(size)
        for key in keys:
            state, _ = state.press(key)
        return state

    @property
    def unpicked(self) -> tuple[int, ...]:
        picked = {pane for group in self.groups for pane in group}
        return tuple(pane for pane in range(1, self.size + 1) if pane not in picked)

    @property
    def left_over(self) -> int | None:
        """The single pane that comes last without being picked; None if there is none."""
        rest = self.unpicked
        return rest[0] if self.groups and len(rest) == 1 else None

    @property
    def ranked(self) -> tuple[tuple[int, ...], ...]:
        """The tiers as they would be submitted, the one left over included."""
        last = self.left_over
        if last is None:
            return self.groups
        if self.armed:
            return (*self.groups[:-1], (*self.groups[-1], last))
        return (*self.groups, (last,))

    @property
    def tiers(self) -> list[int | None]:
        """Tier of each pane in the order shown: dense from 1, equal for ties, None unranked."""
        tier_of = {pane: tier for tier, group in enumerate(self.ranked, 1) for pane in group}
        return [tier_of.get(pane) for pane in range(1, self.size + 1)]

    @property
    def missing(self) -> str:
        """Why this cannot be submitted yet, as a sentence; empty when it can."""
        if self.both_bad or sum(map(len, self.ranked)) >= 2:
            return ""
        if self.size < 2:
            return "One completion cannot be ranked: b calls it bad, s skips it."
        if not self.groups:
            return "Pick at least two, best first (b: all bad, s: skip)."
        return "Pick one more: a ranking needs two."

    def tier(self, pane: int) -> int | None:
        """The tier of a picked pane; the one left over has none before it is submitted."""
        for tier, group in enumerate(self.groups, 1):
            if pane in group:
                return tier
        return None

    def press(self, key: str) -> tuple[RankState, str]:
        """The state after a key, and a notice: empty, or why the key was not taken."""
        refusal = self._refusal(key)
        if refusal:
            return self, refusal
        if key in "=b" and self.keys.endswith(key):
            return RankState(self.size, self.keys[:-1]), ""
        return RankState(self.size, self.keys + key), ""

    def _refusal(self, key: str) -> str:
        if key == "b":
            return ""
        if key == "=":
            if not self.groups:
                return "Pick one first: = ties the next pick with it."
            return "" if self.unpicked else "All are ranked: Enter submits, u takes back."
        pane = int(key) if key.isdecimal() else 0
        if not 1 <= pane <= self.size:
            return f"There is no completion {key} here."
        if pane not in self.unpicked:
            return f"{pane} is ranked already: u takes back the last pick."
        return ""

    def undo(self) -> RankState | None:
        """The state before the last key; None when there is nothing to take back."""
        return RankState(self.size, self.keys[:-1]) if self.keys else None


@dataclass
class WorkClock:
    """Active and wall time on one item, in seconds of a monotonic clock that the caller reads."""

    started: float
    last: float
    active_s: float = 0.0
    wall_before_s: float = 0.0
    """Wall time of earlier visits to the item."""

    @classmethod
    def start(cls, now: float, *, active_ms: int = 0, wall_ms: int = 0) -> WorkClock:
        return cls(now, now, active_ms / 1000, wall_ms / 1000)

    def touch(self, now: float) -> None:
        """A sign of work: the pause since the last one counts, up to IDLE_AFTER_S."""
        self.active_s += min(max(0.0, now - self.last), IDLE_AFTER_S)
        self.last = now

    @property
    def active_ms(self) -> int:
        return round(self.active_s * 1000)

    @property
    def wall_ms(self) -> int:
        """Up to the last sign of work."""
        return round((self.wall_before_s + self.last - self.started) * 1000)


def keys_of(tiers: list[int | None], *, both_bad: bool) -> str:
    """The keys that make a judgement: for one that comes back from the history."""
    keys = ""
    for tier in sorted({tier for tier in tiers if tier is not None}):
        keys += "=".join(str(pane) for pane, other in enumerate(tiers, 1) if other == tier)
    return keys + ("b" if both_bad else "")
