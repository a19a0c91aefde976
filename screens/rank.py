"""The ranking screen: press the panes' numbers best first, Enter submits."""

from __future__ import annotations

from textual.content import Content

from rlhf_tui.records import MAX_COMPLETIONS
from rlhf_tui.screens import keys
from rlhf_tui.screens.label import LabelScreen
from rlhf_tui.screens.label_state import RankState, keys_of
from rlhf_tui.screens.widgets.badge import ordinal


class RankScreen(LabelScreen):
    """Two to nine completions of one prompt, put in order."""

    KIND = "rank"
    PANES = MAX_COMPLETIONS
    NAME = "Ranking"
    ROOMS = ("rank", "label")
    BINDINGS = keys.bindings("rank", "label")

    @property
    def state(self) -> RankState:
        work = self.session.current
        return RankState.replay(len(work.item.completions), work.keys) if work else RankState(0)

    def keys_of(self, tiers: list[int | None], both_bad: bool) -> str:
        return keys_of(tiers, both_bad=both_bad)

    def draw_judgement(self) -> None:
        state = self.state
        for pane in self.panes.shown:
            tier = state.tier(pane.number)
            if tier is not None:
                tied = len(state.groups[tier - 1]) > 1
                pane.head.badge.say(ordinal(tier) + (" tied" if tied else ""), picked=True)
            elif pane.number == state.left_over:
                pane.head.badge.say("tied" if state.armed else "last", picked=False)
            else:
                pane.head.badge.say("bad" if state.both_bad else "", picked=False)
        self.line.update(self.order(state) if self.session.current else "", layout=False)

    def order(self, state: RankState) -> Content:
        """The ranking so far in one row: `2 › 1 = 3`, what Enter would do, or a notice."""
        then = f" {self.glyphs.then} "
        picked = then.join(" = ".join(map(str, group)) for group in state.groups)
        if state.left_over is not None:
            picked += (" = " if state.armed else then) + f"({state.left_over})"
        elif state.armed:
            picked += " = ?"
        bad = "all bad" if state.both_bad else ""
        done = "  ".join(part for part in (picked, bad) if part)
        if self.notice:
            rest = self.notice
        elif state.missing:
            rest = state.missing
        elif state.unpicked and state.left_over is None and not state.both_bad:
            rest = f"Enter submits, {len(state.unpicked)} unranked"
        else:
            rest = "Enter submits"
        gap = "   " if done else ""
        return Content.assemble((f" {done}", "bold $picked"), gap, (rest, "$quiet"))

    def press(self, key: str) -> None:
        work = self.session.current
        if work is None:
            return
        self.session.touch()
        state, notice = self.state.press(key)
        if state.keys != work.keys:
            work.keys = state.keys
            self.session.draft()
        self.draw_judgement_and(notice)

    def action_pick(self, pane: int) -> None:
        self.press(str(pane))

    def action_tie(self) -> None:
        self.press("=")

    def action_bad(self) -> None:
        self.press("b")

    def action_submit(self) -> None:
        if self.session.current is None:
            return
        self.session.touch()
        state = self.state
        if state.missing:
            self.draw_judgement_and(state.missing)
            return
        self.session.judge(tiers=state.tiers, both_bad=state.both_bad)
        self.draw_item()

    def undo_key(self) -> bool:
        work = self.session.current
        before = self.state.undo()
        if work is None or before is None:
            return False
        work.keys = before.keys
        self.session.draft()
        self.draw_judgement_and("")
        return True
