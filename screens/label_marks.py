"""Everything that a person has marked on an item so far, to and from events and drafts; pure.

Panes are the completions in the order shown, numbered from 1; what the person wrote stands behind
them. Ids are what an event and a draft are read by: the order shown may differ from visit to
visit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rlhf_tui.records import Event
from rlhf_tui.screens.label_state import RankState, tokens

Aspects = Mapping[str, Mapping[str, int]]
"""Completion id → aspect → point of its scale, 1 (worst) up."""


@dataclass(frozen=True)
class Marks:
    """A judgement in the making."""

    keys: str = ""
    """Order, ties, all bad, unsure, strength and thumbs, as the keys that made them
    (label_state.RankState). Undo takes back the last of them, and nothing below."""
    aspects: Aspects = field(default_factory=dict)
    critique: str = ""
    tags: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing is marked: no draft is needed."""
        return not (self.keys or self.aspects or self.critique or self.tags)

    def state(self, shown: Sequence[str]) -> RankState:
        """What the keys come to for these panes."""
        return RankState.replay(len(shown), self.keys)

    def rated(self, completion_id: str, aspect: str, point: int | None) -> Marks:
        """With a point for an aspect of a completion, or without one."""
        points = dict(self.aspects.get(completion_id, {}))
        points.pop(aspect, None)
        if point is not None:
            points[aspect] = point
        others = {one: given for one, given in self.aspects.items() if one != completion_id}
        return replace(self, aspects={**others, completion_id: points} if points else others)


def event_fields(marks: Marks, shown: Sequence[str]) -> dict[str, Any]:
    """The fields of an Event that say what was judged; tiers and thumbs in the order of `shown`.

    A judgement without an order has no tiers, one without a thumb no thumbs, except that the
    tiers of a ranking that is all bad are all None.
    """
    state = marks.state(shown)
    thumbs = [state.thumbs.get(pane) for pane in range(1, len(shown) + 1)]
    given = {one: dict(marks.aspects[one]) for one in shown if marks.aspects.get(one)}
    return {
        "tiers": state.tiers if len(shown) > 1 else [],
        "thumbs": thumbs if state.thumbs else [],
        "both_bad": state.both_bad,
        "unsure": state.unsure,
        "strength": state.strength,
        "aspects": given,
        "critique": marks.critique,
        "tags": list(marks.tags),
    }


def marks_of_event(event: Event, shown: Sequence[str]) -> Marks:
    """The marks that an event was made of, for panes in the order of `shown`.

    Completions of the event that are not shown any more lose their marks.
    """
    pane_of = {completion_id: pane for pane, completion_id in enumerate(shown, 1)}
    keys = "".join(
        f"{'y' if thumb else 'n'}{pane_of[one]}"
        for one, thumb in zip(event.shown, event.thumbs, strict=False)
        if thumb is not None and one in pane_of
    )
    tier_of = dict(zip(event.shown, event.tiers, strict=False))
    for tier in sorted({tier for tier in tier_of.values() if tier is not None}):
        keys += "=".join(str(pane) for one, pane in pane_of.items() if tier_of.get(one) == tier)
    for written in event.written:
        own, parent = pane_of.get(written.completion_id), pane_of.get(written.parent or "")
        if own and parent:
            keys += f"e{own}{parent}"
        elif own and tier_of.get(written.completion_id) == 1:
            keys += f"w{own}"
    keys += ">" * (event.strength or 0) + "b" * event.both_bad + "x" * event.unsure
    return Marks(
        RankState.replay(len(shown), keys).keys,
        {one: dict(points) for one, points in event.aspects.items() if one in pane_of and points},
        event.critique,
        tuple(event.tags),
    )


def draft_of(marks: Marks) -> dict[str, Any]:
    """The body of a draft; who keeps it adds `shown`, the ids in the order of the panes."""
    body: dict[str, Any] = {
        "keys": marks.keys,
        "aspects": {one: dict(points) for one, points in marks.aspects.items()},
        "critique": marks.critique,
        "tags": list(marks.tags),
    }
    return {name: value for name, value in body.items() if value}


def marks_of_draft(body: Mapping[str, Any], shown: Sequence[str]) -> Marks:
    """The marks of a draft, moved to where the panes are now; what is no mark is left out."""
    keys, then = body.get("keys"), body.get("shown")
    moved = ""
    if isinstance(keys, str) and isinstance(then, list):
        moved = moved_keys(keys, then, shown)
    aspects, critique, tags = body.get("aspects"), body.get("critique"), body.get("tags")
    return Marks(
        RankState.replay(len(shown), moved).keys,
        _points(aspects, shown) if isinstance(aspects, dict) else {},
        critique if isinstance(critique, str) else "",
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def moved_keys(keys: str, then: Sequence[Any], now: Sequence[str]) -> str:
    """Keys made when the panes stood in the order `then`, for the order `now`.

    A key about a completion that is gone is left out.
    """
    place = {completion_id: str(pane) for pane, completion_id in enumerate(now, 1)}
    moved = []
    for token in tokens(keys):
        digits = token if token.isdecimal() else token[1:]
        ids = [str(then[int(digit) - 1]) for digit in digits if int(digit) <= len(then)]
        found = [place[one] for one in ids if one in place]
        if len(found) == len(digits):
            moved.append(token.removesuffix(digits) + "".join(found))
    return "".join(moved)


def _points(aspects: dict[Any, Any], shown: Sequence[str]) -> Aspects:
    found: dict[str, dict[str, int]] = {}
    for one, points in aspects.items():
        if one in shown and isinstance(points, dict):
            known = {
                str(name): point
                for name, point in points.items()
                if isinstance(point, int) and not isinstance(point, bool) and point >= 1
            }
            if known:
                found[one] = known
    return found
