"""Tiers in the making: picked panes as groups, best first, and how an entry moves among them."""

from __future__ import annotations

Groups = tuple[tuple[int, ...], ...]
"""Panes by tier, best first; the panes of one tier are tied."""


def tier_of(groups: Groups, pane: int) -> int | None:
    """The tier of a pane, from 1 (best); None when it is unranked."""
    for tier, group in enumerate(groups, 1):
        if pane in group:
            return tier
    return None


def without(groups: Groups, pane: int) -> Groups:
    """The groups with a pane taken out; a tier that is left empty closes."""
    rest = (tuple(other for other in group if other != pane) for group in groups)
    return tuple(group for group in rest if group)


def moved(groups: Groups, pane: int, step: int) -> Groups:
    """The groups with a ranked pane one place up (`step` -1) or down (1); at the end, unchanged.

    A pane that is tied leaves the tie, to a tier of its own directly above or below it. A pane
    alone on its tier changes places with the tier beside it. The other panes keep their order
    among themselves.

    Raises:
        ValueError: the pane is not ranked.
    """
    at = next((index for index, group in enumerate(groups) if pane in group), None)
    if at is None:
        raise ValueError(f"pane {pane} is not ranked")
    group = groups[at]
    if len(group) > 1:
        rest = tuple(other for other in group if other != pane)
        pair: Groups = ((pane,), rest) if step < 0 else (rest, (pane,))
        return (*groups[:at], *pair, *groups[at + 1 :])
    to = at + step
    if not 0 <= to < len(groups):
        return groups
    order = list(groups)
    order[at], order[to] = order[to], order[at]
    return tuple(order)


def above(groups: Groups, pane: int, parent: int) -> Groups:
    """The groups with `pane` on a better tier than `parent`; an unranked parent joins at the end.

    Where `pane` stands above already nothing moves; else it gets a tier of its own directly
    above the parent's.
    """
    own, other = tier_of(groups, pane), tier_of(groups, parent)
    if own is not None and other is not None and own < other:
        return groups
    rest = without(groups, pane)
    if other is None:
        return (*rest, (pane,), (parent,))
    at = (tier_of(rest, parent) or 1) - 1
    return (*rest[:at], (pane,), *rest[at:])


def first(groups: Groups, pane: int) -> Groups:
    """The groups with a pane before all others, on a tier of its own."""
    return ((pane,), *without(groups, pane))
