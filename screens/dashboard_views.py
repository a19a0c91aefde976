"""Views saved by name on the dashboard: how runs are shown, for whichever runs there are.

Not needed before the first picture, and imported later.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from rlhf_tui.errors import UsageError
from rlhf_tui.screens.dashboard_lines import LineAsk
from rlhf_tui.screens.label_choose import Chosen, PickAsk
from rlhf_tui.screens.palette import Entry
from rlhf_tui.tracking.views import STANDARD, SavedViews, check_name

if TYPE_CHECKING:
    from rlhf_tui.screens.dashboard_view import Returning

HINT = "1-9 or Enter shows it   o saves this view   q leaves it"
KEPT = "it keeps how runs are shown, not which"


class Views:
    """The views of a dashboard's person: lists them, shows, saves and deletes one."""

    def __init__(self, room: Returning) -> None:
        self.room = room
        self.saved = SavedViews(room.program.person)

    def ask(self) -> None:
        """List the views, to show one or to save this one."""

        def chosen(answer: Chosen | None) -> None:
            if answer is not None and answer.another:
                self.ask_name()
            elif answer is not None:
                self.show(answer.names[0])

        names = [STANDARD, *self.saved.names()]
        self.room.app.push_screen(PickAsk("Views", HINT, names), chosen)

    def ask_name(self) -> None:
        """Ask for a name, and save how the dashboard stands under it."""

        def typed(name: str | None) -> None:
            if name is not None:
                self.save(name.strip())

        ask = LineAsk("Name of the view", "", lambda name: check_name(name.strip()), KEPT)
        self.room.app.push_screen(ask, typed)

    def entries(self) -> Iterator[Entry]:
        """Lines of the palette."""
        names = self.saved.names()
        for name in [STANDARD, *names]:
            yield Entry(f"View: {name}", "", partial(self.show, name))
        for name in names:
            yield Entry(f"Delete the view: {name}", "", partial(self.delete, name))

    def show(self, name: str) -> None:
        """Show the runs as this view has them; the standard one shows the chosen run alone."""
        try:
            layout = self.saved.read(name)
        except UsageError as error:
            self.room.notify(str(error), severity="warning", markup=False)
            return
        if name == STANDARD:
            self.room.alone()
        self.room.take_layout(layout)
        self.room.show_view()

    def save(self, name: str) -> None:
        """Keep how runs are shown now under a name that can be one."""
        before = name in self.saved.names()
        try:
            self.saved.save(name, self.room.standing().layout)
        except OSError as error:
            told = f"{self.saved.directory}: {error.strerror}."
            self.room.notify(told, title="Not saved", severity="error", markup=False)
            return
        what = "is this view now" if before else "is saved"
        key = self.room.key("dashboard.views")
        self.room.notify(f"{name!r} {what}. {key} lists all.", markup=False)

    def delete(self, name: str) -> None:
        """Forget a view."""
        try:
            self.saved.delete(name)
        except OSError as error:
            told = f"{self.saved.directory}: {error.strerror}."
            self.room.notify(told, title="Not deleted", severity="error", markup=False)
            return
        self.room.notify(f"The view {name!r} is deleted.", markup=False)
