"""Where the runs lie that a command names: by id, by the beginning of one, `latest`, or by path."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlhf_tui.cli.common import connect
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.runs.layout import ARGS

if TYPE_CHECKING:
    from rlhf_tui.tracking.subjects import Subject

RUNS_HELP = "A run's id, the beginning of one, 'latest', or the path of a run directory."
RunsArgument = Annotated[list[str], typer.Argument(metavar="RUN", help=RUNS_HELP)]


def places(names: Sequence[str], workspace: Path | None) -> list[Path]:
    """The directories of the runs; the hub is asked for those that are not named by their path.

    Raises:
        UsageError: there is no such run, or one is named twice.
        HubError: the hub cannot be reached.
    """
    from rlhf_tui.hub.messages import RunAnswer, ShowRun

    found: dict[Path, str] = {}
    with ExitStack() as stack:
        client = None
        for name in names:
            place = by_path(name)
            if place is None:
                client = client or stack.enter_context(connect(workspace))
                info = client.call(ShowRun(run_id=name), RunAnswer).run
                place = Path(info.directory)
            if place in found:
                raise UsageError(f"{found[place]} and {name} are the same run.")
            found[place] = name
    return list(found)


def by_path(name: str) -> Path | None:
    """The run directory that a path names; None for what can only be an id.

    Raises:
        UsageError: it is the path of another directory.
    """
    path = Path(name).expanduser()
    if (path / ARGS).is_file():
        return path.resolve()
    if len(path.parts) > 1:
        there = f"has no {ARGS}" if path.is_dir() else "is not there"
        raise UsageError(
            f"{path} is not a run directory: it {there}.", hint="Name a run, or its directory."
        )
    return None


def read_all(found: Sequence[Path]) -> list[Subject]:
    """All that these run directories tell.

    Raises:
        InputError: a file of theirs is broken, or may not be read.
    """
    from rlhf_tui.tracking.subjects import read_subject

    try:
        return [read_subject(place) for place in found]
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}.") from None
