"""How a person's dashboard stands, kept on disk for the next time, and views saved by name.

Where they were: one file a person and workspace, or set of files that other programs wrote. Views
by name: one file each, for all workspaces of the person, since they hold no runs. Each file is
replaced whole: of two programs at once the last one to write wins.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import unquote

import msgspec
import platformdirs

from rlhf_tui.config.file_names import file_name
from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.runs.layout import write_atomic
from rlhf_tui.tracking.clock import XAxis

VERSION = 1
STANDARD = "standard"
"""The name of the view that nobody has to save."""
LONGEST_NAME = 40


class KindCharts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which charts are seen of runs of one kind."""

    sought: str = ""
    """Only metrics that this search finds; empty: all."""
    first: str = ""
    """Title of the chart that the page begins with; empty: the first page."""


class ChartsLayout(msgspec.Struct, frozen=True, omit_defaults=True):
    """How charts are drawn."""

    log: bool = False
    smoothing: float = 0.0
    axis: XAxis = "step"
    full: bool = False
    """One chart on the whole pane."""
    kinds: dict[str, KindCharts] = {}
    """By kind of run."""


class PaneLayout(msgspec.Struct, frozen=True, omit_defaults=True):
    """How another pane is shown."""

    sought: str = ""
    diff: bool = False


class Layout(msgspec.Struct, frozen=True, omit_defaults=True):
    """How runs are shown, whichever they are: what a view saved by name holds."""

    pane: str = "charts"
    folded: bool = False
    """The list of runs is hidden."""
    charts: ChartsLayout = ChartsLayout()
    panes: dict[str, PaneLayout] = {}
    """The other panes by title."""


class Stretch(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is seen of the x axis."""

    axis: XAxis = "step"
    seen: tuple[float, float] | None = None
    """None: all of it, or its newest part."""
    newest: float = 0.0
    """Length of the newest part, which moves along; 0: none."""
    cross: float | None = None
    """Where the crosshair stands; None: off."""


class Spot(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place in a pane that has steps, or is scrolled."""

    run: str = ""
    """Whose step it is; of another run it says nothing."""
    step: int | None = None
    """None: the newest."""
    index: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Which prompt, or which distribution."""

    def of(self, run: str) -> Spot:
        """Itself, if it is a place in this run; else the beginning, at the newest step."""
        return self if self.run == run else Spot()


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which runs are looked at, and where in them."""

    run: str = ""
    went: bool = False
    """The person went to this run; else it was the first of the list."""
    beside: list[str] = []
    """Runs kept for comparison, in their order."""
    styles: dict[str, int] = {}
    """Colours and marks of the compared runs."""
    archived: bool = False
    """Runs that were put away are listed, too."""
    stretch: Stretch = Stretch()
    spots: dict[str, Spot] = {}
    """By title of the pane."""


class View(msgspec.Struct, frozen=True):
    """All that is kept of a dashboard."""

    version: int = VERSION
    layout: Layout = Layout()
    place: Place = Place()


class Saved(msgspec.Struct, frozen=True):
    """What is kept under a name."""

    version: int = VERSION
    layout: Layout = Layout()


class _Versioned(msgspec.Struct):
    version: int


S = TypeVar("S", View, Saved)


def _state() -> Path:
    return platformdirs.user_state_path("rlhf-tui")


def place_path(person: str, of: Iterable[Path]) -> Path:
    """The file of a person for a workspace's root, or for the paths that a dashboard shows."""
    paths = sorted(os.fsencode(path.absolute()) for path in of)
    place = hashlib.sha256(b"\0".join(paths)).hexdigest()[:16]
    return _state() / "dashboard" / f"{place}-{file_name(person)}.json"


def read_view(path: Path) -> tuple[View, str]:
    """How the dashboard was left, and a sentence where that cannot be read.

    A file that is damaged, or of a newer version, is moved aside.
    """
    return _read(path, View, "How you left the dashboard")


def write_view(path: Path, view: View | Saved) -> None:
    """Replace the file.

    Raises:
        OSError: this disk does not take it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(path, view)


class SavedViews:
    """The views that a person has saved by name."""

    def __init__(self, person: str) -> None:
        self.directory = _state() / "views" / f"{file_name(person)}@"

    def names(self) -> list[str]:
        """Their names, in order; none where there are none, or they cannot be read."""
        try:
            found = [path.stem for path in self.directory.iterdir() if path.suffix == ".json"]
        except OSError:
            return []
        return sorted(name for name in map(unquote, found) if not _problem(name))

    def path(self, name: str) -> Path:
        return self.directory / f"{file_name(name)}.json"

    def read(self, name: str) -> Layout:
        """The layout of a view.

        Raises:
            UsageError: there is none of this name, or its file is damaged.
        """
        if name == STANDARD:
            return Layout()
        if _problem(name) or not self.path(name).is_file():
            names = [*self.names(), STANDARD]
            raise UsageError(
                f"There is no view {name!r}.",
                hint=nearest(name, names) if self.names() else "None is saved yet.",
            )
        saved, problem = _read(self.path(name), Saved, f"The view {name!r}")
        if problem:
            raise UsageError(problem)
        return saved.layout

    def save(self, name: str, layout: Layout) -> None:
        """Keep a layout under a name, in place of the one that has it.

        Raises:
            UsageError: a name that cannot be.
            OSError: this disk does not take it.
        """
        check_name(name)
        write_view(self.path(name), Saved(layout=layout))

    def delete(self, name: str) -> None:
        """Forget a view; one that is not there is forgotten already.

        Raises:
            OSError: it cannot be deleted.
        """
        self.path(name).unlink(missing_ok=True)


def check_name(name: str) -> None:
    """Raises UsageError for what cannot be a view's name."""
    problem = _problem(name)
    if problem:
        raise UsageError(problem)


def _problem(name: str) -> str:
    if not name.strip() or not name.isprintable() or name != name.strip():
        return "A view's name is a word or several, without space around them."
    # A name that its file's cannot hold could not be listed.
    if len(name) > LONGEST_NAME or unquote(file_name(name)) != name:
        return (
            f"A view's name has at most {LONGEST_NAME} characters; in other scripts fewer, 16 in"
            " Chinese say."
        )
    if name == STANDARD:
        return f"{STANDARD!r} is the view that everything begins with: choose another name."
    return ""


def _read(path: Path, kind: type[S], what: str) -> tuple[S, str]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return kind(), ""
    except OSError as error:
        return kind(), f"{what} cannot be read from {path}: {error.strerror}."
    why = "is damaged"
    try:
        if msgspec.json.decode(data, type=_Versioned).version > VERSION:
            why = "was written by a newer version"
        else:
            return msgspec.json.decode(data, type=kind), ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    aside = path.with_suffix(".aside")
    with contextlib.suppress(OSError):
        path.replace(aside)
        path = aside
    return kind(), f"{what} {why}: the standard view is shown, and the file is kept as {path}."
