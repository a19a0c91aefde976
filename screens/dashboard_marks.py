"""What people say of a run on the dashboard: its title, a note, tags, and that it is put away."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import Answer, EditRun, Request, RunAnswer, RunInfo
from rlhf_tui.runs.naming import check_note, check_title, tagged
from rlhf_tui.screens.dashboard_live import Live
from rlhf_tui.screens.dashboard_source import ACTIVE
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.work import work

A = TypeVar("A", bound=Answer)


class Marks(Live):
    """The actions that change what is said of the chosen run."""

    def subject(self) -> RunInfo | None:
        """The chosen run, if it can be changed from here; else this is said."""
        if self.source.only_shown:
            self.notify(self.source.only_shown, severity="warning", markup=False)
            return None
        return self.runs.chosen

    def change(
        self,
        request: Request,
        answer: type[A],
        failed: str,
        done: Callable[[A], str] = lambda _: "",
        leaving: str = "",
    ) -> None:
        """Ask for a change, and look at the runs again.

        Args:
            failed: title of what is said when it is refused.
            done: what to say when it is not; empty: what is seen says it.
            leaving: the run that will leave the list by it.
        """
        self.leaving.add(leaving)
        self.run_worker(work(self._change, request, answer, failed, done, leaving), group="ask")

    async def _change(
        self,
        request: Request,
        answer: type[A],
        failed: str,
        done: Callable[[A], str],
        leaving: str,
    ) -> None:
        try:
            found = await self.source.ask(request, answer)
        except RlhfError as error:
            self.leaving.discard(leaving)
            self.notify(str(error), title=failed, severity="error", markup=False)
            return
        told = done(found)
        if told:
            self.notify(clean(told, encoding=self.glyphs.encoding).text, markup=False)
        self.look_again()

    def edit(
        self,
        request: EditRun,
        done: Callable[[RunAnswer], str] = lambda _: "",
        leaving: str = "",
    ) -> None:
        self.change(request, RunAnswer, "Not changed", done, leaving)

    def action_rename(self) -> None:
        info = self.subject()
        if info is None:
            return

        def typed(title: str | None) -> None:
            if title is not None and title.strip() != info.title:
                self.edit(EditRun(info.run_id, title=title))

        from rlhf_tui.screens.dashboard_lines import LineAsk

        ask = LineAsk(f"Title of {info.run_id}", info.title, check_title, "empty: none")
        self.app.push_screen(ask, typed)

    def action_note(self) -> None:
        info = self.subject()
        if info is None:
            return

        def typed(note: str | None) -> None:
            if note is not None and note.strip() != info.note:
                self.edit(
                    EditRun(info.run_id, note=note),
                    lambda now: f"{info.run_id} has {'a note' if now.run.note else 'no note'}.",
                )

        from rlhf_tui.screens.dashboard_lines import NoteAsk

        self.app.push_screen(NoteAsk(f"Note on {info.run_id}", info.note, check_note), typed)

    def action_tag(self) -> None:
        """Edit the tags as words of one line; only what was changed is asked for."""
        info = self.subject()
        if info is None:
            return

        def typed(words: str | None) -> None:
            if words is None:
                return
            wanted = words.split()
            add = [tag for tag in wanted if tag not in info.tags]
            drop = [tag for tag in info.tags if tag not in wanted]
            if add or drop:
                self.edit(EditRun(info.run_id, add_tags=add, drop_tags=drop))

        from rlhf_tui.screens.dashboard_lines import LineAsk

        ask = LineAsk(
            f"Tags of {info.run_id}",
            "".join(f"{tag} " for tag in info.tags),
            lambda words: tagged([], words.split(), []),
            "words, with space between",
        )
        self.app.push_screen(ask, typed)

    def action_archive(self) -> None:
        info = self.subject()
        if info is None:
            return
        if info.state in ACTIVE:
            self.notify(
                f"{info.run_id} is {info.state}: only a run that has ended is put away.",
                markup=False,
            )
            return

        def done(now: RunAnswer) -> str:
            if not now.run.archived:
                return f"{info.run_id} is back in the list."
            return f"{info.run_id} is put away. A shows what is."

        leaving = "" if info.archived or self.source.archived else info.run_id
        self.edit(EditRun(info.run_id, archived=not info.archived), done, leaving)

    def action_archived(self) -> None:
        self.source.archived = not self.source.archived
        shown = "shown, too" if self.source.archived else "left out"
        self.notify(f"Runs that were put away are {shown}.", markup=False)
        self.look_again()
