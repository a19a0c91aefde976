"""Which window a field of the launch form is changed in."""

from __future__ import annotations

from textual.screen import ModalScreen

from rlhf_tui.screens.launch_choices import CHOSEN, choices, taken
from rlhf_tui.screens.launch_choose import Choice, ChooseValue, paths_of
from rlhf_tui.screens.launch_edit import EditValue
from rlhf_tui.screens.launch_fields import Field
from rlhf_tui.screens.launch_form import Form, shown
from rlhf_tui.screens.link import Link
from rlhf_tui.screens.theme import Glyphs


def window_of(
    field: Field, form: Form, link: Link | None, glyphs: Glyphs
) -> ModalScreen[str | None]:
    """The window for a field: a list where there is something to choose from, else a line.

    Args:
        link: the hub, which knows the runs; None without one.
    """
    value = shown(form.value(field))

    def check(text: str) -> str:
        form.parse(field, text)
        return form.conflict(field, text)

    if field.name not in CHOSEN or link is None:
        return EditValue(field.name, field.meaning, field.takes, value, check)

    async def listed() -> list[Choice]:
        return await choices(link, form.kind, field.name)

    return ChooseValue(
        field.name,
        field.meaning,
        value,
        glyphs,
        choices=listed,
        paths=lambda text: paths_of(text, lambda path: taken(field.name, path)),
        check=check,
    )
