"""The ranking screen: press the panes' numbers best first, Enter submits."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.content import Content

from rlhf_tui.records import MAX_COMPLETIONS
from rlhf_tui.screens import keys
from rlhf_tui.screens.label import LabelScreen
from rlhf_tui.screens.label_state import RankState, order_cleared
from rlhf_tui.screens.label_words import preference, thumb_word, with_keys
from rlhf_tui.screens.widgets.badge import ordinal

FAST = "fast: 1 2 = b x judge and go on"
ROOM_FOR_WORDS = 72
"""Columns under which what is noted beside the order is shortened."""


class RankScreen(LabelScreen):
    """Two to nine completions of one prompt, put in order."""

    KIND = "rank"
    PANES = MAX_COMPLETIONS
    NAME = "Ranking"
    ROOMS: ClassVar[tuple[str, ...]] = ("rank", "label")
    BINDINGS = keys.bindings("rank", "label")

    @property
    def fast(self) -> bool:
        """Fast mode is on, and the item is a pair."""
        return self.program.personal.choices.fast and self.state.size == 2

    def best_so_far(self) -> int | None:
        groups = self.state.groups
        return groups[0][0] if groups else None

    # --- drawing -------------------------------------------------------------------------------

    def draw_judgement(self) -> None:
        state = self.state
        for pane in self.panes.shown:
            number = pane.number
            tier = state.tier(number)
            thumb = thumb_word(state.thumbs.get(number))
            if tier is not None:
                tied = len(state.groups[tier - 1]) > 1
                rank = ordinal(tier) + (" tied" if tied else "")
                pane.head.badge.say(rank, picked=True, thumb=thumb)
                continue
            word = "bad" if state.both_bad else "unsure" if state.unsure else ""
            if number == state.left_over:
                word = "tied" if state.armed else "last"
            pane.head.badge.say(word, picked=False, thumb=thumb)
        self.line.put(self.order(state) if self.session.current else Content())

    def order(self, state: RankState) -> Content:
        """The judgement so far in one row: `2 › 1 = 3`, what Enter would do, or a notice."""
        narrow = self.size.width < ROOM_FOR_WORDS
        then = f" {self.glyphs.then} "
        picked = then.join(" = ".join(map(str, group)) for group in state.groups)
        if state.left_over is not None:
            picked += (" = " if state.armed else then) + f"({state.left_over})"
        elif state.armed:
            picked += " = ?"
        words = [picked, preference(state), "all bad" if state.both_bad else ""]
        words.append("unsure" if state.unsure else "")
        done = "  ".join(word for word in words if word)
        noted = self.noted(short=narrow)
        rest = self.notice or (
            FAST if self.fast else self.missing(state) or self.what_enter_does(state)
        )
        return Content.assemble(
            (f" {done}", "bold $picked"),
            ("   " if done else "", ""),
            (f"{'+' if narrow else 'with '}{noted}   " if noted else "", ""),
            (rest, "$quiet"),
        )

    def missing(self, state: RankState) -> str:
        return with_keys(state.missing, self.key)

    def what_enter_does(self, state: RankState) -> str:
        unranked = len(state.unpicked)
        if unranked and state.left_over is None and not (state.both_bad or state.unsure):
            return f"{self.key('rank.submit')} submits, {unranked} unranked"
        return f"{self.key('rank.submit')} submits"

    # --- keys ----------------------------------------------------------------------------------

    def decide(self, token: str) -> None:
        """A key that says what the order is: in fast mode it judges a pair and goes on."""
        now = self.session.current
        if now is None:
            return
        if not self.fast:
            self.press(token)
            return
        # What was decided before is put away, so that a judgement that was taken back is
        # corrected by one key too.
        now.marks = replace(now.marks, keys=order_cleared(now.marks.keys))
        if not self.press(*(["1", "=", "2"] if token == "=" else [token])):
            word = {"=": "a tie", "b": "all bad", "x": "unsure"}.get(token, f"{token} is better")
            undo = self.key("label.undo")
            self.submit(f"The last one: {word}.  {undo} takes it back   {FAST}")

    def action_pick(self, pane: int) -> None:
        self.decide(str(pane))

    def action_tie(self) -> None:
        self.decide("=")

    def action_bad(self) -> None:
        self.decide("b")

    def action_unsure(self) -> None:
        self.decide("x")

    def action_move(self, step: int) -> None:
        pane = self.chosen or self.state.last
        if pane is None:
            self.tell("Nothing is ranked yet that could be moved.")
        else:
            self.press(f"{'[' if step < 0 else ']'}{pane}")

    def action_strength(self, step: int) -> None:
        self.press(">" if step > 0 else "<")

    def action_thumb(self, good: int) -> None:
        state = self.state
        bare = (pane for pane in range(1, state.size + 1) if pane not in state.thumbs)
        pane = self.chosen or next(bare, None)
        if pane is None:
            chooses = self.key("label.next-pane")
            self.tell(f"All have a thumb: {chooses} chooses the one to change.")
        else:
            self.press(f"{'y' if good else 'n'}{pane}")

    def action_fast(self) -> None:
        personal = self.program.personal
        personal.set(fast=not personal.choices.fast)
        self.session.touch()
        if not personal.choices.fast:
            self.tell(f"Fast mode is off: {self.key('rank.submit')} submits.")
        elif self.fast:
            self.tell(f"Fast mode is on: {FAST}")
        else:
            self.tell("Fast mode is on; it begins with the next pair.")

    def action_submit(self) -> None:
        missing = self.missing(self.state)
        if missing:
            self.session.touch()
            self.tell(missing)
        else:
            self.submit()

    def undo_key(self) -> bool:
        # In fast mode an order is never half-made: what came back was judged, and the next key
        # says it anew or goes further back.
        if self.fast and self.state.keys[-1:] not in "<>" and not self.state.thumbs:
            return False
        return super().undo_key()
