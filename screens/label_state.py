"""What a half-made judgement is, as pure state: picks, ties, moves, thumbs, undo, time at work.

A judgement in the making is the string of keys that made it, `1=3b` say: undo drops the last key,
a draft is the string, and the tiers follow from reading it. Definitions:

- a digit ranks that pane behind all picked so far;
- `=` arms a tie: the next pick joins the last tier; `=` again disarms it;
- `b` says that all of them are bad, beside or without an order; `b` again takes it back;
- `x` says unsure: no preference can be told, so that the picks are put away; `x` again brings
  them back, and a pick takes the unsure back;
- `[3` and `]3` move pane 3 up and down, as label_tiers.moved defines it;
- `>` and `<` make the preference between the two of a pair stronger and weaker;
- `y3` and `n3` give pane 3 a thumb up or down; the same again takes it back;
- `e53` says that pane 5 is an edit of pane 3 and stands above it; `w5` that pane 5 was written
  from nothing and stands first;
- one pane left over after at least one pick is last, or tied with the last pick if `=` is armed;
- two or more left over stay unranked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rlhf_tui.screens import label_tiers
from rlhf_tui.screens.label_tiers import Groups, tier_of

IDLE_AFTER_S = 60.0
"""A pause counts up to here: longer ones are somebody away from the keyboard."""
MUCH = 4
"""The strongest preference; 1 is the weakest that is said at all."""
TOKEN = re.compile(r"[\[\]yn][1-9]|e[1-9][1-9]|w[1-9]|[1-9=bx<>]")
"""One key as it is kept: the sign, then the panes that it is about."""
AGAIN = "=bx"
"""Keys that take themselves back."""


def tokens(keys: str) -> list[str]:
    """The keys of a string one by one; what is none is left out (an old draft)."""
    return TOKEN.findall(keys)


def order_cleared(keys: str) -> str:
    """The keys without those that say what the order is; thumbs and strength stay."""
    return "".join(token for token in tokens(keys) if token[0] in "yn<>")


@dataclass(frozen=True)
class RankState:
    """A judgement in the making; panes are numbered from 1 in the order shown."""

    size: int
    """Panes, 1 to 9."""
    keys: str = ""
    """The keys that were taken, in order."""
    groups: Groups = ()
    """Picked panes, best tier first, without the one left over."""
    armed: bool = False
    """The next pick ties with the last tier."""
    both_bad: bool = False
    unsure: bool = False
    leaning: int = 0
    """Strength of preference as set so far, 0 (none said) to MUCH."""
    thumbs: Mapping[int, bool] = field(default_factory=dict)
    """Pane → thumb up or down."""
    parents: Mapping[int, int] = field(default_factory=dict)
    """Edit → the pane that it is an edit of."""
    last: int | None = None
    """The pane picked or moved last."""

    @classmethod
    def replay(cls, size: int, keys: str) -> RankState:
        """The state after these keys, leaving out those that cannot be taken (an old draft)."""
        state = cls(size)
        for token in tokens(keys):
            state, _ = state.press(token)
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
    def ranked(self) -> Groups:
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
        return [tier_of(self.ranked, pane) for pane in range(1, self.size + 1)]

    @property
    def strength(self) -> int | None:
        """Strength of the preference, 1 slightly to 4 much; None without one to speak of."""
        return self.leaning if self.size == 2 and len(self.ranked) == 2 and self.leaning else None

    @property
    def missing(self) -> str:
        """Why this cannot be submitted yet, as a sentence; empty when it can. Keys stand in it by
        id, as in `{rank.bad}` (label_words.with_keys)."""
        if self.both_bad or self.unsure or sum(map(len, self.ranked)) >= 2:
            return ""
        if self.size < 2:
            return (
                "One completion cannot be ranked: {rank.bad} calls it bad, {label.skip} skips it."
            )
        if not self.groups:
            return (
                "Pick at least two, best first "
                "({rank.bad} bad, {rank.unsure} unsure, {label.skip} skip)."
            )
        return "Pick one more: a ranking needs two."

    def tier(self, pane: int) -> int | None:
        """The tier of a picked pane; the one left over has none before it is submitted."""
        return tier_of(self.groups, pane)

    def press(self, token: str) -> tuple[RankState, str]:
        """The state after a key, and a notice: empty, or why the key was not taken, keys by id."""
        sign, panes = (token[0], token[1:]) if token else ("", "")
        for digit in panes if panes else token:
            if digit.isdecimal() and not 1 <= int(digit) <= self.size:
                return self, f"There is no completion {digit} here."
        before = tokens(self.keys)
        if before and self._takes_back(before[-1], token):
            return RankState.replay(self.size, "".join(before[:-1])), ""
        refusal = ""
        if sign.isdecimal():
            after, refusal = self._pick(int(sign))
        elif sign in ("[", "]"):
            after, refusal = self._move(int(panes), -1 if sign == "[" else 1)
        elif sign in ("<", ">"):
            after, refusal = self._lean(1 if sign == ">" else -1)
        elif sign in ("y", "n"):
            after = self._thumb(int(panes), sign == "y")
        elif sign in ("e", "w"):
            after, refusal = self._place(*map(int, panes))
        elif sign == "=":
            after, refusal = self._tie()
        elif sign == "b":
            after = replace(self, both_bad=not self.both_bad, unsure=False)
        elif sign == "x":
            after, refusal = self._doubt()
        else:
            after, refusal = self, f"{token} says nothing here."
        return (self, refusal) if refusal else (replace(after, keys=self.keys + token), "")

    @staticmethod
    def _takes_back(before: str, token: str) -> bool:
        return ((token in AGAIN or token[0] in "yn") and token == before) or {token, before} == {
            *"<>"
        }

    def _pick(self, pane: int) -> tuple[RankState, str]:
        if pane not in self.unpicked:
            ways = "{rank.up} and {rank.down} move it, {label.undo} takes back"
            return self, f"{pane} is ranked already: {ways}."
        groups = self.groups
        tied = (*groups[:-1], (*groups[-1], pane)) if self.armed else (*groups, (pane,))
        return replace(self, groups=tied, armed=False, unsure=False, last=pane), ""

    def _tie(self) -> tuple[RankState, str]:
        if not self.groups:
            return self, "Pick one first: {rank.tie} ties the next pick with it."
        if not self.unpicked:
            return self, "All are ranked: {rank.submit} submits, {label.undo} takes back."
        return replace(self, armed=not self.armed), ""

    def _doubt(self) -> tuple[RankState, str]:
        if self.unsure:
            return replace(self, unsure=False), ""
        if self.parents or (self.groups and "w" in self.keys):
            return self, "What you wrote is ranked: {label.undo} takes it back first."
        return replace(self, unsure=True, both_bad=False, groups=(), armed=False, last=None), ""

    def _move(self, pane: int, step: int) -> tuple[RankState, str]:
        # What comes last by itself moves like what was picked.
        groups = self.ranked
        if tier_of(groups, pane) is None:
            return self, f"{pane} is not ranked yet: {pane} ranks it."
        after = label_tiers.moved(groups, pane, step)
        if after == groups:
            return self, f"{pane} is {'first' if step < 0 else 'last'} already."
        return replace(self, groups=after, armed=False, last=pane)._edits_above()

    def _lean(self, step: int) -> tuple[RankState, str]:
        if self.size != 2:
            return self, "Strength of preference is for pairs."
        to = self.leaning + step
        if not 0 <= to <= MUCH:
            return self, "It is the strongest already." if step > 0 else "No strength is said."
        return replace(self, leaning=to), ""

    def _thumb(self, pane: int, up: bool) -> RankState:
        rest = {other: thumb for other, thumb in self.thumbs.items() if other != pane}
        if self.thumbs.get(pane) is not up:
            rest[pane] = up
        return replace(self, thumbs=rest)

    def _place(self, pane: int, parent: int | None = None) -> tuple[RankState, str]:
        if pane == parent:
            return self, f"{pane} cannot be an edit of itself."
        calm = replace(self, armed=False, unsure=False, last=pane)
        if parent is None:
            return replace(calm, groups=label_tiers.first(self.groups, pane))._edits_above()
        groups = label_tiers.above(self.groups, pane, parent)
        return replace(calm, groups=groups, parents={**self.parents, pane: parent})._edits_above()

    def _edits_above(self) -> tuple[RankState, str]:
        """The state itself, and why it cannot be if an edit is not above what it was made of."""
        for edit, parent in self.parents.items():
            own, other = tier_of(self.groups, edit), tier_of(self.groups, parent)
            if own is not None and other is not None and own >= other:
                return self, f"{edit} is an edit of {parent} and stands above it."
        return self, ""

    def undo(self) -> RankState | None:
        """The state before the last key; None when there is nothing to take back."""
        before = tokens(self.keys)[:-1] if self.keys else None
        return None if before is None else RankState.replay(self.size, "".join(before))


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
