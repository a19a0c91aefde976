"""Views saved by name on the dashboard: how runs are shown, for whichever runs there are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from rlhf_tui.errors import UsageError
from rlhf_tui.screens.dashboard_view import Returning
from rlhf_tui.tracking.views import STANDARD, SavedViews, check_name

if TYPE_CHECKING:
    from rlhf_tui.screens.label_choose import Chosen
    from rlhf_tui.screens.palette import Entry


class Viewing(Returning):
    """Chooses, saves and deletes views; the runs stay the same."""

    @property
    def saved(self) -> SavedViews:
        return SavedViews(self.program.person)

    def show_view(self) -> None:
        """Show the chosen pane, and no other."""
        raise NotImplementedError

    def action_views(self) -> None:
        """List the views, to show one or to save this one."""
        # Not needed before the first picture.
        from rlhf_tui.screens.label_choose import PickAsk

        def chosen(answer: Chosen | None) -> None:
            if answer is not None and answer.another:
                self._ask_name()
            elif answer is not None:
                self.show_saved(answer.names[0])

        hint = "1-9 or Enter shows it   o saves this view   q leaves it"
        self.app.push_screen(PickAsk("Views", hint, [STANDARD, *self.saved.names()]), chosen)

    def show_saved(self, name: str) -> None:
        """Show the runs as this view has them; the standard one shows the chosen run alone."""
        try:
            layout = self.saved.read(name)
        except UsageError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        self.take_layout(layout)
        if name == STANDARD:
            self.others.clear()
            self.charts.whole_again()
            self._mark()
        self.show_view()

    def _ask_name(self) -> None:
        from rlhf_tui.screens.dashboard_lines import LineAsk

        def typed(name: str | None) -> None:
            if name is not None:
                self._save(name.strip())

        hint = "it keeps how runs are shown, not which"
        ask = LineAsk("Name of the view", "", lambda name: check_name(name.strip()), hint)
        self.app.push_screen(ask, typed)

    def _save(self, name: str) -> None:
        before = name in self.saved.names()
        try:
            self.saved.save(name, self.standing().layout)
        except OSError as error:
            told = f"{self.saved.directory}: {error.strerror}."
            self.notify(told, title="Not saved", severity="error", markup=False)
            return
        what = "is this view now" if before else "is saved"
        self.notify(f"{name!r} {what}. {self.key('dashboard.views')} lists all.", markup=False)

    def _delete(self, name: str) -> None:
        try:
            self.saved.delete(name)
        except OSError as error:
            self.notify(f"{error.strerror}.", title="Not deleted", severity="error", markup=False)
            return
        self.notify(f"The view {name!r} is deleted.", markup=False)

    def palette_entries(self) -> Iterator[Entry]:
        from rlhf_tui.screens.palette import Entry

        names = self.saved.names()
        for name in [STANDARD, *names]:
            yield Entry(f"View: {name}", "", partial(self.show_saved, name))
        for name in names:
            yield Entry(f"Delete the view: {name}", "", partial(self._delete, name))
