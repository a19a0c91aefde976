"""What a launch form holds: a kind of run, its options, and the command that says the same."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, Literal

from rlhf_tui.config.options import OPTIONS, TRAINERS
from rlhf_tui.config.resolve import checked_options, chosen_options
from rlhf_tui.config.settings import Settings, convert_fields, from_environment, table_of_kind
from rlhf_tui.errors import UsageError
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.naming import check_priority, check_title
from rlhf_tui.screens.launch_fields import (
    KINDS,
    NO_RECIPE,
    PRIORITY,
    RECIPE,
    TITLE,
    Field,
    fields_of,
)
from rlhf_tui.screens.widgets.text import FORBIDDEN


def shown(value: Any) -> str:
    """A value as the form writes it, and as `parse` reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


class Form:
    """The state of the form; every kind keeps what was typed when another one is looked at."""

    def __init__(
        self, kind: RunKind, settings: Settings, environ: Mapping[str, str], place: str = ""
    ) -> None:
        """
        Args:
            place: the workspace's directory, where a shell has to be told of it.

        Raises:
            UsageError: the settings or the environment hold something impossible.
        """
        self._settings, self._environ, self._place = settings, environ, place
        self._edited: dict[str, dict[str, Any]] = {name: {} for name in KINDS}
        self._titles: dict[str, str] = dict.fromkeys(KINDS, "")
        self._recipes: dict[str, str] = dict.fromkeys(KINDS, "")
        self._checked: tuple[Any, str] = (None, "")
        """What was typed when conflicts were looked for last, and what was found: looking takes
        as long as a key may."""
        self._priorities: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.turn_to(kind)

    def turn_to(self, kind: RunKind) -> None:
        """Show the form of another kind.

        Raises:
            UsageError: as for the form itself.
        """
        self.kind = kind
        self.fields = fields_of(kind)
        self._read_preset()

    def _read_preset(self) -> None:
        self.preset: dict[str, Any] = self._resolved(chosen_options, {})
        """What the recipe, rlhf.toml and the environment set."""
        self._here = from_environment(table_of_kind(self.kind), self._environ)
        """What the environment of this program sets, which another shell need not have."""

    def _resolved(
        self, resolve: Callable[..., dict[str, Any]], given: dict[str, Any]
    ) -> dict[str, Any]:
        return resolve(
            self.kind,
            self._settings,
            config_file=None,
            environ=self._environ,
            given=given,
            recipe=self.recipe,
        )

    @property
    def title(self) -> str:
        return self._titles[self.kind]

    @property
    def recipe(self) -> str:
        """The recipe's name, empty for none."""
        return self._recipes[self.kind]

    @property
    def priority(self) -> int:
        return self._priorities[self.kind]

    def value(self, field: Field) -> Any:
        if field is TITLE:
            return self.title
        if field is PRIORITY:
            return self.priority
        if field is RECIPE:
            return self.recipe or NO_RECIPE
        return self._edited[self.kind].get(field.name, self.preset.get(field.name, field.default))

    def origin(self, field: Field) -> Literal["typed", "settings", "default"]:
        """Where the value comes from."""
        named = (
            (field is TITLE and self.title)
            or (field is RECIPE and self.recipe)
            or (field is PRIORITY and self.priority)
        )
        if field.name in self._edited[self.kind] or named:
            return "typed"
        return "settings" if field.name in self.preset else "default"

    def parse(self, field: Field, text: str) -> Any:
        """The typed value of a text.

        Raises:
            UsageError: it is not what the field takes, as a sentence.
        """
        text = text.strip()
        if field is TITLE:
            return check_title(text)
        if FORBIDDEN.search(text):
            raise UsageError(f"{field.name} takes plain text, without control characters.")
        if field is RECIPE:
            if text not in field.choices:
                raise UsageError(f"recipe takes {field.takes}, not {text!r}.")
            return text
        if field is PRIORITY:
            try:
                number = int(text or "0")
            except ValueError:
                raise UsageError(f"priority takes {field.takes}, not {text!r}.") from None
            return check_priority(number)
        given: Any = text
        if field.repeated:
            given = [part.strip() for part in text.split(",") if part.strip()]
        elif field.choices == ("no", "yes"):
            given = {"yes": True, "no": False}.get(text.lower(), text)
        elif isinstance(field.default, int) and not isinstance(field.default, bool):
            given = _whole(text)
        where = f"the options of {self.kind}"
        try:
            found = convert_fields(OPTIONS[self.kind], {field.name: given}, where=where, lax=True)
        except UsageError:
            raise UsageError(f"{field.name} takes {field.takes}, not {text!r}.") from None
        value = found[field.name]
        if isinstance(value, float) and value != value:
            raise UsageError(f"{field.name} takes {field.takes}, not {text!r}.")
        return value

    def set(self, field: Field, text: str) -> None:
        """Take a text as the field's value.

        Raises:
            UsageError: as `parse`.
        """
        value = self.parse(field, text)
        if field is TITLE:
            self._titles[self.kind] = value
        elif field is PRIORITY:
            self._priorities[self.kind] = value
        elif field is RECIPE:
            self._recipes[self.kind] = "" if value == NO_RECIPE else value
            self._read_preset()
        elif value == self.preset.get(field.name, field.default):
            self.reset(field)
        else:
            self._edited[self.kind][field.name] = value

    def turn(self, field: Field, by: int) -> bool:
        """Go to the field's next choice; False if it has none to go through."""
        if not field.choices or field.repeated:
            return False
        at = field.choices.index(shown(self.value(field)))
        self.set(field, field.choices[(at + by) % len(field.choices)])
        return True

    def reset(self, field: Field) -> None:
        """Go back to what the settings or the defaults say."""
        if field is TITLE:
            self._titles[self.kind] = ""
        elif field is PRIORITY:
            self._priorities[self.kind] = 0
        elif field is RECIPE:
            self._recipes[self.kind] = ""
            self._read_preset()
        self._edited[self.kind].pop(field.name, None)

    @property
    def arguments(self) -> dict[str, Any]:
        """What a launch sends: all that was set anywhere, no defaults."""
        return self.preset | self._edited[self.kind]

    def conflict(self, field: Field | None = None, text: str = "", *, afresh: bool = False) -> str:
        """Which options exclude each other, as a sentence; empty for none.

        Args:
            field: one whose value would be `text`; None: all as they are.
            afresh: look again though nothing was typed since: a file may be there by now.

        Raises:
            UsageError: `text` is not what the field takes.
        """
        edited = dict(self._edited[self.kind])
        if field is None:
            state = (self.kind, self.recipe, edited)
            if afresh or self._checked[0] != state:
                self._checked = (state, self._conflict_of(edited))
            return self._checked[1]
        if field.name in OPTIONS[self.kind].__struct_fields__:
            edited[field.name] = self.parse(field, text)
        return self._conflict_of(edited)

    def _conflict_of(self, edited: dict[str, Any]) -> str:
        try:
            self._resolved(checked_options, edited)
        except UsageError as error:
            return str(error)
        return ""

    @property
    def command(self) -> str:
        """The shell command that launches the same run in this workspace.

        What rlhf.toml sets is left out: the command reads it, too.
        """
        words = ["rlhf-tui", *(["train"] if self.kind in TRAINERS else []), self.kind]
        if self.recipe:
            words += ["--recipe", self.recipe]
        for name, value in (self._here | self._edited[self.kind]).items():
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            elif isinstance(value, list):
                # An empty text is no item: it says that the list is empty.
                words += [word for item in value or [""] for word in (f"--{flag}", str(item))]
            else:
                words += [f"--{flag}", str(value)]
        if self.priority:
            words += ["--priority", str(self.priority)]
        if self.title:
            words += ["--title", self.title]
        if self._place:
            words += ["-w", self._place]
        return shlex.join(words)


def _whole(text: str) -> Any:
    """`1e4` and `10_000` are whole numbers to people."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else text
